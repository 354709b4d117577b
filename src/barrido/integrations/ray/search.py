"""`BarridoSearch`: our samplers choose the points of Tune's trials."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from math import e
from pathlib import Path
from typing import Any

from ray.tune.result import TRAINING_ITERATION
from ray.tune.search import Searcher

from barrido.core.recipe import Goal, Objective, Recipe, Work
from barrido.core.trial import Trial
from barrido.errors import Problem, RequestError, SpecError
from barrido.integrations.ray.conductor import Conductor, limits, rebuilt
from barrido.integrations.ray.journal import Journal, last_sweep, read
from barrido.integrations.ray.space import Translation, as_given, has_distributions, translate
from barrido.sdk.algorithms import SamplingAlgorithm
from barrido.sdk.search import read_space, sampler_json

_SPACE = "param_space"

_LEARNS = frozenset({"bayesian", "tpe"})

GOALS = {"min": Goal.MINIMIZE, "max": Goal.MAXIMIZE}
"""By Tune's mode."""


class BarridoSearch(Searcher):  # type: ignore[misc]
    """Points of a barrido sweep with the same ``seed``, for `ray.tune.TuneConfig.search_alg`.

    ``space`` maps names to our distributions, as `barrido.Search` takes it; without one, Tune's
    ``param_space`` is searched. ``sampling_algorithm`` is a name, a mapping or an object, as in a sweep:
    grid, random, sobol, bayesian, tpe, or bohb, which learns at the rungs of a `BarridoScheduler`. Beside a
    `BarridoScheduler` both are one sweep with one journal, its. Alone, what Tune saves now and then is
    gone back to after a crash; with ``journal``, the path of a file, all that was told.

    One search is for one Tuner. Raises RequestError, SpecError for a space that makes no sense or cannot be
    translated.
    """

    def __init__(
        self,
        space: Mapping[str, Any] | None = None,
        *,
        sampling_algorithm: str | Mapping[str, Any] | SamplingAlgorithm = "random",
        seed: int = 0,
        metric: str | None = None,
        mode: str | None = None,
        journal: str | Path | None = None,
    ) -> None:
        if mode is not None and mode not in GOALS:
            raise RequestError(f"the mode is min or max (got {mode!r})")
        super().__init__(metric=metric, mode=mode)
        self._algorithm = _algorithm(sampling_algorithm)
        own_seed, self._base = self._algorithm.pop("seed", None), self._algorithm.pop("logbase", e)
        self._seed = seed if own_seed is None else own_seed
        self._translation: Translation | None = None
        self._metric: str | None
        self._mode: str | None
        self._is_given = space is not None
        if space is not None:
            self._search(as_given(read_space(space, self._base)))
        self._path = None if journal is None else Path(journal).absolute()
        self._conductor: Conductor | None = None
        self._is_led = False
        self.max_concurrent: int | None = None

    @property
    def algorithm(self) -> str:
        """The name of its sampling algorithm."""
        return str(self._algorithm["type"])

    def recipe(self, *, metric: str | None, goal: Goal, trials: int) -> Recipe:
        """The sweep that it searches for, without a scheduler."""
        return Recipe(
            name="tune",
            seed=self._seed,
            space=self._translated().space.to_json(),
            sampler=self._algorithm,
            objective=Objective(metric or "", goal),
            limits=limits(trials),
            work=Work(command=""),
        )

    def follow(self, conductor: Conductor) -> None:
        """Be one sweep with a `BarridoScheduler`, which is told from now on what happens."""
        self._conductor, self._is_led = conductor, True

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Called by Tune, before the first trial. False: it was set already."""
        if self._is_given and has_distributions(config):
            raise RequestError(
                "BarridoSearch was given a search space, and the param_space has distributions too",
                hint="leave one of them out; constants may stay in the param_space",
            )
        if not self._is_given and self._translation is None:
            self._search(translate(config, is_grid=self.algorithm == "grid"))
        if metric and self._metric not in (None, metric):
            return False
        self._metric = metric or self._metric
        self._mode = mode or self._mode
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Called for ``max_concurrent_trials``. Trials that wait at a rung do not count."""
        self.max_concurrent = max_concurrent
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next point as a part of a trial's configuration; None: not now; FINISHED: there are no more."""
        conductor = self._conductor = self._conductor or self._begin()
        if not self._is_led and not conductor.wanted:
            self._ask_for_one(conductor)
        trial = conductor.claim(trial_id)
        if trial is not None:
            return self._translated().config(trial.params)
        return Searcher.FINISHED if conductor.is_finished else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Take a report in. One that is NaN or infinite is the worst there is."""
        trial = self._mine(trial_id)
        if self._conductor is not None and trial is not None and self._metric in result:
            self._conductor.report(trial, result[self._metric], int(result[TRAINING_ITERATION]))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial is over. It may have a last result that was not told before."""
        if result is not None:
            self.on_trial_result(trial_id, result)
        trial = self._mine(trial_id)
        if self._conductor is not None and trial is not None and not trial.phase.is_terminal:
            self._conductor.widen(-1)  # its slot ends with it
            self._conductor.ended(trial, failed=error)

    def save(self, checkpoint_path: str) -> None:
        """Called by Tune, now and then. What a `BarridoScheduler` leads is in its journal."""
        conductor = None if self._is_led else self._conductor
        space = None if self._translation is None else self._translation.to_json()
        text = "" if conductor is None else conductor.journal.text()
        Path(checkpoint_path).write_text(json.dumps({_SPACE: space}) + "\n" + text, encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Go on from what `save` wrote, and from the journal if there is one."""
        head, *texts = Path(checkpoint_path).read_text(encoding="utf-8").splitlines()
        if self._translation is None:
            self._search(self._saved_space(json.loads(head)[_SPACE]))
        saved = last_sweep(texts)
        lines = (read(self._path) if self._path is not None else []) or saved
        if not saved:
            return
        journal = Journal()
        if self._path is not None:
            journal.open(self._path)
        else:
            for line in lines:
                journal.write(line)
        self._conductor = rebuilt(lines, journal)
        for line in saved:
            if "id" in line and (trial := self._conductor.find(line["id"])) is not None:
                self._conductor.see(trial)

    def _saved_space(self, body: dict[str, Any] | None) -> Translation:
        if body is None:
            raise RequestError(
                "the param_space has values that could not be saved",
                hint="give it once more: Tuner.restore(path, trainable, param_space=…)",
            )
        return Translation.from_json(body)

    def _mine(self, trial_id: str) -> Trial | None:
        """A trial that nobody else tells about."""
        return None if self._conductor is None or self._is_led else self._conductor.find(trial_id)

    def _begin(self) -> Conductor:
        journal = Journal()
        if self._path is not None:
            journal.open(self._path)
        goal = GOALS.get(self._mode or "min", Goal.MINIMIZE)
        recipe = self.recipe(metric=self._metric, goal=goal, trials=sys.maxsize)
        return Conductor(recipe, journal, suggests=True)

    def _ask_for_one(self, conductor: Conductor) -> None:
        # The first is suggested before anything else is known
        if self.algorithm == "bohb" and conductor.state.trials:
            raise RequestError(
                "bohb learns at the rungs of its scheduler, and there is none",
                hint="add scheduler=BarridoScheduler(BOHBScheduler(max_resource=…)), or use tpe",
            )
        if self.algorithm in _LEARNS and conductor.state.trials and self._mode not in GOALS:
            raise RequestError(
                f"{self.algorithm} learns from results, and nobody said from which",
                hint="Tune tells that only with a param_space: BarridoSearch(…, metric='loss', mode='min')",
            )
        live = len(conductor.state.live)
        if self.max_concurrent is None or live < self.max_concurrent:
            conductor.widen(live + 1 - conductor.slots)

    def _search(self, translation: Translation) -> None:
        if not translation.space.parameters:
            raise RequestError(
                "the search space is empty: there is nothing to search over",
                hint="put distributions like tune.uniform(0, 1) into the param_space",
            )
        self._translation = translation

    def _translated(self) -> Translation:
        if self._translation is None:
            problem = Problem("neither BarridoSearch nor the param_space says what to search over")
            raise SpecError([problem])
        return self._translation


def _algorithm(given: str | Mapping[str, Any] | SamplingAlgorithm) -> dict[str, Any]:
    """The sampling algorithm as a recipe holds it, with its seed if it has one."""
    kind = given.get("type") if isinstance(given, Mapping) else given
    if isinstance(kind, str) and kind.lower() == "bohb":
        return {**(given if isinstance(given, Mapping) else {}), "type": "bohb"}
    return sampler_json(given)
