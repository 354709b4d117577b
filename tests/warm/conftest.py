"""Runs a script cold and warm, and compares everything of it that can be observed."""

from __future__ import annotations

import difflib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.faults.processes import kill_trials

from barrido.core.events import Cause, Launched, Note
from barrido.core.layout import SweepFolder
from barrido.core.plain import python_words
from barrido.core.protocols import Order, Signal
from barrido.core.recipe import Limits, Recipe, Work
from barrido.executors.environment import TrackerEnvironment
from barrido.executors.local import LocalExecutor
from barrido.executors.words import argv_of
from barrido.registry import renderer
from barrido.testing.executors import PATIENCE_S, exits, until_ended

TRIALS = 3  # the first fork, the first after lazy imports were learned, and one more
POINTS = [{"lr": 0.1 * (trial + 1), "name": f"it's trial {trial}"} for trial in range(TRIALS)]
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


@dataclass(frozen=True)
class Seen:
    """What one trial left behind, with what must differ between two sweeps replaced."""

    cause: Cause
    code: int | None
    detail: str
    log: str
    files: Mapping[str, str]  # of its working directory, by relative path
    temporary: int  # files in the temporary folder


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that goes into a sweep but how its trials are started."""

    command: str
    code: Mapping[str, str]
    links: Mapping[str, str]
    site: Mapping[str, str]
    variables: Mapping[str, str]
    outer: Mapping[str, str]
    tracker: TrackerEnvironment | None
    space: Mapping[str, Any]
    stop_at: str
    hide: Sequence[str]
    points: Sequence[Mapping[str, Any]]
    grace_s: float


Alike = Callable[..., list[Seen]]


@pytest.fixture(params=["on", pytest.param("off", marks=pytest.mark.slow)])
def alike(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Alike]:
    """Runs a script cold, and again as ``warm`` says; fails unless both were alike, trial by trial.

    With ``off`` both are cold: the control group, which shows that a case is the same each time. Returns
    what was seen of the trials of the second sweep. Arguments:

    - ``script``: the text of ``train.py``; ``code``, ``links``: further files and links beside it
    - ``site``: files of third-party packages, for which trials get an interpreter of their own
    - ``variables``, ``outer``, ``tracker``: environment of the recipe, the controller and the tracker
    - ``stop_at``: a file; once a trial wrote it, the trial is stopped
    - ``points``: parameters of each trial, if not `TRIALS` of a kind
    - ``apart``: files that may differ; ``hide``: patterns of what may differ in texts
    - ``starts``: "warm"; "cold" where that is not possible, or "either": then a note must say so
    - ``limit``: why a difference cannot be helped; then there must be one
    """
    folders: list[SweepFolder] = []

    def alike(
        script: str = "",
        *,
        command: str = "python train.py",
        code: Mapping[str, str] | None = None,
        links: Mapping[str, str] | None = None,
        site: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        outer: Mapping[str, str] | None = None,
        tracker: TrackerEnvironment | None = None,
        space: Mapping[str, Any] | None = None,
        stop_at: str = "",
        apart: Sequence[str] = (),
        hide: Sequence[str] = (),
        points: Sequence[Mapping[str, Any]] = POINTS,
        starts: str = "warm",
        grace_s: float = 30.0,
        limit: str = "",
    ) -> list[Seen]:
        files = {name: dedent(text) for name, text in (code or {}).items()}
        if script:
            files["train.py"] = dedent(script).lstrip("\n")
        setting = Setting(
            command=command,
            code=files,
            links=links or {},
            site={name: dedent(text) for name, text in (site or {}).items()},
            variables=variables or {},
            outer=outer or {},
            tracker=tracker,
            space=space or {},
            stop_at=stop_at,
            hide=hide,
            points=points,
            grace_s=grace_s,
        )
        if limit and request.param == "on":
            request.applymarker(pytest.mark.xfail(strict=True, reason=limit))
        cold, warm = (SweepFolder(tmp_path / name / "sweeps" / "sweep") for name in ("cold", "warm"))
        folders.extend((cold, warm))
        expected, _, _ = run(setting, cold, "off")
        found, were_warm, notes = run(setting, warm, request.param)
        differing = [
            f"{point['name']}: {line}"
            for point, one, other in zip(points, expected, found, strict=True)
            for line in _differences(_text(one, apart), _text(other, apart))
        ]
        assert not differing, "\n".join(differing)
        if request.param == "on":
            is_plain = python_words(argv_of(command)) is not None
            assert starts == "either" or were_warm == [starts == "warm"] * len(points), notes
            assert all(were_warm) or notes or not is_plain, "a cold start without a word"
        return found

    yield alike
    for folder in folders:
        kill_trials(folder)


def run(setting: Setting, folder: SweepFolder, warm: str) -> tuple[list[Seen], list[bool], list[str]]:
    """What was seen of a sweep's trials, run one after another, whether each was warm, and the notes."""
    root = folder.root.parents[1]
    folder.code.mkdir(parents=True)
    for name, text in setting.code.items():
        _write(folder.code / name, text)
    for name, target in setting.links.items():
        (folder.code / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.code / name).symlink_to(target)
    for name in ("tmp", "home"):
        (root / name).mkdir(parents=True)
    work = Work(
        command=setting.command,
        code=os.fspath(folder.code),
        environment_variables={name: text.format(root=root) for name, text in setting.variables.items()},
        python=_interpreter(root / "python", setting.site) if setting.site else None,
        warm=warm,
    )
    recipe = Recipe(
        name=folder.name,
        space=setting.space,
        limits=Limits(max_total_trials=len(setting.points), max_concurrent_trials=1),
        work=work,
    )
    executor = LocalExecutor(
        folder,
        recipe,
        render=renderer(recipe, folder),
        environment=setting.tracker,
        outer={**_outer(root), **setting.outer},
        grace_s=setting.grace_s,
    )
    seen, were_warm, notes = [], [], []
    try:
        for trial, point in enumerate(setting.points):
            executor.launch(Order(trial, 1, dict(point)))
            signals: list[Signal] = []
            if setting.stop_at:
                signals += _wait_for(folder.trial(trial).work / setting.stop_at, executor)
                executor.stop(trial, 1, "the test says so")
            signals += until_ended(executor)
            were_warm += [signal.warm for signal in signals if isinstance(signal, Launched)]
            notes += [signal.text for signal in signals if isinstance(signal, Note)]
            (exited,) = exits(signals)
            clean = _normal(root, setting.hide)
            seen.append(
                Seen(
                    exited.cause,
                    exited.code,
                    clean(exited.detail),
                    clean(folder.trial(trial).log.read_text(errors="backslashreplace")),
                    _contents(folder.trial(trial).work, clean),
                    sum(1 for _ in (root / "tmp").iterdir()),
                )
            )
    finally:
        executor.close()
    return seen, were_warm, notes


