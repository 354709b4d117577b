"""The sweep as MLflow shows it, whatever happens on the way: crashes, outages, other doors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

Bench = Any  # of conftest


def play(bench: Bench, test: Callable[[], Awaitable[None]], *, up: bool = True) -> None:
    async def inside() -> None:
        async with asyncio.timeout(60), bench.open(up=up):
            await test()

    asyncio.run(inside())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("barrido.tracking.mirror.RETRY_S", 0.1)
    monkeypatch.setattr("barrido.tracking.mirror.LOOK_S", 0.05)
    monkeypatch.setattr("barrido.tracking.forward.GATHER_S", 0.2)
    monkeypatch.setattr("barrido.tracking.forward.MAX_PAUSE_S", 0.1)
    monkeypatch.setattr("barrido.tracking.upstream.MAX_PAUSE_S", 0.2)


def test_a_sweep_is_a_parent_with_a_child_for_each_trial(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(tags={"team": "a"}, description="what it is for", display_name="Iris sweep")
    sweep = bench.sweep
    sweep.trial(1, "queued", started_at=None)
    sweep.trial(2, "canceled", started_at=None)

    async def test() -> None:
        assert bench.work is not None
        sweep.trial(
            0, "completed", params={"lr": 0.1, "model": {"kind": "tree", "depth": 3}}, ended_at=1005.5
        )
        sweep.trial(1, "pruned", ended_at=1006.0, reason="worse than the median")
        sweep.trial(3, "failed", ended_at=1007.0, exit_code=3, started_at=None)
        sweep.end(trial=0, value=0.25)
        assert await asyncio.wait_for(bench.work, 10) == 0
        runs = bench.mlflow.runs.values()
        assert sorted(run["info"]["run_name"] for run in runs) == ["demo", "demo_0", "demo_1", "demo_3"]
        parent, best, pruned, failed = (bench.mlflow.named(n) for n in ("demo", "demo_0", "demo_1", "demo_3"))
        assert parent["info"]["status"] == "FINISHED"
        assert parent["info"]["start_time"] == 1_000_000
        assert parent["info"]["end_time"] == 1_010_000
        tags = parent["tags"]
        assert tags["best_child_run_id"] == best["info"]["run_id"]
        assert tags["score"] == "0.25"
        assert json.loads(tags["primary_metric_config"]) == {"name": "loss", "goal": "minimize"}
        assert (tags["team"], tags["mlflow.note.content"]) == ("a", "what it is for")
        assert tags["mlflow.source.name"] == "python train.py"
        assert parent["metrics"][-1]["value"] == 0.25
        assert best["tags"]["barrido.best"] == "true"
        assert best["params"] == {"lr": "0.1", "model.kind": "tree", "model.depth": "3"}
        assert best["info"]["end_time"] == 1_005_500
        assert [run["info"]["status"] for run in (best, pruned, failed)] == ["FINISHED", "KILLED", "FAILED"]
        assert pruned["tags"]["barrido.reason"] == "worse than the median"
        assert failed["tags"]["barrido.exit_code"] == "3"
        assert {run["tags"]["mlflow.parentRunId"] for run in (best, pruned, failed)} == {
            parent["info"]["run_id"]
        }

    sweep.trial(0, params={"lr": 0.1, "model": {"kind": "tree", "depth": 3}})
    play(bench, test)


def test_the_best_child_moves_and_its_mark_with_it(bench: Bench) -> None:
    async def test() -> None:
        bench.sweep.trial(1)
        bench.sweep.best(0, 0.5)
        await bench.until(lambda: bench.mlflow.named("demo_0")["tags"].get("barrido.best") == "true")
        bench.sweep.best(1, 0.4)
        await bench.until(lambda: bench.mlflow.named("demo_1")["tags"].get("barrido.best") == "true")
        await bench.until(lambda: bench.mlflow.named("demo_0")["tags"]["barrido.best"] == "false")
        await bench.until(lambda: bench.mlflow.values("demo", "score") == [0.5, 0.4])

    play(bench, test)


@pytest.mark.parametrize("door", ["mlflow", "report"])
def test_a_short_trial_takes_mlflow_three_requests(
    bench: Bench, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        await bench.until(lambda: bench.mlflow.named("demo_0")["params"])
        monkeypatch.setattr("barrido.tracking.forward.GATHER_S", 5.0)  # the trial is shorter
        bench.mlflow.calls.clear()
        if door == "mlflow":
            bench.sweep.trial(1)
            run = (await bench.get("runs/get", trial=1, run_id=bench.alias(1)))["run"]
            assert run["data"]["params"] == [{"key": "lr", "value": "0.1"}]
            metric = {"key": "loss", "value": 0.5, "timestamp": 5}
            await bench.post("runs/log-metric", {"run_id": run["info"]["run_id"], **metric}, trial=1)
        else:
            bench.sweep.metric(1, 0, "loss", 0.5)
        bench.sweep.trial(1, "completed", ended_at=1005.0, exit_code=0)
        await bench.until(lambda: bench.mlflow.named("demo_1")["info"]["status"] == "FINISHED")
        assert bench.mlflow.calls == ["POST runs/create", "POST runs/log-batch", "POST runs/update"]
        made = bench.mlflow.named("demo_1")
        assert (made["params"], bench.mlflow.values("demo_1", "loss")) == ({"lr": "0.1"}, [0.5])
        assert (made["tags"]["barrido.phase"], made["tags"]["barrido.exit_code"]) == ("completed", "0")

    play(bench, test)


def test_a_run_is_made_when_its_trial_is_launched_and_nobody_has_asked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts waited up to a tenth of a second for it, with their first question."""
    monkeypatch.setattr("barrido.tracking.mirror.LOOK_S", 3600.0)  # it looks once, when it begins

    async def test() -> None:
        await bench.until(lambda: bench.mlflow.named("demo_0")["params"])
        bench.mlflow.calls.clear()
        trials = bench.sweep.folder.trials
        trials.joinpath("1").mkdir()  # of a trial that the store does not know
        trials.joinpath("spare").mkdir()
        bench.sweep.trial(2)
        trials.joinpath("spare").rename(trials / "2")
        await bench.until(lambda: bench.mlflow.named("demo_2"))
        assert bench.mlflow.calls == ["POST runs/create"]

    play(bench, test)


