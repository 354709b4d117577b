"""Reading domains from their JSON or YAML form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from barrido.errors import Problem, SpecError
from barrido.space.checks import did_you_mean, join, shown
from barrido.space.choice import Choice
from barrido.space.continuous import Float, LogNormal, LogUniform, Normal, Uniform
from barrido.space.discrete import Int, QLogNormal, QLogUniform, QNormal, QUniform, Randint
from barrido.space.domain import Domain

DOMAINS: Mapping[str, type[Domain]] = {
    cls.type: cls
    for cls in (
        Choice, Randint, Uniform, QUniform, LogUniform, QLogUniform,
        Normal, QNormal, LogNormal, QLogNormal, Float, Int,
    )
}  # fmt: skip
"""Domain classes by type name."""


def domain_from_json(body: object, path: str = "") -> Domain:
    """The domain that ``{"type": "uniform", "min_value": 0, "max_value": 1}`` describes.

    Raises SpecError with everything that is wrong with the form: unknown types, missing and unknown
    keys, at any depth. What is wrong with the values, `Domain.problems` says.
    """
    problems: list[Problem] = []
    domain = read_domain(body, path, problems)
    if domain is None or problems:
        raise SpecError(problems)
    return domain


def read_domain(body: object, path: str, problems: list[Problem]) -> Domain | None:
    """As `domain_from_json`, but adds to ``problems`` instead of raising, and may return None."""
    if not isinstance(body, Mapping):
        hint = f"to give every trial the same value, use a plain input; to choose: values: [{body}]"
        what = (
            f"must be a distribution like {{type: uniform, min_value: 0, max_value: 1}} (got {shown(body)})"
        )
        problems.append(Problem(what, path=path, hint=hint))
        return None
    name = body.get("type")
    cls = DOMAINS.get(name.lower()) if isinstance(name, str) else None
    if cls is None:
        what = f"{shown(name)} is not a distribution" if "type" in body else "the type is missing"
        problems.append(Problem(what, path=join(path, "type"), hint=did_you_mean(name, DOMAINS)))
        return None
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    before = len(problems)
    for key in body:
        if key != "type" and key not in known:
            what = f"{cls.type} has no key {shown(key)}"
            problems.append(Problem(what, path=join(path, str(key)), hint=did_you_mean(key, known)))
    for key, field in known.items():
        if field.default is MISSING and key not in body:
            problems.append(Problem(f"{cls.type} needs {key}", path=join(path, key)))
    arguments = {key: body[key] for key in known if key in body}
    if cls is Choice and isinstance(values := arguments.get("values"), list | tuple):
        where = join(path, "values")
        arguments["values"] = [
            {key: _read_option(inner, join(f"{where}[{i}]", str(key)), problems) for key, inner in v.items()}
            if isinstance(v, Mapping)
            else v
            for i, v in enumerate(values)
        ]
    return None if len(problems) > before else cls(**arguments)


def _read_option(body: object, path: str, problems: list[Problem]) -> Any:
    """What stands inside a dict of a choice: a distribution, another dict, or a plain value."""
    match body:
        case Domain():
            return body
        case Mapping() if "type" in body:
            return read_domain(body, path, problems)
        case Mapping():
            return {key: _read_option(inner, join(path, str(key)), problems) for key, inner in body.items()}
        case _:
            return body
