"""Why a trial is where it is: who decided that, and against which other trial."""

from __future__ import annotations

import re
from typing import Any

from barrido.core.trial import Phase
from barrido.figures.rungs import course_of
from barrido.sdk.wording import number
from barrido.store.queries import Reader, TrialRow

_POLICIES = {"bandit": "bandit", "median_stopping": "median", "truncation_selection": "truncation"}
_JUDGED = re.compile(r"\bin \d+ reports?\b(?:.*\btrial (\d+)\b)?")
"""What all reasons of policies say, and at their end the trial that they compared with, if they had one."""


def why(reader: Reader, row: TrialRow) -> dict[str, Any] | None:
    """The reason in words, ``by`` whom, and ``against`` which trial; None where nothing was decided.

    ``by`` is a policy ("bandit", "median", "truncation"), the type of the scheduler, "person", "limit",
    "exit" (it ended by itself) or "".
    """
    if not row.reason:
        return None
    recipe = reader.sweep().recipe
    judged = _JUDGED.search(row.reason) if row.phase in _STOPPED and recipe.policy else None
    if judged is not None and recipe.policy is not None:
        by, against = _POLICIES.get(recipe.policy["type"], recipe.policy["type"]), judged[1]
        return {"text": row.reason, "by": by, "against": None if against is None else int(against)}
    if row.phase is Phase.FAILED:
        return {"text": row.reason, "by": "exit", "against": None}
    if row.phase is Phase.CANCELED or row.reason.startswith("canceled"):
        return {"text": row.reason, "by": _who(row.reason), "against": None}
    if row.phase is Phase.QUEUED or not recipe.is_staged:
        return {"text": row.reason, "by": "exit" if row.phase is Phase.COMPLETED else "", "against": None}
    by = str(recipe.scheduler["type"])
    lost = course_of(reader).lost_to(row.number) if row.phase in _STOPPED else None
    if lost is None:
        return {"text": row.reason, "by": by, "against": None}
    resource, other = lost
    theirs = reader.trials([other])[0].rungs.get(resource)
    own = row.rungs.get(resource)
    text = f"{row.reason}; it had {number(own)} at {resource}, the last that went on was trial {other} with"
    return {"text": f"{text} {number(theirs)}", "by": by, "against": other}


_STOPPED = (Phase.PRUNED, Phase.STOPPING)


def _who(reason: str) -> str:
    if reason.startswith("canceled"):
        return "person"
    return "limit" if reason.startswith(("ran longer than", "timeout of")) else ""