def test_what_mlflow_refuses_of_a_run_takes_nothing_along(bench: Bench) -> None:
    params = {"lr": 0.1, "depth": 3}
    bench.sweep.trial(0, params=params)
    bench.mlflow.refused = {"lr", "odd", "barrido.exit_code"}

    async def test() -> None:
        for key in ("loss", "odd", "acc"):
            await bench.log(key, 0.5)
        more = {"params": params, "exit_code": 3, "reason": "it crashed"}
        bench.sweep.trial(0, "failed", ended_at=1005.0, **more)
        await bench.until(lambda: bench.mlflow.named("demo_0")["info"]["status"] == "FAILED")
        run = bench.mlflow.named("demo_0")
        assert run["params"] == {"depth": "3"}
        assert [metric["key"] for metric in run["metrics"]] == ["loss", "acc"]
        assert (run["tags"]["barrido.phase"], run["tags"]["barrido.reason"]) == ("failed", "it crashed")
        assert "barrido.exit_code" not in run["tags"]
        refused = [text.split("'")[1] for text in bench.sweep.notices()]
        assert sorted(refused) == ["barrido.exit_code", "lr", "odd"]

    play(bench, test)


def test_params_arrive_though_the_process_dies_right_after_the_run_was_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barrido.tracking.forward.GATHER_S", 60.0)

    async def test() -> None:
        await bench.get("runs/get", run_id=bench.alias())
        await bench.crash()
        assert bench.mlflow.named("demo_0")["params"] == {}
        monkeypatch.setattr("barrido.tracking.forward.GATHER_S", 0.2)
        bench.start()
        await bench.until(lambda: bench.mlflow.named("demo_0")["params"] == {"lr": "0.1"})
        assert bench.mlflow.named("demo_0")["metrics"] == []

    play(bench, test)


