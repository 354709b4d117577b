"""Sampling algorithms and early termination policies, as they are written.

Each may be a name (`random`) or a mapping with a `type` (`{type: random, seed: 7}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from barrido.spec.messages import got
from barrido.spec.node import Amount, CheckedBy, Node, Number, named, one_of, said, snake, with_plugins

MAX_SEED = 2**63 - 1


def _base(value: Any) -> Any:
    """What logarithmic draws are powers of: a number above 1, or "e"."""
    if value is None or (isinstance(value, str) and value.strip().lower() == "e"):
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 1 < value < float("inf"):
        raise said(f"must be a number above 1, or the letter e (got {got(value)})")
    return value


Seed = Annotated[int, Field(ge=0, le=MAX_SEED, description="makes the trials the same each time")]
LogBase = Annotated[
    Number | None,
    BeforeValidator(_base),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 1}, {"const": "e"}]}),
]


class _Sampling(Node):
    aliases: ClassVar[Mapping[str, str]] = dict.fromkeys(("random_seed", "random_state"), "seed")
    seed: Seed | None = None


class Random(_Sampling):
    type: Literal["random"]
    rule: Annotated[Literal["random", "sobol"], one_of("random", "sobol")] | None = None
    logbase: LogBase = None


class Sobol(_Sampling):
    type: Literal["sobol"]
    logbase: LogBase = None


class _NotDrawn(_Sampling):
    elsewhere: ClassVar[Mapping[str, str]] = {
        "rule": "only `type: random` takes a rule",
        "logbase": "only `type: random` takes a logbase",
    }


class Grid(_NotDrawn):
    type: Literal["grid"]


class Bayesian(_NotDrawn):
    type: Literal["bayesian"]


class Tpe(_NotDrawn):
    type: Literal["tpe"]


class Bohb(_NotDrawn):
    """What `scheduler: bohb` brings; written to give it a seed."""

    type: Literal["bohb"]


_OURS = ["random", "grid", "sobol", "bayesian", "tpe", "bohb"]


class PluggedSampling(_Sampling):
    """One that another package brings. What is not said of every algorithm are its own options."""

    model_config = ConfigDict(extra="allow")
    type: Annotated[str, WithJsonSchema({"type": "string", "not": {"enum": _OURS}})]
    logbase: LogBase = None


AnySampling = Random | Grid | Sobol | Bayesian | Tpe | Bohb | PluggedSampling
SAMPLERS: Mapping[str, type[Node]] = {
    "random": Random,
    "grid": Grid,
    "sobol": Sobol,
    "bayesian": Bayesian,
    "tpe": Tpe,
    "bohb": Bohb,
}
LEARNING = frozenset({"bayesian", "tpe", "bohb"})
"""Those that need something to learn from."""


def _sampling(value: Any) -> Any:
    known = with_plugins(value, SAMPLERS, PluggedSampling, kind="sampler", word=snake)
    return named(value, known, what="a sampling algorithm", example="{type: random, seed: 7}", word=snake)


Sampling = Annotated[AnySampling, CheckedBy(_sampling, *SAMPLERS)]


Interval = Annotated[int, Field(ge=0)]


class _Policy(Node):
    aliases: ClassVar[Mapping[str, str]] = {
        "delay": "delay_evaluation",
        "interval": "evaluation_interval",
        "percentage": "truncation_percentage",
        "slack": "slack_factor",
    }
    evaluation_interval: Interval | None = Field(
        None, description="judge at every n-th report (0 counts as 1)"
    )
    delay_evaluation: Interval | None = Field(None, description="do not judge before this many reports")


class Bandit(_Policy):
    type: Literal["bandit"]
    slack_factor: Amount | None = Field(None, description="how far from the best, as a ratio", examples=[0.1])
    slack_amount: Amount | None = Field(None, description="how far from the best, in the metric's units")

    @model_validator(mode="after")
    def _has_one_slack(self) -> Self:
        # A zero next to a number is how Azure's client writes "not given".
        given = [slack for slack in (self.slack_factor, self.slack_amount) if slack is not None]
        if not given:
            hint = "for example `slack_factor: 0.1` (a ratio) or `slack_amount: 0.05` (in the metric's units)"
            raise said("needs a slack_factor or a slack_amount", hint)
        if len(given) == 2 and all(given) == any(given):
            raise said("has both slack_factor and slack_amount", "keep one of them")
        return self

    def slack(self) -> dict[str, float]:
        both = {"slack_factor": self.slack_factor, "slack_amount": self.slack_amount}
        given = {name: value for name, value in both.items() if value is not None}
        return {name: value for name, value in given.items() if value} if len(given) == 2 else given


class MedianStopping(_Policy):
    type: Literal["median_stopping"]


class TruncationSelection(_Policy):
    type: Literal["truncation_selection"]
    truncation_percentage: Annotated[int, Field(ge=1, le=99)] = Field(
        description="what part of the trials is cut at each interval, in percent", examples=[20]
    )
    exclude_finished_jobs: bool | None = Field(None, description="compare with running trials only")


POLICIES: Mapping[str, type[Node]] = {
    "bandit": Bandit,
    "median_stopping": MedianStopping,
    "truncation_selection": TruncationSelection,
}


def _policy_name(kind: str) -> str:
    name = snake(kind).removesuffix("_policy")
    return {"median": "median_stopping", "truncation": "truncation_selection"}.get(name, name)


def _policy(value: Any) -> Any:
    example = "{type: median_stopping, delay_evaluation: 5}"
    return named(value, POLICIES, what="an early termination policy", example=example, word=_policy_name)


Policy = Annotated[Bandit | MedianStopping | TruncationSelection, CheckedBy(_policy, "median_stopping")]
