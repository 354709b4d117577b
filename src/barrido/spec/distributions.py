"""The distributions of a search space, as they are written.

Only the shape is checked here; whether the numbers make sense (`min_value` below `max_value`, and so on) is
known by `barrido.space`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter

from barrido.spec.messages import got
from barrido.spec.node import CheckedBy, Node, Number, Scalar, dispatched, said

EXAMPLE = "{type: uniform, min_value: 0.0, max_value: 1.0}"

_BOUNDS = {
    **dict.fromkeys(("min", "low", "lower", "minimum"), "min_value"),
    **dict.fromkeys(("max", "high", "upper", "maximum"), "max_value"),
}
_ENDS = {
    **dict.fromkeys(("min_value", "min", "lower", "minimum"), "low"),
    **dict.fromkeys(("max_value", "max", "upper", "maximum"), "high"),
}
_MOMENTS = {
    **dict.fromkeys(("mean", "loc"), "mu"),
    **dict.fromkeys(("std", "stddev", "scale", "sd"), "sigma"),
}
_NO_SCALE = {
    "log": "a logarithmic scale is {type: float, low: …, high: …, log: true}, or loguniform with exponents",
    "values": "a list of values is `type: choice`",
}

Low = Annotated[Number, Field(description="the lower bound", examples=[0.0])]
High = Annotated[Number, Field(description="the upper bound", examples=[1.0])]
LogLow = Annotated[Number, Field(description="natural logarithm of the lower bound", examples=[-6])]
LogHigh = Annotated[Number, Field(description="natural logarithm of the upper bound", examples=[0])]
Quantum = Annotated[Number, Field(description="values are multiples of this", examples=[0.5])]
Base = Annotated[Number, Field(description="what the exponents are powers of, instead of e (an extension)")]
Mean = Annotated[Number, Field(description="the mean", examples=[10])]
Deviation = Annotated[Number, Field(description="the standard deviation", examples=[3])]


def _item(value: Any) -> Any:
    """One value of a choice: a literal, or a mapping that may hold distributions."""
    if isinstance(value, Mapping):
        return _BRANCH.validate_python(value)
    if not isinstance(value, str | int | float | bool):
        hint = "an item is text, a number, true, false or a mapping"
        raise said(f"cannot be an item of a choice (got {got(value)})", hint)
    return value


def _inner(value: Any) -> Any:
    """A value of a mapping inside a choice: a literal, a distribution, or a mapping of such."""
    if isinstance(value, Mapping):
        return _distribution(value) if "type" in value else _BRANCH.validate_python(value)
    if not isinstance(value, str | int | float | bool):
        hint = f"it is text, a number, true, false, or a distribution like {EXAMPLE}"
        raise said(f"cannot be a value inside a choice (got {got(value)})", hint)
    return value


def _distribution(value: Any) -> Any:
    if isinstance(value, list):
        raise said("must be a distribution (got a list)", "for a list of values: {type: choice, values: […]}")
    if isinstance(value, str | int | float):
        hint = f"for example {EXAMPLE}; a fixed value belongs under `inputs`"
        raise said(f"must be a distribution (got {got(value)})", hint)
    return dispatched(value, KINDS, what="a distribution", example=EXAMPLE, word=_word)


def _word(kind: str) -> str:
    return kind.strip().lower()


Inner = Annotated[Scalar | dict[str, Any], CheckedBy(_inner)]
Item = Annotated[Scalar | dict[str, Any], CheckedBy(_item)]
_BRANCH: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Inner])


class Choice(Node):
    """One of a list of values."""

    aliases: ClassVar[Mapping[str, str]] = dict.fromkeys(("options", "choices", "items", "value"), "values")
    type: Literal["choice"]
    values: list[Item] = Field(description="what to choose from", examples=["[16, 32, 64]"])
    ordered: bool | None = Field(
        None, description="whether the order of the values means something (an extension)"
    )


class Randint(Node):
    """A whole number from 0 up to, but not including, `upper`."""

    aliases = dict.fromkeys(("max", "max_value", "high"), "upper")
    elsewhere = dict.fromkeys(
        ("min", "min_value", "low", "lower"),
        "randint begins at 0; for other bounds: {type: int, low: 1, high: 10}",
    )
    type: Literal["randint"]
    upper: int = Field(description="one more than the largest value", examples=[100])


class Uniform(Node):
    aliases = _BOUNDS
    elsewhere = _NO_SCALE
    type: Literal["uniform"]
    min_value: Low
    max_value: High


class QUniform(Uniform):
    type: Literal["quniform"]  # type: ignore[assignment]
    q: Quantum


class LogUniform(Node):
    """exp of a uniform draw: the bounds are exponents."""

    aliases = _BOUNDS
    elsewhere = _NO_SCALE
    type: Literal["loguniform"]
    min_value: LogLow
    max_value: LogHigh
    base: Base | None = None


class QLogUniform(LogUniform):
    type: Literal["qloguniform"]  # type: ignore[assignment]
    q: Quantum


class Normal(Node):
    aliases = _MOMENTS
    type: Literal["normal"]
    mu: Mean
    sigma: Deviation


class QNormal(Normal):
    type: Literal["qnormal"]  # type: ignore[assignment]
    q: Quantum


class LogNormal(Normal):
    """exp of a normal draw."""

    type: Literal["lognormal"]  # type: ignore[assignment]
    base: Base | None = None


class QLogNormal(LogNormal):
    type: Literal["qlognormal"]  # type: ignore[assignment]
    q: Quantum


class Float(Node):
    """A real number between bounds in its own units (an extension of Azure's language)."""

    aliases = _ENDS
    type: Literal["float"]
    low: Number = Field(description="the lower bound", examples=[0.0001])
    high: Number = Field(description="the upper bound", examples=[0.1])
    log: bool = Field(False, description="draw on a logarithmic scale")


class Int(Node):
    """A whole number, both bounds included (an extension of Azure's language)."""

    aliases = _ENDS
    type: Literal["int"]
    low: int = Field(description="the smallest value", examples=[1])
    high: int = Field(description="the largest value", examples=[10])
    log: bool = Field(False, description="draw on a logarithmic scale")


KINDS: Mapping[str, type[Node]] = {
    "choice": Choice, "randint": Randint, "uniform": Uniform, "quniform": QUniform,
    "loguniform": LogUniform, "qloguniform": QLogUniform, "normal": Normal, "qnormal": QNormal,
    "lognormal": LogNormal, "qlognormal": QLogNormal, "float": Float, "int": Int,
}  # fmt: skip

Distribution = Annotated[
    Choice | Randint | Uniform | QUniform | LogUniform | QLogUniform | Normal | QNormal | LogNormal
    | QLogNormal | Float | Int,
    CheckedBy(_distribution),
]  # fmt: skip
