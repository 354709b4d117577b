"""One sweep, put through one fault after the other, and taken up again as a person would."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.campaign import sweeps, victims
from tests.faults.campaign.disk import Disk
from tests.faults.campaign.shim import Shim
from tests.faults.campaign.studio import Studio
from tests.faults.campaign.victims import Key

from barrido import app
from barrido.controller import lock
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Recipe
from barrido.errors import BarridoError
from barrido.store.queries import Reader

STUCK_S = 150.0
"""A sweep that nothing happens to must come to its end within this time."""

LOOK_S = 0.02
RESUME_S = 2.0  # how long after a resume that failed the next is tried


@dataclass(slots=True, kw_only=True)
class Ordeal:
    """A sweep under way, and what was done to it.

    ``hurt`` are the attempts that were killed: they may fail, no others may. ``cut`` are those that were
    under way when the power went: what they had not synced may be lost. ``broken`` are the claims of
    durability that did not hold.
    """

    kind: sweeps.Kind
    folder: SweepFolder
    where: Workspace
    place: Path
    rng: random.Random
    disk: Disk | None = None
    shim: Shim | None = None
    studio: Studio | None = None
    away_s: float | None = None  # how long MLflow is away when it is; None: some seconds
    faults: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)  # what happened when, for a reader
    hurt: set[Key] = field(default_factory=set)
    cut: set[Key] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # what resumes failed with
    began: float = field(default_factory=time.monotonic)
    is_loud: bool = False

    @property
    def ledger(self) -> Path:
        return self.place / "ledger"

    def say(self, what: str) -> None:
        self.told.append(f"{time.monotonic() - self.began:7.2f} {what}")
        if self.is_loud:
            print(self.told[-1], flush=True)

    def is_over(self) -> bool:
        with Reader(self.folder) as reader:
            return reader.sweep().phase.is_terminal

    def resume(self, *, die_at: int | None = None) -> bool:
        """Take the sweep up if nobody runs it, as a person does; whether somebody does now, or need not."""
        if lock.holder(self.folder) is not None:
            return True
        try:
            if self.is_over():
                return True
            with self._preloaded(die_at):
                app.resume(self.folder)
        except BarridoError as error:
            self.refused.append(f"{type(error).__name__}: {error.message.splitlines()[0]}")
            return False
        return True

    def create(self, recipe: Recipe) -> None:
        with self._preloaded(None):
            app.create(recipe, self.where)

    @contextmanager
    def _preloaded(self, die_at: int | None) -> Iterator[None]:
        if self.shim is None:
            yield
        else:
            with self.shim.around(die_at=die_at):
                yield

    def up(self, within_s: float = 60.0) -> None:
        """Resume until it is taken up."""
        deadline = time.monotonic() + within_s
        while not self.resume():
            if time.monotonic() > deadline:
                self.broken.append(f"it cannot be resumed: {self.refused[-1]}")
                return
            time.sleep(0.1)

    def finish(self, within_s: float = STUCK_S) -> bool:
        """Whether the sweep comes to its end; it is resumed when its controller is gone."""
        deadline = time.monotonic() + within_s
        while not self.is_over():
            if time.monotonic() > deadline:
                return False
            if not self.resume():
                time.sleep(RESUME_S)
            time.sleep(LOOK_S)
        return True

    def wait(self, condition: Callable[[], object], within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
        return True

    def log(self) -> list[tuple[int, str, str]]:
        """The events as they are on the disk now. Nobody's files are touched, no checkpoint is made."""
        with TemporaryDirectory(dir=self.place) as copy:
            for suffix in ("", "-wal"):
                with suppress(FileNotFoundError):
                    raw = Path(f"{self.folder.db}{suffix}").read_bytes()
                    (Path(copy) / f"sweep.db{suffix}").write_bytes(raw)
            with closing(sqlite3.connect(Path(copy) / "sweep.db")) as db:
                return db.execute("SELECT seq, body, actions FROM events ORDER BY seq").fetchall()

    def started(self) -> set[Key]:
        """The attempts whose scripts came to run."""
        return {key_of(path.name) for path in self.ledger.iterdir()}

    def close(self) -> None:
        """Nothing of it stays."""
        if self.studio is not None:
            self.studio.close()
        if self.disk is not None:
            self.disk.unprotect()
        victims.kill_all(self.folder, self.where)
        if self.disk is not None:
            self.disk.close()


def key_of(name: str) -> Key:
    trial, attempt = name.split(".")[:2]
    return int(trial), int(attempt)


def prepared(place: Path, seed: str, kind: sweeps.Kind | None = None, *, name: str = "ordeal") -> Ordeal:
    """A sweep drawn by ``seed``, yet to be created, with the disk and the shim that this machine permits."""
    rng = random.Random(seed)
    drawn = sweeps.drawn(rng)
    (place / "ledger").mkdir(parents=True)
    disk = shim = None
    with suppress(OSError):
        disk = Disk(place)
    with suppress(OSError):
        shim = Shim(place)
    where = Workspace((disk.path if disk else place) / "ws")
    return Ordeal(
        kind=kind or drawn,
        folder=where.sweep(name),
        where=where,
        place=place,
        rng=rng,
        disk=disk,
        shim=shim,
    )


def undergo(ordeal: Ordeal, faults: Mapping[str, Callable[[Ordeal], bool]], most: int) -> bool:
    """Create the sweep and let ``faults`` loose on it, at most ``most``; whether it came to its end."""
    recipe = sweeps.recipe(
        ordeal.kind, ordeal.folder.name, ordeal.rng.randrange(2**31), ordeal.place, ordeal.ledger
    )
    rng = ordeal.rng
    ordeal.create(recipe)
    ordeal.say(f"created: {ordeal.kind.words}")
    if ordeal.kind.watched:
        ordeal.studio = Studio(ordeal.where)
    while ordeal.faults.total() < most and not ordeal.is_over():
        name = rng.choice(list(faults))
        time.sleep(rng.uniform(0.0, 0.4))
        if faults[name](ordeal):
            ordeal.faults[name] += 1
            ordeal.say(name)
        ordeal.up()
    return ordeal.finish()


def stop(pid: int, number: int = signal.SIGSTOP) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
