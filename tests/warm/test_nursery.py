"""What goes wrong with a nursery and with the trials that it forked: they end as cold ones do."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.faults.processes import kill_all, nurseries

from barrido.core.events import Cause, Exited, Launched, Note
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Order, Signal
from barrido.core.recipe import Limits, Recipe, Work
from barrido.executors import warm
from barrido.executors.leader import is_alive, read_life
from barrido.executors.leftovers import leftovers
from barrido.executors.local import LocalExecutor
from barrido.registry import renderer
from barrido.testing.executors import PATIENCE_S, exits, until_ended

Make = Callable[..., LocalExecutor]

GATE = """
import os, time
with open({place!r} + "/importing", "a") as witness:
    witness.write(f"{{os.getpid()}}\\n")
while not os.path.exists({place!r} + "/open"):
    time.sleep(0.005)
"""
"""A module whose import waits until the file ``open`` is there."""

ONLY_IN_A_NURSERY = 'if open("/proc/self/cmdline").read().startswith("barrido-nursery"):\n    '


def until(executor: LocalExecutor, condition: Callable[[], object]) -> list[Signal]:
    """What happened until the condition held."""
    signals: list[Signal] = []
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, signals
        signals += executor.events(0.01)
    return signals


def notes(signals: list[Signal]) -> list[str]:
    return [signal.text for signal in signals if isinstance(signal, Note)]


def warmth(signals: list[Signal]) -> list[bool]:
    return [signal.warm for signal in signals if isinstance(signal, Launched)]


def work(folder: SweepFolder, trial: int) -> Path:
    return folder.trial(trial).work


def launch(executor: LocalExecutor, trial: int, **params: Any) -> None:
    executor.launch(Order(trial, 1, params))


def run(executor: LocalExecutor, trial: int, **params: Any) -> list[Signal]:
    launch(executor, trial, **params)
    return until_ended(executor)


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Callable[[str], SweepFolder]]:
    """Gives folders of sweeps in one workspace; no process of them outlives the test."""
    made: dict[str, SweepFolder] = {}

    def give(name: str) -> SweepFolder:
        folder = made.setdefault(name, SweepFolder(tmp_path / "ws" / "sweeps" / name))
        folder.code.mkdir(parents=True, exist_ok=True)
        return folder

    yield give
    for folder in made.values():
        kill_all(folder)


@pytest.fixture
def folder(folders: Callable[[str], SweepFolder]) -> SweepFolder:
    return folders("sweep")


@pytest.fixture
def make(folders: Callable[[str], SweepFolder], tmp_path: Path) -> Iterator[Make]:
    """Makes executors whose trials run a script beside which third-party modules are installed."""
    made: list[LocalExecutor] = []

    def make(
        script: str,
        *,
        name: str = "sweep",
        site: Mapping[str, str] | None = None,
        command: str = "python train.py",
        python: str | None = None,
        warm: str = "auto",
        grace_s: float = 10.0,
        variables: Mapping[str, str] | None = None,
        spoil: Callable[[Order], None] = lambda order: None,
    ) -> LocalExecutor:
        folder = folders(name)
        (folder.code / "train.py").write_text(dedent(script).lstrip("\n"))
        packages = tmp_path / "site"
        packages.mkdir(exist_ok=True)
        for module, text in (site or {}).items():
            (packages / f"{module}.py").write_text(text)
        recipe = Recipe(
            name=name,
            limits=Limits(max_total_trials=100, max_concurrent_trials=4),
            work=Work(command=command, code=os.fspath(folder.code), python=python, warm=warm),
        )
        render = renderer(recipe, folder)

        def rendered(order: Order) -> str:
            spoil(order)
            return render(order)

        outer = {"PATH": os.defpath, "HOME": "/", "PYTHONPATH": os.fspath(packages), **(variables or {})}
        executor = LocalExecutor(folder, recipe, render=rendered, outer=outer, grace_s=grace_s)
        made.append(executor)
        return executor

    yield make
    for executor in made:
        executor.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """The folder of `GATE`."""
    place = tmp_path / "gate"
    place.mkdir()
    yield place
    (place / "open").touch()


def gated(place: Path) -> dict[str, str]:
    return {"gated": GATE.format(place=os.fspath(place))}


def witnessed(place: Path) -> list[str]:
    path = place / "importing"
    return path.read_text().split() if path.exists() else []


def test_after_a_nursery_was_killed_the_next_trial_has_a_new_one(make: Make, folder: SweepFolder) -> None:
    executor = make("import json; print(1)")
    assert warmth(run(executor, 0)) == [True]
    for trial in range(1, 9):
        (pid,) = nurseries(folder)
        os.kill(pid, signal.SIGKILL)
        signals = run(executor, trial)
        assert warmth(signals) == [True]
        assert notes(signals) == []
        assert folder.trial(trial).log.read_text() == "1\n"
        assert nurseries(folder) != [pid]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_nursery_that_dies_while_it_imports_is_replaced(
    make: Make, folder: SweepFolder, gate: Path, number: int
) -> None:
    executor = make("import gated; print(1)", site=gated(gate))
    for trial in range(3):
        launch(executor, trial)
    until(executor, lambda: witnessed(gate))
    os.kill(int(witnessed(gate)[0]), number)
    until(executor, lambda: len(witnessed(gate)) == 2)
    (gate / "open").touch()
    signals = until_ended(executor, 3)
    assert [exited.code for exited in exits(signals)] == [0, 0, 0]
    assert warmth(signals) == [True] * 3
    assert notes(signals) == []
    assert [folder.trial(trial).log.read_text() for trial in range(3)] == ["1\n"] * 3


def test_trials_do_not_notice_that_their_nursery_was_killed(make: Make, folder: SweepFolder) -> None:
    executor = make(
        """
        import os, sys, time
        open("ready", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.005)
        print("done")
        sys.exit(7)
        """
    )
    for trial in range(3):
        launch(executor, trial)
    until(executor, lambda: all((work(folder, trial) / "ready").exists() for trial in range(3)))
    for pid in nurseries(folder):
        os.kill(pid, signal.SIGKILL)
    for trial in range(3):
        (work(folder, trial) / "go").touch()
    signals = until_ended(executor, 3)
    assert [(exited.cause, exited.code) for exited in exits(signals)] == [(Cause.EXIT, 7)] * 3
    assert [folder.trial(trial).log.read_text() for trial in range(3)] == ["done\n"] * 3


@pytest.mark.parametrize("warm", ["auto", "off"])
def test_an_end_that_the_disk_refuses_is_written_down_as_soon_as_it_may_be(
    make: Make, folder: SweepFolder, warm: str
) -> None:
    executor = make(
        """
        import os, sys, time
        open("ready", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.005)
        sys.exit(7)
        """,
        warm=warm,
    )
    launch(executor, 0)
    until(executor, lambda: (work(folder, 0) / "ready").exists())
    life, away = Path(f"{folder.feed_stem(0, 1)}.life"), folder.root / "life"
    trial = trial_of(folder)
    life.rename(away)
    life.mkdir()  # nothing can be written there
    (work(folder, 0) / "go").touch()
    until(executor, lambda: not is_alive(trial))
    assert exits(executor.events(0.5)) == []
    life.rmdir()
    away.rename(life)
    (exited,) = exits(until_ended(executor))
    assert (exited.cause, exited.code) == (Cause.EXIT, 7)
    found = read_life(os.fspath(life))
    assert found is not None
    assert found.code == 7


def test_a_leader_that_dies_before_its_claim_is_missed_at_once(make: Make, folder: SweepFolder) -> None:
    def spoil(order: Order) -> None:
        if order.trial == 1:
            folder.trial(1).log.parent.rmdir()

    executor = make("print(1)", spoil=spoil)
    assert warmth(run(executor, 0)) == [True]
    started = time.monotonic()
    (exited,) = exits(run(executor, 1))
    assert exited.cause is Cause.NO_LAUNCH
    assert time.monotonic() - started < 10.0
    assert warmth(run(executor, 2)) == [True]


WAITING = """
import os, sys, time
print("ready", flush=True)
open("ready", "w").close()
time.sleep(600)
"""


def ending(make: Make, name: str, how: str, end: Callable[[LocalExecutor, SweepFolder], None]) -> Exited:
    executor = make(SCRIPTS[how], name=name, warm=name, grace_s=0.3)
    launch(executor, 0)
    folder = executor._folder
    signals = until(executor, lambda: (work(folder, 0) / "ready").exists())
    signals += until(executor, lambda: read_life(f"{folder.feed_stem(0, 1)}.life"))
    asleep = Path(f"/proc/{trial_of(folder)}/stat")
    signals += until(executor, lambda: asleep.read_text().rpartition(")")[2].split()[0] == "S")
    end(executor, folder)
    signals += until_ended(executor)
    assert warmth(signals) == [name == "auto"]
    executor.sweep_leftovers()
    assert leftovers(folder.feed_stem(0, 1)) == []
    (exited,) = exits(signals)
    return exited


SCRIPTS = {
    "waits": WAITING,
    "ignores": f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{WAITING}",
    "has children": f"import subprocess; subprocess.Popen(['sleep', '600'])\n{WAITING}",
    "has daemons": (
        f"import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)\n{WAITING}"
    ),
    "forked": (
        f"import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    time.sleep(600)\n{WAITING}"
    ),
}


def leader_of(folder: SweepFolder) -> int:
    life = read_life(f"{folder.feed_stem(0, 1)}.life")
    assert life is not None
    assert life.pid is not None
    return life.pid


def trial_of(folder: SweepFolder) -> int:
    leader = leader_of(folder)
    return int(Path(f"/proc/{leader}/task/{leader}/children").read_text().split()[0])


def _kill_deaf_leader(_: LocalExecutor, folder: SweepFolder) -> None:
    os.kill(leader_of(folder), signal.SIGTERM)
    os.kill(trial_of(folder), signal.SIGKILL)


def _stop_frozen(executor: LocalExecutor, folder: SweepFolder) -> None:
    os.killpg(leader_of(folder), signal.SIGSTOP)
    executor.stop(0, 1, "the test says so")


ENDS: dict[str, Callable[[LocalExecutor, SweepFolder], None]] = {
    "leader killed": lambda _, folder: os.kill(leader_of(folder), signal.SIGKILL),
    "trial killed": lambda _, folder: os.kill(trial_of(folder), signal.SIGKILL),
    "trial hung up": lambda _, folder: os.kill(trial_of(folder), signal.SIGHUP),
    "group killed": lambda _, folder: os.killpg(leader_of(folder), signal.SIGKILL),
    "group terminated": lambda _, folder: os.killpg(leader_of(folder), signal.SIGTERM),
    "group interrupted": lambda _, folder: os.killpg(leader_of(folder), signal.SIGINT),
    "leader terminated": _kill_deaf_leader,
    "stopped": lambda executor, _: executor.stop(0, 1, "the test says so"),
    "frozen and stopped": _stop_frozen,
}

CASES = [
    pytest.param(how, end, marks=() if how == "waits" else pytest.mark.slow)
    for how in SCRIPTS
    for end in ENDS
    if (how, end) != ("ignores", "group terminated")  # which goes on
]


@pytest.mark.parametrize(("how", "end"), CASES)
def test_a_trial_ends_as_a_cold_one(
    make: Make, folders: Callable[[str], SweepFolder], how: str, end: str
) -> None:
    seen = []
    for name in ("off", "auto"):
        exited = ending(make, name, how, ENDS[end])
        log = folders(name).trial(0).log.read_text().replace(f"/{name}/", "/sweep/")
        seen.append((exited.cause, exited.code, exited.detail.replace(f"/{name}/", "/sweep/"), log))
    assert seen[0] == seen[1]


def test_children_that_a_trial_leaves_end_with_it(make: Make, folder: SweepFolder) -> None:
    executor = make(
        """
        import os, time
        if os.fork() == 0:
            if os.fork() == 0:
                time.sleep(600)
            time.sleep(600)
        """
    )
    signals = run(executor, 0)
    assert warmth(signals) == [True]
    assert exits(signals)[0].code == 0
    assert leftovers(folder.feed_stem(0, 1)) == []


@pytest.mark.slow
def test_nurseries_are_killed_while_they_fork(make: Make, folder: SweepFolder) -> None:
    executor = make("import json, os; open('../../../ran', 'a').write(os.environ['BARRIDO_TRIAL'] + ' ')")
    rng = random.Random(3)
    signals = run(executor, 0)
    for first in range(1, 301, 3):
        for trial in range(first, first + 3):
            launch(executor, trial)
        until_s = time.monotonic() + rng.uniform(0.0, 0.008)
        while time.monotonic() < until_s:
            pass
        for pid in nurseries(folder):
            os.kill(pid, signal.SIGKILL)
        signals += until_ended(executor, 3)
    assert [exited.code for exited in exits(signals)] == [0] * 301
    assert warmth(signals) == [True] * 301
    assert notes(signals) == []
    assert sorted(map(int, (folder.root / "ran").read_text().split())) == list(range(301))
    assert {folder.trial(trial).log.read_text() for trial in range(301)} == {""}


def test_a_trial_that_was_canceled_while_the_nursery_imports_never_runs(
    make: Make, folder: SweepFolder, gate: Path
) -> None:
    executor = make("import gated; open('../../../ran', 'a').write('x')", site=gated(gate))
    launch(executor, 0)
    launch(executor, 1)
    until(executor, lambda: witnessed(gate))
    executor.stop(0, 1, "the user wants so")
    (exited,) = exits(until_ended(executor))
    assert (exited.cause, exited.code, exited.detail) == (Cause.EXIT, None, "stopped before it started")
    (gate / "open").touch()
    signals = until_ended(executor)
    assert warmth(signals) == [True]
    assert [(one.trial, one.code) for one in exits(signals)] == [(1, 0)]
    run(executor, 2)
    assert (folder.root / "ran").read_text() == "xx"
    # The order was given before it was canceled: what came of it says nothing to the user.
    log = folder.trial(0).log
    assert not log.exists() or log.read_text() == ""


def test_two_nurseries_that_are_asked_for_one_trial_start_it_once(
    make: Make, folder: SweepFolder, gate: Path
) -> None:
    script = "import gated; print('once')"
    executors = [make(script, site=gated(gate)) for _ in range(2)]
    for number, executor in enumerate(executors):
        launch(executor, 0)
        until(executor, lambda number=number: len(witnessed(gate)) == number + 1)  # type: ignore[misc]
    (gate / "open").touch()
    for executor in executors:
        assert [exited.code for exited in exits(until_ended(executor))] == [0]
    for trial, executor in enumerate(executors, 1):  # each nursery has seen to the first order by then
        run(executor, trial)
    assert folder.trial(0).log.read_text() == "once\n"


def test_a_nursery_that_is_killed_again_and_again_is_given_up(
    make: Make, folder: SweepFolder, gate: Path
) -> None:
    executor = make("import gated; print('once')", site=gated(gate))
    for trial in range(2):
        launch(executor, trial)
    signals: list[Signal] = []
    for kills in range(1, warm.DEATHS + 2):
        signals += until(executor, lambda kills=kills: len(witnessed(gate)) == kills)  # type: ignore[misc]
        os.kill(int(witnessed(gate)[-1]), signal.SIGKILL)
    (gate / "open").touch()
    signals += until_ended(executor, 2)
    assert warmth(signals) == [False, False]
    assert notes(signals) == ["trials start cold: the interpreter that imports for them died again and again"]
    assert [folder.trial(trial).log.read_text() for trial in range(2)] == ["once\n"] * 2


@pytest.mark.parametrize("variables", [{}, {"LONG": "x" * 60_000}], ids=["", "long"])
def test_a_nursery_that_hangs_is_given_up(
    make: Make, folder: SweepFolder, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.setattr(warm, "PATIENCE_S", 1.0)
    sleeper = f"{ONLY_IN_A_NURSERY}import time; time.sleep(1e6)\n"
    executor = make("import sleeper; print('once')", site={"sleeper": sleeper}, variables=variables)
    for trial in range(4):
        launch(executor, trial)
    signals = until_ended(executor, 4)
    signals += run(executor, 4)
    assert warmth(signals) == [False] * 5
    (note,) = notes(signals)
    assert note.startswith("trials start cold: ")
    assert [exited.code for exited in exits(signals)] == [0] * 5
    assert [folder.trial(trial).log.read_text() for trial in range(5)] == ["once\n"] * 5
    assert nurseries(folder) == []


@pytest.mark.parametrize(
    "crash",
    ["import os; os.abort()", "import ctypes; ctypes.string_at(0)", "import os; os._exit(0)"],
    ids=["abort", "null", "exit"],
)
def test_a_module_that_crashes_the_nursery_makes_trials_cold(
    make: Make, folder: SweepFolder, crash: str
) -> None:
    executor = make("import crash; print('once')", site={"crash": f"{ONLY_IN_A_NURSERY}{crash}\n"})
    for trial in range(3):
        launch(executor, trial)
    signals = until_ended(executor, 3)
    signals += run(executor, 3)
    assert warmth(signals) == [False] * 4
    (note,) = notes(signals)
    assert note.startswith("trials start cold: ")
    assert [folder.trial(trial).log.read_text() for trial in range(4)] == ["once\n"] * 4
    assert nurseries(folder) == []


def test_a_late_import_that_crashes_the_nursery_makes_trials_cold(make: Make, folder: SweepFolder) -> None:
    crash = f"{ONLY_IN_A_NURSERY}import os; os.abort()\n"
    executor = make("print('once')\nif True:\n    import crash", site={"crash": crash})
    signals: list[Signal] = []
    for trial in range(6):
        signals += run(executor, trial)
    assert len(notes(signals)) <= 1
    assert warmth(signals)[0]
    assert not warmth(signals)[-1]
    assert [folder.trial(trial).log.read_text() for trial in range(6)] == ["once\n"] * 6


EFFECTS = {
    "starts a thread": "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n",
    "opens a socket": "import socket\nkept = socket.socket()\n",
    "prints": "print('from the module')\n",
    "fails": "raise RuntimeError('not today')\n",
    "exits": "raise SystemExit(3)\n",
    "is interrupted": "raise KeyboardInterrupt\n",
}


@pytest.mark.parametrize(
    "effect", [pytest.param(e, marks=pytest.mark.slow if "thread" in e else ()) for e in EFFECTS]
)
def test_an_import_with_an_effect_is_left_out_and_remembered(make: Make, tmp_path: Path, effect: str) -> None:
    witness = tmp_path / "witness"
    counted = f"import os\nopen({os.fspath(witness)!r}, 'a').write(f'{{os.getpid()}} ')\n{EFFECTS[effect]}"
    script = "import json, odd\nprint('end')"
    cold = run(make(script, name="cold", warm="off", site={"odd": counted}), 0)
    witness.unlink()
    first = make(script, name="first", site={"odd": counted})
    signals = [*run(first, 0), *run(first, 1)]
    assert warmth(signals) == [True, True]
    (note,) = notes(signals)
    assert note.startswith("trials import odd themselves: its import ")
    assert len(witness.read_text().split()) == 3  # the nursery and two trials
    memory = json.loads(Workspace(tmp_path / "ws").warm.read_text())
    assert [list(known) for known in memory.values()] == [["odd"]]
    witness.unlink()
    second = make(script, name="second")
    signals += [*run(second, 0), *run(second, 1)]
    assert warmth(signals) == [True] * 4
    assert notes(signals) == [note]
    assert len(witness.read_text().split()) == 2
    codes = {(exited.cause, exited.code) for exited in exits(signals)}
    assert codes == {(exited.cause, exited.code) for exited in exits(cold)}


def test_a_memory_that_is_no_json_is_written_anew(make: Make, tmp_path: Path) -> None:
    memory = Workspace(tmp_path / "ws").warm
    executor = make("import odd", site={"odd": "print(1)\n"})
    for number, text in enumerate(["", "{", "[]", "null", '{"python": 3}', '{"python": ["odd"]}', "\xff"]):
        memory.write_text(text, encoding="latin-1")
        executor = make("import odd", name=f"sweep{number}")
        assert warmth(run(executor, 0)) == [True]
        assert json.loads(memory.read_text())["python"] == {"odd": "its import prints something"}


def wrapper(tmp_path: Path, text: str) -> str:
    path = tmp_path / "wrapped" / "python"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{text}\n".replace("PYTHON", sys.executable))
    path.chmod(0o755)
    return os.fspath(path)


WRAPPERS = [
    'exec PYTHON -S "$@"',
    'exec PYTHON -I "$@"',
    'exec PYTHON -E "$@"',
    'unset PYTHONPATH; exec PYTHON "$@"',
    'exec PYTHON -c "import runpy, sys; sys.exit(0)" "$@"',
    'PYTHON "$@"',
    'exec PYTHON -X utf8 "$@"',
    'exec 3>&- 4>&-; exec PYTHON "$@"',
    "exit 3",
    "cat; exit 0",
    "exec PYTHON train.py",
    'exec PYTHON "$(pwd)/train.py"',
]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        pytest.param(text, command, marks=() if text in WRAPPERS[:2] else pytest.mark.slow)
        for text in WRAPPERS
        for command in ("python train.py", "python -m train")
    ],
)
def test_a_python_that_is_none_never_runs_a_script_on_its_own(
    make: Make, folder: SweepFolder, tmp_path: Path, text: str, command: str
) -> None:
    script = """
    import os
    with open(WITNESS, "a") as witness:
        witness.write(os.environ.get("BARRIDO_TRIAL", "nobody") + "\\n")
    print("end")
    """.replace("WITNESS", repr(os.fspath(tmp_path / "witness")))
    python = wrapper(tmp_path, text)
    seen = []
    for name in ("off", "auto"):
        (tmp_path / "witness").unlink(missing_ok=True)
        executor = make(script, name=name, warm=name, python=python, command=command)
        signals = [one for trial in range(2) for one in run(executor, trial)]
        (tmp_path / "witness").touch()
        seen.append(
            (
                [(exited.cause, exited.code) for exited in exits(signals)],
                (tmp_path / "witness").read_text(),
                [
                    executor._folder.trial(trial).log.read_text().replace(f"/{name}/", "/")
                    for trial in range(2)
                ],
            )
        )
    assert seen[0] == seen[1]
    assert all(warmth(signals)) or len(notes(signals)) == 1
    assert not any(warmth(signals)) or notes(signals) == []


def interpreters() -> list[str]:
    found = sorted((Path.home() / ".pyenv/versions").glob("*/bin/python"))
    return [os.fspath(path) for path in found]


TOLD = """
import json, os, sys
print(sys.version_info[:2], sys.argv, __file__, __name__, sys.path[0], os.getcwd())
print(sorted(sys.flags), sys.orig_argv if hasattr(sys, "orig_argv") else None)
print(open("/proc/self/cmdline").read().split("\\0"))
def nested(x):
    return json.loads(x)
