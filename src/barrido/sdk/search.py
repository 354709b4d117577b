"""Ask and tell, for people who run their own loop: the search and the policies without the processes.

```
search = Search({"lr": Float(1e-4, 1e-1, log=True)}, goal="minimize", max_trials=20)
for _ in range(20):
    trial = search.ask()
    for epoch in range(10):
        if search.report(trial, train_epoch(**trial.params)).stops:
            break
    search.tell(trial)
print(search.best)
```

The same `decide` that runs sweeps runs this: what is asked and told becomes its events.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import e
from typing import TYPE_CHECKING, Any

from barrido.core.answer import answer
from barrido.core.decide import begin, decide
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Launch,
    Launched,
    Reported,
    Requested,
    Started,
    Stop,
    Verb,
)  # fmt: skip
from barrido.core.protocols import Fate, Sampler, Step, Verdict
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import observations
from barrido.core.trial import WORST, Expectation, Phase, Trial
from barrido.errors import Problem, RequestError, SpaceExhausted, SpecError, TrialNotFound
from barrido.registry import SAMPLERS, build_plan, build_sampler
from barrido.sdk.algorithms import SAMPLING, EarlyTerminationPolicy, SamplingAlgorithm
from barrido.sdk.document import plain
from barrido.sdk.schedulers import Scheduler
from barrido.space import Domain, Space
from barrido.space.checks import is_number
from barrido.space.constraints import Malformed, parse
from barrido.spec import plugins

if TYPE_CHECKING:
    from barrido.sdk.prior import Pairs

NO_TIME = 0.0
"""Nothing here waits for a clock: no limit is a time."""


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """A trial as it stood when it was asked for. ``value`` is the best it reported, None if nothing."""

    number: int
    params: Mapping[str, Any]
    phase: Phase
    value: float | None
    reports: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer(Verdict):
    """What to do after a report: ``stops`` or ``go_on``, and the ``reason`` in words."""

    @property
    def go_on(self) -> bool:
        return self.step is Step.GO_ON


class Search:
    """A search that suggests points and is told how they did. Not for several threads at once.

    ``space`` maps names to distributions, as objects or in their YAML form. The same ``seed`` and the
    same answers give the same points, of which every one makes the ``constraints`` true: expressions over the
    names of parameters, like ``"width * depth <= 512"``. Any number of trials may be open at a time.
    ``resume_from`` is what
    the sampling algorithm knows from the start, of the same space and in the same scale: another search,
    a sweep's name, or (params, value) pairs, the value None where that failed. The ``scheduler`` must be one
    under which no trial waits for others, as ``ASHAScheduler(variant="stopping", …)``. Raises SpecError for a
    space, a scheduler or a ``resume_from`` that makes no sense, RequestError for the rest.
    """

    def __init__(
        self,
        space: Mapping[str, Any],
        *,
        sampling_algorithm: str | Mapping[str, Any] | SamplingAlgorithm = "random",
        goal: str = "minimize",
        seed: int = 0,
        early_termination: Mapping[str, Any] | EarlyTerminationPolicy | str | None = None,
        scheduler: Mapping[str, Any] | Scheduler | str | None = None,
        max_trials: int | None = None,
        constraints: str | Sequence[str] = (),
        resume_from: str | Pairs | Search | None = None,
    ) -> None:
        sampler = sampler_json(sampling_algorithm)
        own_seed, base = sampler.pop("seed", None), sampler.pop("logbase", e)
        if max_trials is not None and max_trials < 1:
            raise RequestError(f"max_trials must be at least 1 (got {max_trials})")
        self._goal = _goal(goal)
        self._recipe = Recipe(
            name="search",
            seed=seed if own_seed is None else own_seed,
            space=read_space(space, base).to_json(),
            constraints=_constraints(space, constraints),
            sampler=sampler,
            policy=policy_json(early_termination),
            scheduler=_scheduler(scheduler),
            objective=Objective("value", self._goal),
            limits=Limits(
                max_total_trials=max_trials or sys.maxsize,
                max_concurrent_trials=0,  # one more at each `ask`
                max_failed_trials=sys.maxsize,
            ),
            work=Work(command=""),
        )
        self._plan = build_plan(self._recipe)
        self._sampler = self._primed(resume_from)
        try:
            self._state = begin(self._plan)
        except TypeError as error:
            raise RequestError(f"early_termination: {error}") from None
        self._requests = 0
        self._decide(Started(NO_TIME))

    def _primed(self, given: str | Pairs | Search | None) -> Sampler:
        """The sampler, with what it is to know from the start."""
        sampler = build_sampler(self._recipe)
        if given is None:
            return sampler
        if not sampler.learns:
            kind = self._recipe.sampler["type"]
            warnings.warn(f"resume_from: without effect, {kind} does not learn from results", stacklevel=3)
            return sampler
        from barrido.samplers.primed import misfits, numbered
        from barrido.sdk.prior import prior_of

        space = Space.from_json(self._recipe.space)
        if isinstance(given, Search):
            prior = [one for one in observations(given._state) if one.outcome is not Fate.RUNNING]
            problems = misfits(space, prior, of="of the other search")
            if given._goal is not self._goal:
                problems.insert(0, Problem(f"the other search is to {given._goal}, this one to {self._goal}"))
        else:
            prior, problems = prior_of(given, space, self._goal)
        if problems:
            raise SpecError([replace(problem, path="resume_from") for problem in problems])
        return build_sampler(self._recipe, numbered(prior))

    def ask(self) -> SearchTrial:
        """The next trial. Raises SpaceExhausted once every point, or ``max_trials``, was asked for."""
        before = len(self._state.trials)
        self._widen(1)
        if len(self._state.trials) == before:
            self._widen(0)
            most = self._state.limits.max_total_trials
            what = (
                f"max_trials is {most}" if before >= most else "every point of the search space was asked for"
            )
            raise SpaceExhausted(f"there is no next trial: {what}", hint="the result is in `search.best`")
        trial = next(reversed(self._state.trials.values()))
        self._decide(Launched(trial.number, trial.attempt, NO_TIME))
        return self._view(trial)

    def report(self, trial: SearchTrial | int, value: float, step: int | None = None) -> Answer:
        """Report how a trial does meanwhile; whether it should go on. NaN and infinities are the worst."""
        mine = self._open(trial)
        if mine.phase is not Phase.STOPPING:
            self._decide(Reported(mine.number, mine.attempt, _number(value), step, NO_TIME))
        return Answer(Step.STOP, mine.reason) if mine.phase is Phase.STOPPING else Answer()

    def tell(
        self, trial: SearchTrial | int, value: float | None = None, *, failed: bool = False
    ) -> SearchTrial:
        """End a trial, with its last ``value`` if that was not reported already; the trial as it ended.

        Raises RequestError if there is neither a value nor a report, unless it failed.
        """
        mine = self._open(trial)
        if value is None and not failed and not mine.reports:
            raise RequestError(
                f"trial {mine.number} has no value", hint="tell(trial, value), or tell(trial, failed=True)"
            )
        if value is not None and not failed:
            self.report(mine.number, value)
        self._widen(-1)  # its slot ends with it
        self._decide(Exited(mine.number, mine.attempt, Cause.EXIT, 1 if failed else 0, NO_TIME))
        return self._view(mine)

    def explain(self, trial: SearchTrial | int) -> Expectation | None:
        """What the sampling algorithm's model expected of a trial before it was tried, in your values' scale.

        None if no model chose it. Raises TrialNotFound.
        """
        expected = self._known(trial).expected
        return expected and expected.signed(self._goal.sign)

    def importance(self) -> dict[str, float]:
        """The share of the values' variance that each parameter explains alone, the largest first.

        What the shares lack to 1 is due to parameters that act together. Raises RequestError if fewer than
        10 trials completed with a value.
        """
        from barrido.samplers.importance import importance

        space = Space.from_json(self._recipe.space)
        return importance(space, observations(self._state))

    @property
    def best(self) -> SearchTrial | None:
        """The trial with the best value so far, None if there is none."""
        number = self._state.best
        return None if number is None else self._view(self._state.trials[number])

    @property
    def trials(self) -> list[SearchTrial]:
        """All trials, by number."""
        return [self._view(trial) for trial in self._state.trials.values()]

    def _open(self, trial: SearchTrial | int) -> Trial:
        mine = self._known(trial)
        if mine.phase.is_terminal:
            raise RequestError(f"trial {mine.number} has ended: it takes no more reports")
        return mine

    def _known(self, trial: SearchTrial | int) -> Trial:
        number = trial if isinstance(trial, int) else trial.number
        if (mine := self._state.trials.get(number)) is None:
            raise TrialNotFound(f"there is no trial {number}", hint="`search.ask()` gives trials")
        return mine

    def _widen(self, by: int) -> None:
        """Have as many slots as open trials, and ``by`` more."""
        self._requests += 1
        slots = {"max_concurrent_trials": len(self._state.live) + by}
        self._decide(Requested(str(self._requests), Verb.UPDATE, NO_TIME, changes=slots))

    def _decide(self, event: Event) -> None:
        for action in decide(self._plan, self._state, event):
            self._act(action)

    def _act(self, action: Action) -> None:
        match action:
            case Ask():
                seed = self._recipe.seed
                self._decide(answer(self._sampler, self._state, action, seed, at=NO_TIME))
            case Launch() | Stop():
                pass  # both are the caller's to do: what `ask` and `report` return says so
            case _:
                pass  # notes on limits, and the end

    def _view(self, trial: Trial) -> SearchTrial:
        value = self._goal.sign * trial.best if trial.best < WORST else None
        return SearchTrial(trial.number, trial.params, trial.phase, value, trial.reports, trial.reason)


def read_space(given: Mapping[str, Any], base: Any) -> Space:
    """The space, the exponents of Log* distributions counted to ``base``."""
    if not is_number(base) or base <= 1:
        raise RequestError(f"logbase must be a number above 1, or the letter e (got {base!r})")
    body = {
        name: domain.to_json() if isinstance(domain, Domain) else domain for name, domain in given.items()
    }
    space = Space.from_json(body)
    space = space if base == e else space.with_base(base)
    problems = space.problems()
    if not given:
        raise RequestError("the search space is empty: there is nothing to search over")
    if problems:
        raise SpecError(problems)
    return space


def _constraints(space: Mapping[str, Any], given: str | Sequence[str]) -> tuple[str, ...]:
    """Raises SpecError for what is none, or names what is no parameter."""
    texts = (given,) if isinstance(given, str) else tuple(given)
    known = read_space(space, e).names() if texts else []
    problems: list[Problem] = []
    for text in texts:
        try:
            names = parse(text).names
        except Malformed as error:
            problems.append(Problem(f"{error.what} (got {text!r}, column {error.at})", "constraints"))
            continue
        unknown = (name for name in names if name not in known)
        problems += (Problem(f"there is no parameter {n} (got {text!r})", "constraints") for n in unknown)
    if problems:
        raise SpecError(problems)
    return texts


def _goal(goal: str) -> Goal:
    try:
        return Goal(goal.lower())
    except (ValueError, AttributeError):
        raise RequestError(f"the goal is minimize or maximize (got {goal!r})") from None


def sampler_json(given: str | Mapping[str, Any] | SamplingAlgorithm) -> dict[str, Any]:
    """The sampling algorithm as a recipe holds it, with its seed if it has one."""
    match given:
        case str():
            body: dict[str, Any] = {"type": given}
        case Mapping():
            body = dict(given)
        case SamplingAlgorithm():
            body = given.to_document()
        case _:
            raise RequestError(
                f"sampling_algorithm is a name, a mapping or an object (got {given!r})",
                hint=f"the names: {', '.join(SAMPLERS)}",
            )
    body = {name: value for name, value in body.items() if value is not None}
    kind = str(body.get("type", "")).lower()
    if kind in SAMPLING:
        _check_options(kind, body)
    rule = body.pop("rule", kind)
    body["type"] = "sobol" if (kind, rule) == ("random", "sobol") else kind
    if body["type"] not in SAMPLERS and kind not in (installed := plugins.names("sampler")):
        known = ", ".join([*SAMPLERS, *installed])
        raise RequestError(f"there is no sampling algorithm {kind!r}", hint=f"there are: {known}")
    if body["type"] == "bohb":
        raise RequestError(
            "bohb learns at the rungs of its scheduler, which a search has not", hint="use tpe"
        )
    if str(body.get("logbase", "")).lower() == "e":
        del body["logbase"]
    return body


def _check_options(kind: str, body: Mapping[str, Any]) -> None:
    known = {"type", *(field.name for field in fields(SAMPLING[kind]))}
    if unknown := sorted(map(str, body.keys() - known)):
        hint = f"it takes {listed}" if (listed := ", ".join(sorted(known - {"type"}))) else "it takes none"
        raise RequestError(f"the sampling algorithm {kind} has no option {', '.join(unknown)}", hint=hint)
    seed = body.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise RequestError(f"a seed is a whole number from 0 on (got {seed!r})")


def policy_json(given: Mapping[str, Any] | EarlyTerminationPolicy | str | None) -> dict[str, Any] | None:
    """The policy as a recipe holds it."""
    match given:
        case None:
            return None
        case str():
            body: dict[str, Any] = {"type": given}
        case Mapping():
            body = dict(given)
        case _:
            body = given.to_document()
    defaults = {"evaluation_interval": 1, "delay_evaluation": 0}
    return defaults | {name: value for name, value in body.items() if value is not None}


def _scheduler(given: Mapping[str, Any] | Scheduler | str | None) -> dict[str, Any]:
    """The scheduler as a recipe holds it."""
    if given is None:
        return {"type": "fifo"}
    from barrido.spec.scheduling import asks_to_wait, read_scheduler, scheduler_json

    found = read_scheduler(plain(given))
    if asks_to_wait(found):
        raise RequestError(
            f"a search cannot have trials wait for others, as {found.type} does",
            hint='use ASHAScheduler(variant="stopping", max_resource=…), or run a sweep',
        )
    return scheduler_json(found, max_total_trials=sys.maxsize)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise RequestError(f"a value is a number (got {value!r})") from None
