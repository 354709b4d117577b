from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrido.core.protocols import Assignment, Idle, Promote, Sample, Scheduler, Step, Verdict
from barrido.errors import RequestError
from barrido.schedulers.asha import ASHA
from barrido.schedulers.rungs import levels
from barrido.testing.schedulers import Rehearsal, Script, draw_losses, draw_troubles


class ByHand:
    """Both variants by sorting everything at every question: slow and plain.

    The state holds, for each rung, the losses of all that came there (None: worse than any) and who went on.
    """

    def __init__(self, rungs: tuple[int, ...], eta: int, promotes: bool) -> None:
        self.rungs, self.eta, self.promotes = rungs, eta, promotes

    def init(self) -> Any:
        return {"came": [{} for _ in self.rungs], "gone": [[] for _ in self.rungs], "at": {}, "over": []}

    def best(self, state: Any, k: int) -> list[str]:
        """top_k(rung k, ⌊|rung k| / η⌋)"""
        came = state["came"][k]
        quota = len(came) // self.eta if self.promotes else max(1, len(came) // self.eta)
        order = sorted(came, key=lambda t: (inf if came[t] is None else came[t], int(t)))
        return [t for t in order[:quota] if came[t] is not None]

    def next(self, state: Any, number: int | None) -> tuple[Any, Assignment]:
        """get_job() of the paper."""
        for k in reversed(range(len(self.rungs) - 1)):
            for t in self.best(state, k) if self.promotes else []:
                if t not in state["gone"][k]:
                    state["gone"][k].append(t)
                    if t in state["over"]:
                        state["came"][k + 1][t] = state["came"][k][t]
                        return self.next(state, number)
                    state["at"][t] = k + 1
                    return state, Promote(int(t), self.rungs[k + 1], "it is among the best")
        if number is None:
            return state, Idle.WAIT if state["at"] else Idle.FINISHED
        state["at"][str(number)] = 0
        return state, Sample(self.rungs[0])

    def report(self, state: Any, trial: int, resource: int, loss: float) -> tuple[Any, Verdict]:
        t = str(trial)
        k = state["at"].pop(t)
        state["came"][k][t] = loss if isfinite(loss) else None
        if not isfinite(loss):
            return state, Verdict(Step.STOP, "worst")
        if resource == self.rungs[-1]:
            return state, Verdict(Step.FINISH, "done")
        if self.promotes:
            return state, Verdict(Step.PAUSE, "wait")
        if t not in self.best(state, k):
            return state, Verdict(Step.STOP, "not among the best")
        state["at"][t] = k + 1
        return state, Verdict(Step.GO_ON, "among the best", self.rungs[k + 1])

    def ended(self, state: Any, trial: int, loss: float | None) -> Any:
        t = str(trial)
        if t in state["at"]:
            k = state["at"].pop(t)
            state["came"][k][t] = loss if loss is not None and isfinite(loss) else None
            state["over"].append(t)
            while not self.promotes and k + 1 < len(self.rungs) and t in self.best(state, k):
                k += 1
                state["came"][k][t] = loss
        return state

    def missing(self, state: Any, trial: int) -> Any:
        del state["at"][str(trial)]
        return state


@settings(max_examples=80, deadline=None)
@given(
    R=st.integers(1, 90),
    eta=st.integers(2, 4),
    trials=st.integers(0, 60),
    workers=st.integers(1, 12),
    variant=st.sampled_from(["stopping", "promotion"]),
    is_troubled=st.booleans(),
    points=st.integers(0, 80),
)
def test_every_decision_is_the_papers(
    R: int, eta: int, trials: int, workers: int, variant: str, is_troubled: bool, points: int
) -> None:
    def make() -> ASHA:
        return ASHA(
            max_resource=R, reduction_factor=eta, variant=variant, stop_last_trials=True, trials=trials
        )

    def by_hand() -> Scheduler:
        return ByHand(make().rungs, eta, variant == "promotion")

    script = (draw_troubles if is_troubled else draw_losses)(R)

    def play(make: Callable[[], Scheduler]) -> dict[int, tuple[dict[int, float], int, str]]:
        played = Rehearsal(make, script, trials=trials, workers=workers, points=points).run()
        return {t: (track.rungs, track.resource, track.fate) for t, track in played.tracks.items()}

    assert repr(play(make)) == repr(play(by_hand))  # NaN is not equal to itself


def test_nine_in_a_rung_promote_three_and_never_seven() -> None:
    scheduler = ASHA(max_resource=9, variant="promotion")
    state = scheduler.init()
    for trial in range(9):
        state, work = scheduler.next(state, trial)
        assert work == Sample(1)
    for trial in range(9):
        state, verdict = scheduler.report(state, trial, 1, float(trial))
        assert verdict.step is Step.PAUSE
    assert verdict.reason == "place 9 of 9 at 1: 3 go on; it waits"
    works = []
    for _ in range(4):
        state, work = scheduler.next(state, 9)
        works.append(work)
    assert works == [
        *(Promote(n, 3, f"place {n + 1} of 9 at 1: 3 go on to 3") for n in range(3)),
        Sample(1),
    ]


