"""``barrido environment``: what was built, who uses it, and taking it away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from barrido.core.environment import Environment
from barrido.core.layout import Workspace
from barrido.core.recipe import Work
from barrido.environments.folders import EnvironmentFolder, locked


@pytest.fixture
def kept(workspace: Workspace) -> Callable[[str], EnvironmentFolder]:
    """An environment as if it had been built."""

    def _kept(key: str) -> EnvironmentFolder:
        folder = EnvironmentFolder(workspace.environments / key)
        folder.python.parent.mkdir(parents=True)
        folder.python.write_text("#!/bin/sh\n")
        folder.lock.touch()
        lines = ("--index-url https://ann:secret@example.com/simple", "numpy")
        folder.complete(Environment(name="mine", requirements=lines), "3.12.1")
        return folder

    return _kept


def test_it_lists_what_was_built_with_the_sweeps_that_used_it(
    workspace: Workspace,
    barrido: Callable[..., Any],
    tale: Callable[..., Any],
    kept: Callable[[str], EnvironmentFolder],
) -> None:
    assert barrido("environment", "list").out.startswith("no environments in ")
    folder = kept("abc123")
    tale("iris", work=Work(command="python train.py", python=str(folder.python)))
    half = EnvironmentFolder(workspace.environments / "half")
    half.env.mkdir(parents=True)
    head, line = barrido("environment", "list").out.splitlines()
    assert head.split() == ["key", "name", "python", "age", "sweeps"]
    assert line.split()[:3] == ["abc123", "mine", "3.12.1"]
    assert line.split()[-1] == "iris"
    text = barrido("environment", "list", "-o", "json").out
    (one,) = json.loads(text)
    assert (one["key"], one["sweeps"]) == ("abc123", ["iris"])
    assert "secret" not in text


def test_it_takes_one_away_that_nobody_uses(
    barrido: Callable[..., Any], tale: Callable[..., Any], kept: Callable[[str], EnvironmentFolder]
) -> None:
    used, free, similar = kept("used"), kept("free1"), kept("free2")
    tale("iris", work=Work(command="ls", python=str(used.python)))
    for key, what in (
        ("used", "environment used is used by iris"),
        ("free", "'free' is how 2 environments begin"),
        ("none", "there is no environment 'none'"),
    ):
        said = barrido("environment", "remove", key)
        assert said.code == 2
        assert what in said.err
    other = used.root.parents[2] / "other"
    other.symlink_to(used.root.parents[1])
    said = barrido("environment", "remove", "used", "-w", str(other))
    assert "environment used is used by iris" in said.err  # the same workspace by another name
    assert barrido("environment", "remove", "free1").code == 0
    assert not free.root.exists()
    with locked(similar, print):
        assert "is being built" in barrido("environment", "remove", "free2").err
    assert used.record.exists()
    assert similar.record.exists()
