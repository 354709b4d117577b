"""What people add to a sweep: points by hand, trials once more, notes and tags."""

from __future__ import annotations

from typing import Any

import pytest

from barrido.core.annotation import Annotation
from barrido.core.answer import answer
from barrido.core.decide import begin, decide, reconcile
from barrido.core.events import (
    Action,
    Ask,
    Cause,
    Event,
    Exited,
    Finish,
    Launch,
    Launched,
    Note,
    Outcome,
    Pause,
    Paused,
    Reported,
    Requested,
    Started,
    Stop,
    Suggested,
    Unpause,
    Verb,
)  # fmt: skip
from barrido.core.plan import Plan
from barrido.core.protocols import Scheduler
from barrido.core.recipe import Goal, Limits, StopAfter
from barrido.core.state import SweepPhase
from barrido.samplers.bayesian import BayesianSampler
from barrido.samplers.grid import GridSampler
from barrido.samplers.random import RandomSampler
from barrido.schedulers.asha import ASHA
from barrido.schedulers.fifo import Fifo
from barrido.schedulers.hyperband import Hyperband
from barrido.space import Choice, Space, Uniform

TRIALS = 6


class Desk:
    """A sweep whose trials end when they are told to, and whose sampler is a real one."""

    def __init__(
        self, sampler: Any = None, scheduler: Scheduler | None = None, slots: int = 1, **limits: Any
    ) -> None:
        self.sampler = sampler or GridSampler(Space({"x": Choice(range(TRIALS))}))
        self.plan = Plan(
            metric="loss",
            goal=Goal.MINIMIZE,
            limits=Limits(**{"max_total_trials": TRIALS, "max_concurrent_trials": slots, **limits}),
            scheduler=scheduler or Fifo(),
            tags={"of": "recipe"},
        )
        self.state = begin(self.plan)
        self.log: list[Event] = []
        self.said: list[str] = []
        self.finish: Finish | None = None

    def tell(self, event: Event) -> list[Action]:
        """Every question among what follows is answered."""
        self.log.append(event)
        out: list[Action] = []
        for action in decide(self.plan, self.state, event):
            match action:
                case Ask():
                    out += self.tell(answer(self.sampler, self.state, action, 0, at=event.at))
                case Note(text):
                    self.said.append(text)
                case Finish():
                    self.finish = action
                case _:
                    out.append(action)
        return out

    def ask(self, verb: Verb, trial: int | None = None, **changes: Any) -> list[Action]:
        return self.tell(Requested(f"{len(self.log)}", verb, 1.0, trial=trial, changes=changes, origin="me"))

    def run(self, trial: int, loss: float = 0.5) -> list[Action]:
        self.tell(Launched(trial, 1, 1.0))
        self.tell(Reported(trial, 1, loss, None, 1.0))
        return self.tell(Exited(trial, 1, Cause.EXIT, 0, 1.0))

    def run_all(self) -> None:
        while self.state.live:
            self.run(min(self.state.live))

    def xs(self) -> list[Any]:
        return [trial.params["x"] for trial in self.state.trials.values()]


def test_a_point_by_hand_is_next_and_takes_no_point_from_a_grid() -> None:
    desk = Desk()
    assert desk.tell(Started(0.0)) == [Launch(0, 1)]
    assert desk.ask(Verb.ENQUEUE, params={"x": 4}) == []
    assert desk.run(0) == [Launch(1, 1)]
    assert desk.state.trials[1].origin == "by hand, by me"
    desk.run_all()
    assert desk.xs() == [0, 4, 1, 2, 3, 4, 5]
    assert desk.state.limits.max_total_trials == TRIALS + 1
    assert desk.said == ["a point put in by hand by me is run next, max_total_trials = 7: x = 4"]
    assert desk.finish == Finish(Outcome.COMPLETED, "all 7 trials are done")


