"""Starts controllers as processes of their own, which outlive the shell or notebook that asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from barrido.core.layout import PipelineFolder, SweepFolder
from barrido.errors import ControllerError

_DAEMON = str(Path(__file__).with_name("daemon.py"))
"""As a file: ``-m`` takes longer. Its folder is not to be on the path, hence ``-P``."""


def start(folder: SweepFolder | PipelineFolder, *, daemon: str = _DAEMON) -> None:
    """Start a controller for the sweep; returns once it holds the lock and has taken the sweep up.

    ``daemon`` is the file of another program that does the same for a pipeline. Raises ControllerError with
    what the controller said if it does not come to that.
    """
    ours, theirs = os.pipe()
    try:
        with folder.log.open("ab") as out:
            # The child forks and leaves: the controller belongs to no shell and no notebook.
            process = subprocess.Popen(
                [sys.executable, "-P", daemon, str(folder.root), str(theirs)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=(theirs,),
                start_new_session=True,
                cwd="/",
            )
    except OSError as error:
        os.close(ours)
        raise ControllerError(f"the controller could not be started: {error}") from error
    finally:
        os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read()
    process.wait()
    if said == b"ready":
        return
    if said:
        problem = json.loads(said)
        raise ControllerError(problem["message"], hint=problem["hint"])
    tail = folder.log.read_text(errors="replace")[-2000:]
    raise ControllerError(f"the controller ended before it was ready:\n{tail}", hint=f"see {folder.log}")
