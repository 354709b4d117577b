"""``report``, ``params``, ``should_stop`` and ``trial_dir``, by way of the trial's environment and feed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import SupportsFloat, SupportsIndex

from barrido.trial.entry import append, check_name, check_step, format_line

HOLD_S = 5.0  # a report waits at most this long for its verdict
_POLL_S = 0.001


def report(
    metrics: Mapping[str, SupportsFloat] | None = None,
    /,
    *,
    step: SupportsIndex | None = None,
    **named: SupportsFloat,
) -> None:
    """Report metrics of the running trial: ``report(loss=0.12, step=3)`` or ``report({"val loss": 0.12})``.

    One report of the primary metric is one interval of the sweep's policy. Where the policy may decide
    on this very report, the call returns when it has decided (after at most 5 s), so that a stop takes
    effect before the next step. Values are anything ``float()`` takes: NumPy and PyTorch scalars too.
    Reports after a stop are recorded as well.

    Raises TypeError or ValueError for what cannot be a metric or a step, also outside of a sweep, where
    nothing else happens; OSError if the report could not be written.
    """
    values = _checked(metrics, named)
    number = None if step is None else check_step(_whole(step))
    feed = os.environ.get("BARRIDO_FEED")
    if feed is None:
        return
    line = format_line(values, step=number, time=time.time())
    with _gate.lock:
        must_wait = _gate.counts(values)
        offset = append(f"{feed}.report", line)
        if must_wait:
            _gate.wait(f"{feed}.answer", offset)


def params() -> dict[str, object]:
    """The trial's parameter values by name; empty outside of a sweep."""
    found: dict[str, object] = json.loads(os.environ.get("BARRIDO_PARAMS") or "{}")
    return found


def should_stop() -> bool:
    """Whether the sweep has asked this trial to stop: save what is worth saving, and end.

    The processes also get a SIGTERM, and some seconds later a SIGKILL. False outside of a sweep.
    """
    feed = os.environ.get("BARRIDO_FEED")
    return feed is not None and _gate.read(f"{feed}.answer").stops


def trial_dir() -> Path:
    """The trial's own folder, which outlives it; outside of a sweep, the current directory."""
    return Path(os.environ.get("BARRIDO_TRIAL_DIR") or Path.cwd())


class _Answer:
    """What the controller put into ``<stem>.answer``: how far it has decided, and whether to stop."""

    def __init__(self, body: Mapping[str, object]) -> None:
        offsets = body.get("offsets")
        decided = offsets.get("report") if isinstance(offsets, Mapping) else None
        self.offset = decided if isinstance(decided, int) else 0
        self.stops = body.get("step") == "stop"


class _Gate:
    """Holds back the reports on which the sweep decides.

    It counts the primary metric's reports of this process. Where several processes of one trial
    report, each holds at its own points: a stop may then come a report later.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._reports = 0
        self._raw = b""
        self._answer = _Answer({})
        self._in_vain: bytes | None = None  # the answer as it was when a wait for another was in vain

    def counts(self, values: Mapping[str, float]) -> bool:
        """Count a report; whether it is one that the sweep decides on."""
        hold = json.loads(os.environ.get("BARRIDO_HOLD") or "{}")
        if hold.get("metric") not in values:
            return False
        self._reports += 1
        return bool(self._reports % hold["interval"] == 0 and self._reports >= hold["delay"])

    def wait(self, path: str, offset: int) -> None:
        """Until the answer covers the journal up to ``offset``, asks to stop, or 5 s are over.

        After a wait in vain nobody seems to be there: no other one until the answer changes.
        """
        answer = self.read(path)
        if self._in_vain == self._raw:
            return
        self._in_vain = None
        deadline = time.monotonic() + HOLD_S
        while not (answer.stops or answer.offset >= offset):
            if time.monotonic() > deadline:
                self._in_vain = self._raw
                return
            time.sleep(_POLL_S)
            answer = self.read(path)

    def read(self, path: str) -> _Answer:
        # Always read: a file that is put in anew several times a millisecond can look unchanged to stat.
        try:
            raw = Path(path).read_bytes()
        except FileNotFoundError:
            return self._answer
        if raw != self._raw:
            self._answer, self._raw = _Answer(json.loads(raw)), raw
        return self._answer


_gate = _Gate()


def _checked(
    metrics: Mapping[str, SupportsFloat] | None, named: Mapping[str, SupportsFloat]
) -> Mapping[str, float]:
    if metrics is not None and not isinstance(metrics, Mapping):
        raise TypeError(f"metrics are a dict of numbers by name (got {type(metrics).__name__})")
    if twice := (metrics or {}).keys() & named.keys():
        raise ValueError(f"reported twice in one call: {', '.join(sorted(twice))}")
    both = {**(metrics or {}), **named}
    if not both:
        raise ValueError("nothing to report: name at least one metric, as in report(loss=0.12)")
    return {check_name(name): _number(name, value) for name, value in both.items()}


def _number(name: str, value: SupportsFloat) -> float:
    if isinstance(value, str | bytes | bool):
        raise TypeError(f"the value of {name!r} is not a number (got {value!r})")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"the value of {name!r} is not a number (got {value!r:.60}): {error}") from None


def _whole(step: SupportsIndex) -> int:
    try:
        number = int(step)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"a step is a whole number (got {step!r:.60})") from None
    if number != step or isinstance(step, bool):
        raise TypeError(f"a step is a whole number (got {step!r:.60})")
    return number