@pytest.mark.parametrize("verb", [Verb.ENQUEUE, Verb.RERUN])
def test_a_point_by_hand_runs_where_the_space_has_no_more(verb: Verb) -> None:
    desk = Desk(GridSampler(Space({"x": Choice(range(2))})), slots=2)
    desk.tell(Started(0.0))
    desk.run(1)
    assert desk.state.exhausted
    changes = {"params": {"x": 1}} if verb is Verb.ENQUEUE else {}
    (launch,) = desk.ask(verb, trial=1 if verb is Verb.RERUN else None, **changes)
    assert launch == Launch(3, 1)
    assert desk.state.trials[3].params == {"x": 1}
    desk.run_all()
    assert desk.finish == Finish(
        Outcome.COMPLETED, "all 2 points of the search space were tried, and 1 more by hand"
    )


@pytest.mark.parametrize(
    "space", [{"x": Uniform(0, 1)}, {"x": Choice(range(TRIALS))}], ids=["endless", "finite"]
)
def test_a_sampler_gives_the_points_that_it_would_have_given(space: Any) -> None:
    plain, mixed = (Desk(RandomSampler(Space(space)), slots=2) for _ in range(2))
    for desk in (plain, mixed):
        desk.tell(Started(0.0))
    mixed.ask(Verb.ENQUEUE, params={"x": 3})
    mixed.ask(Verb.RERUN, trial=1)
    plain.run_all()
    mixed.run_all()
    sampled = [t.params["x"] for t in mixed.state.trials.values() if not t.origin]
    assert sampled == plain.xs()
    assert [t.number for t in mixed.state.trials.values() if t.origin] == [2, 3]


def test_a_trial_runs_again_in_whatever_phase_it_is() -> None:
    desk = Desk(slots=2)
    desk.tell(Started(0.0))
    desk.run(0)
    desk.ask(Verb.RERUN, trial=0)
    desk.ask(Verb.RERUN, trial=2)
    desk.ask(Verb.RERUN, trial=77)
    desk.run_all()
    assert desk.xs() == [0, 1, 2, 0, 2, 3, 4, 5]
    assert [t.origin for t in desk.state.trials.values()][3:5] == [
        "trial 0 again, by me", "trial 2 again, by me",
    ]  # fmt: skip
    assert desk.said == [
        "trial 0 again by me is run next, max_total_trials = 7",
        "trial 2 again by me is run next, max_total_trials = 8",
        "there is no trial 77 to run again",
    ]


def test_a_paused_sweep_keeps_points_until_it_is_unpaused() -> None:
    desk = Desk()
    desk.tell(Started(0.0))
    desk.ask(Verb.PAUSE)
    desk.ask(Verb.ENQUEUE, params={"x": 5})
    assert desk.run(0) == []
    assert len(desk.state.queue) == 1
    assert desk.ask(Verb.UNPAUSE) == [Launch(1, 1)]


@pytest.mark.parametrize("way", ["cancel", "stop after", "failures"])
def test_a_sweep_that_ends_drops_what_waits_and_takes_no_more(way: str) -> None:
    desk = Desk(slots=2, stop_after=StopAfter(1) if way == "stop after" else None, max_failed_trials=1)
    desk.tell(Started(0.0))
    desk.ask(Verb.ENQUEUE, params={"x": 5})
    desk.ask(Verb.ENQUEUE, params={"x": 4})
    match way:
        case "cancel":
            desk.ask(Verb.CANCEL)
        case "stop after":
            desk.run(0, 0.1)
            desk.run(2, 0.2)
        case "failures":
            desk.tell(Exited(0, 1, Cause.EXIT, 1, 2.0))
    assert desk.state.phase is SweepPhase.ENDING
    assert not desk.state.queue
    assert "put in by hand will not be run" in desk.said[-1]
    desk.ask(Verb.RERUN, trial=0)
    assert "came too late" in desk.said[-1]
    for trial in list(desk.state.live):
        desk.tell(Exited(trial, 1, Cause.EXIT, 0, 3.0))
    assert desk.state.phase.is_terminal
    desk.ask(Verb.ENQUEUE, params={"x": 3})
    assert "came too late" in desk.said[-1]
    assert not any(trial.origin for trial in desk.state.trials.values() if trial.number > 2)


