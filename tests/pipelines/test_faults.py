"""Processes of a pipeline die at any moment: no step is run twice, none is lost."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from tests.pipelines.conftest import PATIENCE_S, Bench, finished, kill, wait_until
from tests.pipelines.test_running import CHAIN, SEARCH

from barrido import app, launcher
from barrido.controller import lock
from barrido.controller.clock import WallClock
from barrido.controller.lock import SweepLock
from barrido.core.layout import PipelineFolder, SweepFolder
from barrido.core.pipeline import PipelinePhase, Step, StepPhase
from barrido.errors import ControllerError, RequestError, StoreError
from barrido.executors.snapshot import snapshot
from barrido.pipelines import records, runner, submission
from barrido.pipelines.runner import Runner
from barrido.pipelines.standing import StepStanding, look, look_at
from barrido.sdk.jobs import JobOperations
from barrido.spec.load import Defaults, load

THREE = """
    type: pipeline
    jobs:
      a:
        command: python step.py a --wait {here}/a --out ${{{{outputs.out}}}}
        code: ./src
        outputs: {{out: }}
      b:
        command: python step.py b --wait {here}/b --read ${{{{inputs.it}}}} --out ${{{{outputs.out}}}}
        code: ./src
        inputs: {{it: "${{{{parent.jobs.a.outputs.out}}}}"}}
        outputs: {{out: }}
      c:
        command: python step.py c --read ${{{{inputs.it}}}} --out ${{{{outputs.out}}}}
        code: ./src
        inputs: {{it: "${{{{parent.jobs.b.outputs.out}}}}"}}
        outputs: {{out: }}
"""


def test_killed_while_a_step_runs_it_goes_on_behind_it(bench: Bench) -> None:
    folder = bench.submit(THREE.format(here=bench.root))
    for name in ("a", "b"):
        wait_until(partial(bench.runs, name), f"{name} runs")
        kill(folder)
        assert look(folder).is_interrupted
        bench.let(name)
        job = bench.workspace.sweep(f"p-{name}")
        wait_until(partial(is_still, job), f"the end of {name}, which nobody watches")
        submission.resume(folder)
    assert finished(folder).phase is PipelinePhase.COMPLETED
    assert bench.ran() == ["a", "b", "c"]
    assert bench.made(folder, "c") == "c(b(a()))"


def test_an_output_that_was_removed_is_missed_by_who_needs_it(bench: Bench) -> None:
    folder = bench.submit(THREE.format(here=bench.root))
    wait_until(lambda: bench.runs("a"), "a runs")
    kill(folder)
    bench.let("a")
    job = bench.workspace.sweep("p-a")
    wait_until(partial(is_still, job), "the end of a, which nobody watches")
    shutil.rmtree(job.trial(0).named_outputs)
    submission.resume(folder)
    standing = finished(folder)
    assert standing.phase is PipelinePhase.FAILED
    assert "its input it is gone: there is no" in standing.steps["b"].reason
    assert bench.ran() == ["a"]


def test_what_ended_does_not_need_its_job_any_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    folder = bench.submit(CHAIN)
    run_here(folder)
    before = look(folder).steps["first"]
    bench.workspace.sweep("p-first").db.write_bytes(b"no database")
    after = look(folder).steps["first"]
    assert (after.phase, after.reason, after.trial) == (before.phase, before.reason, before.trial)
    assert after.job is None


@pytest.mark.slow
def test_killed_at_once_again_and_again_it_comes_to_its_end(bench: Bench) -> None:
    folder = bench.submit(SEARCH)
    clock, kills = WallClock(), 0
    deadline = clock.now() + PATIENCE_S
    while not look(folder).phase.is_terminal:
        assert clock.now() < deadline, folder.log.read_text()
        if kills < 12 and (pid := lock.holder(folder)):
            clock.wait(0.05 * kills)  # each life a bit longer than the one before
            with suppress(ProcessLookupError):  # it came to its end
                os.kill(pid, signal.SIGKILL)
            wait_until(partial(is_gone, folder, pid), "its death")
            kills += 1
        if lock.holder(folder) is None and not look(folder).phase.is_terminal:
            submission.resume(folder)
    standing = look(folder)
    assert standing.phase is PipelinePhase.COMPLETED
    assert sorted(bench.ran()) == ["search", "search", "search", "use"]
    assert bench.made(folder, "use") == "use(search9.0())"
    assert kills >= 3


def is_gone(folder: PipelineFolder, pid: int) -> bool:
    return lock.holder(folder) != pid


def is_still(job: SweepFolder) -> bool:
    return not app.is_running(job)


def test_the_controller_of_a_step_that_dies_is_started_again(bench: Bench) -> None:
    folder = bench.submit(THREE.format(here=bench.root))
    wait_until(lambda: bench.ran() == ["a"], "a runs")
    job = bench.workspace.sweep("p-a")
    kill(job)
    wait_until(lambda: app.is_running(job), "another controller")
    bench.let("a")
    bench.let("b")
    assert finished(folder).phase is PipelinePhase.COMPLETED
    assert bench.ran() == ["a", "b", "c"]


def test_a_cancel_starts_a_runner_that_died(bench: Bench) -> None:
    folder = bench.submit(THREE.format(here=bench.root))
    wait_until(lambda: bench.ran() == ["a"], "a runs")
    kill(folder)
    submission.cancel(folder)
    standing = finished(folder)
    assert standing.phase is PipelinePhase.CANCELED
    assert [step.phase for step in standing.steps.values()] == [
        StepPhase.CANCELED, StepPhase.SKIPPED, StepPhase.SKIPPED,
    ]  # fmt: skip


def test_resume_says_what_there_is_not_to_resume(bench: Bench) -> None:
    folder = bench.submit(THREE.format(here=bench.root))
    wait_until(lambda: bench.ran() == ["a"], "a runs")
    with pytest.raises(ControllerError, match="already running"):
        submission.resume(folder)
    bench.let("a")
    bench.let("b")
    finished(folder)
    with pytest.raises(RequestError, match="nothing to resume"):
        submission.resume(folder)


class Died(BaseException):
    """The process was killed here."""


@contextmanager
def dying_at(moment: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Each step that is made and each state that is written is a moment before it, and one behind it."""
    passed: list[str] = []

    def mortal(what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*args: Any, **settings: Any) -> Any:
            for when in ("before", "behind"):
                if when == "behind":
                    result = act(*args, **settings)
                passed.append(f"{when} {what}")
                if len(passed) - 1 == moment:
                    raise Died
            return result

        return acting

    with monkeypatch.context() as patch:
        patch.setattr(app, "create", mortal("create", app.create))
        patch.setattr(runner, "write_state", mortal("write_state", records.write_state))
        yield passed


