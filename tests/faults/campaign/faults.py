"""What happens to a sweep: each fault is a function that says whether it could be done."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.faults.campaign import victims
from tests.faults.campaign.ordeal import Ordeal, key_of, stop
from tests.faults.campaign.victims import Key, Victim
from tests.faults.processes import kill_one

from barrido.controller import lock
from barrido.core.layout import Workspace
from barrido.executors.leader import machine_id, read_life
from barrido.tracking.backend import backend

OTHER_BOOT = "another-boot"
FILES = 10_000
"""So many files the person who resumes has open."""

Fault = Callable[[Ordeal], bool]


def kill_controller(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.controllers(ordeal.folder))


def kill_at_commit(ordeal: Ordeal) -> bool:
    """The next controller dies before, amid or behind a write or a sync of its log."""
    if ordeal.shim is None or not _kill(ordeal, victims.controllers(ordeal.folder)):
        return False
    ordeal.wait(lambda: lock.holder(ordeal.folder) is None, 10)
    number = ordeal.rng.randrange(1, 120)
    ordeal.resume(die_at=number)
    died = ordeal.wait(lambda: lock.holder(ordeal.folder) is None or ordeal.is_over(), 20)
    ordeal.say(f"  at touch {number}")
    return died and not ordeal.is_over()


def kill_gateway(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.gateways(ordeal.folder))


def kill_keeper(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.keepers(ordeal.folder))


def kill_server(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.servers(ordeal.where))


def kill_nursery(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.nursery(ordeal.folder))


def kill_leader(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.trials(ordeal.folder, leaders=True))


def kill_trial(ordeal: Ordeal) -> bool:
    return _kill(ordeal, victims.trials(ordeal.folder, leaders=False))


def kill_studio(ordeal: Ordeal) -> bool:
    if ordeal.studio is None:
        return False
    ordeal.studio.trials(ordeal.folder.name)
    ordeal.studio.close()
    ordeal.studio.start()
    return True


def freeze_controller(ordeal: Ordeal) -> bool:
    """For seconds: longer than a report waits for its answer, now and then."""
    for one in victims.controllers(ordeal.folder):
        if stop(one.pid):
            time.sleep(ordeal.rng.choice([0.5, 2.0, 6.0]))
            return stop(one.pid, signal.SIGCONT)
    return False


def fill_disk(ordeal: Ordeal) -> bool:
    if ordeal.disk is None or ordeal.kind.door == "file":  # such a script looks after its own lines
        return False
    ordeal.disk.fill()
    time.sleep(ordeal.rng.uniform(0.3, 2.5))
    ordeal.disk.empty()
    return True


def protect_disk(ordeal: Ordeal) -> bool:
    if ordeal.disk is None or ordeal.kind.door == "file":
        return False
    ordeal.disk.protect()
    time.sleep(ordeal.rng.uniform(0.3, 2.5))
    ordeal.disk.unprotect()
    return True


def set_clock_back(ordeal: Ordeal) -> bool:
    if ordeal.shim is None:
        return False
    ordeal.shim.set_clock(-ordeal.rng.choice([5.0, 3600.0, 400 * 86400.0]))
    time.sleep(ordeal.rng.uniform(0.2, 1.5))
    if ordeal.rng.random() < 0.5:  # else it stays so
        ordeal.shim.set_clock(0.0)
    return True


def hold_database(ordeal: Ordeal) -> bool:
    """Another program writes to it: most times shortly, now and then for longer than SQLite waits."""
    with closing(sqlite3.connect(ordeal.folder.db, isolation_level=None, timeout=10)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        time.sleep(22.0 if ordeal.rng.random() < 0.08 else ordeal.rng.uniform(0.5, 3.0))
        db.execute("ROLLBACK")
    return True


def exhaust_descriptors(ordeal: Ordeal) -> bool:
    """The controller, or the gateway, can open no more than a few files for a while."""
    there = [*victims.controllers(ordeal.folder), *victims.gateways(ordeal.folder)]
    if not there:
        return False
    pid = ordeal.rng.choice(there).pid
    try:
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        open_ones = [int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        few = max(open_ones) + ordeal.rng.randrange(0, 3)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, before[1]))
        time.sleep(ordeal.rng.uniform(0.3, 2.0))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    except (OSError, ValueError):  # it is gone: of itself, or of this
        return True
    return True


def resume_among_files(ordeal: Ordeal) -> bool:
    """The controller dies, and who resumes the sweep has 10,000 files open, which children inherit."""
    if not _kill(ordeal, victims.controllers(ordeal.folder)):
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FILES + 1000), hard))
    files: list[int] = []
    try:
        with suppress(OSError):  # where fewer are allowed, as many as are
            for _ in range(FILES):
                files.append(os.open(os.devnull, os.O_RDONLY))
                os.set_inheritable(files[-1], True)
        ordeal.up()
    finally:
        for fd in files:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return True


@contextmanager
def no_mlflow(where: Workspace) -> Iterator[None]:
    """The MLflow server dies, and none can start meanwhile."""
    served = backend(where, None)
    assert served is not None
    served.folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(served.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            for one in victims.servers(where):
                kill_one(one.pid)
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as a server has it that is about to start
                break
            time.sleep(0.01)
        yield
    finally:
        os.close(fd)


def keep_mlflow_away(ordeal: Ordeal) -> bool:
    if not ordeal.kind.shown:
        return False
    with no_mlflow(ordeal.where):
        time.sleep(ordeal.away_s or ordeal.rng.uniform(2.0, 12.0))
    return True


def cut_power(ordeal: Ordeal) -> bool:
    """All processes are gone at once, and with them what nobody had synced; the machine boots anew."""
    disk = ordeal.disk
    if disk is None:
        return False
    victims.kill_all(ordeal.folder, ordeal.where)
    if ordeal.studio is not None:
        ordeal.studio.close()
    before, acts = ordeal.log(), _done(ordeal)
    disk.cut()
    if ordeal.studio is not None:
        ordeal.studio.start()
    ordeal.say(f"  {len(before)} events before the power cut")
    if not ordeal.folder.db.exists():
        ordeal.broken.append("the sweep is gone after a power cut")
        return True
    after = ordeal.log()
    if after != before[: len(after)]:
        ordeal.broken.append("the log after a power cut is not how the log before it began")
    decided: set[tuple[str, Key]] = {
        ("launch" if action["kind"] == "launch" else "stop", (action["trial"], action["attempt"]))
        for _, _, actions in after
        for action in json.loads(actions)
        if action["kind"] in ("launch", "stop", "pause")  # to pause can be to stop and begin anew
    }
    if lost := acts - decided:
        ordeal.broken.append(f"done, and forgotten by a power cut: {sorted(lost)}")
    ended = {
        (body["trial"], body["attempt"])
        for _, raw, _ in after
        if (body := json.loads(raw))["kind"] == "exited"
    }
    ordeal.cut |= (ordeal.started() | {key for what, key in decided if what == "launch"}) - ended
    for life in ordeal.folder.feed.glob("*.life"):
        life.write_text(life.read_text().replace(machine_id(), OTHER_BOOT))
    ordeal.say(f"  {len(after)} behind it")
    return True


def _done(ordeal: Ordeal) -> set[tuple[str, Key]]:
    """What was done in the world: attempts that were claimed, and orders to stop."""
    done: set[tuple[str, Key]] = set()
    for path in ordeal.folder.feed.iterdir():
        key = key_of(path.name)
        if path.suffix == ".life" and (life := read_life(os.fspath(path))) and life.pid and not life.is_void:
            done.add(("launch", key))
        if path.suffix == ".answer":
            with suppress(ValueError):  # an earlier power cut took it
                if json.loads(path.read_bytes())["step"] == "stop":
                    done.add(("stop", key))
    return done


def _kill(ordeal: Ordeal, there: Sequence[Victim]) -> bool:
    """One of them; whether there was one."""
    if not there:
        return False
    one = ordeal.rng.choice(there)
    if not kill_one(one.pid):
        return False
    if one.key is not None:
        ordeal.hurt.add(one.key)
        ordeal.say(f"  of trial {one.key[0]}, attempt {one.key[1]}")
    return True


FAULTS: Mapping[str, Fault] = {
    "controller": kill_controller,
    "commit": kill_at_commit,
    "gateway": kill_gateway,
    "keeper": kill_keeper,
    "mlflow": kill_server,
    "nursery": kill_nursery,
    "leader": kill_leader,
    "trial": kill_trial,
    "studio": kill_studio,
    "frozen": freeze_controller,
    "full disk": fill_disk,
    "read-only": protect_disk,
    "clock": set_clock_back,
    "busy": hold_database,
    "files": exhaust_descriptors,
    "10,000 files": resume_among_files,
    "mlflow away": keep_mlflow_away,
    "power cut": cut_power,
}
