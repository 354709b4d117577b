"""Runs somebody's script as ``python script.py`` does, but for what it gets when it imports ``azure.…``."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType

import barrido
from barrido.errors import BarridoError, RequestError
from barrido.integrations.azure.modules import take_over

FAILED, INTERRUPTED = 1, 130
_OURS = f"{Path(barrido.__file__).parent}{os.sep}"


def run_script(path: Path, args: Sequence[str]) -> int:
    """Run the script at ``path``; what the process is to exit with. Its own SystemExit is passed on.

    ``sys.argv``, ``sys.path[0]`` and ``__main__`` are what they would be; what it does not catch is shown as
    a traceback of its own lines. Raises RequestError if there is no such script, or if it cannot be read.
    """
    try:
        source = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RequestError(f"{path} cannot be read: {reason}", hint="name a Python script") from None
    main, file = ModuleType("__main__"), os.path.abspath(path)  # noqa: PTH100 (where it is found after a chdir)
    main.__dict__.update(__file__=file, __builtins__=builtins, __cached__=None)
    sys.argv[:] = [str(path), *args]
    if not sys.flags.safe_path:
        sys.path[0] = str(path.resolve().parent)
    sys.modules["__main__"] = main
    take_over()
    try:
        exec(compile(source, file, "exec", dont_inherit=True), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _of_the_script(error)
        sys.excepthook(type(error), error, error.__traceback__)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    return 0


def _of_the_script(error: BaseException) -> TracebackType | None:
    """The traceback from the script on; of an error that we raise on purpose, not how we came to raise it."""
    first = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_OURS):
        first = first.tb_next
    if isinstance(error, BarridoError):
        last, theirs = first, first
        while last is not None:
            if not last.tb_frame.f_code.co_filename.startswith(_OURS):
                theirs = last
            last = last.tb_next
        if theirs is not None:
            theirs.tb_next = None
    return first
