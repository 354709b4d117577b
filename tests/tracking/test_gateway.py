"""The rules of the gateway, against a small MLflow in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

Bench = Any  # of conftest


def scenario(test: Callable[..., Awaitable[None]]) -> Callable[[Bench], None]:
    """Runs a test in an event loop, with the tracking at work."""

    def run(bench: Bench) -> None:
        async def inside() -> None:
            async with bench.open():
                await test(bench)

        asyncio.run(inside())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@scenario
async def test_a_metric_is_journaled_acknowledged_and_forwarded_as_it_was_logged(bench: Bench) -> None:
    await bench.log("loss", 0.5, 3, timestamp=1_700_000_000_123, model_id="m-1")
    (line,) = bench.sweep.journal()
    assert (line.metrics, line.step, line.time) == ({"loss": 0.5}, 3, 1_700_000_000.123)
    await bench.until(lambda: bench.mlflow.named("demo_0")["metrics"])
    (metric,) = bench.mlflow.named("demo_0")["metrics"]
    assert metric == {
        "key": "loss", "value": 0.5, "timestamp": 1_700_000_000_123, "step": 3, "model_id": "m-1"
    }  # fmt: skip


@scenario
async def test_a_value_that_is_sent_again_counts_once_and_its_model_is_told_to_mlflow(bench: Bench) -> None:
    await bench.log("loss", 0.5, 1)
    await bench.log("loss", 0.5, 1)
    await bench.log("loss", 0.5, 1, model_id="m-1")
    await bench.log("loss", 0.5, 1, model_id="m-1")
    await bench.log("loss", 0.5, 2)
    assert [line.step for line in bench.sweep.journal()] == [1, 2]
    await bench.until(lambda: len(bench.mlflow.named("demo_0")["metrics"]) == 3)


@scenario
async def test_nan_and_the_infinities_keep_their_names(bench: Bench) -> None:
    for step, value in enumerate(("NaN", "Infinity", "-Infinity", "0.5")):
        await bench.log("loss", value, step)
    values = [line.metrics["loss"] for line in bench.sweep.journal()]
    assert str(values) == "[nan, inf, -inf, 0.5]"
    await bench.until(lambda: len(bench.mlflow.named("demo_0")["metrics"]) == 4)
    assert bench.mlflow.values("demo_0", "loss") == ["NaN", "Infinity", "-Infinity", 0.5]


@scenario
async def test_an_invalid_metric_is_refused_and_poisons_nothing(bench: Bench) -> None:
    run = bench.alias()
    good = {"key": "loss", "value": 1, "timestamp": 5, "step": 1}
    for bad in ({"key": "a!b"}, {"value": "much"}, {"value": True}, {"step": "x"}, {"timestamp": -1}):
        answer = await bench.post("runs/log-metric", {"run_id": run, **good, **bad}, status=400)
        assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
        await bench.post("runs/log-batch", {"run_id": run, "metrics": [good, {**good, **bad}]}, status=400)
    assert bench.sweep.journal() == []
    await bench.post("runs/log-batch", {"run_id": run, "metrics": [good]})
    await bench.until(lambda: bench.mlflow.values("demo_0", "loss") == [1.0])


@scenario
async def test_what_only_mlflow_refuses_is_dropped_and_the_rest_of_its_batch_arrives(bench: Bench) -> None:
    bench.mlflow.refused = {"odd"}
    metrics = [{"key": f"m{i}", "value": i, "timestamp": 5} for i in range(7)]
    metrics.insert(3, {"key": "odd", "value": 1, "timestamp": 5})
    await bench.post("runs/log-batch", {"run_id": bench.alias(), "metrics": metrics})
    await bench.until(lambda: len(bench.mlflow.named("demo_0")["metrics"]) == 7)
    assert [m["key"] for m in bench.mlflow.named("demo_0")["metrics"]] == [f"m{i}" for i in range(7)]
    assert "refused metric 'odd'" in bench.sweep.notices()[0]


@scenario
async def test_the_first_get_answers_with_the_real_run_which_is_made_once(bench: Bench) -> None:
    shown = (await bench.get("runs/get", run_id=bench.alias()))["run"]
    real = bench.mlflow.named("demo_0")
    assert shown["info"]["run_id"] == real["info"]["run_id"] != bench.alias()
    again = (await bench.get("runs/get", run_id=real["info"]["run_id"]))["run"]
    assert again["info"] == shown["info"]
    assert shown["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert real["tags"]["mlflow.parentRunId"] == bench.mlflow.named("demo")["info"]["run_id"]


@scenario
async def test_a_trial_that_logs_nothing_soon_has_its_params_and_is_not_asked_for_again(bench: Bench) -> None:
    await bench.until(lambda: bench.mlflow.named("demo_0"))
    await bench.until(lambda: bench.mlflow.named("demo_0")["params"] == {"lr": "0.1"})
    shown = (await bench.get("runs/get", run_id=bench.alias()))["run"]
    assert shown["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert "GET runs/get" not in bench.mlflow.calls


@scenario
async def test_a_nested_run_that_something_was_passed_on_to_is_asked_for(bench: Bench) -> None:
    own = (await bench.post("runs/create", {}))["run"]["info"]["run_id"]
    parent = {"key": "mlflow.parentRunId", "value": own}
    nested = (await bench.post("runs/create", {"tags": [parent]}))["run"]["info"]["run_id"]
    await bench.post("runs/log-inputs", {"run_id": nested, "datasets": []})
    bench.mlflow.calls.clear()
    await bench.get("runs/get", run_id=nested)
    assert "GET runs/get" in bench.mlflow.calls


@scenario
async def test_a_scripts_own_params_are_written_after_the_sweeps_in_one_request(bench: Bench) -> None:
    await bench.get("runs/get", run_id=bench.alias())
    bench.mlflow.calls.clear()
    await bench.post("runs/log-parameter", {"run_id": bench.alias(), "key": "depth", "value": "3"})
    assert bench.mlflow.calls == ["POST runs/log-batch"]
    assert list(bench.mlflow.named("demo_0")["params"]) == ["lr", "depth"]


@scenario
async def test_a_param_that_mlflow_refuses_takes_nothing_along(bench: Bench) -> None:
    bench.mlflow.refused = {"lr", "odd"}
    run = bench.alias()
    await bench.get("runs/get", run_id=run)
    await bench.post("runs/log-parameter", {"run_id": run, "key": "odd", "value": "1"}, status=400)
    await bench.post("runs/log-parameter", {"run_id": run, "key": "depth", "value": "3"})
    assert bench.mlflow.named("demo_0")["params"] == {"depth": "3"}
    (notice,) = bench.sweep.notices()
    assert "refused param 'lr'" in notice


@scenario
async def test_a_read_sees_everything_that_was_written_before(bench: Bench) -> None:
    for step in range(20):
        await bench.log("loss", step, step)
    data = (await bench.get("runs/get", run_id=bench.alias()))["run"]["data"]
    assert len(data["metrics"]) == 20


@scenario
async def test_a_script_cannot_say_how_its_run_ends_nor_what_it_is_called(bench: Bench) -> None:
    body = {"run_id": bench.alias(), "status": "FINISHED", "end_time": 7, "run_name": "mine"}
    answer = await bench.post("runs/update", body)
    assert answer["run_info"]["status"] == "FINISHED"
    await bench.get("runs/get", run_id=bench.alias())
    run = bench.mlflow.named("demo_0")
    assert run["info"]["status"] == "RUNNING"
    assert run["tags"]["barrido.script_run_name"] == "mine"
    await bench.post("runs/set-tag", {"run_id": bench.alias(), "key": "mlflow.runName", "value": "other"})
    assert bench.mlflow.named("demo_0")["tags"]["barrido.script_run_name"] == "other"


@scenario
async def test_a_searched_parameter_belongs_to_the_sweep(bench: Bench) -> None:
    run = bench.alias()
    await bench.post("runs/log-parameter", {"run_id": run, "key": "lr", "value": "0.10"})
    assert bench.sweep.notices() == []
    await bench.post("runs/log-parameter", {"run_id": run, "key": "lr", "value": "0.2"})
    params = [{"key": "lr", "value": "7"}, {"key": "depth", "value": "3"}]
    await bench.post("runs/log-batch", {"run_id": run, "params": params})
    await bench.until(lambda: bench.mlflow.named("demo_0")["params"] == {"lr": "0.1", "depth": "3"})
    (notice,) = bench.sweep.notices()
    assert "'0.2'" in notice
    assert "'0.1'" in notice


@scenario
async def test_mlflows_own_no_reaches_the_script(bench: Bench) -> None:
    run = bench.alias()
    await bench.get("runs/get", run_id=run)
    await bench.post("runs/log-parameter", {"run_id": run, "key": "depth", "value": "3"})
    answer = await bench.post("runs/log-parameter", {"run_id": run, "key": "depth", "value": "4"}, status=400)
    assert "Changing param" in answer["message"]


@scenario
async def test_any_experiment_is_the_sweeps(bench: Bench) -> None:
    shown = await bench.get("experiments/get-by-name", experiment_name="other")
    assert shown["experiment"]["name"] == "iris"
    assert await bench.post("experiments/create", {"name": "more"}) == {"experiment_id": "1"}
    told = await bench.get("experiments/get", experiment_id=bench.identity.experiment)
    assert told["experiment"]["experiment_id"] == "1"
    assert [e["name"] for e in bench.mlflow.experiments.values()] == ["Default", "iris"]
    assert len(bench.sweep.notices()) == 1


@scenario
async def test_a_run_that_a_thread_asks_for_is_the_trials_until_the_script_is_through_with_it(
    bench: Bench,
) -> None:
    wish = {"experiment_id": bench.identity.experiment, "tags": [{"key": "team", "value": "a"}]}
    adopted = (await bench.post("runs/create", wish))["run"]["info"]
    own = bench.mlflow.named("demo_0")
    assert adopted["run_id"] == own["info"]["run_id"]
    assert own["tags"]["team"] == "a"
    again = (await bench.post("runs/create", {**wish, "run_name": "worker"}))["run"]["info"]
    assert again["run_id"] == adopted["run_id"]
    await bench.log("loss", 0.5)
    for _ in range(2):  # both are through with it
        await bench.post("runs/update", {"run_id": adopted["run_id"], "status": "FINISHED"})
    nested = (await bench.post("runs/create", {**wish, "run_name": "second"}))["run"]["info"]
    made = bench.mlflow.named("second")
    assert made["info"]["run_id"] == nested["run_id"] != adopted["run_id"]
    assert made["info"]["experiment_id"] == "1"
    assert made["tags"]["mlflow.parentRunId"] == adopted["run_id"]


@scenario
async def test_as_long_as_the_primary_metric_is_missing_every_run_is_the_trials(bench: Bench) -> None:
    run = bench.alias()
    await bench.post("runs/update", {"run_id": run, "status": "RUNNING"})
    await bench.post("runs/log-parameter", {"run_id": run, "key": "model", "value": "logistic"})
    await bench.post("runs/update", {"run_id": run, "status": "FINISHED"})  # autologging does that
    wish = {"experiment_id": bench.identity.experiment, "run_name": "second"}
    second = (await bench.post("runs/create", wish))["run"]["info"]["run_id"]
    params = [{"key": "model", "value": "tree"}, {"key": "depth", "value": "3"}]
    await bench.post("runs/log-batch", {"run_id": second, "params": params})
    await bench.log("loss", 0.5, run=second)
    assert len(bench.sweep.journal()) == 1
    assert bench.mlflow.named("demo_0")["params"] == {"lr": "0.1", "model": "logistic", "depth": "3"}
    assert "'model'" in bench.sweep.notices()[0]


@scenario
async def test_metrics_of_a_nested_run_are_its_own_and_do_not_count(bench: Bench) -> None:
    await bench.post("runs/update", {"run_id": bench.alias(), "status": "RUNNING"})
    tags = [{"key": "mlflow.parentRunId", "value": bench.alias()}, {"key": "mlflow.runName", "value": "fold"}]
    wish = {"experiment_id": "1", "tags": tags, "start_time": 5}
    nested = (await bench.post("runs/create", wish))["run"]["info"]["run_id"]
    assert (await bench.post("runs/create", wish))["run"]["info"][
        "run_id"
    ] == nested  # the client tried again
    await bench.log("loss", 0.25, run=nested)
    await bench.until(lambda: bench.mlflow.values("fold", "loss") == [0.25])
    assert (
        bench.mlflow.named("fold")["tags"]["mlflow.parentRunId"]
        == (bench.mlflow.named("demo_0")["info"]["run_id"])
    )
    assert bench.sweep.journal() == []
    await bench.post("runs/update", {"run_id": nested, "status": "FAILED", "end_time": 9})
    assert bench.mlflow.named("fold")["info"]["status"] == "FAILED"


@scenario
async def test_all_else_passes_through_with_the_real_ids(bench: Bench) -> None:
    await bench.post("runs/log-inputs", {"run_id": bench.alias(), "datasets": []})
    run_id = bench.mlflow.named("demo_0")["info"]["run_id"]
    assert bench.mlflow.runs[run_id]["inputs"]["run_id"] == run_id
    path = (
        f"/api/2.0/mlflow-artifacts/artifacts/{bench.identity.experiment}/{bench.alias()}/artifacts/a%20b.bin"
    )
    data = bytes(range(256)) * 4096
    async with bench.session.put(bench.url(path), data=data) as answer:
        assert await answer.read() == b"stored 1048576"
    stored = f"/api/2.0/mlflow-artifacts/artifacts/1/{run_id}/artifacts/a b.bin"
    assert bench.mlflow.bodies[stored] == data


@scenario
async def test_only_who_knows_the_secret_and_calls_it_by_its_name_is_served(bench: Bench) -> None:
    good = bench.url("/api/2.0/mlflow/runs/get") + f"?run_id={bench.alias()}"
    secret = bench.identity.secret
    for url in (
        good.replace(secret, "0" * 32),
        good.replace(f"/t/{secret}", ""),
        good.replace("/0.1/", "/9.1/"),
    ):
        async with bench.session.get(url) as answer:
            assert answer.status == 404
    async with bench.session.get(good, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 404
    log = bench.sweep.folder.tracking / "process.log"
    assert not log.exists() or secret not in log.read_text()


@scenario
async def test_a_run_nobody_knows_is_mlflows_to_answer_for(bench: Bench) -> None:
    body = {"run_id": "f" * 32, "key": "loss", "value": 1, "timestamp": 1}
    async with bench.session.post(bench.url("/api/2.0/mlflow/runs/log-metric"), json=body) as answer:
        assert answer.status == 404
    assert bench.sweep.journal() == []


def test_the_reply_to_a_policys_report_waits_for_the_decision(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(policy={"type": "bandit", "evaluation_interval": 2, "delay_evaluation": 4})

    async def inside() -> None:
        async with bench.open():
            began = time.monotonic()
            for step in range(3):  # reports 1 to 3 are no points, the second neither: 2 < 4
                await bench.log("loss", step, step)
            await bench.log("other", 1, 3)
            assert time.monotonic() - began < 1.0
            fourth = asyncio.create_task(bench.log("loss", 3, 3))
            await asyncio.sleep(0.2)
            assert not fourth.done()
            behind = (bench.sweep.folder.feed / "0.1.mlflow").stat().st_size
            bench.sweep.answer(0, behind - 1)
            await asyncio.sleep(0.1)
            assert not fourth.done()
            bench.sweep.answer(0, behind)
            await asyncio.wait_for(fourth, 1.0)

    asyncio.run(inside())


def test_a_stop_releases_the_script_and_a_silent_controller_holds_it_up_once(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("barrido.tracking.door.ANSWER_S", 0.5)
    bench = make_bench(policy={"type": "median_stopping"})

    async def inside() -> None:
        async with bench.open():
            began = time.monotonic()
            for step in range(3):
                await bench.log("loss", step, step)
            assert 0.5 <= time.monotonic() - began < 1.0
            bench.sweep.answer(0, 1)  # it woke up, and is behind
            began = time.monotonic()
            held = asyncio.create_task(bench.log("loss", 5, 5))
            await asyncio.sleep(0.1)
            assert not held.done()
            bench.sweep.answer(0, 1, "stop")
            await held
            assert time.monotonic() - began < 0.4

    asyncio.run(inside())


def test_the_reply_to_a_report_at_a_rung_waits_and_the_answer_names_the_next_rung(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(scheduler={"type": "hyperband", "max_resource": 27})

    def size() -> int:
        journal: Path = bench.sweep.folder.feed / "0.1.mlflow"
        return journal.stat().st_size

    async def inside() -> None:
        async with bench.open():
            bench.sweep.answer(0, 0, until=5, start=3)  # it goes on from a checkpoint
            await bench.log("loss", 4, 4)
            for rung, step in ((9, "pause"), (None, "go on")):
                held = asyncio.create_task(bench.log("loss", 5, rung or 10))
                await asyncio.sleep(0.2)
                assert not held.done()
                bench.sweep.answer(0, 0 if step == "pause" else size(), step, until=None, start=3)
                await asyncio.wait_for(held, 1.0)
                bench.sweep.answer(0, size(), until=rung and 6, start=3)
            began = time.monotonic()
            for n in range(11, 20):
                await bench.log("loss", n, n)
            assert time.monotonic() - began < 2.0

    asyncio.run(inside())
