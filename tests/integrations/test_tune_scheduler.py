"""BarridoScheduler, called as Tune calls it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any, ClassVar

import pytest

from barrido import (
    ASHAScheduler,
    BanditPolicy,
    BOHBScheduler,
    HyperbandScheduler,
    MedianStoppingPolicy,
    SuccessiveHalvingScheduler,
    TruncationSelectionPolicy,
)
from barrido.controller.loop import Controller
from barrido.core.recipe import Limits
from barrido.core.trial import Phase
from barrido.errors import RequestError, SpecError
from barrido.executors.sim import SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.sdk.algorithms import EarlyTerminationPolicy
from barrido.space import Choice, Space
from barrido.store.memory import MemoryStore

pytest.importorskip("ray.tune", reason="Ray Tune is not installed", exc_type=ImportError)
from ray.tune.search import ConcurrencyLimiter
from tests.integrations.tuning import FakeSearchAlg, FakeTune, points

from barrido.integrations.ray import BarridoScheduler, BarridoSearch
from barrido.integrations.ray.journal import read

HYPERBAND = HyperbandScheduler(max_resource=9)
LENGTHS = [1] * 6 + [3] * 6 + [9] * 5  # nine to one, five to one, three


def loss(params: Mapping[str, Any], n: int) -> float:
    return float(params["x"] + 1 / n)


def scheduler(given: Any = HYPERBAND, **options: Any) -> BarridoScheduler:
    made = BarridoScheduler(given, **options)
    assert made.set_search_properties("loss", "min")
    return made


def tune(
    folder: Path, given: Any = HYPERBAND, *, count: int = 17, source: Any = None, **options: Any
) -> FakeTune:
    made = given if isinstance(given, BarridoScheduler) else scheduler(given)
    return FakeTune(
        made, FakeSearchAlg(source or points(count), count), options.pop("loss", loss), folder, **options
    )


def phases(made: BarridoScheduler) -> dict[Any, Phase]:
    state = made._conductor.state  # type: ignore[union-attr]
    return {trial.params["x"]: trial.phase for trial in state.trials.values()}


def rungs(made: BarridoScheduler) -> dict[Any, list[int]]:
    state = made._conductor.state  # type: ignore[union-attr]
    return {trial.params["x"]: sorted(trial.rungs) for trial in state.trials.values()}


@pytest.mark.parametrize("workers", [1, 2, 5, 17])
def test_a_hyperband_of_seventeen_takes_sixty_nine_iterations(tmp_path: Path, workers: int) -> None:
    run = tune(tmp_path, workers=workers)
    assert run.run()
    assert run.executed.total() == 69
    assert run.lengths() == LENGTHS
    assert set(phases(run.scheduler).values()) == {Phase.COMPLETED, Phase.PRUNED}


@pytest.mark.parametrize("kind", ["ours", "limiter"])
def test_trials_that_wait_do_not_count_as_concurrent(tmp_path: Path, kind: str) -> None:
    space = {"x": Choice(range(17))}
    search = BarridoSearch(space, sampling_algorithm="grid", metric="loss", mode="min")
    source: Any = ConcurrencyLimiter(search, max_concurrent=2)
    if kind == "limiter":
        source = ConcurrencyLimiter(_Foreign(17), max_concurrent=2)
    run = tune(tmp_path, source=source, workers=9)
    assert run.run()
    assert run.executed.total() == 69
    assert run.lengths() == LENGTHS
    assert run.most_running == 2


def _Foreign(count: int) -> Any:
    from ray.tune.search import Searcher

    class Foreign(Searcher):  # type: ignore[misc]
        """Somebody else's search, which knows nothing of rungs."""

        def __init__(self) -> None:
            super().__init__(metric="loss", mode="min")
            self._points = iter(points(count))

        def suggest(self, trial_id: str) -> Any:
            return next(self._points, "FINISHED")

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            pass

    return Foreign()


def test_the_best_go_on(tmp_path: Path) -> None:
    run = tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9), count=9)
    assert run.run()
    assert rungs(run.scheduler) == {0: [1, 3, 9], 1: [1, 3], 2: [1, 3], **{x: [1] for x in range(3, 9)}}
    assert run.executed.total() == 9 + 3 * 2 + 6


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_a_value_that_is_no_number_never_wins(tmp_path: Path, bad: float) -> None:
    run = tune(
        tmp_path,
        SuccessiveHalvingScheduler(max_resource=9),
        count=9,
        loss=lambda params, n: bad if params["x"] < 3 else loss(params, n),
    )
    assert run.run()
    assert rungs(run.scheduler)[3] == [1, 3, 9]
    assert all(rungs(run.scheduler)[x] == [1] for x in range(3))


