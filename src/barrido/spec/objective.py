"""Checks what a sweep is after: what stops it early needs something to compare."""

from __future__ import annotations

from barrido.spec.draft import Draft
from barrido.spec.scheduling import has_rungs
from barrido.trial.entry import check_name

_STOPPING = "early_termination"
_COMPARING = ((_STOPPING,), ("resume_from",), ("limits", "stop_after"))
NEEDS_ONE = "needs an `objective`: nothing is compared without one"


def check_objective(draft: Draft) -> None:
    """Without an objective every trial is run, which is all that some grids are for."""
    if draft.value.get("objective") is not None:
        return
    for place in (*_COMPARING, ("scheduler",)) if has_rungs(draft) else _COMPARING:
        if draft.get(*place) is not None:
            draft.findings.wrong(
                place, NEEDS_ONE, "add for example `objective: {goal: maximize, primary_metric: accuracy}`"
            )
    draft.findings.note((), "no objective: every trial is run, nothing is compared")


def check_patterns(draft: Draft) -> None:
    """Who declares patterns most probably has no other door for the primary metric."""
    place = (*draft.work, "metrics")
    metric, patterns = draft.get("objective", "primary_metric"), draft.mapping(*place)
    for name in patterns:
        try:
            check_name(name)
        except ValueError as error:
            draft.findings.wrong((*place, name), str(error))
    if metric is None or not patterns:
        return
    if metric not in patterns:
        what = f"none of the patterns is for the primary metric, {metric}: the script must log it otherwise"
        draft.findings.note(place, what)
    elif has_rungs(draft) or draft.value.get(_STOPPING) is not None:
        what = "who prints is not held while it is decided: trials may go a few reports too far, uncounted"
        draft.findings.note((*place, metric), what)
