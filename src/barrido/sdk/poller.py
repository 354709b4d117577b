"""Waiting for a job to be over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from barrido.controller.clock import WallClock
from barrido.pipelines import submission
from barrido.sdk.stream import LOOK_S, check_alive
from barrido.store.queries import Reader

if TYPE_CHECKING:
    from barrido.core.layout import Workspace
    from barrido.sdk.job import Job


class Poller:
    """Waits for a job to be over, after it was asked to stop. ``get`` looks at it."""

    def __init__(self, workspace: Workspace, name: str, get: Callable[[str], Job]) -> None:
        self._workspace, self._name, self._get = workspace, name, get

    def status(self) -> str:
        return self._get(self._name).status

    def done(self) -> bool:
        with self._watched() as (is_over, _):
            return is_over()

    def wait(self, timeout: float | None = None) -> None:
        """Until it is over, or for ``timeout`` seconds. Raises ControllerError if its controller is gone."""
        clock = WallClock()
        deadline = None if timeout is None else clock.now() + timeout
        with self._watched() as (is_over, check):
            while not is_over() and (deadline is None or clock.now() < deadline):
                check()
                clock.wait(LOOK_S)

    def result(self, timeout: float | None = None) -> None:
        """As `wait`; raises TimeoutError if it is not over by then."""
        self.wait(timeout)
        if not self.done():
            raise TimeoutError(f"{self._name!r} is not over after {timeout:g} s")

    @contextmanager
    def _watched(self) -> Iterator[tuple[Callable[[], bool], Callable[[], None]]]:
        """Whether it is over, and a check that somebody runs it."""
        if (pipeline := submission.find(self._workspace, self._name)) is not None:
            from barrido.sdk.pipelines import check_run, is_over

            yield (lambda: is_over(pipeline)), (lambda: check_run(pipeline))
            return
        from barrido.sdk.job import find_job

        folder, number = find_job(self._workspace, self._name)
        with Reader(folder) as reader:
            yield (lambda: _is_over(reader, number)), (lambda: check_alive(reader))


def _is_over(reader: Reader, number: int | None) -> bool:
    """Whether a trial, or with None the whole sweep, has come to its end."""
    if number is None or reader.sweep().phase.is_terminal:
        return reader.sweep().phase.is_terminal
    found = reader.trials([number])
    return bool(found) and found[0].phase.is_terminal