def _outer(root: Path) -> dict[str, str]:
    """The environment of the controller: what a shell has, and nothing of this test run's own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.fspath(root / "home"),
        "TMPDIR": os.fspath(root / "tmp"),
        "LANG": "C.UTF-8",
        "PWD": os.fspath(root),
        "SHLVL": "1",
        "_": "/usr/bin/barrido",
    }


def _interpreter(home: Path, site: Mapping[str, str]) -> str:
    """A virtual environment with the third-party packages ``site``; its Python."""
    packages = home / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    for name, text in site.items():
        _write(packages / name, text)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    _write(home / "pyvenv.cfg", f"home = {base.parent}\ninclude-system-site-packages = false\n")
    python = home / "bin/python"
    python.parent.mkdir()
    python.symlink_to(base)
    python.with_name("python3").symlink_to("python")
    return os.fspath(python)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _wait_for(path: Path, executor: LocalExecutor) -> list[Signal]:
    signals: list[Signal] = []
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} was never written; {signals!r}"
        signals += executor.events(0.01)
    return signals


def _contents(folder: Path, clean: Callable[[str], str]) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = os.fspath(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {clean(os.fspath(path.readlink()))}"
        elif path.is_dir():
            found[name] = "folder"
        elif path.suffix == ".pyc":
            found[name] = "bytecode"
        else:
            found[name] = clean(path.read_text(errors="backslashreplace"))
    return found


def _normal(root: Path, hide: Sequence[str]) -> Callable[[str], str]:
    """Replaces the workspace's place, addresses of objects, and what the test says."""

    def clean(text: str) -> str:
        text = ADDRESS.sub("<address>", text.replace(os.fspath(root), "<root>"))
        text = text.replace(os.fspath(root).upper(), "<ROOT>")
        for pattern in hide:
            text = re.sub(pattern, "<hidden>", text)
        return text

    return clean


def _text(seen: Seen, apart: Sequence[str]) -> list[str]:
    """In lines, without the contents of files that may differ."""
    files = {name: "(apart)" if name in apart else text for name, text in seen.files.items()}
    texts = {"detail": seen.detail, "log": seen.log, **files}
    head = [f"{seen.cause} {seen.code}, {seen.temporary} temporary files, {sorted(files)}"]
    return [*head, *(f"{name}: {line!r}" for name, text in texts.items() for line in text.split("\n"))]


def _differences(one: Sequence[str], other: Sequence[str]) -> list[str]:
    lines = difflib.unified_diff(one, other, "cold", "warm", n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
