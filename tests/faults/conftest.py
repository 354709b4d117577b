"""What a sweep that was disturbed must be like at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.store.queries import Reader


def end_of(folder: SweepFolder) -> list[Any]:
    """All that a disturbed sweep has in common with a calm one."""
    with Reader(folder) as reader:
        sweep = reader.sweep()
        trials = [
            (t.number, t.params, t.phase, t.reason, t.reports, t.best_value, t.rungs) for t in reader.trials()
        ]
        return [sweep.phase, sweep.reason, sweep.best_trial, sweep.best_value, trials]


def assert_nothing_is_lost(folder: SweepFolder, witness: Path, *, reports: int) -> None:
    """Every trial ran once, and every report that it made is there once, in its order."""
    said: dict[int, list[str]] = {}
    for line in witness.read_text().splitlines():
        number, what = line.split()
        said.setdefault(int(number), []).append(what)
    with Reader(folder) as reader:
        assert len(reader.trials()) == reader.sweep().limits.max_total_trials
        for trial in reader.trials():
            spoken = said[trial.number]
            assert spoken.pop(0) == "start"
            assert "start" not in spoken, f"trial {trial.number} ran twice"
            assert trial.attempt == 1
            assert trial.phase in ("completed", "pruned"), trial
            kept = [repr(row.value) for row in reader.metrics(trial.number)]
            # A stopped trial may be killed between what it tells its witness and what it reports.
            assert kept == spoken or (trial.phase == "pruned" and kept == spoken[:-1])
            assert trial.phase == "pruned" or len(kept) == reports
            assert "Traceback" not in folder.trial(trial.number).log.read_text()
