"""Names for sweeps that were given none: ``adjective_noun_<10 characters>``."""

from __future__ import annotations

from random import Random

_CHARACTERS = "abcdefghjkmnpqrstuvwxyz0123456789"  # none that are mistaken for one another: i, l, o

ADJECTIVES = (
    "amber", "autumn", "bold", "brave", "bright", "brisk", "calm", "candid", "clever", "coastal", "crisp",
    "curious", "dapper", "daring", "eager", "early", "earnest", "elastic", "fair", "fleet", "fond", "frosty",
    "gentle", "gilded", "glad", "golden", "hardy", "hazel", "honest", "humble", "icy", "indigo", "jolly",
    "keen", "kind", "lively", "lucid", "lunar", "mellow", "merry", "mild", "misty", "modest", "nimble",
    "noble", "olive", "patient", "placid", "plucky", "polite", "proud", "quick", "quiet", "rosy", "rustic",
    "sandy", "serene", "silver", "sleek", "snowy", "solar", "spry", "steady", "sunny", "swift", "tidy",
    "tranquil", "upbeat", "velvet", "vivid", "warm", "wise", "witty", "zesty",
)  # fmt: skip

NOUNS = (
    "acorn", "albatross", "alder", "anchor", "apricot", "aspen", "badger", "bay", "beacon", "birch", "bison",
    "brook", "canyon", "cedar", "cherry", "clover", "comet", "condor", "coral", "cove", "crane", "delta",
    "dolphin", "dune", "egret", "elm", "falcon", "fern", "finch", "fjord", "glacier", "grove", "harbor",
    "hawk", "heron", "hill", "ibis", "iris", "island", "jasmine", "juniper", "kestrel", "lagoon", "lake",
    "lantern", "larch", "lark", "lemon", "lichen", "lily", "lynx", "maple", "marten", "meadow", "mesa",
    "moss", "oak", "orchid", "otter", "owl", "peach", "pebble", "pine", "plum", "puffin", "quartz", "quince",
    "raven", "reef", "river", "robin", "sequoia", "sparrow", "spruce", "stork", "thistle", "tulip", "valley",
    "walnut", "willow", "wren",
)  # fmt: skip


def generate(random: Random) -> str:
    """A new name; 33**10 of them for each pair of words.

    >>> generate(Random(0)) == generate(Random(0))
    True
    """
    tail = "".join(random.choice(_CHARACTERS) for _ in range(10))
    return f"{random.choice(ADJECTIVES)}_{random.choice(NOUNS)}_{tail}"
