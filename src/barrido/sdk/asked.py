"""What a job that was submitted is to do, in the words that ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from barrido.core.recipe import Limits, Recipe
from barrido.sdk.algorithms import POLICIES, SAMPLING, EarlyTerminationPolicy, SamplingAlgorithm
from barrido.sdk.inputs import Names
from barrido.sdk.limits import CommandJobLimits, Objective, SweepJobLimits
from barrido.space import Domain, domain_from_json

T = TypeVar("T")


class Asked:
    """The settings of a job, complete with what it did not say, and with its limits as they are now.

    To be read: what a running sweep does is changed by ``jobs.update``. What only sweeps have is None, or
    empty, for commands and for trials; a pipeline has nothing of it.
    """

    type: str
    _recipe: Recipe | None
    _limits: Limits | None

    @property
    def command(self) -> str:
        """What each trial runs, with the references to its parameters as they were written."""
        return "" if self._recipe is None else self._recipe.work.command

    @property
    def inputs(self) -> Mapping[str, str | None]:
        """What stands in the command for each input; None for one that was not given."""
        return Names({} if self._recipe is None else self._recipe.work.inputs)

    @property
    def environment_variables(self) -> Mapping[str, str]:
        return {} if self._recipe is None else dict(self._recipe.work.environment_variables)

    @property
    def limits(self) -> SweepJobLimits | CommandJobLimits | None:
        """As they are now; None for a pipeline."""
        if self._recipe is None or self._limits is None:
            return None
        if self.type == "sweep":
            return SweepJobLimits(**asdict(self._limits))
        is_trial = self._recipe.kind == "sweep"
        return CommandJobLimits(timeout=self._limits.trial_timeout if is_trial else self._limits.timeout)

    @property
    def search_space(self) -> Mapping[str, Domain]:
        space = {} if self._swept is None else self._swept.space
        return {name: domain_from_json(body) for name, body in space.items()}

    @property
    def objective(self) -> Objective | None:
        if self._swept is None or (said := self._swept.objective) is None:
            return None
        return Objective(str(said.goal), said.metric)

    @property
    def sampling_algorithm(self) -> SamplingAlgorithm | Mapping[str, Any] | None:
        """A mapping, if somebody else's package brings it; None if the scheduler brings its own."""
        if self._swept is None or self._swept.sampler["type"] == "bohb":
            return None
        given = {"seed": self._swept.seed, **self._swept.sampler}
        known = SAMPLING.get(given["type"])
        return given if known is None else _made(known, given)

    @property
    def early_termination(self) -> EarlyTerminationPolicy | None:
        if self._swept is None or (policy := self._swept.policy) is None:
            return None
        return _made(POLICIES[policy["type"]], policy)

    @property
    def _swept(self) -> Recipe | None:
        return self._recipe if self.type == "sweep" else None


def _made(cls: type[T], settings: Mapping[str, Any]) -> T:
    """With those of ``settings`` that it knows."""
    names = {one.name for one in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in settings.items() if name in names})
