"""What a sweep found out, for another one to start from."""

from __future__ import annotations

from barrido.core.protocols import Fate, Observation
from barrido.core.recipe import Goal, Objective
from barrido.core.state import FATES
from barrido.errors import Problem
from barrido.samplers.primed import misfits
from barrido.space import Space
from barrido.store.queries import Reader, TrialRow


def findings(
    reader: Reader, space: Space, goal: Goal, metric: str | None = None
) -> tuple[list[Observation], list[Problem]]:
    """The ended trials of a sweep, oldest first, and why a search of ``space`` cannot learn from them.

    ``metric`` None: whatever it was that they measured.
    """
    name = reader.folder.name
    theirs = reader.sweep().recipe.objective
    if theirs is None:
        return [], [Problem(f"{name!r} has no objective: nothing is to be learned from it")]
    problems = [
        Problem(what) for what in _differences(name, theirs, Objective(metric or theirs.metric, goal))
    ]
    found = [
        _observed(trial, theirs.goal.sign)
        for trial in reader.trials()
        if trial.phase.is_terminal and not _says_nothing(trial)
    ]
    return found, problems + misfits(space, found, of=f"of {name!r}")


def _differences(name: str, theirs: Objective, ours: Objective) -> list[str]:
    return [
        f"{name!r} is after another {what}: there {there}, here {here}"
        for what, there, here in (
            ("metric", theirs.metric, ours.metric),
            ("goal", theirs.goal, ours.goal),
        )
        if there != here
    ]


def _says_nothing(trial: TrialRow) -> bool:
    """Stopped before it had reported anything: neither good nor bad."""
    return FATES[trial.phase] is Fate.STOPPED and trial.best_value is None


def _observed(trial: TrialRow, sign: float) -> Observation:
    curve = () if trial.best_value is None else (sign * trial.best_value,)
    return Observation(
        trial.number, trial.params, curve, max(trial.last_step, trial.reports), FATES[trial.phase]
    )