@pytest.mark.parametrize("at", [1, 2, 3, 5, 9])
def test_a_trial_that_fails_last_in_a_rung_holds_up_nobody(tmp_path: Path, at: int) -> None:
    fails = frozenset({(0, at)})
    run = tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9), count=9, fails=fails, workers=1)
    assert run.run()
    assert phases(run.scheduler)[0] is Phase.FAILED
    assert any(trial.status == "ERROR" for trial in run.trials)
    winners = [x for x, came in rungs(run.scheduler).items() if came == [1, 3, 9]]
    assert winners == ([] if at > 3 else [1])


def test_a_trial_that_ends_by_itself_competes_without_running(tmp_path: Path) -> None:
    run = tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9), count=9, length=1)
    assert run.run()
    assert run.executed.total() == 9
    assert set(phases(run.scheduler).values()) == {Phase.COMPLETED, Phase.PRUNED}


def test_nine_in_a_rung_of_asha_promote_three(tmp_path: Path) -> None:
    run = tune(tmp_path, ASHAScheduler(max_resource=9), count=9, workers=9)
    assert run.run()
    came = [len(one) for one in rungs(run.scheduler).values()]
    assert sorted(came) == [1] * 6 + [2, 2, 3]


def test_one_that_is_promoted_by_its_own_report_is_not_paused(tmp_path: Path) -> None:
    seen = []

    class Watched(FakeTune):
        def _train(self, trial: Any) -> None:
            super()._train(trial)
            seen.append((trial.evaluated_params["x"], trial.status))

    run = Watched(
        scheduler(ASHAScheduler(max_resource=9)),
        FakeSearchAlg([{"x": x} for x in (2, 1, 0)], 3),
        loss,
        tmp_path,
        workers=1,
    )
    assert run.run()
    assert (0, "PAUSED") not in seen
    assert run.lengths() == [3, 3, 9]


@pytest.mark.parametrize(
    "rule",
    [
        BanditPolicy(slack_amount=2.5, delay_evaluation=2),
        BanditPolicy(slack_factor=0.2, evaluation_interval=3),
        MedianStoppingPolicy(delay_evaluation=2),
        TruncationSelectionPolicy(truncation_percentage=50, evaluation_interval=2),
        HYPERBAND,
        SuccessiveHalvingScheduler(max_resource=9, trials=9),
        ASHAScheduler(max_resource=9),
        ASHAScheduler(max_resource=9, variant="stopping"),
    ],
    ids=repr,
)
def test_it_decides_as_a_sweep_of_the_same_curves_does(tmp_path: Path, rule: Any) -> None:
    is_policy = isinstance(rule, EarlyTerminationPolicy)
    made = BarridoScheduler(early_termination=rule) if is_policy else BarridoScheduler(rule)
    made.set_search_properties("loss", "min")
    run = tune(tmp_path, made, workers=1)
    assert run.run()

    recipe = made._conductor.recipe  # type: ignore[union-attr]
    values = [point["x"] for point in points(17)]
    limits = Limits(max_total_trials=17, max_concurrent_trials=1)
    recipe = replace(
        recipe,
        space=Space({"x": Choice(values, ordered=False)}).to_json(),
        sampler={"type": "grid"},
        limits=limits,
    )
    world = SimWorld(loss, steps=lambda _: 9, metric="loss")
    sweep = Controller(
        recipe, build_plan(recipe), build_sampler(recipe), world.executor(), MemoryStore(recipe), world.clock
    )
    sweep.begin()
    sweep.run()
    theirs = {trial.params["x"]: (trial.phase, trial.reports) for trial in sweep.state.trials.values()}
    state = made._conductor.state  # type: ignore[union-attr]
    assert {trial.params["x"]: (trial.phase, trial.reports) for trial in state.trials.values()} == theirs


def test_without_checkpoints_what_is_done_again_is_not_compared_again(tmp_path: Path) -> None:
    run = tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9), count=9, saves=False)
    assert run.run()
    assert rungs(run.scheduler)[0] == [1, 3, 9]
    assert run.executed.total() == 9 + 3 * 3 + 9  # all three begin at 1 again


@pytest.mark.parametrize("kill", range(1, 69, 5))
@pytest.mark.parametrize("kind", ["points", "search"])
def test_after_a_crash_the_rungs_are_the_same_and_nothing_is_done_twice(
    tmp_path: Path, kill: int, kind: str
) -> None:
    """Tune's snapshot is older than the crash: it has forgotten trials, reports, checkpoints and ends."""

    def source() -> Any:
        if kind == "points":
            return points(17)
        return BarridoSearch({"x": Choice(range(17))}, sampling_algorithm="grid")

    run = tune(tmp_path, source=source())
    run.run(max(1, kill - 12))
    snapshot, given = run.snapshot(), run.search_alg.given
    saved = tmp_path / "searcher"
    if kind == "search":
        run.search_alg.searcher.save(str(saved))
    run.run(12)

    after = FakeSearchAlg(source(), 17, prefix="t" if kind == "points" else "again")
    after.given = given
    if kind == "search":
        after.searcher.restore(str(saved))
    again = run.restored(scheduler(), snapshot, after)
    assert again.run()
    assert again.executed.total() == 69
    assert again.lengths() == LENGTHS
    undisturbed = tune(tmp_path / "other", source=source())
    (tmp_path / "other").mkdir()
    undisturbed.run()
    assert rungs(again.scheduler) == rungs(undisturbed.scheduler)
    assert phases(again.scheduler) == phases(undisturbed.scheduler)


