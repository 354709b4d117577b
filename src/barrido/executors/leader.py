"""The session leader: the small shell that runs one attempt of a trial and outlives the controller.

It claims the attempt by creating ``<stem>.life`` (which only one process can do, so an attempt that
is launched twice runs once), runs the user's command, and appends the exit code. No controller needs
to be alive for that. The file holds

    <machine> <pid>
    exit <code>

where *machine* names this boot of this machine (see `machine_id`). The pid is believed only while
``/proc/<pid>/cmdline`` holds the path of the same ``.life`` file: a number that was given to another
process meanwhile is not taken for the leader. From then on a pidfd stands for it.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from barrido.executors.words import SHELL

NAME = "barrido-trial"
CLAIM_FAILED = 73  # EX_CANTCREAT of sysexits.h
VOID = "void"  # the machine in a claim that forbids the attempt to ever start

# Builtins only: the one fork is the user's command. TERM is caught, not ignored, because children
# inherit ignored signals but start with caught ones at their default. A TERM that arrives before the
# command was started must not be lost, hence ``_barrido_asked``; no other variable of the trial's
# environment may be touched. In the subshell the command is the last one, so it takes its place.
# A claim that does not fit on the disk is taken back: by whoever made the file, and nobody else.
# The exit code is written as soon as the disk takes it, unless the sweep was removed: nobody else may
# know it. It then stands on a line of its own, whatever part of it was written before.
SCRIPT = """\
[ -e "$1" ] && exit 0
_barrido_asked=
trap '_barrido_asked=1' TERM INT HUP
set -C
{ printf '' > "$1"; } 2>/dev/null || exit 73
set +C
{ printf '%s %s\\n' "$3" "$$" >> "$1"; } 2>/dev/null || { rm -f "$1"; exit 73; }
_barrido_code=126
if cd "$2"; then
  if [ "$_barrido_asked" ]; then _barrido_code=143; else (shift 3; "$@"); _barrido_code=$?; fi
fi
until printf 'exit %s\\n' "$_barrido_code" >> "$1"; do
  [ -e "$1" ] && sleep 1 || break
  printf '\\n' >> "$1"
done 2>/dev/null
exit "$_barrido_code"
"""

_PROCESS_GROUP = 1 << 2  # PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9
_SIGNALS = frozenset(int(number) for number in signal.valid_signals())
_DEFAULTS = [s for s in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if s in _SIGNALS]


@cache
def machine_id() -> str:
    """Names this boot of this machine or container: what an attempt's processes cannot outlive."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        init = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        import psutil

        return f"{psutil.boot_time():.0f}"
    return f"{boot}.{init}"


@dataclass(frozen=True, slots=True)
class Life:
    """A ``.life`` file. ``pid`` is None while the claim is not yet wholly written."""

    machine: str
    pid: int | None
    code: int | None
    at: float  # when the file was last written

    @property
    def is_void(self) -> bool:
        return self.machine == VOID


def read_life(path: str) -> Life | None:
    """What is known of an attempt; None if nobody claimed it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        raw, at = os.read(fd, 4096), os.fstat(fd).st_mtime
    finally:
        os.close(fd)
    *lines, _torn = raw.decode("ascii", "replace").split("\n")
    match [line.split() for line in lines]:
        case [[machine, pid], *told] if pid.isdecimal():
            codes = [said[1] for said in told if len(said) == 2 and said[0] == "exit" and said[1].isdecimal()]
            return Life(machine, int(pid), exit_code(int(codes[0])) if codes else None, at)
        case _:
            return Life("", None, None, at)


def exit_code(status: int) -> int:
    """A shell's exit status: 128 + n stands for signal n.

    >>> exit_code(3), exit_code(137), exit_code(255)
    (3, -9, 255)
    """
    return -(status - 128) if status > 128 and status - 128 in _SIGNALS else status


def forbid(path: str) -> Life:
    """Claim an attempt so that no leader ever runs it, unless it is claimed already; what it is then."""
    with suppress(OSError):  # claimed already, or the disk is full
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, f"{VOID} 0\n".encode())
        finally:
            os.close(fd)
    return read_life(path) or Life("", None, None, 0.0)


def inheritable_descriptors() -> list[int]:
    """What this process was itself given beyond the standard three: a trial is not to hold it open."""
    found = []
    for name in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            numbers = [int(entry.name) for entry in Path(name).iterdir()]
            for number in numbers:
                with suppress(OSError):  # the one of the listing is closed again
                    if number > 2 and os.get_inheritable(number):
                        found.append(number)
            break
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What an attempt is started with, whoever starts it."""

    life: str
    work: str
    log: str
    words: Sequence[str]  # of the user's command
    environment: Mapping[str, str]

    def leader(self) -> list[str]:
        """The words of its leader's own command line."""
        return [SHELL, "-c", SCRIPT, NAME, self.life, self.work, machine_id(), *self.words]


