"""Commands and sweeps as objects: what is copied, what is refused, and where mistakes are shown."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from barrido import Input, MLClient, Output, RequestError, SpecError, command, load_component, load_job
from barrido.constants import AssetTypes, InputOutputModes
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order
from barrido.core.recipe import Resources
from barrido.entities import (
    AmlCompute,
    Command,
    CommandJob,
    CommandJobLimits,
    Environment,
    JobResourceConfiguration,
)
from barrido.registry import renderer
from barrido.sdk.jobs import recipe_of
from barrido.sweep import (
    BanditPolicy,
    BayesianSamplingAlgorithm,
    Choice,
    LogNormal,
    MedianStoppingPolicy,
    Normal,
    Objective,
    SweepJob,
    SweepJobLimits,
    TPESamplingAlgorithm,
    Uniform,
)


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def base() -> Any:
    return command(
        command="echo ${{inputs.a}} ${{inputs.b}} > ${{outputs.model}}/x",
        inputs={"a": 1, "b": "two"},
        outputs={"model": Output(type="uri_folder")},
        experiment_name="exp",
        display_name="shown",
        name="mine",
        tags={"t": 1},
        environment_variables={"N": 3},
    )


def test_a_call_gives_a_new_node_and_leaves_the_old_one_alone() -> None:
    old = base()
    new = old(a=Uniform(0, 1))
    assert old.inputs == {"a": 1, "b": "two"}
    assert new.inputs == {"a": Uniform(0, 1), "b": "two"}
    assert (new.experiment_name, new.display_name, new.tags) == ("exp", "shown", {"t": 1})
    assert new.name is None  # two jobs cannot have one name
    new.tags["more"] = 2
    new.inputs.b = "other"
    assert old.tags == {"t": 1}
    assert (old.inputs.b, new.inputs["b"]) == ("two", "other")


def test_an_unknown_input_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestError, match=r"unexpected input 'bb', valid inputs: 'a', 'b'") as caught:
        base()(bb=1)
    assert caught.value.hint == "did you mean 'b'?"
    with pytest.raises(RequestError, match="by name"):
        base()(1)


def test_distributions_leave_the_inputs_and_literals_stay(tmp_path: Path) -> None:
    job = base()(a=Uniform(0, 1)).sweep(
        primary_metric="m", goal="MINIMIZE", search_space={"b": Choice(["x", "y"])}, max_total_trials=3
    )
    assert job.inputs == {"b": "two"}
    recipe = recipe_of(job)
    assert sorted(recipe.space) == ["a", "b"]
    trial = renderer(recipe, SweepFolder(tmp_path))(Order(0, 1, {"a": 0.5, "b": "x y"}))
    assert shlex.split(trial) == ["echo", "0.5", "x y", ">", f"{tmp_path}/trials/0/named-outputs/model/x"]
    assert (recipe.experiment, recipe.display_name, recipe.tags) == ("exp", "shown", {"t": "1"})
    assert recipe.work.environment_variables == {"N": "3"}
    assert recipe.work.outputs == ("model",)


def test_a_commands_timeout_bounds_each_trial_unless_the_sweep_says_otherwise() -> None:
    job = command(command="echo ${{inputs.a}}", inputs={"a": 1}, timeout=60)(a=Choice([1, 2]))
    sweep = job.sweep(primary_metric="m", goal="minimize", timeout=600)
    assert (recipe_of(sweep).limits.timeout, recipe_of(sweep).limits.trial_timeout) == (600, 60)
    sweep.set_limits(trial_timeout=5)
    assert (recipe_of(sweep).limits.timeout, recipe_of(sweep).limits.trial_timeout) == (600, 5)


def test_a_command_is_given_limits_and_resources_as_in_azure() -> None:
    job = base()
    job.set_limits(timeout=60)
    job.set_limits()
    job.set_resources(cpu=2)
    job.set_resources(instance_count=1)
    job.set_queue_settings(job_tier="standard")
    job.set_queue_settings(priority="medium")
    recipe = recipe_of(job)
    assert (recipe.limits.timeout, recipe.work.resources.cpu) == (60, 2)
    assert job.queue_settings == {"job_tier": "standard", "priority": "medium"}
    assert any("queue_settings" in notice for notice in recipe.notices)


def test_set_limits_and_set_objective_keep_what_they_do_not_name() -> None:
    sweep = base()(a=Choice([1])).sweep(primary_metric="m", goal="minimize", max_total_trials=9)
    sweep.set_limits(max_concurrent_trials=2, stop_after={"trials": 4})
    sweep.set_limits(max_failed_trials=7)
    sweep.set_objective(goal="maximize")
    sweep.set_resources(instance_count=2)
    recipe = recipe_of(sweep)
    assert (recipe.limits.max_total_trials, recipe.limits.max_concurrent_trials) == (9, 2)
    assert recipe.limits.max_failed_trials == 7
    assert recipe.limits.stop_after is not None
    assert recipe.limits.stop_after.trials == 4
    assert recipe.objective is not None
    assert (recipe.objective.metric, recipe.objective.goal) == ("m", "maximize")


def test_what_a_trial_needs_and_where_it_runs_is_said_in_python() -> None:
    needs = {"cpu": 2, "gpu": 0.5, "memory": "4GB", "custom": {"node_a": 1}}
    job = command(
        command="echo ${{inputs.a}}",
        inputs={"a": 1},
        compute="ray:auto",
        resources=needs,
        instance_type="Standard_NC6",
    )
    wanted = Resources(cpu=2, gpu=0.5, memory=4 * 10**9, custom={"node_a": 1})
    for one in (job, job(a=Choice([1, 2])).sweep(primary_metric="m", goal="minimize", max_total_trials=2)):
        recipe = recipe_of(one)
        assert (recipe.compute, recipe.work.resources) == ("ray:auto", wanted)
        assert "instance_type has no effect here" in "\n".join(recipe.notices)
    sweep = job(a=Choice([1, 2])).sweep(
        primary_metric="m", goal="minimize", max_total_trials=2, compute="ray://head:10001"
    )
    sweep.set_resources(gpu=2)
    sweep.set_resources(cpu=4)
    recipe = recipe_of(sweep)
    assert recipe.compute == "ray://head:10001"
    assert recipe.work.resources == replace(wanted, gpu=2, cpu=4)
    job.resources = JobResourceConfiguration(gpu=1.5)
    with pytest.raises(SpecError, match="must be whole when it is above 1"):
        recipe_of(job)
    with pytest.raises(SpecError, match="resources: must be a mapping"):
        recipe_of(command(command="ls", resources=4))  # type: ignore[arg-type]


def test_what_another_machine_has_can_be_asked_of_it(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text(
        "{type: command, command: ls, resources: {cpu: 100000, custom: {node_a: 1}}}"
    )
    job = load_job(tmp_path / "job.yml")
    with pytest.raises(SpecError) as raised:
        recipe_of(job)
    assert [problem.path for problem in raised.value.problems] == ["resources.custom", "resources.cpu"]
    assert recipe_of(job, {"compute": "ray:auto"}).work.resources.cpu == 100000


def test_a_sweep_job_is_made_of_a_command_job() -> None:
    trial = CommandJob(
        command="echo ${{search_space.a}} ${{inputs.n}}",
        inputs={"n": Input(type="integer", default=4)},
        limits=CommandJobLimits(timeout=30),
        environment=Environment(image="ubuntu"),
        resources=JobResourceConfiguration(instance_count=2),
    )
    job = SweepJob(
        trial=trial,
        search_space={"a": Uniform(0, 1)},
        objective=Objective("Minimize", "loss"),
        limits=SweepJobLimits(max_total_trials=2),
        early_termination=BanditPolicy(slack_factor=0.1),
    )
    recipe = recipe_of(job)
    assert recipe.work.inputs == {"n": "4"}
    assert recipe.limits.trial_timeout == 30
    assert "an environment described in place is not known here" in "\n".join(recipe.notices)


def test_a_sweep_job_of_what_is_no_command_is_refused_at_once() -> None:
    wrong: Any = "train.yml"
    with pytest.raises(RequestError, match=r"trial must be a command \(got str\)"):
        SweepJob(trial=wrong)


def test_inputs_are_literals_files_and_folders_and_may_be_optional(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("")
    job = command(
        command="echo ${{inputs.data}} ${{inputs.folder}} [--extra ${{inputs.extra}}] ${{inputs.flag}}",
        inputs={
            "data": Input(type="uri_file", path="./data.csv"),
            "folder": Input(path=tmp_path),
            "extra": Input(type="string", optional=True),
            "flag": True,
        },
    )
    recipe = recipe_of(job)
    assert recipe.work.inputs == {
        "data": str(tmp_path / "data.csv"), "folder": str(tmp_path), "extra": None, "flag": "True",
    }  # fmt: skip
    with pytest.raises(SpecError, match=r"inputs\.data\.path: there is no file or folder"):
        recipe_of(job(data=Input(type="uri_file", path="./dta.csv")))
    with pytest.raises(SpecError, match=r"is not on this machine"):
        recipe_of(job(data=Input(type="uri_file", path="azureml:iris:1")))


def test_what_a_sweep_is_made_of_can_be_changed_afterwards_without_changing_the_sweep() -> None:
    job = command(command="echo ${{inputs.a}}", inputs={"a": 1}, environment_variables={"N": 1}, timeout=9)
    node = job(a=Choice([1, 2]))
    sweep = node.sweep(primary_metric="m", goal="minimize")
    node.environment_variables["N"] = 2
    assert isinstance(job.limits, CommandJobLimits)
    job.limits.timeout = 1
    recipe = recipe_of(sweep)
    assert (recipe.work.environment_variables, recipe.limits.trial_timeout) == ({"N": "1"}, 9)


def test_a_plain_command_is_a_recipe_for_one_trial() -> None:
    recipe = recipe_of(base())
    assert (recipe.kind, recipe.limits.max_total_trials, recipe.name) == ("command", 1, "mine")
    assert recipe.work.inputs == {"a": "1", "b": "two"}


def test_mistakes_are_shown_where_they_were_made() -> None:
    job = command(command="echo ${{inputs.a}}", inputs={"a": 1})(a=Uniform(0, 1))
    at_sweep = line() + 1
    sweep = job.sweep(primary_metric="m", goal="upward")
    at_policy = line() + 1
    sweep.early_termination = BanditPolicy()
    at_sampler = line() + 1
    sweep.sampling_algorithm = BayesianSamplingAlgorithm(seed=-1)
    sweep.limits.max_total_trials = -1
    with pytest.raises(SpecError) as caught:
        recipe_of(sweep)
    places = {
        problem.path: problem.where.rpartition("test_command.py:")[2] for problem in caught.value.problems
    }
    assert places == {
        "objective.goal": str(at_sweep),
        "limits.max_total_trials": str(at_sweep),
        "early_termination": str(at_policy),
        "sampling_algorithm.seed": str(at_sampler),
    }
    result = MLClient().jobs.validate(sweep)
    assert not result.passed
    assert set(result.error_messages) == set(places)


def test_a_mistake_in_a_notebook_is_shown_by_its_cell() -> None:
    cell = compile("\n\nmade = command(command='true')", "/somewhere/ipykernel_7/1.py", "exec")
    names: dict[str, Any] = {"__name__": "__main__", "command": command}
    exec(cell, names)
    assert names["made"].source().where(("command",)) == "notebook cell:3"


@pytest.mark.parametrize(
    ("algorithm", "kind", "seed"),
    [
        ("bayesian", "bayesian", None),
        (BayesianSamplingAlgorithm(), "bayesian", None),
        (BayesianSamplingAlgorithm(seed=5), "bayesian", 5),
        ("tpe", "tpe", None),
        (TPESamplingAlgorithm(), "tpe", None),
        (TPESamplingAlgorithm(seed=5), "tpe", 5),
    ],
)
def test_algorithms_that_learn_take_what_azures_do_not(algorithm: Any, kind: str, seed: int | None) -> None:
    job = base()(a=LogNormal(0, 1), b=Choice([{"c": Normal(0, 1)}, "d"]))
    sweep = job.sweep(primary_metric="m", goal="minimize", sampling_algorithm=algorithm)
    sweep.early_termination = MedianStoppingPolicy()
    recipe = recipe_of(sweep)
    assert recipe.sampler == {"type": kind}
    assert seed in (None, recipe.seed)


def test_limits_are_an_object_or_a_mapping_of_known_names() -> None:
    sweep = base()(a=Choice([1])).sweep(primary_metric="m", goal="minimize")
    sweep.limits = {"max_total_trials": 3}
    assert sweep.limits == SweepJobLimits(max_total_trials=3)
    with pytest.raises(RequestError, match="no limit 'max_trials'"):
        sweep.limits = {"max_trials": 3}
    with pytest.raises(RequestError, match="must be SweepJobLimits"):
        sweep.limits = 3


def test_only_jobs_can_be_submitted() -> None:
    with pytest.raises(RequestError, match="got an object of type dict"):
        MLClient().create_or_update({})  # type: ignore[arg-type]
    cluster = AmlCompute(name="cpu", size="STANDARD_DS3_V2")
    assert MLClient().create_or_update(cluster) is cluster


YAML = """
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
trial:
  command: >-
    python train.py --lr ${{search_space.lr}} --data ${{inputs.data}}
  code: src
