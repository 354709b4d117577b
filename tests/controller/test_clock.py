from __future__ import annotations

import time

import pytest

from barrido.controller.clock import WallClock


def test_a_clock_that_is_set_back_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at something every quarter of a second goes on doing so, and time limits go on."""
    wall, ticks = 1000.0, 50.0
    monkeypatch.setattr(time, "time", lambda: wall)
    monkeypatch.setattr(time, "monotonic", lambda: ticks)
    clock = WallClock()
    assert clock.now() == 1000.0
    wall, ticks = 1002.0, 52.0
    assert clock.now() == 1002.0
    wall, ticks = 502.5, 52.5
    assert clock.now() == 1002.5
    wall, ticks = 503.5, 53.5
    assert clock.now() == 1003.5
    wall, ticks = 5000.0, 54.0
    assert clock.now() == 5000.0