if sys.argv[1] == "fail":
    nested("{")
elif sys.argv[1] == "kill":
    os.kill(os.getpid(), 9)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not interpreters(), reason="no other interpreters here")
@pytest.mark.parametrize("module", [False, True], ids=["script", "module"])
@pytest.mark.parametrize("python", interpreters(), ids=[Path(p).parts[-3] for p in interpreters()])
def test_another_interpreter_starts_trials_as_it_does_cold(make: Make, python: str, module: bool) -> None:
    seen = []
    for name in ("off", "auto"):
        command = f"python {'-m train' if module else 'train.py'} ${{{{search_space.how}}}}"
        executor = make(TOLD, name=name, warm=name, python=python, command=command)
        signals: list[Signal] = []
        for trial, how in enumerate(["0", "3", "fail", "kill", "0", "fail"]):
            signals += run(executor, trial, how=how)
        logs = [executor._folder.trial(trial).log.read_text() for trial in range(6)]
        seen.append(
            (
                [(exited.cause, exited.code) for exited in exits(signals)],
                [re.sub(rf"/{name}/", "/sweep/", log) for log in logs],
            )
        )
    assert seen[0] == seen[1]
    assert all(warmth(signals)) == (notes(signals) == [])
    version = tuple(map(int, Path(python).parts[-3].split(".")[:2]))
    if version >= (3, 11):
        assert all(warmth(signals)), notes(signals)


