"""Sweeps in environments of their own: built before anything of a sweep is there, once for all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.environments.conftest import Slow

from barrido import BuildFailed, Choice, MLClient, app, command
from barrido.core.layout import Workspace
from barrido.entities import Environment
from barrido.environments import building
from barrido.environments.folders import EnvironmentFolder, remove
from barrido.executors.snapshot import snapshot
from barrido.store.queries import Reader

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
import barrido, tiny
barrido.report(version=float(tiny.VERSION), step=1)
print(tiny.VERSION, sys.argv[1])
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path, no_settings: None) -> Path:
    """A folder with a script that imports ``tiny``."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(SCRIPT)
    return tmp_path


def write(place: Path, name: str, environment: str) -> None:
    (place / f"{name}.yml").write_text(
        f"type: sweep\ntrial:\n  command: python train.py ${{{{search_space.x}}}}\n  code: ./src\n"
        f"  environment: {environment}\n"
        "search_space: {x: {type: choice, values: [1, 2, 3]}}\nsampling_algorithm: grid\n"
        "objective: {goal: maximize, primary_metric: version}\nlimits: {max_total_trials: 3}\n"
    )


@pytest.fixture
def run(place: Path) -> Run:
    """The command line, as a person would use it."""
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("BARRIDO_", "MLFLOW_"))}

    def _run(*args: str) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name("barrido"))
        return subprocess.run([program, *args], cwd=place, env=outer, capture_output=True, text=True)

    return _run


def builds(said: str) -> int:
    return sum(line.startswith("building environment") for line in said.splitlines())


def values_of(place: Path, name: str) -> set[float | None]:
    with Reader(Workspace(place / ".barrido").sweep(name)) as reader:
        return {trial.best_value for trial in reader.trials()}


def test_two_inline_environments_are_built_once_each_and_reused(place: Path, wheels: Path, run: Run) -> None:
    local = f"--no-index, --find-links {wheels}"
    write(place, "one", f"{{requirements: [{local}, tiny==1.0]}}")
    write(place, "two", f"{{conda_file: {{dependencies: [pip, {{pip: [{local}, tiny==2.0]}}]}}}}")
    for name, version in (("one", 1.0), ("two", 2.0)):
        created = run("job", "create", "-f", f"{name}.yml", "-n", name, "--stream")
        assert created.returncode == 0, created.stdout + created.stderr
        assert builds(created.stderr) == 1
        assert values_of(place, name) == {version}
    kept = sorted((place / ".barrido" / "environments").iterdir())
    records = [EnvironmentFolder(root).record.stat().st_mtime_ns for root in kept]
    assert len(kept) == 2
    for name, version in (("one", 1.0), ("two", 2.0)):
        created = run("job", "create", "-f", f"{name}.yml", "-n", f"{name}-again", "--stream")
        assert created.returncode == 0, created.stdout + created.stderr
        assert builds(created.stderr) == 0
        assert values_of(place, f"{name}-again") == {version}
    assert [EnvironmentFolder(root).record.stat().st_mtime_ns for root in kept] == records
    assert sorted((place / ".barrido" / "environments").iterdir()) == kept
    shown = run("job", "show", "one").stdout
    assert "environment" in shown
    assert "tiny==1.0" in shown


def test_the_steps_of_a_pipeline_have_theirs_built_once_before_it_starts(
    place: Path, wheels: Path, run: Run
) -> None:
    def step(kind: str, version: str) -> str:
        lines = f"[--no-index, --find-links {wheels}, tiny=={version}]"
        work = f"code: ./src, environment: {{requirements: {lines}}}"
        if kind == "command":
            return f"{{type: command, command: python train.py 1, {work}}}"
        return (
            f"{{type: sweep, trial: {{command: 'python train.py ${{{{search_space.x}}}}', {work}}},"
            " search_space: {x: {type: choice, values: [1, 2]}}, sampling_algorithm: grid,"
            " objective: {goal: maximize, primary_metric: version}, limits: {max_total_trials: 2}}"
        )

    jobs = {"one": step("command", "1.0"), "two": step("sweep", "2.0"), "again": step("sweep", "2.0")}
    listed = "".join(f"  {name}: {text}\n" for name, text in jobs.items())
    (place / "pipeline.yml").write_text(f"type: pipeline\njobs:\n{listed}")
    created = run("job", "create", "-f", "pipeline.yml", "-n", "whole", "--stream")
    assert created.returncode == 0, created.stdout + created.stderr
    assert builds(created.stderr) == 2
    assert len(list((place / ".barrido" / "environments").iterdir())) == 2
    assert values_of(place, "whole-two") == values_of(place, "whole-again") == {2.0}
    again = run("job", "create", "-f", "pipeline.yml", "-n", "anew", "--stream")
    assert (again.returncode, builds(again.stderr)) == (0, 0)


def test_what_was_saved_makes_the_same_environment(place: Path, wheels: Path, run: Run) -> None:
    write(place, "one", f"{{requirements: [--no-index, --find-links ./{wheels.name}, tiny==1.0]}}")
    assert run("job", "create", "-f", "one.yml", "-n", "one", "-a", "saved.yml", "--stream").returncode == 0
    again = run("job", "create", "-f", "saved.yml", "-n", "again", "--stream")
    assert (again.returncode, builds(again.stderr)) == (0, 0)
    assert values_of(place, "again") == {1.0}


