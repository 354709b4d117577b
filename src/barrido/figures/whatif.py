"""What another policy or scheduler would have made of a sweep, as data: the JSON of `barrido job replay`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.core.wire import number_to_json
from barrido.replay.course import Course, WhatIf
from barrido.replay.record import History, read_history
from barrido.replay.rules import read_rule
from barrido.replay.simulation import what_if as simulate

Given = Mapping[str, Any]


def what_if(folder: SweepFolder, policy: Given | None, scheduler: Given | None) -> dict[str, Any]:
    """The recorded trials under ``policy`` and ``scheduler``, as a sweep's file has them, beside what
    happened.

    What is not given is not used. Raises SpecError for what no sweep's file may say, RequestError if there is
    nothing on record.
    """
    history = read_history(folder)
    rule = read_rule(history, policy=policy, scheduler=scheduler)
    answer = simulate(history, policy=rule.policy, scheduler=rule.scheduler, unit=rule.unit)
    return to_json(folder.name, history, [answer])


def to_json(name: str, history: History, answers: Iterable[WhatIf]) -> dict[str, Any]:
    """What happened, and in ``what_if`` what would have, an entry an answer."""
    return {
        "name": name,
        "objective": {
            "primary_metric": history.objective.metric,
            "goal": str(history.objective.goal),
        },
        "history": _course(history.course),
        "what_if": [_answer(one) for one in answers],
    }


def _course(course: Course) -> dict[str, Any]:
    return {
        "status": str(course.phase),
        "reason": course.reason,
        "trials": len(course.runs),
        "stopped": len(course.stopped),
        "reports": course.reports,
        "seconds": round(course.seconds, 3),
        "best_trial": course.best_trial,
        "best_value": _value(course.best_value),
    }


def _answer(one: WhatIf) -> dict[str, Any]:
    best = one.best_run
    return {
        "early_termination": one.policy,
        "scheduler": one.scheduler,
        **_course(one.course),
        "saved_reports": one.saved,
        "saved_percent": round(one.saved_percent, 2),
        "rank": one.rank,
        "best_survives": one.survives,
        "best_reached": _value(best.best_value) if best else None,
        "cut": one.cut,
        "runs": [
            {
                "trial": run.trial,
                "status": str(run.phase),
                "reports": run.reports,
                "best_value": _value(run.best_value),
                "reason": run.reason,
            }
            for run in one.course.runs
        ],
    }


def _value(value: float | None) -> float | str | None:
    return None if value is None else number_to_json(value)
