"""The policies and schedulers that a sweep may be asked about: read and checked as in a sweep's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barrido.core.recipe import Unit
from barrido.errors import SpecError
from barrido.replay.record import History
from barrido.spec import document, overrides
from barrido.spec.check import examine
from barrido.spec.defaults import Defaults
from barrido.spec.draft import plain
from barrido.spec.source import Findings, Source

POLICY, SCHEDULER = "early_termination", "scheduler"
Given = str | Mapping[str, Any]
"""A name, YAML text, or the path of a YAML file; or the same as data."""

DELAY = 5
"""Reports before a policy is applied, where trials make many."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What decides how far trials go. Both as a recipe has them."""

    policy: Mapping[str, Any] | None
    scheduler: Mapping[str, Any]
    unit: Unit


def read_rule(
    history: History,
    *,
    policy: Given | None = None,
    scheduler: Given | None = None,
    set_values: Sequence[tuple[str, str]] = (),
    source: str = "",
) -> Rule:
    """The rule that is given, for the sweep of ``history``. What is not given is not used.

    ``set_values`` are (key, YAML value) pairs; where both are given, their keys begin with
    ``early_termination.`` or ``scheduler.``. ``source`` says where data comes from. Raises SpecError with
    everything that is wrong, RequestError for a file that is not there.
    """
    given = {name: one for name, one in ((POLICY, policy), (SCHEDULER, scheduler)) if one is not None}
    draft = document.Document(_surroundings(history), Findings(Source(source)))
    for section, one in given.items():
        draft = _put(draft, section, one)
    prefix = f"{next(iter(given))}." if len(given) == 1 else ""
    draft = overrides.apply(
        draft,
        [(path if path.startswith(tuple(given)) else prefix + path, value) for path, value in set_values],
    )
    findings = draft.findings
    recipe = None
    if not findings.problems:
        recipe = examine(draft.value, findings, base=Path.cwd(), defaults=Defaults.here())
    if recipe is None:
        raise SpecError(findings.problems)
    return Rule(recipe.policy, recipe.scheduler, recipe.pausing.unit)


def usual_rules(history: History) -> Iterator[Rule]:
    """None at all, then each policy with settings that suit the record, then each scheduler."""
    yield read_rule(history)
    delay = min(DELAY, max(1, history.longest // DELAY))
    for policy in (
        {"type": "bandit", "slack_factor": 0.1},
        {"type": "median_stopping"},
        {"type": "truncation_selection", "truncation_percentage": 20},
    ):
        yield read_rule(history, policy={**policy, "delay_evaluation": delay})
    for scheduler in (
        {"type": "successive_halving"},
        {"type": "hyperband"},
        {"type": "asha", "variant": "promotion"},
        {"type": "asha", "variant": "stopping"},
    ):
        yield read_rule(history, scheduler={**scheduler, "max_resource": history.longest})


def _surroundings(history: History) -> dict[str, Any]:
    """The smallest sweep with the objective and the number of trials of the one that is on record."""
    return {
        "type": "sweep",
        "trial": {"command": "true ${{search_space.record}}"},
        "search_space": {"record": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "objective": {
            "goal": str(history.objective.goal),
            "primary_metric": history.objective.metric,
        },
        "limits": {
            "max_total_trials": len(history.records),
            "max_concurrent_trials": history.recipe.limits.max_concurrent_trials,
        },
    }


def _put(draft: document.Document, section: str, given: Given) -> document.Document:
    """The document with ``given`` as its ``section``; a file may also be that of a whole sweep."""
    if not isinstance(given, str):
        value = plain(given, (section,), draft.findings)
        return document.Document({**draft.value, section: value}, draft.findings)
    is_file = given.endswith((".yml", ".yaml"))
    read = document.read(Path(given)) if is_file else document.parse(given, name=given)
    findings = draft.findings.moved_to(draft.findings.source.overridden((section,), given))
    for problem in read.findings.problems:
        findings.wrong((section,), problem.what, problem.hint)
    value = read.value
    if is_file and isinstance(value, Mapping) and section in value:
        value = value[section]
    return document.Document({**draft.value, section: value}, findings)
