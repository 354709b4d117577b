"""What a script finds in its process and around it."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Alike = Callable[..., list[Any]]

PROCESS = """\
import os, resource, signal, sys
print(os.getcwd(), oct(os.umask(0)), os.nice(0), os.getpriority(os.PRIO_PROCESS, 0))
print(os.sched_getaffinity(0), os.sched_getscheduler(0), os.cpu_count())
for name in sorted(name for name in dir(resource) if name.startswith("RLIMIT_")):
    print(name, resource.getrlimit(getattr(resource, name)))
for number in sorted(signal.valid_signals()):
    print(number, signal.getsignal(number))
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.sigpending(), signal.getitimer(signal.ITIMER_REAL))
print(signal.set_wakeup_fd(-1))
for line in open("/proc/self/status"):
    if line.startswith((
        "Name", "Umask", "TracerPid", "Uid", "Gid", "Groups", "Threads", "Sig", "Shd", "Cap", "NoNewPrivs",
        "Seccomp", "Cpus_allowed", "Mems_allowed", "CoreDumping", "THP_enabled",
    )) and not line.startswith("SigQ"):
        print(line)
for name in ("comm", "cgroup", "oom_score_adj", "coredump_filter", "personality", "loginuid"):
    try:
        print(name, open(f"/proc/self/{name}").read())
    except OSError as error:
        print(name, error)
"""

FAMILY = """\
import os, threading
pid, parent = os.getpid(), os.getppid()
print(os.getpgid(0) == parent, os.getsid(0) == parent, os.getpgid(0) == os.getsid(0), pid == parent)
print(os.getsid(parent) == parent, os.getpgid(parent) == parent)
print(threading.main_thread().native_id == pid, threading.get_native_id() == pid)
print(threading.enumerate(), os.listdir("/proc/self/task") == [str(pid)])
print(open(f"/proc/self/task/{pid}/children").read(), os.path.exists("/dev/tty") and "there")
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError as error:
    print(error)
try:
    open("/dev/tty")
except OSError as error:
    print(error)
siblings = open(f"/proc/{parent}/task/{parent}/children").read().split()
print(siblings == [str(pid)])
"""


@pytest.fixture
def unusual() -> Iterator[None]:
    """A controller with unusual properties, which its trials inherit."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    core = resource.getrlimit(resource.RLIMIT_CORE)
    cores = os.sched_getaffinity(0)
    mask = os.umask(0o027)
    ignored = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGUSR1, signal.SIGINT, signal.SIGPIPE)}
    resource.setrlimit(resource.RLIMIT_NOFILE, (1021, files[1]))  # fewer may be open already
    resource.setrlimit(resource.RLIMIT_CORE, (0, core[1]))
    os.sched_setaffinity(0, {max(cores)})
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    yield
    os.close(reading)
    os.close(writing)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.sched_setaffinity(0, cores)
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    resource.setrlimit(resource.RLIMIT_CORE, core)
    for number, handler in ignored.items():
        signal.signal(number, handler)
    os.umask(mask)


def test_what_the_kernel_knows_of_the_process(alike: Alike) -> None:
    alike(PROCESS)


def test_what_is_inherited_from_the_controller(alike: Alike, unusual: None) -> None:
    alike(PROCESS + "open('made', 'w').close(); print(oct(os.stat('made').st_mode))\n")


def test_parents_and_groups(alike: Alike) -> None:
    seen = alike(FAMILY, hide=[r"(?<=started )\d+"])
    assert seen[0].log.startswith("True True True False\nTrue True\nTrue True\n")


