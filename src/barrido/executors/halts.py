"""How an attempt's processes are asked to end, frozen, and let go on.

All of them: the leader's process group, and those that left it (`barrido.executors.leftovers`). The leader
itself is never frozen for long, so that it notes the end of a command that is killed while it is frozen.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from barrido.executors import leader as leaders
from barrido.executors.attempt import Attempt
from barrido.executors.leader import Leader
from barrido.executors.leftovers import Leftover, leftovers

AGAIN_S = 0.05
_GPUS = ("/dev/nvidia", "/dev/kfd", "/dev/dri/render")
_STILL = frozenset("TtDZX")


def ask_to_end(attempt: Attempt) -> None:
    """Send SIGTERM; where the command is not there yet to hear it, it is asked again (`ask_again`)."""
    leader = attempt.leader
    if leader is None:
        return
    hears = leader.command() is not None
    leader.signal_group(signal.SIGTERM)
    # A frozen process sees its SIGTERM only when it is let go on.
    leader.signal_group(signal.SIGCONT)
    if attempt.is_scattered or not attempt.is_frozen:  # nothing is born where all stand still
        _send_outside(attempt.stem, leader, signal.SIGTERM, signal.SIGCONT)
    if not hears:
        attempt.ask_again_at = time.monotonic() + AGAIN_S


def ask_again(attempt: Attempt, now: float) -> None:
    """A SIGTERM between the leader's last look at it and the command's ``exec`` reaches nobody:
    where the command was not there yet, it gets one of its own."""
    attempt.ask_again_at = None
    leader = attempt.leader
    if leader is None or attempt.ending is not None:
        return
    if (command := leader.command()) is not None:
        left = Leftover(command, leaders.open_pidfd(command))
        if leader.command() == command:
            left.send(signal.SIGTERM)
        left.close()
    elif attempt.kill_at is not None and now < attempt.kill_at:
        attempt.ask_again_at = now + AGAIN_S


def freeze(attempt: Attempt) -> list[int] | None:
    """Stop all processes but the leader; their pids once all stand still. If not yet: call it again."""
    leader = attempt.leader
    if leader is None or leader.command() is None:  # the command is to come, or has gone
        return None
    attempt.is_scattered = True
    leader.signal_group(signal.SIGSTOP)
    leader.signal(signal.SIGCONT)
    seen = {leader.pid}
    members = leftovers(attempt.stem, leader.group(), seen=seen)
    pids = [left.pid for left in members if left.send(signal.SIGSTOP)]
    are_scattered = any(left.group != leader.pid for left in members)
    are_still = all(_is_still(pid) for pid in pids)
    # A group is stopped at once, and nothing is born in it any more. Those outside are stopped one by one.
    born = leftovers(attempt.stem, leader.group(), seen=seen) if are_scattered else []
    for left in (*members, *born):
        left.close()
    if born or not are_still:
        return None
    attempt.is_scattered = are_scattered
    return pids


def thaw(attempt: Attempt) -> None:
    """Let all processes go on. Those that were not frozen take no notice."""
    if attempt.leader is not None:
        attempt.leader.signal_group(signal.SIGCONT)
        if attempt.is_scattered:
            _send_outside(attempt.stem, attempt.leader, signal.SIGCONT)


def weigh(pids: Sequence[int]) -> tuple[int, bool]:
    """Bytes of memory that processes hold, shared pages by their share, and whether one holds a GPU."""
    return sum(map(_memory, pids)), any(map(_holds_gpu, pids))


def catches(attempt: Attempt, number: int) -> bool:
    """Whether the command handles a signal by itself."""
    command = attempt.leader.command() if attempt.leader else None
    try:
        status = Path(f"/proc/{command}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)


def _is_still(pid: int) -> bool:
    """Whether no thread of a process that was sent a SIGSTOP will run one more instruction of its program.

    Not all need be stopped (T): one that waits in the kernel (D), as the parent of a frozen ``vfork``
    does, is stopped before it comes back from there.
    """
    try:
        stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # a thread has ended meanwhile
        return False
    return all(stat.rpartition(")")[2].split(maxsplit=1)[0] in _STILL for stat in stats)


def _send_outside(stem: str, leader: Leader, *numbers: int) -> None:
    """Send signals to the processes that left the leader's group."""
    for left in leftovers(stem):
        if left.group != leader.pid:
            for number in numbers:
                left.send(number)
        left.close()


def _memory(pid: int) -> int:
    """Bytes: its proportional set size, or its resident one where the system does not tell that."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return 1024 * next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration):
        pass
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _holds_gpu(pid: int) -> bool:
    try:
        opened = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    return any(_target(link).startswith(_GPUS) for link in opened)


def _target(link: Path) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115  (text, not a path to go on with)
    except OSError:  # closed meanwhile
        return ""