inputs:
  data: {type: uri_file, path: data.csv}
search_space:
  lr: {type: uniform, min_value: 0.1, max_value: 0.2}
  b: {type: choice, values: [a, b]}
sampling_algorithm: {type: random, seed: 4}
objective: {goal: maximize, primary_metric: acc}
early_termination: {type: median_stopping, delay_evaluation: 2}
limits: {max_total_trials: 5}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").write_text("")
    (folder / "data.csv").write_text("")
    (folder / "sweep.yml").write_text(YAML)
    return folder / "sweep.yml"


def test_a_loaded_job_can_be_changed_and_keeps_the_files_folder(written: Path) -> None:
    job = load_job(
        written, params_override=[{"limits.max_total_trials": 3}, {"search_space.b.values": ["c"]}]
    )
    assert isinstance(job, SweepJob)
    job.search_space["lr"] = Uniform(0, 1)
    job.experiment_name = "later"
    recipe = recipe_of(job)
    assert (recipe.limits.max_total_trials, recipe.experiment, recipe.seed) == (3, "later", 4)
    assert recipe.space["b"]["values"] == ["c"]
    assert recipe.space["lr"]["max_value"] == 1
    assert recipe.work.code == str(written.parent / "src")
    assert recipe.work.inputs == {"data": str(written.parent / "data.csv")}
    assert recipe.policy == {"type": "median_stopping", "delay_evaluation": 2, "evaluation_interval": 1}


