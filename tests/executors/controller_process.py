"""A controller as a process of its own, to be killed: launches trials and says what it is told.

    controller_process.py SWEEP_FOLDER START_FILE COMMAND TRIALS

Waits for START_FILE, launches the trials 0 … TRIALS-1 and writes one JSON line per signal:
``[kind, trial, door, offset, values, code]``. Ends when all have ended.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from barrido.core.events import Exited, Launched, Note, Paused
from barrido.core.layout import SweepFolder
from barrido.core.protocols import Logged, Order, Signal
from barrido.core.recipe import Limits, Recipe, Work
from barrido.executors.local import LocalExecutor


def line_of(signal: Signal) -> str:
    match signal:
        case Logged():
            values = [point.value for point in signal.points]
            return json.dumps(["logged", signal.trial, signal.door, signal.offset, values, None])
        case Launched():
            return json.dumps(["launched", signal.trial, "", 0, [], None])
        case Exited():
            return json.dumps(["exited", signal.trial, "", 0, [], signal.code])
        case Paused():
            return json.dumps(["paused", signal.trial, "", 0, [], None])
        case Note():
            return json.dumps(["note", signal.trial, "", 0, [], None])


def main(folder: str, start: str, command: str, trials: int) -> None:
    recipe = Recipe(
        name="sweep",
        limits=Limits(max_total_trials=trials, max_concurrent_trials=trials),
        work=Work(command=command),
    )
    executor = LocalExecutor(SweepFolder(Path(folder)), recipe, render=lambda order: command)
    while not Path(start).exists():
        pass
    for trial in range(trials):
        executor.launch(Order(trial, 1, {}))
    ended = 0
    while ended < trials:
        for signal in executor.events(None):
            ended += isinstance(signal, Exited)
            sys.stdout.write(line_of(signal) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
