"""A sweep's log and what readers are shown of it, as of one commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from barrido.core import wire
from barrido.core.events import Action, Event
from barrido.core.layout import SweepFolder
from barrido.store.batch import Decision
from barrido.store.queries import Reader, SweepRow, TrialRow


@dataclass(frozen=True, slots=True)
class Log:
    """``decisions`` oldest first, ``trials`` by number."""

    sweep: SweepRow
    trials: list[TrialRow]
    decisions: list[Decision]


def read_log(folder: SweepFolder) -> Log:
    """The log of a sweep as far as it has come. Raises StoreError, SweepNotFound."""
    with _Snapshot(folder) as reader:
        return Log(
            reader.sweep(),
            reader.trials(),
            [
                Decision(
                    cast("Event", wire.decode(event)),
                    [cast("Action", wire.decode(action)) for action in actions],
                )
                for _, event, actions in reader.events()
            ],
        )


class _Snapshot(Reader):
    """Sees one and the same commit, whatever a controller writes meanwhile."""

    def __init__(self, folder: SweepFolder) -> None:
        super().__init__(folder)
        self._rows("BEGIN")
