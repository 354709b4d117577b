from __future__ import annotations

import os
from pathlib import Path

import pytest
from barrido_nice import NiceExecutor

from barrido.core.protocols import Order
from barrido.testing.executors import ExecutorSuite, World, until_ended, values
from barrido.testing.worlds import GRACE_S, LocalWorld, script_of


class TestNice(ExecutorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return LocalWorld(
            tmp_path, lambda folder, recipe: NiceExecutor(folder, recipe, render=script_of, grace_s=GRACE_S)
        )


def test_trials_are_as_nice_as_was_said(tmp_path: Path) -> None:
    report = """printf '{"name": "loss", "value": %s}\\n' "$(nice)" >> "$BARRIDO_METRICS" """
    world = LocalWorld(
        tmp_path, lambda folder, recipe: NiceExecutor(folder, recipe, "3", render=lambda _: report)
    )
    executor = world.executor()
    executor.launch(Order(0, 1, {}))
    assert values(until_ended(executor)) == [min(19, os.nice(0) + 3)]
    executor.close()


@pytest.mark.parametrize("argument", ["very", "0", "20", "-1", "1.5"])
def test_what_is_no_niceness(argument: str) -> None:
    with pytest.raises(ValueError, match="from 1 to 19"):
        NiceExecutor.check(argument)
