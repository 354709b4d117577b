"""One sweep, put together and run to its end in this process."""

from __future__ import annotations

import gc
import json
import logging
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from barrido.controller import requests
from barrido.controller.clock import WallClock
from barrido.controller.late import reopens, take_late
from barrido.controller.lock import SweepLock
from barrido.controller.loop import LOOK_S, Controller
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Tracker
from barrido.core.recipe import Recipe
from barrido.errors import BarridoError, SweepBusy
from barrido.registry import build_executor, build_plan, build_sampler, build_tracker
from barrido.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

DRAIN_S = 30.0
"""How long a controller whose sweep is over waits for MLflow to have everything."""


def serve(folder: str, ready_fd: int) -> None:
    """Run the sweep in ``folder``. Who waits at ``ready_fd`` is told that it is taken up, or why not."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    ready = os.fdopen(ready_fd, "wb", buffering=0)
    try:
        run(SweepFolder(Path(folder)), ready)
    except BarridoError as error:
        log.error("%s", error)
        if not ready.closed:
            _say(ready, json.dumps({"message": error.message, "hint": error.hint}).encode())
        raise SystemExit(error.exit_code) from error


def run(folder: SweepFolder, ready: BinaryIO) -> None:
    """Run the sweep in this process; say on ``ready`` that it is taken up, and close it."""
    _take_up(folder, ready)
    # Who asked while the lock was still held relies on whoever held it
    stuck: set[Path] = set()  # could not be removed
    with suppress(SweepBusy):
        while new := requests.waiting(folder) - stuck:
            _take_up(folder, None)
            stuck |= new & requests.waiting(folder)


def _take_up(folder: SweepFolder, ready: BinaryIO | None) -> None:
    """Run the sweep, or take in what was asked of one that is over. Raises SweepBusy."""
    with ExitStack() as stack:
        lock = stack.enter_context(SweepLock(folder))
        store = SqliteStore(folder)
        stack.callback(store.close)
        recipe, now = store.recipe(), WallClock().now()
        if store.phase().is_terminal and not reopens(folder, recipe, at=now):
            take_late(folder, recipe, build_plan(recipe), store, at=now)
            _say(ready, b"ready")
        else:
            _run(folder, recipe, store, lock, ready, stack)


def _run(
    folder: SweepFolder,
    recipe: Recipe,
    store: SqliteStore,
    lock: SweepLock,
    ready: BinaryIO | None,
    stack: ExitStack,
) -> None:
    tracker = build_tracker(recipe, folder, Workspace(folder.root.parent.parent))
    executor = build_executor(recipe, folder, tracker)
    stack.callback(executor.close)
    controller = Controller(
        recipe,
        build_plan(recipe),
        build_sampler(recipe, store.prior()),
        executor,
        store,
        WallClock(),
        folder=folder,
        tracker=tracker,
        lock=lock,
    )
    controller.begin()
    gc.freeze()  # what is there now stays: not to be looked through at every collection
    gc.enable()
    _say(ready, b"ready")
    is_over = False
    while not is_over:
        controller.run()
        executor.sweep_leftovers()
        is_over = _drain(controller, tracker)


def _drain(controller: Controller, tracker: Tracker) -> bool:
    """Wait for MLflow, with an ear for people. False if they had the sweep opened again."""
    clock = WallClock()
    deadline = clock.now() + DRAIN_S
    asked = clock.now()
    while not tracker.close(LOOK_S):
        controller.look()
        if not controller.state.phase.is_terminal:
            return False
        has_given_up = clock.now() - asked < LOOK_S
        asked = clock.now()
        if has_given_up or asked > deadline:
            log.info("MLflow does not have everything yet; it is being told in the background")
            break
    return True


def _say(ready: BinaryIO | None, what: bytes) -> None:
    """Closes it, too: once. Its number is soon that of another file."""
    if ready is None:
        return
    with suppress(OSError), ready:  # who asked may have left meanwhile, with Ctrl-C; the sweep goes on
        ready.write(what)