def test_what_answers_for_mlflow_is_woken_while_the_nursery_imports(make: Make, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}/t/secret/0.1"
        executor = make("import mlflow\n", site={"mlflow": ""}, variables={"MLFLOW_TRACKING_URI": uri})
        assert [exit.code for exit in exits(run(executor, 0))] == [0]
        listener.accept()[0].close()


@pytest.mark.parametrize("uri", ["databricks://scope:prefix", "http://[", "sqlite:///a.db", ""])
def test_an_mlflow_address_of_the_users_own_is_left_alone(make: Make, uri: str) -> None:
    executor = make("import mlflow\n", site={"mlflow": ""}, variables={"MLFLOW_TRACKING_URI": uri})
    assert [exit.code for exit in exits(run(executor, 0))] == [0]


def test_a_nursery_that_nobody_asks_uses_no_processor(make: Make, folder: SweepFolder) -> None:
    executor = make("import json")
    run(executor, 0)
    run(executor, 1)
    (pid,) = nurseries(folder)

    def used() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        switches = Path(f"/proc/{pid}/status").read_text()
        return (
            int(fields[11])
            + int(fields[12])
            + int(re.findall(r"voluntary_ctxt_switches:\t(\d+)", switches)[0])
        )

    assert not executor.events(0.2)
    before = used()
    assert not executor.events(1.0)
    assert used() == before


