"""Completion in a real bash: commands, options, files, and the names of jobs and trials."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from barrido.cli.completion import SHELLS
from barrido.cli.main import run

PROGRAM = Path(sys.executable).with_name("barrido")
ASK = """
eval "$(barrido completion bash)"
spec=$(complete -p barrido)
COMP_WORDS=({words}) COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
function=${{spec##*-F }}; function=${{function%% *}}
$function barrido
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("iris", "iris-2", "wine_1", ".draft-x"):
        (tmp_path / ".barrido/sweeps" / name / "trials").mkdir(parents=True)
    (tmp_path / ".barrido/sweeps/irresistible$(touch${IFS}pwned)").mkdir()
    for trial in (0, 1, 2, 10, "lost", "lost+found"):
        (tmp_path / f".barrido/sweeps/iris/trials/{trial}").mkdir()
    (tmp_path / ".barrido/pipelines/irises").mkdir(parents=True)
    (tmp_path / "sweep.yml").touch()
    return tmp_path


def offered(place: Path, *words: str) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in ("barrido", *words))
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    environment.pop("BARRIDO_WORKSPACE", None)
    said = subprocess.run(
        ["bash", "-c", ASK.format(words=quoted)], cwd=place, env=environment, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert said.stderr == ""
    return said.stdout.split()


@pytest.mark.skipif(not PROGRAM.exists() or shutil.which("bash") is None, reason="no bash, or not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("jo",), ["job"]),
        (("job", "re"), ["replay", "report", "resume", "rerun", "restore"]),
        (("job", "show", "iris"), ["iris", "iris-2", "irises"]),
        (("job", "show", "iris_"), ["iris_0", "iris_1", "iris_2", "iris_10"]),
        (("job", "show", "iris_1"), ["iris_1", "iris_10"]),
        (("job", "show", "wi"), ["wine_1"]),
        (("job", "cancel", "-n", "w"), ["wine_1"]),
        (("job", "show", "-w", "nowhere", ""), []),
        (("job", "show", "--work"), ["--workspace"]),
        (("job", "export", "iris", "-o", "c"), ["csv"]),
        (("nonsense", "x"), []),
        (("completion", ""), list(SHELLS)),
    ],
)
def test_what_bash_offers(place: Path, words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(place, *words) == expected


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("job create s", "file,s"),
        ("job create -f s", "file,s"),
        ("job validate --file s", "file,s"),
        ("job report iris -f s", "file,s"),
        ("job show -w s", "dir,s"),
        ("job list -p wi", "plain,wine_1"),
    ],
)
def test_files_and_folders_are_left_to_the_shell(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, kind: str
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.delenv("BARRIDO_WORKSPACE", raising=False)
    monkeypatch.setenv("_BARRIDO_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"barrido {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    with pytest.raises(SystemExit):
        run([])
    assert capsys.readouterr().out.split() == [kind]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "_BARRIDO_COMPLETE" in capsys.readouterr().out


def test_the_shell_is_guessed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert run(["completion"]) == 0
    assert "compdef" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["completion"]) != 0
    assert "one of bash, zsh, fish" in capsys.readouterr().err
