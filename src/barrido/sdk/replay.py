"""Playing a sweep's log again, and asking what another policy or scheduler would have made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from barrido.core.layout import SweepFolder
from barrido.replay.course import WhatIf
from barrido.replay.proof import Proof, prove
from barrido.replay.record import read_history
from barrido.replay.rules import Given, read_rule
from barrido.replay.simulation import what_if
from barrido.sdk.origin import caller


class Told(Protocol):
    """A policy or a scheduler, as said in Python."""

    def to_document(self) -> Mapping[str, Any]: ...


Rule = Given | Told


def replay(folder: SweepFolder, policy: Rule | None, scheduler: Rule | None) -> Proof | WhatIf:
    """See `barrido.sdk.jobs.JobOperations.replay`."""
    if policy is None and scheduler is None:
        return prove(folder)
    history = read_history(folder)
    rule = read_rule(history, policy=_given(policy), scheduler=_given(scheduler), source=caller())
    return what_if(history, policy=rule.policy, scheduler=rule.scheduler, unit=rule.unit)


def _given(rule: Rule | None) -> Given | None:
    return rule if rule is None or isinstance(rule, str | Mapping) else rule.to_document()