def test_a_closed_executor_has_no_nursery(make: Make, folder: SweepFolder) -> None:
    executor = make("import json")
    run(executor, 0)
    assert nurseries(folder)
    executor.close()
    assert nurseries(folder) == []


def test_an_executor_closed_amid_an_import_has_no_nursery(
    make: Make, folder: SweepFolder, gate: Path
) -> None:
    executor = make("import gated", site=gated(gate))
    launch(executor, 0)
    until(executor, lambda: witnessed(gate))
    executor.close()
    assert nurseries(folder) == []


def test_trials_outlive_the_executor_and_are_adopted(make: Make, folder: SweepFolder) -> None:
    script = """
    import os, sys, time
    open("ready", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.005)
    sys.exit(5)
    """
    first = make(script)
    launch(first, 0)
    launch(first, 1)
    until(first, lambda: all((work(folder, trial) / "ready").exists() for trial in range(2)))
    until(first, lambda: all(a.claimed for a in first._supervisor.attempts.values()))
    first.close()
    second = make(script)
    second.adopt(Order(0, 1, {}), {})
    launch(second, 1)  # committed, and launched again by who does not know that it was
    for trial in range(2):
        (work(folder, trial) / "go").touch()
    signals = until_ended(second, 2)
    assert [(exited.cause, exited.code) for exited in exits(signals)] == [(Cause.EXIT, 5)] * 2