def test_what_came_through_other_doors_is_shown_and_what_mlflow_cannot_name_is_told(bench: Bench) -> None:
    async def test() -> None:
        for seq, value in enumerate([0.5, None, 0.25]):
            bench.sweep.metric(0, seq, "loss", value)
        bench.sweep.metric(0, 3, "loss", 9.0, door="mlflow")
        bench.sweep.metric(0, 4, "100%", 1.0, door="file")
        bench.sweep.metric(0, 5, "acc", float("inf"), door="file")
        await bench.until(lambda: bench.mlflow.values("demo_0", "acc") == ["Infinity"])
        assert bench.mlflow.values("demo_0", "loss") == [0.5, "NaN", 0.25]
        first = bench.mlflow.named("demo_0")["metrics"][1]
        assert (first["step"], first["timestamp"]) == (1, 1_002_500)
        assert len(bench.mlflow.named("demo_0")["metrics"]) == 4
        assert "100%" in bench.sweep.notices()[0]

    play(bench, test)


def test_a_run_ends_after_its_last_metric_and_takes_those_that_it_made_along(bench: Bench) -> None:
    async def test() -> None:
        await bench.post("runs/update", {"run_id": bench.alias(), "status": "RUNNING"})
        tags = [{"key": "mlflow.parentRunId", "value": bench.alias()}]
        wish = {"experiment_id": "1", "tags": tags, "run_name": "fold"}
        nested = (await bench.post("runs/create", wish))["run"]["info"]["run_id"]
        for step in range(300):
            await bench.log("loss", step, step)
        await bench.log("inner", 1, run=nested)
        bench.sweep.trial(0, "canceled", ended_at=1005.0)
        await bench.until(lambda: bench.mlflow.named("demo_0")["info"]["status"] == "KILLED")
        assert len(bench.mlflow.values("demo_0", "loss")) == 300
        assert bench.mlflow.values("fold", "inner") == [1.0]
        assert bench.mlflow.named("fold")["info"]["status"] == "KILLED"

    play(bench, test)


def test_a_failed_attempt_is_shown_as_such_and_the_next_one_is_a_run_of_its_own(bench: Bench) -> None:
    async def test() -> None:
        bench.sweep.trial(0)
        bench.sweep.metric(0, 0, "acc", 0.5)
        bench.sweep.exited(0, 1, "out_of_memory", -9)
        bench.sweep.trial(0, "completed", attempt=2)
        bench.sweep.end(trial=0, value=0.5)
        assert await asyncio.wait_for(bench.work, 10) == 0
        runs = [run for run in bench.mlflow.runs.values() if run["info"]["run_name"] == "demo_0"]
        assert [run["info"]["status"] for run in runs] == ["FAILED", "FINISHED"]
        first, second = (run["tags"] for run in runs)
        assert (first["barrido.failure"], first["barrido.exit_code"]) == ("out_of_memory", "-9")
        why = "out of memory, killed by the kernel: ValueError: odd"
        assert first["barrido.reason"] == f"attempt 1 failed; attempt 2 followed: {why}"
        assert [metric["key"] for metric in runs[0]["metrics"]] == ["acc"]
        assert "barrido.failure" not in second
        assert runs[0]["info"]["end_time"] == 1_002_500

    play(bench, test)


def test_a_sweep_that_is_opened_again_runs_again_and_ends_again(bench: Bench) -> None:
    sweep = bench.sweep

    async def test() -> None:
        sweep.trial(0, "failed", exit_code=1, failure="exit_code", ended_at=1005.0)
        sweep.end("failed")
        assert await asyncio.wait_for(bench.work, 10) == 0
        assert bench.mlflow.named("demo")["info"]["status"] == "FAILED"
        assert bench.mlflow.named("demo_0")["tags"]["barrido.failure"] == "exit_code"
        bench.start()  # by the controller that opens it, perhaps before that is written
        sweep.begin_again()
        sweep.trial(1)
        while bench.mlflow.named("demo")["info"]["status"] != "RUNNING":
            await asyncio.sleep(0.02)
        assert bench.mlflow.named("demo")["tags"]["barrido.phase"] == "running"
        sweep.trial(1, "completed", ended_at=2005.0)
        sweep.end(trial=1, value=0.25)
        assert await asyncio.wait_for(bench.work, 10) == 0
        parent = bench.mlflow.named("demo")
        assert (parent["info"]["status"], parent["tags"]["barrido.phase"]) == ("FINISHED", "completed")
        assert parent["tags"]["best_child_run_id"] == bench.mlflow.named("demo_1")["info"]["run_id"]
        assert bench.mlflow.calls.count("POST runs/create") == 3

    play(bench, test)


