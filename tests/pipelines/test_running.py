"""Pipelines with real processes, from submission to their end."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from tests.pipelines.conftest import Bench, finished, wait_until

from barrido import app, launcher
from barrido.core.pipeline import PIPELINE_TAG, STEP_TAG, PipelinePhase, StepPhase
from barrido.errors import RequestError, SpecError
from barrido.executors.slots import cores
from barrido.pipelines import submission
from barrido.pipelines.standing import look
from barrido.sdk.jobs import JobOperations
from barrido.spec.load import Defaults, check, load
from barrido.spec.source import Source
from barrido.store.queries import Reader

CHAIN = """
    type: pipeline
    outputs:
      result:
    jobs:
      last:
        command: python step.py last --read ${{inputs.from}} --out ${{outputs.out}}
        code: ./src
        inputs:
          from: ${{parent.jobs.first.outputs.out}}
        outputs:
          out: ${{parent.outputs.result}}
      first:
        command: python step.py first --out ${{outputs.out}}
        code: ./src
        outputs:
          out:
"""

SEARCH = """
    type: pipeline
    jobs:
      search:
        type: sweep
        trial:
          code: ./src
          command: python step.py search --x ${{inputs.x}} --out ${{outputs.out}}
        search_space:
          x: {type: choice, values: [3, 9, 5]}
        sampling_algorithm: grid
        objective: {goal: maximize, primary_metric: score}
        limits: {max_total_trials: 3, max_concurrent_trials: 2}
        outputs:
          out:
      use:
        command: python step.py use --read ${{inputs.best}} --out ${{outputs.out}}
        code: ./src
        inputs:
          best: ${{parent.jobs.search.outputs.out}}
        outputs:
          out:
"""


def test_steps_run_in_the_order_of_their_bindings_and_hand_on_what_they_made(bench: Bench) -> None:
    folder = bench.submit(CHAIN)
    standing = finished(folder)
    assert standing.phase is PipelinePhase.COMPLETED
    assert bench.ran() == ["first", "last"]
    assert (folder.outputs / "result" / "made").read_text() == "last(first())"
    assert not os.path.isabs((folder.outputs / "result").readlink())  # noqa: PTH117 (of the text itself)


def test_a_step_behind_a_sweep_gets_the_output_of_its_best_trial(bench: Bench) -> None:
    folder = bench.submit(SEARCH)
    standing = finished(folder)
    assert standing.phase is PipelinePhase.COMPLETED
    assert standing.steps["search"].trial == 1
    assert bench.made(folder, "use") == "use(search9.0())"


def test_each_step_is_an_ordinary_job_that_says_whose_it_is(bench: Bench) -> None:
    finished(bench.submit(SEARCH))
    with Reader(app.find(bench.workspace, "p-search")) as reader:
        recipe = reader.sweep().recipe
    assert recipe.tags == {"pipeline": "p", "step": "search"}
    assert recipe.display_name == "search"
    assert recipe.kind == "sweep"


@pytest.mark.skipif(cores() < 2, reason="one step at a time fills the machine")
def test_independent_steps_run_at_the_same_time(bench: Bench) -> None:
    folder = bench.submit(f"""
        type: pipeline
        jobs:
          a: {{command: python step.py a --wait {bench.root}/go, code: ./src}}
          b: {{command: python step.py b --wait {bench.root}/go, code: ./src}}
    """)
    wait_until(lambda: sorted(bench.ran()) == ["a", "b"], "both run")
    bench.let("go")
    assert finished(folder).phase is PipelinePhase.COMPLETED


FAILING = """
    type: pipeline
    settings: {{continue_on_step_failure: {go_on}}}
    jobs:
      bad:
        command: python step.py bad --fail --out ${{{{outputs.out}}}}
        code: ./src
        outputs: {{out: }}
      behind:
        command: python step.py behind --read ${{{{inputs.it}}}} --out ${{{{outputs.out}}}}
        code: ./src
        inputs: {{it: "${{{{parent.jobs.bad.outputs.out}}}}"}}
        outputs: {{out: }}
      far:
        command: python step.py far --read ${{{{inputs.it}}}}
        code: ./src
        inputs: {{it: "${{{{parent.jobs.behind.outputs.out}}}}"}}
      other: {{command: python step.py other --wait {here}/go, code: ./src}}
