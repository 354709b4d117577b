"""Checks the search space, and whether the sampling algorithm can search it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from barrido.samplers.grid import GridSampler
from barrido.space import Domain, Space, domain_from_json
from barrido.spec import plugins
from barrido.spec.algorithms import (
    LEARNING,
    SAMPLERS,
    AnySampling,
    PluggedSampling,
    Random,
    Sampling,
    Sobol,
)
from barrido.spec.constraints import check_constraints, constraints_of
from barrido.spec.distributions import EXAMPLE, Distribution
from barrido.spec.draft import Draft
from barrido.spec.messages import got
from barrido.spec.node import Node
from barrido.spec.objective import NEEDS_ONE
from barrido.spec.source import Path, undotted

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DISTRIBUTION: TypeAdapter[Node] = TypeAdapter(Distribution)
_SAMPLING: TypeAdapter[AnySampling] = TypeAdapter(Sampling)


def check_names(draft: Draft, section: str) -> None:
    """Names that a command can refer to, and that can be part of an environment variable's name."""
    for name in draft.mapping(section):
        if not NAME.fullmatch(name):
            suggestion = re.sub(r"^(?=\d)", "_", re.sub(r"\W", "_", name, flags=re.ASCII))
            what = f"is not a name (got {got(name)}): use letters, digits and underscores, no digit first"
            draft.findings.wrong((section, name), what, f"for example {suggestion}" if suggestion else "")


def check_space(draft: Draft) -> None:
    """Whether the distributions make sense, and the sampling algorithm can draw from them."""
    section = draft.get("search_space")
    if section is not None and not section:
        hint = f"for example `lr: {EXAMPLE}`"
        draft.findings.wrong(("search_space",), "is empty: there is nothing to search over", hint)
    sampler = sampler_of(draft)
    domains = {}
    for name in draft.mapping("search_space"):
        domain = _domain(draft, name, sampler)
        if domain is not None:
            domains[name] = domain
    is_whole = domains.keys() == draft.mapping("search_space").keys()
    check_constraints(draft, Space(domains), is_whole=is_whole)
    is_sound = is_whole and draft.findings.is_sound(("constraints",))
    if sampler.get("type") == "grid":
        _check_grid(draft, domains, is_whole=is_sound)
    elif sampler and sampler["type"] not in SAMPLERS:
        _check_plugged(draft, sampler, Space(domains, constraints_of(draft) if is_sound else ()))
    elif sampler.get("type") in LEARNING:
        _check_learning(draft)
    check_names(draft, "search_space")


def sampler_of(draft: Draft) -> dict[str, Any]:
    """The sampling algorithm as the recipe holds it; empty if something is wrong with it."""
    if "sampling_algorithm" in draft.value and (given := draft.get("sampling_algorithm")) is not None:
        return sampler_json(_SAMPLING.validate_python(given))
    return {"type": "random"} if draft.findings.is_sound(("sampling_algorithm",)) else {}


def sampler_json(sampling: AnySampling | None) -> dict[str, Any]:
    match sampling:
        case None:
            return {"type": "random"}
        case Random() | Sobol():
            is_sobol = isinstance(sampling, Sobol) or sampling.rule == "sobol"
            body: dict[str, Any] = {"type": "sobol" if is_sobol else "random"}
            return body if sampling.logbase is None else {**body, "logbase": sampling.logbase}
        case PluggedSampling():
            logbase = {} if sampling.logbase is None else {"logbase": sampling.logbase}
            return {"type": sampling.type, **logbase, **(sampling.model_extra or {})}
        case _:
            return {"type": sampling.type}


def _check_learning(draft: Draft) -> None:
    """Whether there is something to learn from."""
    if draft.value.get("objective") is None:
        hint = "add one, or use random, sobol or grid"
        draft.findings.wrong(("sampling_algorithm",), NEEDS_ONE, hint)


def _check_plugged(draft: Draft, sampler: Mapping[str, Any], space: Space) -> None:
    """Whether the package that brings the sampler can make it."""
    with plugins.findings_at(("sampling_algorithm",), draft.findings):
        plugin = plugins.load("sampler", sampler["type"])
        options = {name: value for name, value in sampler.items() if name not in ("type", "logbase")}
        if getattr(plugins.make(plugin, space, options=options), "learns", False):
            _check_learning(draft)


def domain_of(distribution: Node, sampler: Mapping[str, Any]) -> Domain:
    """The domain of a distribution; exponents are counted to the algorithm's ``logbase``, if it has one."""
    domain = domain_from_json(_to_json(distribution))
    return domain.with_base(sampler["logbase"]) if "logbase" in sampler else domain


def _to_json(value: Any) -> Any:
    """The JSON form of a distribution, and of what may stand inside a choice."""
    match value:
        case Node():
            return {name: _to_json(item) for name, item in value if item is not None}
        case Mapping():
            return {name: _to_json(item) for name, item in value.items()}
        case list():
            return [_to_json(item) for item in value]
        case _:
            return value


def _domain(draft: Draft, name: str, sampler: Mapping[str, Any]) -> Domain | None:
    """The domain of a parameter; None if there is something wrong with it."""
    place: Path = ("search_space", name)
    raw = draft.get(*place)
    if raw is None:
        return None
    domain = domain_of(_DISTRIBUTION.validate_python(raw), sampler)
    problems = domain.problems()
    for problem in problems:
        draft.findings.wrong((*place, *undotted(problem.path)), problem.what, problem.hint)
    if problems:
        return None
    for notice in domain.notices():
        text = f"{notice.what}; {notice.hint}" if notice.hint else notice.what
        draft.findings.note((*place, *undotted(notice.path)), text)
    return domain


def _check_grid(draft: Draft, domains: Mapping[str, Domain], *, is_whole: bool) -> None:
    space = Space(domains, constraints_of(draft) if is_whole else ())
    problems = GridSampler.problems(space)
    for problem in problems:
        draft.findings.wrong(("search_space", *undotted(problem.path)), problem.what, problem.hint)
    limit = draft.get("limits", "max_total_trials")
    if limit is not None and is_whole and not problems and (points := space.count or 0) > limit:
        what = f"the grid has {points} points, and max_total_trials is {limit}"
        draft.findings.note(("limits", "max_total_trials"), f"{what}: the last {points - limit} are left out")
