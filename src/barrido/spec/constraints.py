"""Checks constraints: that each can be said, is about known parameters, and that something is left."""

from __future__ import annotations

import numpy as np

from barrido.space import Space
from barrido.space.constraints import Malformed, parse
from barrido.space.space import MOST_COUNTED
from barrido.spec.draft import Draft
from barrido.spec.messages import did_you_mean, got

DRAWS = 10_000
"""So many points of a space without end are asked whether anything is left of it."""

RARE = 0.01
"""Where less of a space is left, it is said."""

SECTION = "constraints"


def constraints_of(draft: Draft) -> list[str]:
    """As they were given; one may stand by itself."""
    given = draft.get(SECTION)
    return [given] if isinstance(given, str) else list(given or ())


def check_constraints(draft: Draft, space: Space, *, is_whole: bool) -> None:
    """``is_whole``: ``space`` holds all parameters; else something is wrong with some."""
    texts = constraints_of(draft)
    known = space.names()
    are_sound = bool(texts)
    for place, text in enumerate(texts):
        path = (SECTION,) if isinstance(draft.get(SECTION), str) else (SECTION, place)
        try:
            constraint = parse(text)
        except Malformed as error:
            hint = 'for example "batch_size * layers <= 512"'
            draft.findings.wrong(path, f"{error.what} (got {got(text)}, column {error.at})", hint)
            are_sound = False
            continue
        for name, column in constraint.names.items():
            if is_whole and name not in known:
                what = f"there is no parameter {name} (got {got(text)}, column {column})"
                draft.findings.wrong(path, what, did_you_mean(name, known))
                are_sound = False
    if are_sound and is_whole:
        _check_what_is_left(draft, Space(space.parameters, texts))


def _check_what_is_left(draft: Draft, space: Space) -> None:
    texts = "together" if len(space.constraints) > 1 else "all by itself"
    hint = "see whether `and` and `or`, and the directions of comparisons, are as they were meant"
    if space.size is not None and space.size <= MOST_COUNTED:
        if not space.count:
            draft.findings.wrong((SECTION,), f"none of the {space.size} points is allowed, {texts}", hint)
        else:
            what = f"{space.count} of the {space.size} points of the search space are allowed"
            draft.findings.note((SECTION,), what)
        return
    drawn = np.random.default_rng(0).random((DRAWS, len(space)))
    share = float(space.allowed(drawn).mean())
    if not share:
        what = f"of {DRAWS:,} points drawn at random none is allowed, {texts}"
        draft.findings.wrong((SECTION,), what, hint)
    elif share < RARE:
        what = f"only about {share:.2%} of the search space is allowed: points take longer to find"
        draft.findings.note((SECTION,), f"{what}; narrower distributions would help")
