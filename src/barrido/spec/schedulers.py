"""Schedulers, as they are written: which trials get how much of a resource.

Each may be a name, where it needs nothing else, or a mapping with a `type`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from barrido.spec.messages import got
from barrido.spec.node import CheckedBy, FilledText, Node, named, one_of, said, snake, with_plugins

PAUSES = ("auto", "suspend", "checkpoint", "restart")
_UNITS = {"": 1, **{f"{prefix}i": 1024**n for n, prefix in enumerate("KMGT", start=1)}}
_UNITS |= {prefix: 1000**n for n, prefix in enumerate("KMGT", start=1)}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*((?:[KMGT]i?)?)B", re.IGNORECASE)


def _bytes(value: Any) -> Any:
    """
    >>> _bytes("2GB"), _bytes("500 MiB"), _bytes(1024)
    (2000000000, 524288000, 1024)
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
        prefix = found[2][:1].upper() + found[2][1:].lower()
        if size := int(float(found[1]) * _UNITS[prefix]):
            return size
    raise said(
        f"must be an amount of memory (got {got(value)})", "for example 2GB, 500 MiB, or a number of bytes"
    )


Memory = Annotated[
    int,
    BeforeValidator(_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
Resource = Annotated[int, Field(ge=1)]


class Fifo(Node):
    """Every trial runs to its end, or until the policy stops it."""

    type: Literal["fifo"]


class Rungs(Node):
    """What the schedulers share that compare trials at rungs, and give more to the best of them."""

    aliases: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("max_t", "max_iter", "max_epochs", "max_budget", "r"), "max_resource"),
        **dict.fromkeys(("grace_period", "min_iter", "min_t", "min_budget"), "min_resource"),
        "eta": "reduction_factor",
        **dict.fromkeys(("resource_attr", "time_attr", "unit"), "resource"),
    }
    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("max_total_trials", "max_concurrent_trials"), "it belongs under `limits`"),
        "seed": "it belongs under `sampling_algorithm`",
    }
    max_resource: Resource = Field(description="what the best trials get", examples=[81])
    min_resource: Resource = Field(1, description="what every trial gets, at least")
    reduction_factor: Annotated[int, Field(ge=2)] = Field(
        3, description="one of how many trials goes on from a rung"
    )
    stop_last_trials: bool = Field(
        False, description="end a trial as soon as it had max_resource, not when it ends by itself"
    )
    resource: FilledText = Field(
        "report",
        description="what the resource counts: `report`, `seconds`, or what the input of this name says",
    )
    pause: Annotated[Literal["auto", "suspend", "checkpoint", "restart"], one_of(*PAUSES)] = Field(
        "auto", description="how trials leave their workers until they go on"
    )
    memory: Memory | None = Field(
        None, description="how much memory suspended trials may hold in all", examples=["2GB"]
    )

    @model_validator(mode="after")
    def _has_room_for_rungs(self) -> Self:
        if self.min_resource > self.max_resource:
            what = f"must be at most max_resource, {self.max_resource} (got {self.min_resource})"
            raise said(what, at=("min_resource",))
        return self


class Hyperband(Rungs):
    type: Literal["hyperband"]
    variant: Annotated[Literal["algorithm", "table"], one_of("algorithm", "table")] = Field(
        "algorithm", description="the sizes of brackets: the paper's Algorithm 1, or its Table 1"
    )


class Bohb(Rungs):
    type: Literal["bohb"]
    variant: Annotated[Literal["algorithm", "table"], one_of("algorithm", "table")] = "algorithm"


class SuccessiveHalving(Rungs):
    type: Literal["successive_halving"]
    trials: Resource | None = Field(None, description="how many trials a bracket begins with")


class Asha(Rungs):
    type: Literal["asha"]
    variant: Annotated[Literal["promotion", "stopping"], one_of("promotion", "stopping")] = Field(
        "promotion", description="whether trials wait at a rung, or are stopped there"
    )


_OURS = ["fifo", "hyperband", "bohb", "successive_halving", "asha"]


class PluggedScheduler(Rungs):
    """One that another package brings. What is not said of every scheduler are its own options."""

    model_config = ConfigDict(extra="allow")
    type: Annotated[str, WithJsonSchema({"type": "string", "not": {"enum": _OURS}})]

    def options(self) -> dict[str, Any]:
        """What it is made with: of the keys of all schedulers, those that were given."""
        shared = ("max_resource", "min_resource", "reduction_factor", "stop_last_trials")
        given = {name: getattr(self, name) for name in shared if name in self.model_fields_set}
        return {**given, **(self.model_extra or {})}


AnyRungs = Hyperband | Bohb | SuccessiveHalving | Asha | PluggedScheduler
AnyScheduler = Fifo | AnyRungs
SCHEDULERS: Mapping[str, type[Node]] = {
    "hyperband": Hyperband,
    "successive_halving": SuccessiveHalving,
    "asha": Asha,
    "bohb": Bohb,
    "fifo": Fifo,
}


def scheduler_name(kind: str) -> str:
    """
    >>> scheduler_name("SHA"), scheduler_name("HyperBand"), scheduler_name("SuccessiveHalving")
    ('successive_halving', 'hyperband', 'successive_halving')
    """
    name = snake(kind).removesuffix("_scheduler")
    meant = {"hyper_band": "hyperband", "sha": "successive_halving", "halving": "successive_halving"}
    return meant.get(name, name)


def _scheduler(value: Any) -> Any:
    example = "{type: hyperband, max_resource: 81}"
    known = with_plugins(value, SCHEDULERS, PluggedScheduler, kind="scheduler", word=scheduler_name)
    return named(value, known, what="a scheduler", example=example, word=scheduler_name)


Scheduler = Annotated[AnyScheduler, CheckedBy(_scheduler, "fifo")]
