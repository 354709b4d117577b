"""A value reaches the script's argv as it was written, from every door, and nothing in it is executed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import barrido as sdk
from barrido.sweep import Choice

Barrido = Callable[..., "subprocess.CompletedProcess[str]"]
Argv = Callable[[Path, int], list[str]]
NASTY = (
    "; touch CANARY",
    "$(touch CANARY)",
    "`touch CANARY`",
    "it's",
    'say "hi"',
    "two\nlines",
    "*",
    "~",
    "é 🙂",
    "a  b",
    "$HOME",
    "\\",
    "&& touch CANARY",
    "-rf",
    "!!",
    "'; touch CANARY; '",
    '"; touch CANARY; "',
    "#no",
)
V = "${{search_space.v}}"
COMMAND = f"""python argv.py {V} 'in {V}' "in {V}" --x={V}"""


def expected(value: str) -> list[str]:
    return [value, f"in {value}", f"in {value}", f"--x={value}"]


def assert_all_arrived(sweep: Path, tmp_path: Path, argv_of: Argv) -> None:
    for trial, value in enumerate(NASTY):
        assert argv_of(sweep, trial) == expected(value)
    assert not list(tmp_path.rglob("CANARY"))


def document(code: Path, values: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "sweep",
        "name": "nasty",
        "trial": {"code": str(code), "command": COMMAND, "environment": "azureml:here@latest"},
        "search_space": {"v": {"type": "choice", "values": list(values)}},
        "sampling_algorithm": "grid",
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "limits": {"max_total_trials": 50, "max_concurrent_trials": 2},
    }


def test_from_yaml(barrido: Barrido, tmp_path: Path, code: Path, argv_of: Argv) -> None:
    # JSON is YAML, and quotes everything that needs it.
    (tmp_path / "sweep.yml").write_text(json.dumps(document(code, NASTY), ensure_ascii=False))
    done = barrido("job", "create", "-f", "sweep.yml", "--stream")
    assert done.returncode == 0, done.stderr + done.stdout
    assert_all_arrived(tmp_path / ".barrido/sweeps/nasty", tmp_path, argv_of)


def test_from_the_command_line(barrido: Barrido, tmp_path: Path, code: Path, argv_of: Argv) -> None:
    (tmp_path / "sweep.yml").write_text(json.dumps(document(code, ("x",))))
    values = f"search_space.v.values={json.dumps(NASTY, ensure_ascii=False)}"
    done = barrido("job", "create", "-f", "sweep.yml", "--set", values, "--stream")
    assert done.returncode == 0, done.stderr + done.stdout
    assert_all_arrived(tmp_path / ".barrido/sweeps/nasty", tmp_path, argv_of)


def test_from_python(tmp_path: Path, code: Path, argv_of: Argv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = sdk.command(
        code=str(code),
        command=COMMAND.replace("search_space", "inputs"),
        inputs={"v": "x"},
        environment="here",
    )
    sweep = job(v=Choice(values=list(NASTY))).sweep(
        sampling_algorithm="grid", primary_metric="loss", goal="Minimize"
    )
    sweep.set_limits(max_total_trials=50, max_concurrent_trials=2)
    client = sdk.MLClient()
    created = client.create_or_update(sweep)
    client.jobs.stream(created.name)
    assert_all_arrived(tmp_path / ".barrido/sweeps" / created.name, tmp_path, argv_of)


def test_a_literal_input_with_the_same_text_arrives_too(
    barrido: Barrido, tmp_path: Path, code: Path, argv_of: Argv
) -> None:
    body = document(code, ("x",))
    body["inputs"] = {f"i{n}": value for n, value in enumerate(NASTY)}
    body["trial"]["command"] = " ".join(
        ["python argv.py", *(f"${{{{inputs.i{n}}}}}" for n in range(len(NASTY)))]
    )
    (tmp_path / "sweep.yml").write_text(json.dumps(body, ensure_ascii=False))
    done = barrido("job", "create", "-f", "sweep.yml", "--stream")
    assert done.returncode == 0, done.stderr + done.stdout
    assert argv_of(tmp_path / ".barrido/sweeps/nasty", 0) == list(NASTY)
    assert not list(tmp_path.rglob("CANARY"))


@pytest.mark.parametrize("place", ["eval echo", f"{sys.executable} -c", "sh -c"])
def test_a_place_where_a_value_would_be_code_is_refused(
    barrido: Barrido, tmp_path: Path, code: Path, place: str
) -> None:
    body = document(code, ("x",))
    body["trial"]["command"] = f'{place} "print ${{{{search_space.v}}}}"'
    (tmp_path / "sweep.yml").write_text(json.dumps(body))
    done = barrido("job", "create", "-f", "sweep.yml")
    assert done.returncode == 2
    assert "sweep.yml:1" in done.stderr
    assert not (tmp_path / ".barrido/sweeps/nasty").exists()