def test_the_highest_rung_comes_first_and_the_top_is_never_promoted_from() -> None:
    scheduler = ASHA(max_resource=9, variant="promotion", stop_last_trials=True)
    state = scheduler.init()
    for trial in range(12):
        state, _ = scheduler.next(state, trial)
    for trial in range(9):
        state, _ = scheduler.report(state, trial, 1, float(trial))
    for trial in range(3):
        state, work = scheduler.next(state, None)
        assert work == Promote(trial, 3, f"place {trial + 1} of 9 at 1: 3 go on to 3")
    for trial in (9, 10, 11):
        state, _ = scheduler.report(state, trial, 1, float(trial))
    for trial in (0, 1, 2):
        state, verdict = scheduler.report(state, trial, 3, float(trial))
        assert verdict.step is Step.PAUSE
    state, work = scheduler.next(state, 12)
    assert work == Promote(0, 9, "place 1 of 3 at 3: 1 goes on to 9")
    state, work = scheduler.next(state, 12)
    assert work == Promote(3, 3, "place 4 of 12 at 1: 4 go on to 3")
    state, verdict = scheduler.report(state, 0, 9, 0.0)
    assert (verdict.step, verdict.reason) == (Step.FINISH, "it had its max_resource of 9")


def test_the_stopping_variant_counts_the_own_loss_and_says_why() -> None:
    scheduler = ASHA(max_resource=9)
    state = scheduler.init()
    said = []
    for trial, loss in enumerate([3.0, 2.0, 2.5, 1.0, nan, 2.1, 0.5]):
        state, work = scheduler.next(state, trial)
        assert work == Sample(1)
        state, verdict = scheduler.report(state, trial, 1, loss)
        said.append((verdict.step, verdict.reason))
    assert said == [
        (Step.GO_ON, "place 1 of 1 at 1: 1 goes on to 3"),
        (Step.GO_ON, "place 1 of 2 at 1: 1 goes on to 3"),
        (Step.STOP, "place 2 of 3 at 1: 1 goes on"),
        (Step.GO_ON, "place 1 of 4 at 1: 1 goes on to 3"),
        (Step.STOP, "no usable value at 1: it cannot go on"),
        (Step.STOP, "place 3 of 6 at 1: 2 go on"),
        (Step.GO_ON, "place 1 of 7 at 1: 2 go on to 3"),
    ]


@pytest.mark.parametrize("variant", ["stopping", "promotion"])
def test_trials_without_a_value_do_not_run_to_the_end(variant: str) -> None:
    def script(trial: int) -> Script:
        return Script(lambda _: nan if trial % 3 else float(trial))

    played = Rehearsal(lambda: ASHA(max_resource=81, variant=variant), script, trials=30, workers=3).run()
    assert all(set(played.tracks[trial].rungs) == {1} for trial in range(30) if trial % 3)


@pytest.mark.parametrize("stops", [False, True])
def test_the_last_trials_may_come_to_their_own_end(stops: bool) -> None:
    for variant in ("stopping", "promotion"):
        scheduler = ASHA(max_resource=4, min_resource=4, variant=variant, stop_last_trials=stops)
        state, work = scheduler.next(scheduler.init(), 0)
        assert work == Sample(4)
        state, verdict = scheduler.report(state, 0, 4, 0.5)
        assert verdict.step is (Step.FINISH if stops else Step.GO_ON)
        assert verdict.until == (None if stops else 5)
        assert scheduler.report(state, 0, 5, 0.4)[1].step is Step.FINISH
        assert scheduler.next(state, None)[1] is Idle.FINISHED


def test_few_trials_are_promoted_up_to_the_top_all_the_same() -> None:
    assert ASHA(max_resource=81, variant="promotion", trials=8).rungs == (27, 81)
    assert ASHA(max_resource=81, variant="promotion", trials=81).rungs == levels(81, 1, 3)
    assert ASHA(max_resource=81, variant="promotion", trials=2).rungs == (81,)
    assert ASHA(max_resource=81, variant="stopping", trials=8).rungs == levels(81, 1, 3)


def test_a_paused_trial_that_dies_is_the_worst_and_one_that_ended_goes_up_without_running() -> None:
    scheduler = ASHA(max_resource=9, variant="promotion")
    state = scheduler.init()
    for trial in range(6):
        state, _ = scheduler.next(state, trial)
    for trial in range(2):
        state, _ = scheduler.report(state, trial, 1, float(trial))
    state = scheduler.ended(state, 0, None)
    state = scheduler.ended(state, 1, 0.9)
    for trial in (2, 3):
        state, verdict = scheduler.report(state, trial, 1, float(trial))
        assert verdict.step is Step.PAUSE
    state, work = scheduler.next(state, None)
    assert work is Idle.WAIT  # the best of four is trial 1, which is over
    state, verdict = scheduler.report(state, 4, 1, 4.0)
    assert verdict.reason == "place 4 of 5 at 1: 1 goes on; it waits"
    state, verdict = scheduler.report(state, 5, 1, 5.0)
    assert scheduler.next(state, None)[1] == Promote(2, 3, "place 2 of 6 at 1: 2 go on to 3")


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(RequestError, match="no variant 'paused'"):
        ASHA(max_resource=9, variant="paused")