def test_a_lost_attempt_is_killed_and_the_next_one_is_a_run_of_its_own(bench: Bench) -> None:
    async def test() -> None:
        await bench.log("loss", 1, 1)
        await bench.until(lambda: bench.mlflow.values("demo_0", "loss") == [1.0])
        first = bench.mlflow.named("demo_0")
        bench.sweep.trial(0, attempt=2, started_at=1004.0)
        body = {"run_id": bench.alias(), "key": "loss", "value": 2, "timestamp": 5, "step": 1}
        await bench.post("runs/log-metric", body, attempt=2)  # the script remembers its first run
        await bench.until(lambda: first["info"]["status"] == "KILLED")

        def later() -> list[Any]:
            return [run for run in bench.mlflow.runs.values() if "barrido.attempt" in run["tags"]]

        await bench.until(lambda: len(later()) == 1)
        (second,) = later()
        remembered = {**body, "run_id": first["info"]["run_id"], "step": 2}
        await bench.post("runs/log-metric", remembered, attempt=2)
        await bench.until(lambda: [m["value"] for m in second["metrics"]] == [2.0, 2.0])
        assert second["info"]["run_name"] == "demo_0"
        assert [line.metrics for line in bench.sweep.journal(0, 2)] == [{"loss": 2.0}] * 2

    play(bench, test)


