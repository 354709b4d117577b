"""Builds environments: with uv where there is one, else with Python's own venv and pip, or with conda."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from barrido.core.environment import Environment
from barrido.environments import interpreters
from barrido.environments.folders import EnvironmentFolder, Say, key_of, locked, remove_leftovers
from barrido.errors import BuildFailed, RequestError

PULSE_S = 10.0
"""How often it is said how far a build is."""
TOLD_LINES = 15
"""So much of the log is told where a build fails."""
_LINE_CHARS = 200
_FOR_PIP = ("--pre", "--prefer-binary", "--trusted-host")  # uv passes over such lines
_ALWAYS_YES = ("CONDA_ALWAYS_YES", "MAMBA_ALWAYS_YES")  # not all versions know the option


def silent(_: str) -> None:
    """For callers who have nobody to tell."""


def ready(environment: Environment, home: Path, say: Say = silent) -> str:
    """The interpreter of ``environment``, which is built below ``home`` if it is not there yet.

    ``say`` hears how it goes. Who asks while another process builds the same waits for it. Raises
    RequestError if an interpreter that was named does not start, BuildFailed with the last lines of the log
    if it cannot be built, also for want of room; nothing that counts is left then, but the log.
    """
    if environment.interpreter is not None:
        if interpreters.version_of(environment.interpreter) is None:
            raise RequestError(
                f"environment: {environment.interpreter} does not start",
                hint=f"try it: {environment.interpreter} --version",
            )
        return environment.interpreter
    folder = EnvironmentFolder(home / key_of(environment))
    if not folder.is_whole():
        try:
            with locked(folder, say) as lock:
                if not folder.is_whole():
                    remove_leftovers(home)
                    _build(environment, folder, lock, say)
        except OSError as error:
            raise BuildFailed(f"the environment could not be built in {folder.root}: {error}") from error
    return os.fspath(folder.python)


def is_ready(environment: Environment, home: Path) -> bool:
    """Whether there is nothing to build."""
    return environment.interpreter is not None or EnvironmentFolder(home / key_of(environment)).is_whole()


def _build(environment: Environment, folder: EnvironmentFolder, lock: int, say: Say) -> None:
    folder.clear()
    folder.log.unlink(missing_ok=True)
    started = time.monotonic()
    say(f"building environment {folder.key} ({_content(environment)}) …")
    try:
        for words in _programs(environment, folder, lock):
            _run(words, folder, lock, say)
        version = interpreters.version_of(os.fspath(folder.python))
        if version is None:
            raise _failed(folder, f"{folder.python} does not start")
        folder.complete(environment, version)
    except BaseException:
        shutil.rmtree(folder.env, ignore_errors=True)
        raise
    say(f"environment {folder.key} is ready after {time.monotonic() - started:.0f} s")


def _content(environment: Environment) -> str:
    parts = [environment.name]
    if environment.python is not None:
        parts.append(f"Python {environment.python}")
    count = sum(line[:1] != "-" or line[:2] == "-e" for line in environment.requirements)
    parts.append("conda" if environment.conda is not None else f"{count} package{'s' * (count != 1)}")
    return ", ".join(parts)


def _programs(environment: Environment, folder: EnvironmentFolder, lock: int) -> list[list[str]]:
    """What is to be run, in this order."""
    env, python = os.fspath(folder.env), os.fspath(folder.python)
    if environment.conda is not None:
        return [_conda(environment.conda, folder)]
    base = _base(environment, folder, lock)
    is_for_pip = any(line.startswith(_FOR_PIP) for line in environment.requirements)
    uv = None if is_for_pip or interpreters.pip_has_sources() else interpreters.uv()
    if uv is None:
        make = [base, "-m", "venv", env]
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    else:
        make = [uv, "venv", "--no-project", "--python", base, env]
        install = [uv, "pip", "install", "--python", python]
        if environment.files:  # of a local package it would take what it built when other code lay there
            install.append("--refresh")
    if not environment.requirements:
        return [make]
    _write(folder.root / "requirements.txt", environment.requirements)
    return [make, [*install, "-r", "requirements.txt"]]


def _base(environment: Environment, folder: EnvironmentFolder, lock: int) -> str:
    """The interpreter that the environment stands on. Raises BuildFailed if it is not to be had."""
    if environment.python is None:
        return sys.executable
    found = interpreters.find(environment.python)
    if found is None and (uv := interpreters.uv()) is not None:
        _run([uv, "python", "install", environment.python], folder, lock, silent)
        found = interpreters.find(environment.python)
    if found is None:
        raise BuildFailed(
            f"there is no Python {environment.python} for environment {environment.name!r}",
            hint=f"put python{environment.python} on PATH, or install uv, which fetches it",
        )
    return found


def _conda(content: str, folder: EnvironmentFolder) -> list[str]:
    tool = interpreters.conda()
    if tool is None:
        raise BuildFailed("conda is not on PATH any more", hint="create the sweep anew: pip does it instead")
    file = folder.root / "conda.yml"  # JSON is YAML; conda looks at the name
    _write(file, [content])
    kind = ["create"] if Path(tool).name == "micromamba" else ["env", "create"]
    return [tool, *kind, "--prefix", os.fspath(folder.env), "--file", os.fspath(file)]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.touch()
    path.chmod(0o600)  # addresses of packages may hold passwords
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _run(words: Sequence[str], folder: EnvironmentFolder, lock: int, say: Say) -> None:
    """Run one program to its end. Raises BuildFailed with what it said last."""
    environ = interpreters.clean(os.environ) | dict.fromkeys(_ALWAYS_YES, "true")
    started = time.monotonic()
    with folder.log.open("ab") as log:
        log.write(f"$ {' '.join(words)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            words,
            cwd=folder.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,  # so that all of it can be ended
        )
    try:
        while True:
            try:
                code = process.wait(PULSE_S)
                break
            except subprocess.TimeoutExpired:
                last = "".join(_tail(folder.log, 1))
                say(f"  {time.monotonic() - started:.0f} s: {last}")
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if code:
        raise _failed(folder, f"{Path(words[0]).name} ended with exit code {code}")


def _failed(folder: EnvironmentFolder, why: str) -> BuildFailed:
    lines = "".join(f"\n  | {line}" for line in _tail(folder.log, TOLD_LINES))
    return BuildFailed(
        f"environment {folder.key} could not be built: {why}{lines}",
        hint=f"correct `environment`, or what keeps the packages away; the whole log is {folder.log}",
    )


def _tail(log: Path, count: int) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line[:_LINE_CHARS] for line in lines if line.strip()][-count:]