def run_here(folder: PipelineFolder, slots: int = 2) -> None:
    with SweepLock(folder):
        Runner(folder, WallClock(), slots=slots).run()


@pytest.mark.slow
def test_it_may_die_before_and_behind_everything_that_it_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    moment, moments = 0, None
    while moments is None or moment < moments:
        (bench.root / "ran").unlink(missing_ok=True)
        folder = bench.submit(CHAIN, name=f"p{moment}")
        with dying_at(moment, monkeypatch) as passed:
            try:
                run_here(folder)
            except Died:
                pass
            else:
                moments = moment  # it came to its end before that moment
        run_here(folder)
        standing = look(folder)
        assert standing.phase is PipelinePhase.COMPLETED, passed
        assert bench.ran() == ["first", "last"], passed
        assert (folder.outputs / "result" / "made").read_text() == "last(first())", passed
        moment += 1
    assert moment >= 10, "two steps made, two ends and one outcome written: each before and behind"


def test_killed_between_a_steps_folder_and_its_controller_the_step_is_taken_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    folder = bench.submit(CHAIN)
    real = launcher.start

    def dies(place: Any, **settings: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(launcher, "start", dies)
        with pytest.raises(Died):
            run_here(folder)
    assert launcher.start is real
    assert bench.workspace.sweep("p-first").db.exists()
    run_here(folder)
    assert look(folder).phase is PipelinePhase.COMPLETED
    assert bench.ran() == ["first", "last"]


def only_sweeps(start: Callable[..., None]) -> Callable[..., None]:
    """Starts controllers; runners are run by the test itself."""

    def starts(place: Any, **settings: Any) -> None:
        if not isinstance(place, PipelineFolder):
            start(place, **settings)

    return starts


def test_a_step_whose_job_cannot_be_made_has_failed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    folder = bench.submit(CHAIN)
    for copy in folder.code.iterdir():
        copy.rename(copy.with_name("gone"))
    run_here(folder)
    standing = look(folder)
    assert standing.phase is PipelinePhase.FAILED
    assert "does not exist" in standing.steps["first"].reason
    assert standing.steps["last"].phase is StepPhase.SKIPPED


def test_a_full_disk_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    monkeypatch.setattr(runner, "AGAIN_S", 0.0)
    folder = bench.submit(CHAIN)
    refused: list[str] = []

    def reluctant(what: str, act: Callable[..., Any], error: Exception) -> Callable[..., Any]:
        def acting(*args: Any, **settings: Any) -> Any:
            if len(refused) % 3 < 2:  # twice, then it is let through
                refused.append(what)
                raise error
            refused.append("")
            return act(*args, **settings)

        return acting

    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(app, "create", reluctant("create", app.create, StoreError("the disk is full")))
    monkeypatch.setattr(runner, "write_state", reluctant("write", records.write_state, full))
    run_here(folder)
    assert look(folder).phase is PipelinePhase.COMPLETED
    assert bench.ran() == ["first", "last"]
    assert (folder.outputs / "result" / "made").read_text() == "last(first())"
    assert refused.count("create") == 4, "each of two steps twice"
    assert refused.count("write") == 6, "two ends and an outcome"


def test_a_pipeline_whose_folder_is_gone_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    folder = bench.submit(CHAIN)
    one = Runner(folder, WallClock(), slots=2)
    shutil.rmtree(folder.root)
    with pytest.raises(FileNotFoundError):
        one.run()


def test_a_step_whose_job_cannot_be_read_has_failed_after_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    folder = bench.submit(CHAIN)
    unreadable = [True]

    def looks_at(step: Step, *args: Any) -> StepStanding:
        if step.name == "last" and unreadable[0]:
            raise StoreError("no database")
        return look_at(step, *args)

    monkeypatch.setattr(runner, "look_at", looks_at)
    one = Runner(folder, WallClock(), slots=2)
    one._turn()
    assert look(folder).steps["last"].phase is StepPhase.WAITING, "it may be readable again"
    unreadable[0] = False
    one._turn()
    monkeypatch.setattr(runner, "UNREADABLE_S", 0.0)
    unreadable[0] = True
    one.run()
    assert look(folder).phase is PipelinePhase.FAILED
    assert "its job cannot be read: no database" in look(folder).steps["last"].reason


def test_a_sweep_of_somebody_else_in_a_steps_place_is_not_taken_for_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", only_sweeps(launcher.start))
    folder = bench.submit(CHAIN)
    path = bench.write("{type: command, name: p-first, command: 'true'}", "other.yml")
    app.create(load(path, defaults=Defaults.here()), bench.workspace)
    run_here(folder)
    assert "none of this pipeline's" in look(folder).steps["first"].reason
    assert look(folder).phase is PipelinePhase.FAILED


@pytest.mark.parametrize("first", ["sweep", "pipeline"])
def test_a_name_that_was_taken_while_the_code_was_copied_is_not_taken_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(launcher, "start", lambda *_, **__: None)
    path = bench.write("{type: command, name: p, code: ./src, command: 'true'}", "other.yml")
    command = load(path, defaults=Defaults.here())
    pipeline = bench.read(bench.write(CHAIN), name="p")
    makers: dict[str, Callable[[], Any]] = {
        "sweep": lambda: app.create(command, bench.workspace),
        "pipeline": lambda: submission.create(pipeline, bench.workspace),
    }
    slower, place = ("pipeline", submission) if first == "sweep" else ("sweep", app)

    def copied(*args: Any, **settings: Any) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setattr(place, "snapshot", snapshot)
            makers[first]()
        return snapshot(*args, **settings)

    monkeypatch.setattr(place, "snapshot", copied)
    with pytest.raises(RequestError, match=f"already is a {first} 'p'"):
        makers[slower]()
    assert bench.workspace.sweep("p").root.exists() is (first == "sweep")
    assert bench.workspace.pipeline("p").root.exists() is (first == "pipeline")


def test_a_step_that_was_taken_up_often_survives_a_time_when_it_cannot_be(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", lambda *_, **__: None)
    folder = bench.submit(CHAIN)
    outcomes = iter(["", "", "", "", "no processes left", "", *["broken"] * runner.TRIES])

    def resumes(*_: Any, **__: Any) -> None:
        if what := next(outcomes):
            raise ControllerError(what)

    monkeypatch.setattr(app, "resume", resumes)
    monkeypatch.setattr(runner, "LONGEST_WAIT_S", 0.0)
    one = Runner(folder, WallClock(), slots=2)
    for _ in range(10):
        one._turn()
    assert look(folder).steps["first"].phase is StepPhase.RUNNING
    for _ in range(4):
        one._turn()
    assert "broken" in look(folder).steps["first"].reason


def test_a_list_of_the_newest_opens_no_more_than_it_may_show(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", lambda *_, **__: None)
    for number in range(3):
        bench.submit(CHAIN, name=f"p{number}")
    opened: list[str] = []
    real = JobOperations.get

    def get(self: JobOperations, name: str) -> Any:
        opened.append(name)
        return real(self, name)

    monkeypatch.setattr(JobOperations, "get", get)
    jobs = JobOperations(bench.workspace)
    assert [job.name for job in jobs.list(max_results=1)] == opened == ["p2"]
