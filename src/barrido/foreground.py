"""One sweep, put together and run to its end in this process."""

from __future__ import annotations

import gc
import json
import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from barrido.controller.clock import WallClock
from barrido.controller.lock import SweepLock
from barrido.controller.loop import Controller
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.protocols import Observation, Sampler
from barrido.core.recipe import Recipe
from barrido.errors import BarridoError
from barrido.registry import build_executor, build_plan, build_sampler, build_tracker
from barrido.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

_BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")

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
    with ExitStack() as stack:
        lock = stack.enter_context(SweepLock(folder))
        store = SqliteStore(folder)
        stack.callback(store.close)
        recipe = store.recipe()
        sampler = _sampler(recipe, store.prior())
        tracker = build_tracker(recipe, folder, Workspace(folder.root.parent.parent))
        executor = build_executor(recipe, folder, tracker)
        stack.callback(executor.close)
        controller = Controller(
            recipe,
            build_plan(recipe),
            sampler,
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
        controller.run()
        executor.sweep_leftovers()
        if not tracker.close(DRAIN_S):
            log.info("MLflow does not have everything yet; it is being told in the background")


def _sampler(recipe: Recipe, prior: Sequence[Observation]) -> Sampler:
    """The sampler; one that learns does so on one core, unless the user said otherwise: trials want them.

    OpenBLAS and MKL read the environment when they are loaded; trials inherit it as it was.
    """
    said = any(name in os.environ for name in _BLAS_THREADS)
    os.environ.update({} if said else dict.fromkeys(_BLAS_THREADS, "1"))
    sampler = build_sampler(recipe, prior)
    if sampler.learns:
        import scipy.linalg
        import scipy.optimize
        import scipy.special  # noqa: F401
    for name in () if said else _BLAS_THREADS:
        del os.environ[name]
    return sampler


def _say(ready: BinaryIO, what: bytes) -> None:
    """Closes it, too: once. Its number is soon that of another file."""
    with suppress(OSError), ready:  # who asked may have left meanwhile, with Ctrl-C; the sweep goes on
        ready.write(what)
