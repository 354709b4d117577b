"""Checks what a sweep is after: what stops it early needs something to compare."""

from __future__ import annotations

from barrido.spec.draft import Draft
from barrido.spec.scheduling import has_rungs

_COMPARING = (("early_termination",), ("resume_from",), ("limits", "stop_after"))
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