"""


def test_a_failed_step_stops_what_depends_on_it_and_nothing_else(bench: Bench) -> None:
    folder = bench.submit(FAILING.format(go_on="true", here=bench.root))
    wait_until(lambda: look(folder).steps["far"].phase is StepPhase.SKIPPED, "the steps behind are skipped")
    bench.let("go")
    standing = finished(folder)
    assert [step.phase.value for step in standing.steps.values()] == [
        "failed", "skipped", "skipped", "completed",
    ]  # fmt: skip
    assert standing.phase is PipelinePhase.FAILED
    assert standing.state.reason == "step 'bad' failed"
    assert standing.steps["behind"].reason == "needs an output of 'bad', which failed"
    assert "bad fails" in standing.steps["bad"].reason
    assert "behind" not in bench.ran()


@pytest.mark.skipif(cores() < 2, reason="one step at a time fills the machine")
def test_where_it_is_not_to_go_on_a_failure_stops_the_steps_that_run(bench: Bench) -> None:
    text = FAILING.format(go_on="false", here=bench.root).replace(
        "--fail", f"--wait {bench.root}/fail --fail"
    )
    folder = bench.submit(text)
    wait_until(lambda: sorted(bench.ran()) == ["bad", "other"], "both run")
    bench.let("fail")
    standing = finished(folder)
    assert standing.steps["other"].phase is StepPhase.CANCELED
    assert "continue_on_step_failure is false" in standing.steps["behind"].reason
    assert standing.phase is PipelinePhase.FAILED


def test_a_sweep_none_of_whose_trials_succeeds_fails_its_step_and_says_why(bench: Bench) -> None:
    folder = bench.submit(SEARCH.replace("python step.py search", "python step.py search --fail"))
    standing = finished(folder)
    assert standing.steps["search"].phase is StepPhase.FAILED
    assert "search fails" in standing.steps["search"].reason
    assert standing.steps["use"].phase is StepPhase.SKIPPED


def test_cancel_stops_the_steps_that_run_and_starts_no_more(bench: Bench) -> None:
    folder = bench.submit(CHAIN.replace("step.py first", f"step.py first --wait {bench.root}/never"))
    wait_until(lambda: bench.ran() == ["first"], "the first step runs")
    submission.cancel(folder)
    standing = finished(folder)
    assert standing.phase is PipelinePhase.CANCELED
    assert standing.steps["first"].phase is StepPhase.CANCELED
    assert standing.steps["last"].phase is StepPhase.SKIPPED
    with pytest.raises(RequestError, match="is over"):
        submission.cancel(folder)


def test_later_edits_of_the_code_change_no_step(bench: Bench) -> None:
    folder = bench.submit(CHAIN.replace("step.py first", f"step.py first --wait {bench.root}/go"))
    wait_until(lambda: bench.ran() == ["first"], "the first step runs")
    (bench.root / "src/step.py").write_text("raise SystemExit('edited')")
    bench.let("go")
    assert finished(folder).phase is PipelinePhase.COMPLETED
    copies = list(folder.code.iterdir())
    assert len(copies) == 1, "steps with the same code share a copy"


def test_a_name_is_taken_by_a_sweep_or_a_pipeline_whichever_was_first(bench: Bench) -> None:
    folder = bench.submit(CHAIN)
    finished(folder)
    with pytest.raises(RequestError, match="already is a pipeline 'p'"):
        bench.submit(CHAIN)
    job = {"type": "command", "name": "p", "command": "true"}
    recipe = check(job, source=Source("t"), base=bench.root, defaults=Defaults.here())
    with pytest.raises(RequestError, match="already is a pipeline 'p'"):
        app.create(recipe, bench.workspace)
    with pytest.raises(RequestError, match="already is a sweep 'p-first'"):
        bench.submit(CHAIN, name="p-first")
    sweep = {"type": "command", "name": "q-last", "command": "true"}
    app.create(check(sweep, source=Source("t"), base=bench.root, defaults=Defaults.here()), bench.workspace)
    with pytest.raises(RequestError, match="a step of 'q' would be called so"):
        bench.submit(CHAIN, name="q")
    assert not bench.workspace.pipeline("q").root.exists()


def test_an_environment_that_cannot_be_built_is_said_before_anything_starts(bench: Bench) -> None:
    missing = bench.root / "nowhere"
    with pytest.raises(RequestError):
        bench.submit(CHAIN.replace("code: ./src", f"code: ./src\n        environment: {missing}"))
    assert not bench.workspace.pipelines.exists()


def test_the_literals_of_the_pipeline_reach_limits_and_search_space(bench: Bench) -> None:
    path = bench.write("""
        type: pipeline
        inputs: {most: 2, highest: 7}
        jobs:
          s:
            type: sweep
            trial: {command: "true ${{search_space.x}}"}
            search_space: {x: {type: uniform, min_value: 0, max_value: "${{parent.inputs.highest}}"}}
            limits: {max_total_trials: "${{parent.inputs.most}}"}
    """)
    (step,) = bench.read(path).steps
    assert step.recipe.limits.max_total_trials == 2
    assert step.recipe.space["x"]["max_value"] == 7


def test_what_is_written_down_is_the_whole_pipeline(bench: Bench) -> None:
    recipe = bench.read(bench.write(SEARCH), name="p")
    assert type(recipe).from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_pipeline_says_which_outputs_nobody_gives(bench: Bench) -> None:
    path: Path = bench.write("type: pipeline\noutputs: {o: }\njobs: {a: {command: 'true'}}")
    (notice,) = bench.read(path).notices
    assert "outputs.o: is given by no step" in notice


def test_a_component_stands_in_place_or_in_a_file_and_the_step_may_add_to_it(bench: Bench) -> None:
    (bench.root / "parts").mkdir()
    (bench.root / "parts/run.py").write_text("")
    component = """
        type: command
        inputs:
          note: {type: string, optional: true}
          depth: {type: integer, default: 3}
        code: .
        command: python run.py ${{inputs.depth}} [--note ${{inputs.note}}]
        environment_variables: {A: "1", B: "1"}
    """
    bench.write(component, "parts/run.yml")
    path = bench.write("""
        type: pipeline
        compute: cpu-cluster
        jobs:
          filed:
            component: file:./parts/run.yml
            environment_variables: {B: "2"}
          placed:
            type: command
            component: {type: command, command: "echo ${{inputs.word}}", inputs: {word: {type: string}}}
            inputs: {word: "${{parent.inputs.word}}"}
        inputs: {word: {type: string, default: hello}}
    """)
    filed, placed = bench.read(path, name="p").steps
    assert filed.recipe.work.environment_variables == {"A": "1", "B": "2"}
    assert filed.recipe.work.inputs == {"note": None, "depth": "3"}
    assert filed.recipe.work.code == str(bench.root / "parts")
    assert placed.recipe.work.inputs == {"word": "hello"}
    assert [step.recipe.name for step in (filed, placed)] == ["p-filed", "p-placed"]
    assert any("'cpu-cluster' is not known here" in notice for notice in filed.recipe.notices)


def test_a_component_says_how_metrics_are_found_in_the_log(bench: Bench) -> None:
    component = """
        type: command
        inputs: {x: {type: number, default: 1}}
        command: echo loss=${{inputs.x}}
        metrics: {loss: 'loss=(\\S+)'}
    """
    bench.write(component, "loss.yml")
    text = """
        type: pipeline
        jobs:
          run: {component: ./loss.yml}
          search:
            type: sweep
            trial: ./loss.yml
            search_space: {x: {type: choice, values: [3, 2]}}
            objective: {goal: minimize, primary_metric: loss}
            limits: {max_total_trials: 2}
    """
    for step in bench.read(bench.write(text)).steps:
        assert step.recipe.work.metrics == {"loss": r"loss=(\S+)"}
    bench.write(component.replace("(", "").replace(")", ""), "loss.yml")
    with pytest.raises(SpecError, match=r"loss.yml:5: metrics.loss: has no group for the value"):
        bench.read(bench.write(text))


def test_data_of_azures_is_found_by_the_workspaces_table(bench: Bench) -> None:
    bench.workspace.root.mkdir(parents=True)
    bench.workspace.mapping.write_text(f"inputs: {{'azureml:iris:1': {bench.root}/src}}")
    path = bench.write("""
        type: pipeline
        inputs: {data: {type: uri_folder, path: "azureml:iris:1"}}
        jobs:
          use:
            command: ls ${{inputs.data}}
            inputs: {data: "${{parent.inputs.data}}"}
    """)
    (step,) = bench.read(path).steps
    assert step.recipe.work.inputs["data"] == str(bench.root / "src")


def test_a_pipeline_is_deleted_with_its_steps(bench: Bench) -> None:
    folder = bench.submit(SEARCH)
    jobs = JobOperations(bench.workspace)
    wait_until(lambda: bench.workspace.sweep("p-search").db.exists(), "its first step")
    with pytest.raises(RequestError, match="is not over"):
        jobs.begin_delete("p")
    finished(folder)
    wait_until(lambda: not any(app.is_running(bench.workspace.sweep(f"p-{n}")) for n in ("search", "use")))
    assert jobs.begin_delete("p").result() == ["p-search", "p-use", "p"]
    assert jobs.list() == []
    assert [*bench.workspace.sweeps.iterdir(), *bench.workspace.pipelines.iterdir()] == []


def test_a_step_is_not_deleted_while_others_may_need_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "start", lambda *_, **__: None)
    bench.submit(CHAIN)
    tags = json.dumps({PIPELINE_TAG: "p", STEP_TAG: "first"})
    path = bench.write(f"{{type: command, name: p-first, tags: {tags}, command: 'true'}}", "one.yml")
    job = app.create(load(path, defaults=Defaults.here()), bench.workspace)
    with sqlite3.connect(job.db) as db:
        db.execute("UPDATE sweep SET phase = 'completed'")
    with pytest.raises(RequestError, match="is a step of the pipeline 'p', which is not over"):
        JobOperations(bench.workspace).begin_delete("p-first")
