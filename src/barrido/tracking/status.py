"""What the tracking process tells others: a small file, replaced whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

GIVE_UP_S = 30 * 60.0
"""How long after the sweep's end MLflow is waited for."""


@dataclass(frozen=True, slots=True)
class Status:
    """``complete``: the sweep is over, and MLflow knows all of it. ``url`` is MLflow's, without secrets."""

    complete: bool = False
    gave_up: bool = False  # the sweep is over, and MLflow will not know all of it
    reachable: bool = False
    url: str | None = None
    experiment_id: str | None = None
    run_id: str | None = None  # of the sweep

    @classmethod
    def read(cls, path: Path) -> Status:
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)
