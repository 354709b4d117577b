"""Environments are built once, whole or not at all, whoever asks and whoever dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.environments.conftest import Slow

from barrido.core.environment import Environment
from barrido.environments import ready
from barrido.environments.folders import EnvironmentFolder, key_of, locked
from barrido.errors import BuildFailed, RequestError

Lines = Callable[..., tuple[str, ...]]

ASK = """
import signal, sys
from pathlib import Path
from barrido.core.environment import Environment
from barrido.environments import ready
lines = "--no-index", "slowly @ " + Path(sys.argv[2]).as_uri()
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
made = Environment(name="slow", requirements=lines, files={sys.argv[2]: "as it is"})
print(ready(made, Path(sys.argv[1]), lambda text: print(text, flush=True)), flush=True)
"""


def said_by(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


class Asker:
    """Another process that asks for an environment with the slow package."""

    def __init__(self, home: Path, slowly: Slow, name: str) -> None:
        self._said = home.parent / f"{name}.txt"
        words = [sys.executable, "-c", ASK, str(home), str(slowly.folder)]
        with self._said.open("w") as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=out)

    def line(self, word: str) -> str:
        """The line that has ``word`` in it, when it comes."""
        wait_for(lambda: word in self._said.read_text() or self.process.poll() is not None)
        return next(line for line in self._said.read_text().splitlines() if word in line)


@pytest.fixture
def ask(tmp_path: Path, slowly: Slow) -> Iterator[Callable[[str], Asker]]:
    askers: list[Asker] = []

    def _ask(name: str) -> Asker:
        askers.append(Asker(tmp_path / "kept", slowly, name))
        return askers[-1]

    yield _ask
    slowly.open()
    for asker in askers:
        asker.process.kill()
        asker.process.wait()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_holds_what_was_asked_for_and_is_built_once(tmp_path: Path, lines: Lines, installer: str) -> None:
    said: list[str] = []
    made = Environment(name="tiny", requirements=lines("tiny==1.0"))
    python = ready(made, tmp_path / "kept", said.append)
    assert said_by(python, "import tiny; print(tiny.VERSION)") == "1.0"
    assert "tiny, 1 package" in said[0]
    assert "ready after" in said[-1]
    said.clear()
    log = (Path(python).parents[2] / "log.txt").read_text()
    assert f"{installer} " in log
    assert ready(made, tmp_path / "kept", said.append) == python
    assert said == []
    other = ready(Environment(name="tiny", requirements=lines("tiny==2.0")), tmp_path / "kept", said.append)
    assert said_by(other, "import tiny; print(tiny.VERSION)") == "2.0"


def test_pip_installs_where_uv_would_pass_over_a_line(
    tmp_path: Path, lines: Lines, no_settings: None
) -> None:
    python = ready(Environment(name="tiny", requirements=lines("--pre", "tiny==1.0")), tmp_path / "kept")
    log = (Path(python).parents[2] / "log.txt").read_text()
    assert "-m pip install" in log
    assert "unsupported" not in log


def test_the_key_is_the_content() -> None:
    one = Environment(name="one", requirements=("a", "b"), files={"/x": "1"})
    same = Environment(name="other", requirements=("b", "a"), files={"/x": "1"})
    assert key_of(one) == key_of(same)
    changed = [
        Environment(name="one", requirements=("a", "b"), files={"/x": "2"}),
        Environment(name="one", requirements=("a", "c"), files={"/x": "1"}),
        Environment(name="one", requirements=("a", "b"), files={"/x": "1"}, python="3.9"),
        Environment(name="one", conda="{}", files={"/x": "1"}),
    ]
    assert len({key_of(one), *map(key_of, changed)}) == 5


def test_what_cannot_be_built_leaves_its_log_and_may_be_tried_again(
    tmp_path: Path, wheels: Path, lines: Lines, installer: str
) -> None:
    made = Environment(name="tiny", requirements=lines("tiny==3.0"))
    folder = EnvironmentFolder(tmp_path / "kept" / key_of(made))
    with pytest.raises(BuildFailed, match=r"(?s)ended with exit code 1.*tiny==3\.0") as caught:
        ready(made, tmp_path / "kept")
    assert str(folder.log) in caught.value.hint
    assert "tiny==3.0" in folder.log.read_text()
    assert not folder.env.exists()
    assert not folder.is_whole()
    (wheels / "tiny-2.0-py3-none-any.whl").unlink()
    with pytest.raises(BuildFailed):
        ready(made, tmp_path / "kept")


def test_who_comes_second_waits_and_finds_it_built(
    slowly: Slow, ask: Callable[[str], Asker], no_settings: None
) -> None:
    first = ask("first")
    wait_for(lambda: slowly.builds() == 1)
    second = ask("second")
    second.line("waiting for it")
    slowly.open()
    assert first.line("/env/bin/python") == second.line("/env/bin/python")
    assert (first.process.wait(), second.process.wait()) == (0, 0)
    assert slowly.builds() == 1


def test_a_kill_in_the_middle_leaves_nothing_that_counts(
    tmp_path: Path, slowly: Slow, ask: Callable[[str], Asker], no_settings: None
) -> None:
    first = ask("first")
    wait_for(lambda: slowly.builds() == 1)
    first.process.kill()
    assert first.process.wait() == -signal.SIGKILL
    (root,) = (tmp_path / "kept").iterdir()
    folder = EnvironmentFolder(root)
    assert folder.env.exists()
    assert not folder.is_whole()
    second = ask("second")
    second.line("waiting for it")  # for the installer that the first one left behind
    slowly.open()
    python = second.line("/env/bin/python")
    assert second.process.wait() == 0
    assert folder.is_whole()
    assert said_by(python, "import slowly; print(slowly.VERSION)") == "1.0"
    assert slowly.builds() == 2


def test_ctrl_c_ends_what_installs_and_takes_away_what_was_made(
    tmp_path: Path, slowly: Slow, ask: Callable[[str], Asker], no_settings: None
) -> None:
    first = ask("first")
    wait_for(lambda: slowly.builds() == 1)
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait() != 0
    (root,) = (tmp_path / "kept").iterdir()
    folder = EnvironmentFolder(root)
    assert not folder.env.exists()
    with locked(folder, lambda text: pytest.fail(text)):
        assert slowly.builds() == 1


def test_leftovers_go_when_another_is_built_but_for_what_is_being_built(
    tmp_path: Path, no_settings: None
) -> None:
    home = tmp_path / "kept"
    left, busy, whole = (EnvironmentFolder(home / name) for name in ("left", "busy", "whole"))
    for folder in (left, busy, whole):
        folder.env.mkdir(parents=True)
        folder.lock.touch()
    whole.complete(Environment(name="whole"), "3.11.7")
    with locked(busy, print):
        ready(Environment(name="empty"), home)
        assert not left.root.exists()
        assert busy.env.exists()
        assert whole.record.exists()


def test_it_is_built_anew_where_the_interpreter_below_it_is_gone(tmp_path: Path, no_settings: None) -> None:
    made = Environment(name="empty")
    python = Path(ready(made, tmp_path / "kept"))
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert ready(made, tmp_path / "kept") == str(python)
    assert said_by(str(python), "print(1)") == "1"


def test_it_is_built_anew_where_its_workspace_was_moved(tmp_path: Path, no_settings: None) -> None:
    made = Environment(name="empty")
    ready(made, tmp_path / "kept")
    (tmp_path / "kept").rename(tmp_path / "moved")
    said: list[str] = []
    assert ready(made, tmp_path / "moved", said.append).startswith(str(tmp_path / "moved"))
    assert said[0].startswith("building environment")


def test_a_workspace_may_have_two_names(tmp_path: Path, no_settings: None) -> None:
    made = Environment(name="empty")
    ready(made, tmp_path / "kept")
    (tmp_path / "other").symlink_to(tmp_path / "kept")
    said: list[str] = []
    python = ready(made, tmp_path / "other", said.append)
    assert said == []
    assert said_by(python, "print(1)") == "1"
    shutil.copytree(tmp_path / "kept", tmp_path / "copied", symlinks=True)
    ready(made, tmp_path / "copied", said.append)
    assert said[0].startswith("building environment")


def test_an_interpreter_that_is_named_must_start(tmp_path: Path) -> None:
    assert ready(Environment(name="here", interpreter=sys.executable), tmp_path) == sys.executable
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(RequestError, match="does not start"):
        ready(Environment(name="broken", interpreter=str(broken)), tmp_path)


def test_conda_is_given_the_file_and_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    conda = tools / "micromamba"
    conda.write_text(
        '#!/bin/sh\necho "$@"; cat "$5"; test "$CONDA_ALWAYS_YES" = true || exit 9\n'
        f'exec "{sys.executable}" -m venv --without-pip "$3"\n'
    )
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    python = ready(Environment(name="conda", conda='{"dependencies": ["numpy"]}'), tmp_path / "kept")
    env = Path(python).parents[1]
    log = (env.parent / "log.txt").read_text()
    assert f"create --prefix {env} --file {env.parent / 'conda.yml'}" in log
    assert '{"dependencies": ["numpy"]}' in log