def spawn(birth: Birth, unwanted: Sequence[int] = ()) -> Leader:
    """Start a leader in a session of its own. Raises OSError or ValueError if that cannot be done.

    ``unwanted`` descriptors are closed in it; they may be closed already.
    """
    pid = os.posix_spawn(
        SHELL,
        birth.leader(),
        birth.environment,
        setsid=True,
        setsigmask=(),
        setsigdef=_DEFAULTS,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, birth.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in unwanted),
        ],
    )
    return Leader(pid, birth.life, is_child=True)


def find(pid: int, life: str) -> Leader | None:
    """The leader that claimed ``life`` as ``pid``, if it is still there."""
    leader = Leader(pid, life, is_child=False)
    if leader.is_gone() or not _claims(pid, life):
        leader.close()
        return None
    return leader


class Leader:
    """A handle on a session leader, and through it on its process group.

    As long as the handle is open, signals reach this leader's group or nobody: through the pidfd, or,
    for a child that was not reaped, because its number cannot be given away.
    """

    def __init__(self, pid: int, life: str, *, is_child: bool) -> None:
        self.pid = pid
        self.is_child = is_child
        self.fd = open_pidfd(pid)  # readable once it has ended; None where there are no pidfds
        self._life = life
        self._unreaped = is_child

    def is_gone(self) -> bool:
        """Whether the leader has ended, reaped or not."""
        if self.fd is not None:
            poll = select.poll()
            poll.register(self.fd, select.POLLIN)
            return bool(poll.poll(0))
        if self._unreaped:
            try:
                return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            except ChildProcessError:  # whoever embeds us ignores SIGCHLD, or waits for all children
                self._unreaped = False
        return not (is_alive(self.pid) and _claims(self.pid, self._life))

    def reap(self) -> int | None:
        """Collect the exit of a child: its code, negative for a signal; None if it is not ours."""
        try:
            if self.fd is not None:
                status = os.waitid(os.P_PIDFD, self.fd, os.WEXITED | os.WNOHANG)
            elif self._unreaped:
                status = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG)
            else:
                return None
            self._unreaped = False
        except ChildProcessError:
            return None
        if status is None:
            return None
        return exit_code(status.si_status) if status.si_code == os.CLD_EXITED else -status.si_status

    def signal_group(self, number: int) -> bool:
        """Send a signal to every process of the group (0: only look). Whether there was one."""
        try:
            if self.fd is not None and _signals_groups():
                signal.pidfd_send_signal(self.fd, number, None, _PROCESS_GROUP)
            elif self._unreaped or not self.is_gone():
                os.killpg(self.pid, number)
            else:
                return False
        except ProcessLookupError:
            return False
        except PermissionError:  # only processes of another user are left: not ours to end
            return False
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the leader alone."""
        with suppress(ProcessLookupError):
            if self.fd is not None:
                signal.pidfd_send_signal(self.fd, number)
            elif self._unreaped or not self.is_gone():
                os.kill(self.pid, number)

    def group(self) -> int | None:
        """The group's number while processes are in it, so that it is surely this group's."""
        if self.fd is None or not _signals_groups():
            return None
        return self.pid if self.signal_group(0) else None

    def may_have_left_some(self) -> bool:
        """After `reap`: whether anybody can be in the group. A reason to look, not to send signals."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def command(self) -> int | None:
        """Pid of the user's command, once it is there; until its ``exec`` it is a copy of the leader."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            words = Path(f"/proc/{children[0]}/cmdline").read_bytes() if children else b""
        except OSError:
            return None
        return int(children[0]) if words and os.fsencode(self._life) not in words.split(b"\0") else None

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def open_pidfd(pid: int) -> int | None:
    """None where the system has no pidfds, or the process is gone."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def is_alive(pid: int) -> bool:
    """Whether a process runs under this number; the dead that nobody has reaped do not count."""
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _claims(pid: int, life: str) -> bool:
    import psutil

    try:
        return life in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


@cache
def _signals_groups() -> bool:
    """Whether this kernel signals groups through pidfds: tried on ourselves, with signal 0."""
    fd = os.pidfd_open(os.getpid())
    try:
        signal.pidfd_send_signal(fd, 0, None, _PROCESS_GROUP)
    except ProcessLookupError:  # we lead no group, but the flag was understood
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
