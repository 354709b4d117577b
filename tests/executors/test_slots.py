"""GPUs: who sees which, who waits, and what the next controller knows of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from barrido.core.events import Cause, Exited, Launched, Note, Paused, PauseMode
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Order, Signal
from barrido.core.recipe import Limits, Resources, Work
from barrido.errors import RequestError
from barrido.executors.local import LocalExecutor
from barrido.executors.slots import Machine, machine_for, visible_gpus
from barrido.testing.executors import collect, exits, until_ended

Make = Callable[..., LocalExecutor]

HOLDER = """
    import fcntl, json, os, pathlib, sys, time
    me = pathlib.Path(sys.argv[1])
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
    said = {name: os.environ.get(name) for name in sys.argv[2:]}
    born = time.monotonic_ns()
    me.with_suffix(".tmp").write_text(json.dumps([gpus, said]))
    me.with_suffix(".tmp").rename(me.with_suffix(".seen"))
    while not me.with_suffix(".go").exists():
        time.sleep(0.002)
    with open(me.parent / "witness", "a") as witness:
        witness.write(json.dumps([gpus, born, time.monotonic_ns()]) + "\\n")
"""
VARIABLES = ("HIP_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Hall:
    """Trials that say what they see, and stay until they are told to leave."""

    def __init__(self, where: Path, script: str, make: Make, warm: str) -> None:
        self._where, self._script, self._make, self.warm = where, script, make, warm
        self.started: list[bool] = []

    def open(self, gpus: str | None, concurrent: int = 4, **needs: Any) -> LocalExecutor:
        outer = {name: text for name, text in os.environ.items() if not name.endswith("_VISIBLE_DEVICES")}
        outer = {name: text for name, text in outer.items() if not name.endswith("_NUM_THREADS")}
        if gpus is not None:
            outer["CUDA_VISIBLE_DEVICES"] = gpus
        work = Work(command="", warm=self.warm, resources=Resources(**needs))
        return self._make(outer=outer, work=work, concurrent=concurrent)

    def order(self, trial: int, attempt: int = 1) -> Order:
        command = f"{self._script} {self._where / str(trial)} {' '.join(VARIABLES)}"
        return Order(trial, attempt, {"command": command})

    def seen(self, trial: int) -> tuple[str | None, Mapping[str, str | None]]:
        gpus, said = json.loads((self._where / f"{trial}.seen").read_text())
        return gpus, said

    def entered(self) -> list[int]:
        return sorted(int(path.stem) for path in self._where.glob("*.seen"))

    def wait_for(self, executor: LocalExecutor, *trials: int) -> list[str | None]:
        """Until these, and no others, have come in; the GPUs that they see."""
        signals: list[Signal] = []
        deadline = time.monotonic() + 60
        while self.entered() != sorted(trials):
            assert time.monotonic() < deadline, (self.entered(), signals)
            signals += executor.events(0.01)
        self.started += [one.warm for one in signals if isinstance(one, Launched)]
        return [self.seen(trial)[0] for trial in trials]

    def leave(self, *trials: int) -> None:
        for trial in trials:
            (self._where / f"{trial}.go").touch()

    def stays(self) -> list[tuple[str, int, int]]:
        return [tuple(json.loads(line)) for line in (self._where / "witness").read_text().splitlines()]


@pytest.fixture(params=["off", "on"], ids=["cold", "warm"])
def hall(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    make: Make,
    write: Callable[[str], str],
) -> Hall:
    where = tmp_path / "hall"
    where.mkdir()
    return Hall(where, write(HOLDER), make, request.param)


def most_at_once(stays: list[tuple[str, int, int]]) -> dict[str, int]:
    """By GPU: how many trials saw it at the same time, at most."""
    gpus = {gpu for seen, _, _ in stays for gpu in seen.split(",")}
    return {
        gpu: max(
            sum(1 for seen, born, gone in stays if gpu in seen.split(",") and born <= moment < gone)
            for _, moment, _ in stays
        )
        for gpu in gpus
    }


def test_each_trial_has_a_gpu_of_its_own_and_the_others_wait(hall: Hall) -> None:
    executor = hall.open("0,1", gpu=1)
    for trial in range(5):
        executor.launch(hall.order(trial))
    assert hall.wait_for(executor, 0, 1) == ["0", "1"]
    hall.leave(1)
    assert hall.wait_for(executor, 0, 1, 2)[2] == "1"
    hall.leave(0)
    assert hall.wait_for(executor, 0, 1, 2, 3)[3] == "0"
    hall.leave(2, 3, 4)
    assert [one.code for one in exits(until_ended(executor, 3))] == [0] * 3
    assert most_at_once(hall.stays()) == {"0": 1, "1": 1}
    assert {trial: hall.seen(trial)[1]["HIP_VISIBLE_DEVICES"] for trial in range(5)} == {
        trial: hall.seen(trial)[0] for trial in range(5)
    }
    if hall.warm == "on":
        assert hall.started
        assert all(hall.started)


def test_two_trials_share_a_gpu(hall: Hall) -> None:
    executor = hall.open("4,7", gpu=0.5)
    for trial in range(6):
        executor.launch(hall.order(trial))
    assert hall.wait_for(executor, 0, 1, 2, 3) == ["4", "7", "4", "7"]
    hall.leave(0)
    assert hall.wait_for(executor, 0, 1, 2, 3, 4)[4] == "4"
    hall.leave(*range(6))
    until_ended(executor, 5)
    assert most_at_once(hall.stays()) == {"4": 2, "7": 2}


def test_a_trial_may_hold_several_gpus(hall: Hall) -> None:
    executor = hall.open("0,1,2,GPU-8932f937,3", gpu=2)
    for trial in range(3):
        executor.launch(hall.order(trial))
    assert hall.wait_for(executor, 0, 1) == ["0,1", "2,GPU-8932f937"]
    hall.leave(0)
    # The one that was left over first: it had no trial, and the others had none either.
    assert hall.wait_for(executor, 0, 1, 2)[2] == "0,1"
    hall.leave(1, 2)
    until_ended(executor, 2)
    assert set(most_at_once(hall.stays()).values()) == {1}


def test_without_gpus_a_trial_sees_none_and_where_nothing_is_said_all(hall: Hall) -> None:
    executor = hall.open("0,1", gpu=0)
    executor.launch(hall.order(0))
    assert hall.wait_for(executor, 0) == [""]
    assert hall.seen(0)[1]["HIP_VISIBLE_DEVICES"] == ""
    untouched = hall.open("0,1")
    untouched.launch(hall.order(1))
    assert hall.wait_for(untouched, 0, 1) == ["", "0,1"]
    assert hall.seen(1)[1]["HIP_VISIBLE_DEVICES"] is None
    unset = hall.open(None)
    unset.launch(hall.order(2))
    assert hall.wait_for(unset, 0, 1, 2)[2] is None
    hall.leave(0, 1, 2)


def test_threads_are_as_many_as_processors_were_asked_for(hall: Hall) -> None:
    for trial, (cpu, threads) in enumerate([(3, "3"), (2.5, "2"), (0.5, "1")]):
        executor = hall.open(None, cpu=cpu)
        executor.launch(hall.order(trial))
        hall.wait_for(executor, *range(trial + 1))
        said = hall.seen(trial)[1]
        assert (said["OMP_NUM_THREADS"], said["MKL_NUM_THREADS"]) == (threads, threads)
        hall.leave(trial)


def test_a_package_that_looks_at_its_gpu_when_it_is_imported_sees_that_of_its_trial(
    tmp_path: Path, make: Make
) -> None:
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    packages = tmp_path / f"env/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (packages / "cards.py").write_text("import os\nMINE = os.environ['CUDA_VISIBLE_DEVICES']\n")
    (packages / "stones.py").write_text("")
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = {base.parent}\n")
    python = tmp_path / "env/bin/python"
    python.parent.mkdir()
    python.symlink_to(base)
    script = tmp_path / "train.py"
    script.write_text("import cards, stones, os\nprint(cards.MINE, os.environ['CUDA_VISIBLE_DEVICES'])\n")
    work = Work(command="", warm="on", python=os.fspath(python), resources=Resources(gpu=1))
    outer = {"PATH": os.environ["PATH"], "CUDA_VISIBLE_DEVICES": "0,1,2"}
    executor = make(outer=outer, work=work, concurrent=3)
    for trial in range(3):
        executor.launch(Order(trial, 1, {"command": f"python {script}"}))
    signals = until_ended(executor, 3)
    assert all(one.warm for one in signals if isinstance(one, Launched))
    (note,) = (one for one in signals if isinstance(one, Note))
    assert note.text == "trials import cards themselves: its import reads CUDA_VISIBLE_DEVICES"
    logs = [executor._folder.trial(trial).log.read_text() for trial in range(3)]
    assert logs == ["0 0\n", "1 1\n", "2 2\n"]


def test_an_adopted_trial_keeps_its_gpus(hall: Hall) -> None:
    first = hall.open("0,1", gpu=1)
    for trial in range(3):
        first.launch(hall.order(trial))
    hall.wait_for(first, 0, 1)
    first.close()
    second = hall.open("0,1", gpu=1)
    for trial in range(3):  # the third waited, and was never claimed
        second.adopt(hall.order(trial), {})
    second.launch(hall.order(2))
    second.launch(hall.order(3))
    hall.leave(1)
    assert hall.wait_for(second, 0, 1, 2)[2] == "1"
    hall.leave(0, 2, 3)
    until_ended(second, 3)
    assert most_at_once(hall.stays()) == {"0": 1, "1": 1}


def test_who_was_given_gpus_and_not_started_gets_the_same(hall: Hall, folder: SweepFolder) -> None:
    executor = hall.open("0,1", gpu=1)
    Path(f"{folder.feed_stem(0, 1)}.gpus").write_text("1")
    executor.adopt(hall.order(0), {})
    executor.launch(hall.order(0))
    executor.launch(hall.order(1))
    assert hall.wait_for(executor, 0, 1) == ["1", "0"]
    hall.leave(0, 1)


def test_who_waits_can_be_stopped_and_keeps_nobody_waiting(hall: Hall) -> None:
    executor = hall.open("0", gpu=1)
    for trial in range(3):
        executor.launch(hall.order(trial))
    hall.wait_for(executor, 0)
    executor.stop(1, 1, "enough")
    (exited,) = exits(collect(executor, lambda found: bool(exits(found))))
    assert exited.trial == 1
    hall.leave(0)
    assert hall.wait_for(executor, 0, 2) == ["0", "0"]
    hall.leave(2)


def test_launched_twice_while_it_waits_it_runs_once(hall: Hall) -> None:
    executor = hall.open("0", gpu=1)
    for trial in (0, 1, 1):
        executor.launch(hall.order(trial))
    hall.wait_for(executor, 0)
    executor.launch(hall.order(1))
    hall.leave(0, 1)
    assert sorted(one.trial for one in exits(until_ended(executor, 2))) == [0, 1]
    assert len(hall.stays()) == 2


def test_what_was_killed_leaves_its_gpu(hall: Hall) -> None:
    executor = hall.open("0", gpu=1)
    executor.launch(hall.order(0))
    executor.launch(hall.order(1))
    hall.wait_for(executor, 0)
    executor.stop(0, 1, "enough")
    assert hall.wait_for(executor, 0, 1) == ["0", "0"]
    hall.leave(1)


def test_what_could_not_be_started_leaves_its_gpu(tmp_path: Path, make: Make) -> None:
    outer = {**os.environ, "CUDA_VISIBLE_DEVICES": "0"}
    executor = make(outer=outer, work=Work(command="", resources=Resources(gpu=1)))

    def refuse(order: Order) -> str:
        if order.trial == 0:
            raise RequestError("there is no such value")
        return f"echo $CUDA_VISIBLE_DEVICES > {tmp_path}/told"

    executor._render = refuse
    executor.launch(Order(0, 1, {}))
    executor.launch(Order(1, 1, {}))
    assert [one.cause for one in exits(until_ended(executor, 2))] == [Cause.NO_LAUNCH, Cause.EXIT]
    assert (tmp_path / "told").read_text() == "0\n"


def test_a_suspended_trial_holds_its_gpu_until_it_has_ended(
    staged: Make, write: Callable[[str], str], tmp_path: Path
) -> None:
    script = write("""
        import os, pathlib, sys, time
        me = pathlib.Path(sys.argv[1])
        others = [path.read_text() for path in me.parent.glob("pid*")]
        me.with_name(f"pid{me.name}").write_text(str(os.getpid()))
        me.write_text(str([pid for pid in others if os.path.exists(f"/proc/{pid}")]))
        time.sleep(600)
    """)
    executor = staged(
        outer={**os.environ, "CUDA_VISIBLE_DEVICES": "0"},
        work=Work(command="", warm="off", resources=Resources(gpu=0.6)),
    )
    for trial in (0, 1):
        executor.launch(Order(trial, 1, {"command": f"{script} {tmp_path / f'here{trial}'}"}, until=1))
    while not (tmp_path / "here0").exists():
        executor.events(0.01)
    executor.pause(0, 1, PauseMode.SUSPEND, "waits")
    signals = collect(executor, lambda found: any(isinstance(one, Paused) for one in found))
    (paused,) = (one for one in signals if isinstance(one, Paused))
    assert paused.gpu
    executor.stop(0, 1, "trials that hold a GPU are not kept suspended")
    while not (tmp_path / "here1").exists() or not (alone := (tmp_path / "here1").read_text()):
        executor.events(0.01)
    assert alone == "[]"
    executor.stop(1, 1, "the test is over")
    collect(executor, lambda found: any(isinstance(one, Exited) and one.trial == 1 for one in found))


def test_fewer_gpus_than_the_sweep_was_made_for_are_told(make: Make) -> None:
    outer = {**os.environ, "CUDA_VISIBLE_DEVICES": "0"}
    work = Work(command="", resources=Resources(gpu=1))
    limits = Limits(max_total_trials=9, max_concurrent_trials=2)
    (note,) = make(outer=outer, work=work, limits=limits).events(0)
    assert isinstance(note, Note)
    assert note.text.startswith("there are GPUs for 1 trials at a time here, and the sweep was made for 2")


@pytest.mark.parametrize(
    ("outer", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, ("0", "1")),
        ({"CUDA_VISIBLE_DEVICES": " 3 , 1 ,3"}, ("3", "1")),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, ("0",)),
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, ()),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1a2b,MIG-3c4d"}, ("GPU-1a2b", "MIG-3c4d")),
        ({"HIP_VISIBLE_DEVICES": "2"}, ("2",)),
        ({"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "2"}, ("1",)),
        ({"PATH": "/nowhere"}, ()),
    ],
)
def test_the_environment_says_which_gpus_there_are(outer: Mapping[str, str], gpus: tuple[str, ...]) -> None:
    assert visible_gpus(outer) == gpus


@pytest.mark.parametrize(
    ("body", "gpus"),
    [
        ('[ "$*" = "--query-gpu=index --format=csv,noheader" ] && printf "0\\n1\\n2\\n"', ("0", "1", "2")),
        ("echo NVIDIA-SMI has failed; exit 9", ()),
    ],
)
def test_else_the_driver_is_asked(tmp_path: Path, body: str, gpus: tuple[str, ...]) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    assert visible_gpus({"PATH": str(tmp_path)}) == gpus
    assert machine_for(Resources(gpu=1), {"PATH": str(tmp_path)}).gpus == gpus


def test_nobody_asks_for_gpus_that_nobody_needs(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    program.chmod(0o755)
    for needs in (Resources(), Resources(gpu=0), Resources(cpu=1, memory=1)):
        assert machine_for(needs, {"PATH": str(tmp_path)}).gpus == ()
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(
    ("needs", "room"),
    [
        (Resources(), {}),
        (Resources(gpu=0), {}),
        (Resources(gpu=3), {"gpu": 1}),
        (Resources(gpu=4), {"gpu": 0}),
        (Resources(gpu=0.1), {"gpu": 30}),
        (Resources(gpu=1 / 3), {"gpu": 9}),
        (Resources(gpu=0.7), {"gpu": 3}),
        (Resources(cpu=0.1), {"cpu": 80}),
        (Resources(cpu=5e-324), {"cpu": 10**6}),
        (Resources(cpu=9), {"cpu": 0}),
        (Resources(memory=700), {"memory": 1}),
    ],
)
def test_how_many_trials_there_is_room_for(needs: Resources, room: Mapping[str, int]) -> None:
    assert Machine(8, 1000, ("0", "1", "2")).room(needs) == room


def test_this_machine_has_processors_and_memory() -> None:
    here = machine_for(Resources(cpu=1, memory=1))
    assert here.cpus >= 1
    assert here.memory > 2**20
    assert sys.platform != "linux" or here.cpus == len(os.sched_getaffinity(0))
