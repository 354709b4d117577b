"""Every error that barrido raises on purpose.

* BarridoError                (exit code 1)
  + RequestError              (what was asked for is wrong; exit code 2)
    x SpecError               (a sweep's description: every mistake in it, at once)
    x SweepNotFound
    x TrialNotFound
    x MissingExtra            (an optional package; names the command that installs it)
  + StoreError
    x HistoryMismatch         (replaying the log decides otherwise than it did)
    x SweepBusy               (another controller runs this sweep)
  x BuildFailed               (an environment for trials could not be built)
  x ControllerError           (a controller could not start, or died)
  x SweepFailed               (a streamed sweep ended as failed)
  x StreamLeft                (Ctrl-C while watching; the sweep goes on; exit code 130)
  x SpaceExhausted            (every point of a finite search space was asked for)
  x IllegalTransition         (a bug in barrido, never the user's fault)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class BarridoError(Exception):
    """Base class. ``message`` says what is wrong, ``hint`` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class RequestError(BarridoError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a description: where it stands, what is wrong, and the way out.

    ``where`` is ``file:line`` (or ``""``), ``path`` the dotted key (``limits.timeout``).
    """

    what: str
    path: str = ""
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        line = ": ".join(part for part in (self.where, self.path, self.what) if part)
        return f"{line}\n    {self.hint}" if self.hint else line


class SpecError(RequestError):
    """A sweep's description is wrong. Carries every mistake found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "the sweep cannot be run as written:" if count == 1 else f"{count} things are wrong:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class SweepNotFound(RequestError):
    pass


class TrialNotFound(RequestError):
    pass


class MissingExtra(RequestError):
    """An optional package is needed; ``hint`` is the command that installs it."""

    def __init__(self, extra: str, *, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs packages that are not installed",
            hint=f"pip install 'barrido[{extra}]'",
        )


class StoreError(BarridoError):
    pass


class HistoryMismatch(StoreError):
    pass


class SweepBusy(StoreError):
    pass


class BuildFailed(BarridoError):
    pass


class ControllerError(BarridoError):
    pass


class SweepFailed(BarridoError):
    pass


class SpaceExhausted(BarridoError):
    pass


class IllegalTransition(BarridoError):
    pass


class StreamLeft(BarridoError, KeyboardInterrupt):
    """Whoever watched pressed Ctrl-C. The job goes on."""

    exit_code = 130
