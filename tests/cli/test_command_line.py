from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import barrido as package
from barrido.cli import commands
from barrido.cli.main import run
from barrido.core.layout import SweepFolder

HEAVY = {"numpy", "scipy", "pydantic", "rich", "ruamel", "mlflow", "aiohttp", "sqlite3", "psutil"}


def imported(*args: str) -> set[str]:
    """The top-level packages that a command line loads."""
    program = (
        "import sys\n"
        "from barrido.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("args", [["--help"], ["job", "--help"], ["job", "create", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    assert imported(*args) & HEAVY == set()


def test_a_report_from_a_shell_loads_the_standard_library_only() -> None:
    assert imported("report", "loss=0.5") & (HEAVY | {"click"}) == set()


def test_the_version_is_the_packages(barrido: Callable[..., Any]) -> None:
    assert barrido("--version").out == f"barrido {package.__version__}\n"


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["jobs"], "barrido has no command 'jobs'", "did you mean 'job'?"),
        (["env", "list"], "barrido has no command 'env'", "did you mean 'environment'?"),
        (["ui"], "barrido has no command 'ui'", "did you mean 'studio'?"),
        (["job", "rm", "x"], "barrido job has no command 'rm'", "did you mean 'delete'?"),
        (["job", "strem"], "barrido job has no command 'strem'", "did you mean 'stream'?"),
        (["job", "qqq"], "barrido job has no command 'qqq'", "it has create, validate"),
        (["create", "-f", "s.yml"], "barrido has no command 'create'", "did you mean `barrido job create`?"),
        (["run", "s.yml"], "barrido has no command 'run'", "did you mean `barrido job create`?"),
        (["job", "run"], "barrido job has no command 'run'", "did you mean 'create'?"),
        (
            ["job", "create"],
            "the file that describes the sweep is missing",
            "`barrido job create -f sweep.yml`",
        ),
        (["job", "create", "swep.yml"], "there is no file 'swep.yml'", None),
        (["job", "validate", "a.yml", "-f", "b.yml"], "two files are given: a.yml and b.yml", None),
        (
            ["job", "create", "--set", "name=a", "limits.timeout=9", "-f", "b.yml"],
            "two files are given: limits.timeout=9 and b.yml",
            "--set limits.timeout=9",
        ),
        (["job", "list", "--ouput", "json"], "no such option '--ouput'", "did you mean '--output'?"),
        (["job", "update", "iris", "--add", "tags.a=1"], "no such option '--add'", "annotate NAME --tag"),
        (["job", "create", "--debug"], "no such option '--debug'", "BARRIDO_DEBUG=1"),
        (["job", "connect-ssh"], "barrido job has no command 'connect-ssh'", "job show SWEEP_N"),
        (["job", "show-services"], "barrido job has no command 'show-services'", "`barrido studio`"),
        (["job", "list", "-r", "0"], "invalid value for '-r'", "see `barrido job list --help`"),
        (["job", "show"], "the name of the sweep or trial is missing", "`barrido job list`"),
        (["job", "show", "a", "-n", "b"], "two names are given: 'a' and 'b'", None),
        (["job", "stream", "iris"], "there is no sweep 'iris' in", "`barrido job list`"),
        (["job", "create", "-f", "swep.yml"], "there is no file 'swep.yml'", None),
        (["job", "create", "-f", "s.yml", "-s", "-o", "json"], "--stream shows the sweep as it runs", None),
        (
            ["job", "validate", "-f", "s.yml", "--set", "name"],
            "--set takes PATH=VALUE (got 'name')",
            "--set limits",
        ),
    ],
)
def test_a_wrong_request_is_said_with_a_way_out(
    barrido: Callable[..., Any], args: list[str], message: str, hint: str | None
) -> None:
    said = barrido(*args)
    assert (said.code, said.out) == (2, "")
    first, *rest = said.err.splitlines()
    assert first.startswith(f"error: {message}")
    if hint is not None:
        assert rest[0].startswith("  hint: ")
        assert hint in rest[0]


def test_a_group_without_a_command_shows_its_help(barrido: Callable[..., Any]) -> None:
    said = barrido("job")
    assert said.code == 2
    assert "stream" in said.out