def test_what_can_be_asked_with_prctl(alike: Alike) -> None:
    alike(
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        value = ctypes.c_int(-1)
        for option in (2, 37):  # PDEATHSIG, CHILD_SUBREAPER
            print(libc.prctl(option, ctypes.byref(value)), value.value)
        # DUMPABLE, KEEPCAPS, TIMING, SECUREBITS, TIMERSLACK, NO_NEW_PRIVS, THP_DISABLE
        for option in (3, 7, 13, 27, 30, 39, 42):
            print(option, libc.prctl(option, 0, 0, 0, 0))
        """
    )


DESCRIPTORS = """\
import os, stat
for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
    try:
        print(number, os.readlink(f"/proc/self/fd/{number}"), os.get_inheritable(number))
        print([line for line in open(f"/proc/self/fdinfo/{number}").readlines() if line.startswith("flags")])
    except OSError as error:
        print(number, error)
print(os.lseek(0, 0, os.SEEK_CUR), os.read(0, 10), stat.filemode(os.fstat(1).st_mode))
"""


def test_open_descriptors(alike: Alike) -> None:
    alike(DESCRIPTORS)


def test_open_descriptors_of_an_unusual_controller(alike: Alike, unusual: None) -> None:
    alike(DESCRIPTORS)


def test_the_command_line_and_the_environment_as_the_system_shows_them(alike: Alike) -> None:
    alike(
        """
        import os
        for pid in (os.getpid(), os.getppid()):
            print(open(f"/proc/{pid}/cmdline").read().split("\\0"))
            print(*sorted(open(f"/proc/{pid}/environ").read().split("\\0")), sep="\\n")
            print(open(f"/proc/{pid}/cwd/std_log.txt").read() if pid < 0 else os.readlink(f"/proc/{pid}/cwd"))
        print(os.path.samefile("/proc/self/exe", os.sys.executable))
        """,
        command="python train.py --lr ${{search_space.lr}} --name ${{search_space.name}}",
        hide=[r"(?<=', ')\d+(?=', 'python')"],
    )


ENVIRONMENT = """\
import ctypes, json, os, subprocess
print(json.dumps(dict(os.environ), sort_keys=True, indent=1))
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
print(*(libc.getenv(name.encode()) for name in sorted(os.environ)), sep="\\n")
print(*sorted(subprocess.run(["env", "-0"], capture_output=True, text=True).stdout.split("\\0")))
print(os.environb == {os.fsencode(n): os.fsencode(v) for n, v in os.environ.items()})
os.environ["ADDED"], os.environ["LANG"] = "1", "2"
del os.environ["HOME"]
print(*sorted(subprocess.run(["env", "-0"], capture_output=True, text=True).stdout.split("\\0")))
"""


def test_the_environment(alike: Alike) -> None:
    alike(
        ENVIRONMENT,
        outer={
            **{"a.b": "not a name", "EMPTY": "", "LONG": "x" * 50_000, "LINES": "a\nb", "9": "x", "a-b": "y"},
            **{"PS1": "$ ", "PS2": "2", "PS4": "4", "MAIL": "m"},
        },
        variables={"MODE": "full", "nested.name": "1", "OLDPWD": "/somewhere"},
        tracker=lambda trial, attempt: {"MLFLOW_RUN_ID": f"run{trial}"},
    )


@pytest.mark.parametrize("name", ["IFS", "PPID", "OPTIND", "_barrido_asked"])
def test_variables_that_belong_to_shells(alike: Alike, name: str) -> None:
    alike(
        ENVIRONMENT,
        outer={name: "3"},
        starts="either",
        hide=[r'(?<="PPID": ")\d+', r"(?<=PPID=)\d+", r"(?<=b')\d+"],
    )


def test_a_variable_that_only_some_trials_have(alike: Alike) -> None:
    alike(ENVIRONMENT, tracker=lambda trial, _: {"SECOND": "2"} if trial == 1 else {}, starts="either")


def test_bytes_that_are_no_text_in_the_environment(alike: Alike) -> None:
    alike(
        """
        import os
        print(ascii(os.environ["ODD"]), os.environb[b"ODD"])
        """,
        outer={"ODD": os.fsdecode(b"\xff\xfe")},
    )


def test_a_long_command_line(alike: Alike) -> None:
    words = " ".join(f"--option-{i}={'x' * 20}" for i in range(90))
    alike(
        """
        import sys
        print(sys.argv, open("/proc/self/cmdline").read().split("\\0"))
        """,
        command=f"python train.py {words} --lr ${{{{search_space.lr}}}}",
    )


def test_a_short_environment_is_not_overrun(alike: Alike) -> None:
    alike(
        """
        import os, subprocess
        subprocess.run(["ps", "-o", "args=", "-p", str(os.getpid())])
        print(sorted(os.environ))
        """,
        outer={"PATH": os.environ["PATH"]},
        command="python train.py a",
    )


def test_what_psutil_tells(alike: Alike) -> None:
    alike(
        """
        import psutil
        me = psutil.Process()
        print(me.cmdline(), me.name(), me.cwd(), me.exe(), me.num_threads(), me.username(), me.terminal())
        print(me.children(), me.open_files(), me.net_connections(), me.nice(), me.ionice(), me.uids())
        print(sorted(me.environ().items()), me.status(), len(me.threads()), me.parent().cwd())
        """
    )


def test_times_begin_with_the_trial(alike: Alike) -> None:
    alike(
        """
        import os, psutil, resource, time
        own, children = os.times()[:2], os.times()[2:4]
        print(sum(own) < 2.0, children, time.process_time() < 2.0, time.thread_time() < 2.0)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_utime < 2.0)
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)
        print(time.time() - psutil.Process().create_time() < 5.0)
        """
    )


def test_folders_named_like_python_folders(alike: Alike) -> None:
    alike("import os; print(sorted(os.listdir()), __file__)", code={"src/x.py": "", "lib/y.py": ""})


def test_files_that_a_script_writes_are_the_trials_own(alike: Alike) -> None:
    seen = alike(
        """
        import os, pathlib, tempfile
        pathlib.Path("outputs/model.txt").write_text(os.environ["BARRIDO_TRIAL"])
        pathlib.Path(__file__).with_name("beside.txt").write_text("x")
        with tempfile.NamedTemporaryFile() as one, tempfile.TemporaryDirectory() as other:
            pathlib.Path("names").write_text(f"{one.name} {other}")
            print(tempfile.gettempdir(), tempfile.gettempprefix())
        kept = tempfile.mkdtemp()
        """,
        apart=["names"],
    )
    assert len({one.files["names"] for one in seen}) == len(seen)
    assert [one.temporary for one in seen] == [1, 2, 3]


def test_reading_the_work_folder_of_the_code(alike: Alike, tmp_path: Path) -> None:
    alike(
        "import pathlib; print(pathlib.Path('data.txt').read_text(), pathlib.Path('.').resolve())",
        code={"data.txt": "some data"},
    )