@pytest.mark.parametrize("kill", range(1, 60, 4))
def test_after_a_crash_what_had_failed_has_failed(tmp_path: Path, kill: int) -> None:
    fails = frozenset({(7, 1), (1, 3), (13, 9)})
    run = tune(tmp_path, fails=fails)
    run.run(max(1, kill - 12))
    snapshot, given = run.snapshot(), run.search_alg.given
    run.run(12)
    after = FakeSearchAlg(points(17), 17)
    after.given = given
    again = run.restored(scheduler(), snapshot, after)
    assert again.run()
    (tmp_path / "other").mkdir()
    undisturbed = tune(tmp_path / "other", fails=fails)
    undisturbed.run()
    assert again.executed == undisturbed.executed
    assert phases(again.scheduler) == phases(undisturbed.scheduler)


def test_a_failed_trial_that_tune_is_told_to_run_again_takes_part_in_nothing(tmp_path: Path) -> None:
    run = tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9), count=9, fails=frozenset({(7, 1)}))
    assert run.run()
    again = run.restored(scheduler(), [], FakeSearchAlg([], 0))
    (failed,) = [trial for trial in run.snapshot() if trial.status == "ERROR"]
    failed.status = "PENDING"
    again.add(failed)
    assert (
        again.scheduler.on_trial_result(again, failed, {"training_iteration": 2, "loss": 1.0}) == "CONTINUE"
    )
    again.scheduler.on_trial_complete(again, failed, {"training_iteration": 2, "loss": 1.0})
    again.scheduler.on_trial_error(again, failed)
    assert phases(again.scheduler)[7] is Phase.FAILED


def test_trials_that_do_not_come_back_hold_up_nobody(tmp_path: Path) -> None:
    run = tune(tmp_path)
    run.run(3)
    snapshot = run.snapshot()[:1]
    run.run(10)
    others = FakeSearchAlg([{"x": 100 + k} for k in range(17)], 17, prefix="other")
    others.given = 1
    again = run.restored(scheduler(), snapshot, others)
    assert again.run()
    assert all(phase.is_terminal for phase in phases(again.scheduler).values())


def test_a_search_that_ends_early_holds_up_no_rung(tmp_path: Path) -> None:
    run = tune(tmp_path, source=_Foreign(5))
    assert run.run()
    assert len(run.trials) == 5
    assert run.lengths()[-1] == 9


def test_a_search_that_gives_none_while_nothing_runs_holds_up_no_rung(tmp_path: Path) -> None:
    class Shy:
        searcher = None
        given = 0

        def suggest(self, trial_id: str) -> Any:
            self.given += 1
            return points(17)[self.given] if self.given < 5 else None

        def on_trial_result(self, *_: Any) -> None: ...

        def on_trial_complete(self, *_: Any, **__: Any) -> None: ...

    run = tune(tmp_path, source=Shy())
    run.run(500)
    assert {trial.status for trial in run.trials} == {"TERMINATED"}


def test_another_run_in_the_same_folder_begins_anew(tmp_path: Path) -> None:
    tune(tmp_path, count=3).run()
    run = tune(tmp_path, count=3, saves=False)
    run.storage = lambda: _of_another_run(FakeTune.storage(run))  # type: ignore[method-assign]
    assert run.run()
    assert len(rungs(run.scheduler)) == 3
    assert (tmp_path / "barrido.jsonl").read_text().count('"recipe"') == 2


def _of_another_run(storage: Any) -> Any:
    storage.experiment_driver_staging_path = storage.experiment_driver_staging_path.replace(
        "/run/", "/later/"
    )
    return storage


def test_save_and_restore_by_hand(tmp_path: Path) -> None:
    run = tune(tmp_path)
    run.run(20)
    run.scheduler.save(str(tmp_path / "saved"))
    other = scheduler()
    other.restore(str(tmp_path / "saved"))
    assert rungs(other) == rungs(run.scheduler)
    assert "wait at a rung" in other.debug_string()


def test_it_travels_as_tune_sends_it() -> None:
    assert pickle.loads(pickle.dumps(scheduler())).metric == "loss"


