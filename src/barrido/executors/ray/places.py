"""What Ray keeps for a sweep's trials. A *place* is a placement group of one bundle: room for one trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.util.placement_group import PlacementGroup


@dataclass
class Place:
    number: int
    group: PlacementGroup
    node: str | None = None  # once Ray has found one
    gpus: str | None = None  # CUDA_VISIBLE_DEVICES of a trial there; None as long as nobody has asked


def name_of(identity: str, number: int) -> str:
    return f"{identity}.{number}"


def table() -> Mapping[str, Mapping[str, Any]]:
    """Every placement group that Ray knows, by its id in hexadecimal."""
    from ray.util.placement_group import placement_group_table

    known: Mapping[str, Mapping[str, Any]] = placement_group_table()
    return known


def names(identity: str) -> Iterator[str]:
    """Of the places that a sweep has in the cluster, whoever asked for them."""
    for entry in table().values():
        if entry["name"].rpartition(".")[0] == identity and entry["state"] != "REMOVED":
            yield entry["name"]


def give_back(identity: str) -> None:
    """All places of a sweep."""
    from ray.util.placement_group import get_placement_group, remove_placement_group

    for name in names(identity):
        with suppress(ValueError):  # somebody else was quicker
            remove_placement_group(get_placement_group(name))