def test_a_loaded_jobs_mistakes_have_the_files_lines_or_the_programs(written: Path) -> None:
    written.write_text(YAML.replace("limits: {max_total_trials: 5}", "limits: {max_total_trials: none}"))
    with pytest.raises(SpecError, match=r"sweep\.yml:16: limits\.max_total_trials"):
        load_job(written)
    with pytest.raises(SpecError, match=r"params_override limits\.max_total_trials: .*whole number"):
        load_job(written, params_override=[{"limits.max_total_trials": "many"}])
    with pytest.raises(RequestError, match="there is no file"):
        load_job(written.with_name("swep.yml"))
    job = load_job(written, params_override=[{"limits": {"max_total_trials": 2}}])
    at = line() + 1
    job.display_name = 7  # type: ignore[assignment]
    with pytest.raises(SpecError, match=rf"test_command\.py:{at}: display_name"):
        recipe_of(job)


def test_a_command_file_is_loaded_as_a_command(written: Path) -> None:
    written.write_text("type: command\ncommand: echo ${{inputs.n}}\ninputs: {n: 3}\nlimits: {timeout: 9}\n")
    job = load_job(written)
    assert recipe_of(job).limits.timeout == 9
    assert isinstance(job, Command)
    assert recipe_of(job(n=4)).work.inputs == {"n": "4"}


