"""Whose word counts: the sweep's on status, name and searched parameters, the script's on the rest. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from barrido.tracking.portrait import NAME, PARENT, SCRIPT_NAME
from barrido.tracking.protocol import Pair

TERMINAL = frozenset({"FINISHED", "FAILED", "KILLED"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A script logged another value for a parameter than the sweep gave it."""

    key: str
    logged: str
    swept: str

    def __str__(self) -> str:
        return (
            f"param {self.key!r} was logged as {self.logged!r}, but the sweep's value is {self.swept!r};"
            " the sweep's is kept"
        )


def part_params(params: Sequence[Pair], swept: Mapping[str, str]) -> tuple[list[Pair], list[Conflict]]:
    """Split what a script logs into what is the script's own, and what contradicts the sweep.

    ``swept`` are the trial's parameters as text. They are never the script's to write: the sweep has
    logged them, and MLflow refuses to change a parameter.

    >>> part_params([("lr", "0.10"), ("depth", "3"), ("tol", "5")], {"lr": "0.1", "tol": "7"})
    ([('depth', '3')], [Conflict(key='tol', logged='5', swept='7')])
    """
    own, conflicts = [], []
    for key, value in params:
        known = swept.get(key)
        if known is None:
            own.append((key, value))
        elif not _same(value, known):
            conflicts.append(Conflict(key, value, known))
    return own, conflicts


def part_tags(tags: Sequence[Pair]) -> list[Pair]:
    """Tags that a script may set on the trial's run: its place and name in the sweep stay as they are.

    >>> part_tags([("mlflow.runName", "mine"), ("mlflow.parentRunId", "x"), ("team", "a")])
    [('barrido.script_run_name', 'mine'), ('team', 'a')]
    """
    kept = []
    for key, value in tags:
        if key == NAME:
            kept.append((SCRIPT_NAME, value))
        elif key != PARENT and not key.startswith("barrido."):
            kept.append((key, value))
    return kept


def is_decision_point(policy: Mapping[str, Any] | None, n: int) -> bool:
    """Whether an early-termination policy judges a trial at its ``n``-th report, from 1.

    >>> [n for n in range(1, 11) if is_decision_point({"evaluation_interval": 2, "delay_evaluation": 5}, n)]
    [6, 8, 10]
    """
    if policy is None:
        return False
    interval = policy.get("evaluation_interval") or 1
    delay = policy.get("delay_evaluation") or 0
    return n % interval == 0 and n >= delay


def held_after(holders: int, status: str | None) -> int:
    """How many parts of the script still use the trial's run, after one of them asked for ``status``.

    Each ``start_run`` of the run, and each adoption of it by a thread or subprocess, counts one up; a
    terminal status counts one down. At 0 the script is through with it, and what it creates next is
    a run of its own, nested under the trial's.
    """
    if status is None:
        return holders
    return max(0, holders - 1) if status in TERMINAL else holders + 1


def adopts(tags: Mapping[str, str], *, started: bool, holders: int, silent: bool) -> bool:
    """Whether a run that the script wants to create is the trial's own run.

    It is, if it has no parent, and the script has not yet used the trial's run or still uses it:
    threads and subprocesses do not know the run that their script has active, and ask for a new one.
    It is too, as long as the trial owes its primary metric (``silent``): a script that trains under
    ``autolog`` and then calls ``log_metric`` asks for a second run without knowing it, because
    autologging has ended the first.
    """
    return PARENT not in tags and (not started or holders > 0 or silent)


def nested_body(body: Mapping[str, Any], *, experiment: str, parent: str) -> dict[str, Any]:
    """The request that creates a run below the trial's, made from the script's own request."""
    tags = {
        tag["key"]: str(tag.get("value", ""))
        for tag in body.get("tags") or []
        if isinstance(tag, dict) and tag.get("key")
    }
    tags.setdefault(PARENT, parent)
    return {
        **body,
        "experiment_id": experiment,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return one.lower() == other.lower() and one.lower() in ("true", "false", "none")