def test_a_report_without_the_metric_decides_nothing(tmp_path: Path) -> None:
    run = tune(tmp_path)
    run.run(1)
    (trial,) = run.trials[:1]
    assert run.scheduler.on_trial_result(run, trial, {"training_iteration": 5}) == "CONTINUE"


def test_a_trial_that_tune_retries_goes_on_where_it_was(tmp_path: Path) -> None:
    run = tune(tmp_path, workers=1, count=9)
    run.step()
    (trial,) = [one for one in run.trials if one.last_result]
    before = phases(run.scheduler)
    trial.status = "ERROR"
    run.scheduler.on_trial_error(run, trial)
    trial.status = "PENDING"
    run.scheduler.on_trial_add(run, trial)
    assert phases(run.scheduler) == before


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="needs a scheduler"):
        BarridoScheduler()
    with pytest.raises(SpecError, match="max_resource"):
        BarridoScheduler("hyperband")
    with pytest.raises(RequestError, match="counts reports"):
        BarridoScheduler(HyperbandScheduler(max_resource=9, resource="seconds"))
    with pytest.raises(RequestError, match="the mode is min or max"):
        FakeTune(
            BarridoScheduler(HYPERBAND, metric="loss"), FakeSearchAlg(points(3), 3), loss, tmp_path
        ).run()
    with pytest.raises(RequestError, match="learns at its rungs"):
        tune(tmp_path, BOHBScheduler(max_resource=9)).run()
    with pytest.raises(RequestError, match="with how many trials"):
        tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9), count=10**9, source=points(17)).run()


def test_tune_may_say_the_metric_once_only() -> None:
    made = BarridoScheduler(HYPERBAND, metric="loss", mode="min")
    assert not made.set_search_properties("loss", "min")
    assert made.set_search_properties(None, None)
    assert not made.supports_buffered_results


def test_storage_that_cannot_be_appended_to_asks_for_a_path(tmp_path: Path) -> None:
    run = tune(tmp_path, count=3)
    remote = run.storage()
    remote.storage_filesystem = type("S3", (), {"type_name": "s3"})()
    run.storage = lambda: remote  # type: ignore[method-assign]
    with pytest.raises(RequestError, match="journal="):
        run.run()


def test_a_path_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "here" / "journal.jsonl"
    run = tune(tmp_path, scheduler(journal=path), count=3)
    assert run.run()
    assert len(read(path)) > 3
    assert not (tmp_path / "barrido.jsonl").exists()


def test_bohb_learns_from_the_rungs(tmp_path: Path) -> None:
    search = BarridoSearch({"x": Choice(range(1000))}, sampling_algorithm="bohb")
    run = tune(tmp_path, BOHBScheduler(max_resource=9), source=search, count=34, workers=3)
    assert run.run()
    assert all(rungs(run.scheduler).values())


def test_a_decision_is_on_disk_before_tune_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append(len(read(tmp_path / "barrido.jsonl"))))
    run = tune(tmp_path, SuccessiveHalvingScheduler(max_resource=9, min_resource=3), count=3, workers=1)
    answers = []

    class Heard(BarridoScheduler):
        def on_trial_result(self, *told: Any) -> str:
            answer = super().on_trial_result(*told)
            answers.append((answer, len(read(tmp_path / "barrido.jsonl")) in synced))
            return answer

    run.scheduler.__class__ = Heard
    assert run.run()
    assert {"CONTINUE", "PAUSE", "STOP"} == {answer for answer, _ in answers}
    assert all(is_safe for answer, is_safe in answers if answer != "CONTINUE")
    assert not all(is_safe for _, is_safe in answers)


@pytest.mark.parametrize(
    ("lost", "is_put_back"),
    [
        ({"a/b": 1, "c": 2.5}, True),
        ({"a/b": 1}, False),
        ({"a/b": [1], "c": 2}, False),
        ({"a/b": None, "c": "x"}, True),
    ],
)
def test_a_trial_that_would_be_drawn_anew_gets_the_values_it_had(lost: Any, is_put_back: bool) -> None:
    from barrido.integrations.ray.catching_up import put_back

    class Drawn:
        config: ClassVar[Any] = {"a": {"b": 7, "same": 1}, "c": 8}
        evaluated_params: ClassVar[Any] = {"a/b": 7, "c": 8}
        experiment_tag = "3_b=7,c=8"

        def set_config(self, config: Any) -> None:
            vars(self)["config"] = config

        def set_experiment_tag(self, tag: str) -> None:
            self.experiment_tag = tag

    trial = Drawn()
    assert put_back(trial, lost) is is_put_back
    if is_put_back:
        assert trial.config == {"a": {"b": lost["a/b"], "same": 1}, "c": lost["c"]}
        assert trial.evaluated_params == lost
        assert trial.experiment_tag.startswith("3_b=")
    else:
        assert trial.evaluated_params == Drawn.evaluated_params
    assert Drawn.config["a"]["b"] == 7