def test_attempts_of_a_trial_that_was_paused_are_one_run(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(scheduler={"type": "hyperband", "max_resource": 27})

    async def test() -> None:
        await bench.log("loss", 1, 1)
        nested = {"run_name": "fold", "tags": [{"key": "mlflow.parentRunId", "value": bench.alias()}]}
        await bench.post("runs/create", {"experiment_id": "0", **nested})
        await bench.until(lambda: bench.mlflow.values("demo_0", "loss") == [1.0])
        bench.sweep.trial(0, "paused")
        for attempt in (2, 3):
            bench.sweep.trial(0, attempt=attempt, started_at=1004.0)
            body = {"run_id": bench.alias(0, attempt), "key": "loss", "value": attempt, "timestamp": attempt}
            await bench.post("runs/log-metric", {**body, "step": attempt}, attempt=attempt)
            assert [line.metrics for line in bench.sweep.journal(0, attempt)] == [{"loss": float(attempt)}]
        bench.sweep.db.execute("INSERT INTO metrics VALUES (0, 3, 0, 'report', 'acc', 0.5, 3, 1006, 0)")
        await bench.until(lambda: sorted(bench.mlflow.values("demo_0", "loss")) == [1.0, 2.0, 3.0])
        await bench.until(lambda: bench.mlflow.named("fold")["info"]["status"] == "KILLED")
        run = bench.mlflow.named("demo_0")
        assert run["info"]["status"] == "RUNNING"
        bench.sweep.trial(0, "completed", attempt=3, ended_at=1009.0)
        bench.sweep.best(0, 1.0)
        bench.sweep.end(trial=0, value=1.0)
        assert bench.work is not None
        assert await asyncio.wait_for(bench.work, 10) == 0
        assert bench.mlflow.values("demo_0", "acc") == [0.5]
        assert (run["info"]["status"], run["tags"]["barrido.best"]) == ("FINISHED", "true")
        assert bench.mlflow.named("demo")["tags"]["best_child_run_id"] == run["info"]["run_id"]
        assert len(bench.mlflow.runs) == 3

    play(bench, test)


def test_a_plain_command_job_is_one_run(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(kind="command", objective=None)

    async def test() -> None:
        await bench.log("loss", 1)
        bench.sweep.trial(0, "completed", ended_at=1005.0)
        bench.sweep.end()
        assert bench.work is not None
        assert await asyncio.wait_for(bench.work, 10) == 0
        (run,) = bench.mlflow.runs.values()
        assert run["info"]["run_name"] == "demo"
        assert run["info"]["status"] == "FINISHED"
        assert "mlflow.parentRunId" not in run["tags"]

    play(bench, test)


def test_without_mlflow_a_script_gets_a_virtual_run_that_is_filled_in_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barrido.tracking.upstream.REMOTE_PATIENCE_S", 0.2)

    async def test() -> None:
        alias = bench.alias()
        experiment = (await bench.get("experiments/get-by-name", experiment_name="x"))["experiment"]
        info = (await bench.get("runs/get", run_id=alias))["run"]["info"]
        assert info["run_id"] == alias
        assert info["experiment_id"] == experiment["experiment_id"] == bench.identity.experiment
        await bench.post("runs/update", {"run_id": alias, "status": "RUNNING"})
        await bench.log("loss", 0.5, 1)
        params = [{"key": "depth", "value": "3"}, {"key": "lr", "value": "7"}]
        tags = [{"key": "team", "value": "a"}]
        await bench.post("runs/log-batch", {"run_id": alias, "params": params, "tags": tags})
        await bench.post("runs/log-parameter", {"run_id": alias, "key": "depth", "value": "4"})
        data = (await bench.get("runs/get", run_id=alias))["run"]["data"]
        assert {"key": "team", "value": "a"} in data["tags"]
        wish = {
            "experiment_id": "1",
            "tags": [{"key": "mlflow.parentRunId", "value": alias}],
            "run_name": "in",
        }
        nested = (await bench.post("runs/create", wish))["run"]["info"]["run_id"]
        await bench.log("inner", 2, run=nested)
        await bench.post("runs/update", {"run_id": nested, "status": "FINISHED", "end_time": 9})
        path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment['experiment_id']}/{alias}/artifacts/m.bin"
        upload = asyncio.create_task(bench.session.put(bench.url(path), data=b"x" * 100_000))
        await asyncio.sleep(0.3)
        assert not upload.done()
        assert bench.mlflow.runs == {}
        await bench.mlflow.start()
        async with await upload as answer:
            assert answer.status == 200
        await bench.until(lambda: bench.mlflow.values("demo_0", "loss") == [0.5])
        await bench.until(lambda: bench.mlflow.values("in", "inner") == [2.0])
        await bench.until(lambda: bench.mlflow.named("in")["info"]["status"] == "FINISHED")
        run = bench.mlflow.named("demo_0")
        await bench.until(lambda: run["params"] == {"lr": "0.1", "depth": "3"})
        assert run["tags"]["team"] == "a"
        real = run["info"]["run_id"]
        assert bench.mlflow.named("in")["tags"]["mlflow.parentRunId"] == real
        assert list(bench.mlflow.bodies) == [f"/api/2.0/mlflow-artifacts/artifacts/1/{real}/artifacts/m.bin"]
        assert any("Changing param" in text for text in bench.sweep.notices())
        again = (await bench.get("runs/get", run_id=alias))["run"]["info"]
        assert (again["run_id"], again["experiment_id"]) == (alias, bench.identity.experiment)
        assert (await bench.get("runs/get", run_id=real))["run"]["info"]["run_id"] == alias

    play(bench, test, up=False)


def test_an_outage_in_the_middle_loses_nothing(bench: Bench) -> None:
    async def test() -> None:
        await bench.get("runs/get", run_id=bench.alias())
        await bench.log("loss", 0, 0)
        bench.mlflow.down = True
        for step in range(1, 50):
            await bench.log("loss", step, step)
        await bench.mlflow.stop()
        for step in range(50, 100):
            await bench.log("loss", step, step)
        bench.sweep.trial(0, "completed", ended_at=1005.0)
        bench.sweep.end()
        await asyncio.sleep(0.3)
        assert bench.work is not None
        assert not bench.work.done()
        bench.mlflow.down = False
        await bench.mlflow.start()
        assert await asyncio.wait_for(bench.work, 15) == 0
        assert bench.mlflow.values("demo_0", "loss") == [float(step) for step in range(100)]
        assert bench.mlflow.named("demo_0")["params"] == {"lr": "0.1"}
        assert bench.mlflow.named("demo")["info"]["status"] == "FINISHED"

    play(bench, test)


@pytest.mark.parametrize("call", ["runs/create", "runs/log-batch", "runs/update", "experiments/create"])
def test_an_answer_that_is_lost_doubles_nothing(bench: Bench, call: str) -> None:
    async def test() -> None:
        bench.mlflow.silent_after = call
        for step in range(5):
            await bench.log("loss", step, step)
        bench.sweep.trial(0, "completed", ended_at=1005.0)
        bench.sweep.end(trial=0, value=0.0)
        assert bench.work is not None
        assert await asyncio.wait_for(bench.work, 15) == 0
        assert bench.mlflow.silent_after is None
        assert sorted(run["info"]["run_name"] for run in bench.mlflow.runs.values()) == ["demo", "demo_0"]
        assert bench.mlflow.values("demo_0", "loss") == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert len(bench.mlflow.experiments) == 2

    play(bench, test)


def test_a_process_that_dies_again_and_again_loses_and_doubles_nothing(bench: Bench) -> None:
    async def test() -> None:
        sent = 0
        for _ in range(12):
            with suppress(OSError):
                for _ in range(7):
                    await bench.log("loss", sent, sent)
                    sent += 1
            await bench.crash()
            bench.start()
        await bench.log("loss", sent - 1, sent - 1)  # the client did not hear that it was taken
        bench.sweep.metric(0, 0, "score", 1.0)
        bench.sweep.trial(0, "completed", ended_at=1005.0)
        bench.sweep.end(trial=0, value=0.5)
        assert bench.work is not None
        assert await asyncio.wait_for(bench.work, 15) == 0
        assert len(bench.sweep.journal()) == sent
        assert bench.mlflow.values("demo_0", "loss") == [float(step) for step in range(sent)]
        assert bench.mlflow.named("demo_0")["params"] == {"lr": "0.1"}
        assert bench.mlflow.values("demo_0", "score") == [1.0]
        assert len(bench.mlflow.runs) == 2

    play(bench, test)


def test_a_run_that_somebody_deleted_holds_nothing_up(bench: Bench) -> None:
    async def test() -> None:
        await bench.get("runs/get", run_id=bench.alias())
        bench.mlflow.runs.pop(bench.mlflow.named("demo_0")["info"]["run_id"])
        await bench.log("loss", 1)
        bench.sweep.trial(0, "completed", ended_at=1005.0)
        bench.sweep.end()
        assert bench.work is not None
        assert await asyncio.wait_for(bench.work, 10) == 0
        assert bench.mlflow.named("demo")["info"]["status"] == "FINISHED"
        assert "deleted" in bench.sweep.notices()[0]

    play(bench, test)


def test_a_deleted_experiment_is_restored(bench: Bench) -> None:
    restored: list[str] = []

    async def test() -> None:
        await bench.until(lambda: bench.mlflow.named("demo_0"))
        assert restored == ["7"]

    bench.mlflow.experiments["7"] = {"experiment_id": "7", "name": "iris", "lifecycle_stage": "deleted"}

    def restore(body: Any) -> Any:
        restored.append(body["experiment_id"])
        return {}

    bench.mlflow.experiments_restore = restore
    play(bench, test)


def test_the_users_password_is_sent_upstream_and_told_to_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush-hush")

    async def test() -> None:
        await bench.get("runs/get", run_id=bench.alias())
        assert bench.mlflow.authorization == "Basic YW5hOmh1c2gtaHVzaA=="
        await bench.post("runs/log-inputs", {"run_id": bench.alias()})
        assert bench.mlflow.authorization == "Basic YW5hOmh1c2gtaHVzaA=="

    with caplog.at_level("DEBUG", "barrido"):
        play(bench, test)
    assert "hush" not in caplog.text
    for path in bench.sweep.folder.tracking.iterdir():
        assert b"hush-hush" not in path.read_bytes()