def test_a_command_says_whether_its_trials_start_warm(written: Path) -> None:
    assert recipe_of(base()).work.warm == "auto"
    job = command(command="python train.py", code=str(written.parent / "src"), inputs={"a": 1}, warm="on")
    assert recipe_of(job).work.warm == "on"
    sweep = job(a=Choice([1, 2])).sweep(primary_metric="m", goal="minimize", max_total_trials=2)
    assert recipe_of(sweep).work.warm == "on"
    assert sweep.trial is not None
    at = line() + 1
    sweep.trial.warm = "hot"
    with pytest.raises(SpecError, match=rf"test_command\.py:{at}: trial\.warm: must be auto, on or off"):
        recipe_of(sweep)
    sweep.trial.warm = False
    assert recipe_of(sweep).work.warm == "off"
    written.write_text(YAML.replace("  code: src", "  code: src\n  warm: off"))
    assert recipe_of(load_job(written)).work.warm == "off"


def test_a_sweep_without_a_metric_compares_nothing() -> None:
    job = base()(a=Choice([1, 2])).sweep(primary_metric=None, sampling_algorithm="grid")
    assert job.objective is None
    recipe = recipe_of(job)
    assert recipe.objective is None
    assert any("no objective: every trial is run" in notice for notice in recipe.notices)
    job.early_termination = BanditPolicy(slack_factor=0.1)
    with pytest.raises(SpecError, match="early_termination: needs an `objective`"):
        recipe_of(job)
    job.set_objective(goal="maximize")
    with pytest.raises(SpecError, match=r"objective\.primary_metric: is missing"):
        recipe_of(job)
    with pytest.raises(SpecError, match=r"objective\.goal: is missing"):
        recipe_of(base()(a=Choice([1, 2])).sweep(primary_metric="m"))


def test_a_setting_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="Command has no setting 'nmae'"):
        Command(command="true", nmae="x")  # type: ignore[call-arg]


