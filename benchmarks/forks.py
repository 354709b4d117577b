"""Trials as bare forks: no controller, no journal, nothing that could end them, nobody who sees how they end.

    python forks.py WORK SLOTS END

Imports what the ``train.py`` of the working folder imports, then forks once for each trial of ``WORK``, a
JSON list of its options, ``SLOTS`` at a time, and runs the script there. ``END`` says how a fork ends:
``python`` as every interpreter does, ``at-once`` without that, which no script that trusts in `atexit`
survives. Nothing that gives each trial a process of its own is cheaper.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import runpy
import sys
from pathlib import Path

SCRIPT = "train.py"


def main(work: str, slots: str, end: str) -> None:
    sys.path.insert(0, str(Path.cwd()))
    tree = ast.parse(Path(SCRIPT).read_text())
    tree.body = [line for line in tree.body if isinstance(line, ast.Import | ast.ImportFrom)]
    exec(compile(tree, SCRIPT, "exec"), {})
    trials = json.loads(Path(work).read_text())
    gc.freeze()  # or the first collection in each fork would copy every page
    living = 0
    for options in trials:
        if living == int(slots):
            wait()
            living -= 1
        if os.fork():
            living += 1
            continue
        sys.argv = [SCRIPT, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        runpy.run_path(SCRIPT, run_name="__main__")
        if end == "at-once":
            os._exit(0)
        return
    while living:
        wait()
        living -= 1


def wait() -> None:
    _, status = os.wait()
    assert status == 0, "a trial failed"


if __name__ == "__main__":
    main(*sys.argv[1:])