def test_a_mistyped_sweep_is_recognised(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    said = barrido("job", "show", "irs")
    assert said.code == 2
    assert "did you mean 'iris'?" in said.err


def test_a_sweep_is_recognised_by_how_its_name_begins(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    tale("calm_heron_x7k2m9q4ab")
    assert "did you mean 'calm_heron_x7k2m9q4ab'?" in barrido("job", "show", "calm").err


def test_every_mistake_in_a_file_is_said(barrido: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "sweep.yml").write_text("type: sweep\nlimits: {max_total_trials: no}\nserch_space: {}\n")
    said = barrido("job", "validate", "-f", "sweep.yml")
    assert said.code == 2
    for mistake in ("sweep.yml:2: limits.max_total_trials", "sweep.yml:3: serch_space", "trial: is missing"):
        assert mistake in said.err


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> str:
    """A command with a bug."""

    def divide() -> float:
        return 1 / 0

    monkeypatch.setitem(commands.barrido.commands, "broken", click.Command("broken", callback=divide))
    return "broken"


def test_a_bug_is_admitted_and_its_traceback_kept(
    barrido: Callable[..., Any], broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = barrido(broken)
    assert said.code == 1
    message, hint = said.err.splitlines()
    assert message == "error: ZeroDivisionError: division by zero; this is a bug in barrido"
    (kept,) = tmp_path.glob("barrido-*.txt")
    assert str(kept) in hint
    assert "return 1 / 0" in kept.read_text()


def test_a_bug_shows_its_traceback_to_those_who_ask(
    barrido: Callable[..., Any], broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("BARRIDO_DEBUG", "1")
    assert "return 1 / 0" in barrido(broken).err
    assert not list(tmp_path.glob("barrido-*.txt"))


def test_a_reader_that_leaves_early_is_no_error(finished: SweepFolder, tmp_path: Path) -> None:
    command = f"{sys.executable} -m barrido.cli job list -w {tmp_path / '.barrido'} | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_the_environment_names_the_workspace(
    finished: SweepFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("BARRIDO_WORKSPACE", str(tmp_path / ".barrido"))
    assert run(["job", "list"]) == 0
    assert "iris" in capfd.readouterr().out


def test_azures_addresses_are_taken_and_ignored(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    said = barrido("job", "show", "-n", "iris", "-g", "group", "--workspace-name", "theirs", "-o", "json")
    assert said.code == 0


def test_the_sdks_hints_become_commands(barrido: Callable[..., Any], running: Any) -> None:
    said = barrido("job", "download", "iris")
    assert said.code == 2
    assert "`barrido job stream iris`" in said.err


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ("limits.max_total=5", "did you mean 'max_total_trials'?"),
        ("trial.command=true", "cannot be changed any more"),
        ("limits.timeout=-5", "limits.timeout: must be more than 0 (got -5)"),
        ("limits.timeout=[", "not valid YAML"),
        ("limits.timeout=2h", "write 7200"),
        (
            "limits.stop_after.trials=0",
            "--set limits.stop_after.trials=0: limits.stop_after.trials: must be at least 1",
        ),
        ("limits.max_concurrent_trials=null", "max_concurrent_trials must be a number above 0 (got None)"),
        ("limits=5", "limits: must be a mapping"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    barrido: Callable[..., Any], running: Any, change: str, mistake: str
) -> None:
    said = barrido("job", "update", "iris", "--set", change)
    assert said.code == 2
    assert mistake in said.err
    assert not list(running.folder.root.glob("requests/*"))


@pytest.mark.parametrize("command", ["cancel", "pause", "unpause", "resume"])
def test_nothing_can_be_asked_of_a_sweep_that_is_over(
    barrido: Callable[..., Any], finished: SweepFolder, command: str
) -> None:
    said = barrido("job", command, "iris")
    assert said.code == 2
    assert said.err.startswith(f"error: sweep 'iris' is over (completed): there is nothing to {command}\n")


def test_the_limits_of_a_sweep_that_is_over_cannot_change(
    barrido: Callable[..., Any], finished: SweepFolder
) -> None:
    said = barrido("job", "update", "iris", "--set", "limits.max_total_trials=9")
    assert (said.code, said.err) == (
        2, "error: sweep 'iris' is over (completed): its limits cannot change any more\n",
    )  # fmt: skip


def test_a_trial_that_is_over_cannot_be_canceled(barrido: Callable[..., Any], running: Any) -> None:
    for words in (["iris_0"], ["iris", "--trial", "0"]):
        said = barrido("job", "cancel", *words)
        assert said.code == 2
        assert said.err == "error: trial 0 of 'iris' is over (completed): it cannot be canceled\n"


def test_a_name_is_given_once(barrido: Callable[..., Any], finished: SweepFolder, tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text("{type: command, command: echo hello}")
    said = barrido("job", "create", "-f", "job.yml", "-n", "iris")
    assert said.code == 2
    assert said.err.startswith("error: there already is a sweep 'iris' in ")


def test_a_list_can_be_set_from_the_command_line(barrido: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "sweep.yml").write_text(
        "type: sweep\n"
        "trial: {command: 'echo ${{search_space.lr}}'}\n"
        "search_space: {lr: {type: choice, values: [1]}}\n"
        "objective: {goal: minimize, primary_metric: loss}\n"
        "limits: {max_total_trials: 2}\n"
    )
    said = barrido("job", "validate", "-f", "sweep.yml", "--set", "search_space.lr.values=[0.1, 1]")
    assert (said.code, said.out) == (0, "sweep.yml is right\n")
    said = barrido("job", "validate", "-f", "sweep.yml", "--set", "search_space.lr.values=[0.1, [1]]")
    assert said.code == 2
    assert "  --set search_space.lr.values=[0.1, [1]]: search_space.lr.values" in said.err


def test_every_word_that_people_try_leads_to_a_command_that_exists() -> None:
    context = click.Context(commands.barrido)
    for name in commands.job.list_commands(context):
        assert commands.job.get_command(context, name) is not None
    assert set(commands.job._meant.values()) <= set(commands.job.list_commands(context))
    assert not set(commands.job._meant) & set(commands.job.list_commands(context))