def test_azures_constants_are_taken() -> None:
    given = {
        mode: Input(type=AssetTypes.URI_FOLDER, path=".", mode=getattr(InputOutputModes, mode))
        for mode in vars(InputOutputModes)
        if mode.isupper()
    }
    recipe = recipe_of(command(command="echo ${{inputs.MOUNT}}", inputs=given))
    assert recipe.work.inputs["MOUNT"] == str(Path.cwd())


TRAIN = """\
type: command
display_name: Train
inputs:
  lr: {type: number, min: 0, max: 1}
  layers: {type: integer, default: 3}
  data: {type: uri_folder, optional: true}
outputs:
  model: {type: mlflow_model}
code: ./src
command: python train.py ${{inputs.lr}} ${{inputs.layers}} $[[--data ${{inputs.data}}]] ${{outputs.model}}
"""


@pytest.fixture
def component(tmp_path: Path) -> Path:
    """The file of a component, in a folder of its own."""
    path = tmp_path / "parts" / "train.yml"
    (path.parent / "src").mkdir(parents=True)
    (path.parent / "src" / "train.py").write_text("")
    path.write_text(TRAIN)
    return path


def test_a_component_is_swept_over_its_inputs(component: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    node = load_component(component)(lr=Uniform(0, 1), data="data")
    recipe = recipe_of(node.sweep(primary_metric="m", goal="minimize", max_total_trials=2))
    assert recipe.space == {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}}
    assert recipe.work.code == str(component.parent / "src")
    assert recipe.display_name == "Train"
    words = shlex.split(renderer(recipe, SweepFolder(tmp_path))(Order(0, 1, {"lr": 0.5})))
    assert words[:6] == ["python", "train.py", "0.5", "3", "--data", str(tmp_path / "data")]


def test_a_component_is_a_trial(component: Path) -> None:
    job = SweepJob(
        trial=load_component(component),
        search_space={"lr": Choice([0.1, 0.2])},
        objective=Objective("minimize", "m"),
        limits=SweepJobLimits(max_total_trials=2),
    )
    assert dict(job.inputs) == {"layers": 3, "data": None}
    recipe = recipe_of(job)
    assert list(recipe.space) == ["lr"]
    assert not [notice for notice in recipe.notices if "inputs.lr" in notice]


def test_a_component_may_be_told_otherwise(component: Path) -> None:
    changes: list[dict[str, Any]] = [{"inputs.layers.default": 5}, {"code": "."}]
    train = load_component(component, relative_origin=component.parent / "src", params_override=changes)
    assert train.inputs.layers == 5
    assert train.code == str(component.parent / "src")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"lr": 3}, "inputs.lr: must be at most 1 (got 3)"),
        ({"layers": "many"}, "inputs.layers: must be of the type integer (got 'many')"),
        ({"layer": 3}, "did you mean 'layers'?"),
    ],
)
def test_a_component_refuses_what_its_inputs_cannot_be(
    component: Path, inputs: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError) as refused:
        load_component(component)(**inputs)
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_a_component_without_a_value_that_it_needs_says_so_in_its_file(component: Path) -> None:
    with pytest.raises(SpecError) as refused:
        recipe_of(load_component(component))
    (problem,) = refused.value.problems
    assert problem.where == f"{component}:10"
    assert "${{inputs.lr}} has no value" in problem.what


def test_a_components_file_is_told_all_its_mistakes(component: Path) -> None:
    component.write_text(TRAIN.replace("max: 1", "maks: 1").replace("command: python", "comand: python"))
    with pytest.raises(SpecError) as refused:
        load_component(component)
    assert [problem.where.rpartition(":")[2] for problem in refused.value.problems] == ["4", "10"]
    with pytest.raises(RequestError, match=r"train\.yml"):
        load_component(component.with_name("trian.yml"))


def test_what_has_no_effect_is_said_of_a_commands_services_and_inputs_too() -> None:
    rate = Input(type="number", default=0.1, min=0, max=1)
    job = command(
        command="echo ${{inputs.x}} ${{inputs.rate}}", inputs={"x": 1, "rate": rate}, services={"a": {}}
    )
    notices = "\n".join(recipe_of(job(x=Choice([1, 2])).sweep(primary_metric=None)).notices)
    assert "services: has no effect here" in notices
    assert "inputs.rate.max: has no effect here" in notices


def test_a_file_that_azure_saved_is_loaded_as_the_job_it_describes(tmp_path: Path) -> None:
    file = tmp_path / "saved.yml"
    file.write_text(
        "type: command\ncommand: echo 1\nid: azureml:x\nstatus: Completed\ncreation_context: {by: me}\n"
    )
    assert recipe_of(load_job(file)).work.command == "echo 1"
