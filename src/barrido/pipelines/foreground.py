"""One pipeline, run to its end in this process."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from barrido.controller.clock import WallClock
from barrido.controller.lock import SweepLock
from barrido.core.layout import PipelineFolder
from barrido.errors import BarridoError
from barrido.executors.slots import cores
from barrido.pipelines.runner import Runner

log = logging.getLogger(__name__)


def serve(folder: str, ready_fd: int) -> None:
    """Run the pipeline in ``folder``. Who waits at ``ready_fd`` is told that it is taken up, or why not."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    ready = os.fdopen(ready_fd, "wb", buffering=0)
    try:
        place = PipelineFolder(Path(folder))
        with SweepLock(place):
            runner = Runner(place, WallClock(), slots=cores())
            _say(ready, b"ready")
            runner.run()
    except BarridoError as error:
        log.error("%s", error)
        if not ready.closed:
            _say(ready, json.dumps({"message": error.message, "hint": error.hint}).encode())
        raise SystemExit(error.exit_code) from error


def _say(ready: BinaryIO, what: bytes) -> None:
    with suppress(OSError), ready:  # who asked may have left meanwhile, with Ctrl-C; the pipeline goes on
        ready.write(what)
