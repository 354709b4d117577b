"""What the kernel's count of kills for want of memory proves, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrido.core.events import Cause
from barrido.executors.ending import Ending
from barrido.executors.kills import Kills

KILLED = Ending(Cause.EXIT, -9, "killed by SIGKILL, perhaps for want of memory")


@pytest.fixture(params=["v2", "v2 beside v1", "v2 in a container", "v1", "v1 in a container"])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file that counts."""
    is_v1, is_contained = request.param.startswith("v1"), "container" in request.param
    root = tmp_path / ("memory" if is_v1 else "unified" if "beside" in request.param else "")
    counter = root / ("" if is_contained else "user.slice/mine") / "memory."
    path = counter.with_name("memory.oom_control" if is_v1 else "memory.events")
    path.parent.mkdir(parents=True, exist_ok=True)
    line = "4:cpuset,memory:/user.slice/mine" if is_v1 else "0::/user.slice/mine"
    (tmp_path / "membership").write_text(f"3:pids:/\n{line}\n")
    count(path, 5)
    return path


def count(path: Path, kills: int) -> None:
    path.write_text(f"low 0\noom 7\noom_kill_disable 0\noom_kill {kills}\noom_group_kill 0\n")


def test_a_kill_that_was_counted_since_explains_one_end(group: Path, tmp_path: Path) -> None:
    kills = Kills(tmp_path, tmp_path / "membership")
    first, second = kills.untold(), kills.untold()
    assert kills.explained(KILLED, first) == KILLED
    count(group, 6)
    later = kills.untold()
    assert kills.explained(KILLED, later) == KILLED  # what began since was not meant
    assert kills.explained(KILLED, first) == Ending(Cause.OUT_OF_MEMORY, -9, KILLED.detail)
    assert kills.explained(KILLED, second) == KILLED  # one kill, one end
    count(group, 8)
    assert kills.explained(KILLED, second).cause is Cause.OUT_OF_MEMORY
    assert kills.explained(KILLED, second).cause is Cause.OUT_OF_MEMORY


@pytest.mark.parametrize(
    "ending",
    [Ending(Cause.EXIT, 1), Ending(Cause.EXIT, -15), Ending(Cause.LOST, None), Ending(Cause.NO_LAUNCH, None)],
)
def test_other_ends_are_what_they_are(group: Path, tmp_path: Path, ending: Ending) -> None:
    kills = Kills(tmp_path, tmp_path / "membership")
    count(group, 9)
    assert kills.explained(ending, 0) == ending


def test_where_nothing_is_counted_nothing_is_claimed(tmp_path: Path) -> None:
    for membership in ("", "0::/\n", "4:memory:/x\n"):
        (tmp_path / "membership").write_text(membership)
        kills = Kills(tmp_path, tmp_path / "membership")
        assert kills.untold() == 0
        assert kills.explained(KILLED, 0) == KILLED
    assert Kills(tmp_path, tmp_path / "nowhere").explained(KILLED, 0) == KILLED