def test_the_sdk_builds_it_too(
    place: Path, wheels: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    lines = ["--no-index", f"--find-links {wheels}", "tiny==2.0"]
    job = command(
        code="./src",
        command="python train.py ${{inputs.x}}",
        inputs={"x": 1},
        environment=Environment(name="mine", conda_file={"dependencies": ["pip", {"pip": lines}]}),
    )
    sweep = job(x=Choice([1, 2])).sweep(primary_metric="version", goal="maximize", sampling_algorithm="grid")
    sweep.set_limits(max_total_trials=2)
    jobs = MLClient(workspace_name=place / ".barrido").jobs
    validated = jobs.validate(sweep)
    assert validated.passed
    assert builds(capsys.readouterr().err) == 0
    created = jobs.create_or_update(sweep)
    assert builds(capsys.readouterr().err) == 1
    jobs.stream(created.name)
    assert values_of(place, created.name) == {2.0}


def test_a_build_that_fails_leaves_no_sweep(
    place: Path, wheels: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, "none", f"{{requirements: [--no-index, --find-links {wheels}, tiny==9.0]}}")
    created = run("job", "create", "-f", "none.yml", "-n", "none")
    assert created.returncode == 1
    assert "tiny==9.0" in created.stderr
    assert "hint: " in created.stderr
    assert not (place / ".barrido" / "sweeps").exists()
    assert run("job", "validate", "-f", "none.yml").returncode == 0
    monkeypatch.chdir(place)
    job = command(command="ls", environment={"requirements": ["--no-index", "tiny==9.0"]})
    with pytest.raises(BuildFailed):
        MLClient(workspace_name=place / ".barrido").jobs.create_or_update(job)


def test_who_is_killed_while_it_builds_leaves_no_sweep(place: Path, run: Run, slowly: Slow) -> None:
    write(place, "slow", f"{{requirements: [--no-index, {slowly.folder}]}}")
    program = str(Path(sys.executable).with_name("barrido"))
    words = [program, "job", "create", "-f", "slow.yml", "-n", "slow"]
    process = subprocess.Popen(words, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not slowly.builds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (place / ".barrido" / "sweeps").exists()
    slowly.open()
    (place / "src" / "train.py").write_text("import slowly, barrido; barrido.report(version=7)\n")
    created = run("job", "create", "-f", "slow.yml", "-n", "slow", "--stream")
    assert created.returncode == 0, created.stdout + created.stderr
    assert values_of(place, "slow") == {7.0}


def test_a_sweep_that_goes_on_has_its_environment_built_again(
    place: Path, wheels: Path, run: Run, slowly: Slow
) -> None:
    write(place, "one", f"{{requirements: [--no-index, --find-links {wheels}, tiny==1.0]}}")
    gate = place / "go"
    (place / "src" / "train.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\n" + SCRIPT
    )
    assert (
        run(
            "job", "create", "-f", "one.yml", "-n", "one", "--set", "limits.max_concurrent_trials=1"
        ).returncode
        == 0
    )
    folder = Workspace(place / ".barrido").sweep("one")
    os.kill(int(folder.lock.read_text().split()[0]), signal.SIGKILL)
    (root,) = (place / ".barrido" / "environments").iterdir()
    EnvironmentFolder(root).clear()
    gate.touch()
    deadline = time.monotonic() + 60
    while (resumed := run("job", "resume", "one", "--stream")).returncode:  # its lock may not be free yet
        assert time.monotonic() < deadline, resumed.stderr
    assert builds(resumed.stderr) == 1
    assert 1.0 in values_of(place, "one")


def test_an_environment_that_is_taken_away_while_a_sweep_is_written_is_built_again(
    place: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(*given: Any, **settings: Any) -> list[str]:
        (root,) = (place / ".barrido" / "environments").iterdir()
        assert remove(EnvironmentFolder(root))
        return snapshot(*given, **settings)

    monkeypatch.chdir(place)
    monkeypatch.setattr(app, "snapshot", copy)
    lines = ["--no-index", f"--find-links {wheels}", "tiny==1.0"]
    job = command(code="./src", command="python train.py 1", environment={"requirements": lines})
    jobs = MLClient(workspace_name=place / ".barrido").jobs
    name = jobs.create_or_update(job).name
    jobs.stream(name)
    assert jobs.get(name).status == "Completed"


def test_a_workspace_that_is_asked_for_by_another_name_finds_its_environments(
    place: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    lines = ["--no-index", f"--find-links {wheels}", "tiny==1.0"]
    job = command(
        code="./src",
        command="python train.py ${{inputs.x}}",
        inputs={"x": 1},
        environment={"requirements": lines},
    )
    sweep = job(x=Choice([1])).sweep(primary_metric="version", goal="maximize", sampling_algorithm="grid")
    sweep.set_limits(max_total_trials=1)
    one, other = (MLClient(workspace_name=place / name).jobs for name in ("link", "real"))
    name = one.create_or_update(sweep).name
    one.stream(name)
    (root,) = (place / "real" / "environments").iterdir()
    assert remove(EnvironmentFolder(root))
    other.rerun(f"{name}_0")
    other.stream(name)
    assert builds(capsys.readouterr().err) == 1  # the second time nobody is told
    assert [trial.status for trial in other.get(name).trials] == ["Completed"] * 2


def test_the_pulse_tells_how_far_it_is(
    place: Path, slowly: Slow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from barrido.core.environment import Environment as Made

    monkeypatch.setattr(building, "PULSE_S", 0.05)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if text.startswith("  "):
            slowly.open()

    building.ready(Made(name="slow", requirements=("--no-index", str(slowly.folder))), place / "kept", say)
    assert any(text.startswith("  ") and " s: " in text for text in said)