def test_a_sweep_that_is_over_is_annotated_and_nothing_else_happens_to_it() -> None:
    desk = Desk()
    desk.tell(Started(0.0))
    desk.run_all()
    before = repr(desk.state.trials)
    assert desk.ask(Verb.ANNOTATE, note="why\nnot") == []
    assert desk.ask(Verb.ANNOTATE, trial=2, tags={"keep": "yes"}) == []
    assert desk.ask(Verb.ANNOTATE, tags={"of": None}) == []
    desk.ask(Verb.ANNOTATE, trial=99, note="x")
    assert desk.said == ["there is no trial 99 to annotate"]
    assert desk.state.annotation(None) == Annotation("why\nnot", {})
    assert desk.state.annotation(2) == Annotation("", {"keep": "yes"})
    assert desk.state.annotations.keys() == {None, 2}
    desk.ask(Verb.UPDATE, max_total_trials=99)
    desk.ask(Verb.CANCEL)
    assert repr(desk.state.trials) == before
    assert desk.state.phase is SweepPhase.COMPLETED


def test_a_wish_that_comes_twice_is_honoured_once() -> None:
    desk = Desk()
    desk.tell(Started(0.0))
    for _ in range(2):
        desk.tell(Requested("a", Verb.ENQUEUE, 1.0, changes={"params": {"x": 5}}))
    desk.run_all()
    assert len(desk.state.trials) == TRIALS + 1


def test_an_unanswered_question_is_asked_again_by_the_same_numbers() -> None:
    desk = Desk(slots=3)
    decide(desk.plan, desk.state, Started(0.0))
    decide(desk.plan, desk.state, Suggested(0, ({"x": 0}, {"x": 1}, {"x": 2}), 0.0))
    decide(desk.plan, desk.state, Requested("a", Verb.ENQUEUE, 1.0, changes={"params": {"x": 5}}))
    decide(desk.plan, desk.state, Requested("b", Verb.UPDATE, 1.0, changes={"max_concurrent_trials": 6}))
    question = Ask(1, (4, 5), (3, 4))
    assert question in reconcile(desk.plan, desk.state)


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda: Hyperband(max_resource=9, trials=17),
        lambda: ASHA(max_resource=9, variant="promotion", trials=17),
        lambda: ASHA(max_resource=9, variant="stopping", trials=17),
    ],
    ids=["hyperband", "asha, promotion", "asha, stopping"],
)
def test_a_point_by_hand_takes_a_place_at_the_rungs(scheduler: Any) -> None:
    desk = Desk(RandomSampler(Space({"x": Uniform(0, 1)})), scheduler(), max_total_trials=17)
    actions = desk.tell(Started(0.0))
    actions += desk.ask(Verb.ENQUEUE, params={"x": 0.0})  # the best there is
    while desk.finish is None:
        match actions.pop(0) if actions else None:
            case Launch(trial) | Unpause(trial):
                actions += desk.tell(Launched(trial, 1, 1.0))
            case Pause(trial):
                actions += desk.tell(Paused(trial, 1, 1.0))
            case Stop(trial):
                actions += desk.tell(Exited(trial, 1, Cause.EXIT, -15, 1.0))
            case _:
                (one,) = desk.state.live.values()
                if one.reports == 9:
                    actions += desk.tell(Exited(one.number, 1, Cause.EXIT, 0, 1.0))
                else:
                    value = one.params["x"] + 1 / (one.reports + 1)
                    actions += desk.tell(Reported(one.number, 1, value, None, 1.0))
    assert desk.finish is not None
    assert desk.finish.outcome is Outcome.COMPLETED
    (mine,) = (trial for trial in desk.state.trials.values() if trial.origin)
    assert mine.number == 1
    assert max(mine.rungs) == 9
    assert len(desk.state.trials) == 18


def test_a_model_learns_from_points_by_hand_and_from_the_same_point_twice() -> None:
    desk = Desk(BayesianSampler(Space({"x": Uniform(0, 1)})), max_total_trials=12)
    desk.tell(Started(0.0))
    desk.ask(Verb.ENQUEUE, params={"x": 0.25})
    for number in range(16):
        if desk.state.live:
            (trial,) = desk.state.live.values()
            if number in (6, 7):
                desk.ask(Verb.RERUN, trial=1)
            desk.run(trial.number, (trial.params["x"] - 0.3) ** 2 + 0.001 * number)
    assert desk.finish is not None
    assert len(desk.state.trials) == 15
    again = begin(desk.plan)
    for event in desk.log:
        decide(desk.plan, again, event)
    assert repr(again.trials) == repr(desk.state.trials)
