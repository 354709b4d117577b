"""What training scripts call, by way of the trial's environment and feed."""

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

    One report of the primary metric is one interval of the sweep's policy, and one unit of its scheduler's
    resource. Where they may decide on this very report, the call returns when they have decided (after at
    most 5 s; a trial that is paused, when it goes on), so that a stop or a pause takes effect before the
    next step. Values are anything ``float()`` takes: NumPy and PyTorch scalars too.
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
        offset = append(f"{feed}.report", line)
        if _gate.holds(feed, values, offset):
            _gate.wait(f"{feed}.answer", offset)


def params() -> dict[str, object]:
    """The trial's parameter values by name; empty outside of a sweep."""
    found: dict[str, object] = json.loads(os.environ.get("BARRIDO_PARAMS") or "{}")
    return found


def should_stop() -> bool:
    """Whether the sweep has asked this trial to stop, for good or for now: save what is worth it, and end.

    The processes also get a SIGTERM, and some seconds later a SIGKILL. False outside of a sweep.
    """
    feed = os.environ.get("BARRIDO_FEED")
    return feed is not None and _gate.read(f"{feed}.answer").stops


def trial_dir() -> Path:
    """The trial's own folder, which outlives it; outside of a sweep, the current directory."""
    return Path(os.environ.get("BARRIDO_TRIAL_DIR") or Path.cwd())


def checkpoint_dir() -> Path:
    """A folder that all attempts of the trial share: what it saves here, it can go on from after a pause.

    Sweeps whose scheduler pauses trials have one for each trial, which is removed when the trial is out.
    Where a paused trial is to begin anew (``restart``), it is empty. Elsewhere, also outside of a sweep, it
    is the folder ``checkpoints`` in the current directory, which is made if it is not there.
    """
    given = os.environ.get("BARRIDO_CHECKPOINT_DIR")
    if given:
        return Path(given)
    folder = Path.cwd() / "checkpoints"
    folder.mkdir(exist_ok=True)
    return folder


class _Answer:
    """What the controller put into ``<stem>.answer``: how far it has decided, and whether to stop.

    With rungs, ``until`` is the report at which it decides next, None for none; ``start`` says how many
    reports earlier attempts have made.
    """

    def __init__(self, body: Mapping[str, object]) -> None:
        offsets = body.get("offsets")
        decided = offsets.get("report") if isinstance(offsets, Mapping) else None
        self.offset = decided if isinstance(decided, int) else 0
        # A suspended trial never sees its pause: whoever sees one is to end.
        self.stops = body.get("step") in ("stop", "pause")
        until, start = body.get("until"), body.get("start")
        self.until = until if isinstance(until, int) else None
        self.start = start if isinstance(start, int) else 0


class _Gate:
    """Holds back the reports on which the sweep decides.

    It counts as the sweep does, by the journal: a trial may report from several processes, one after the
    other or side by side.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._reports = 0  # up to the offset
        self._offset = 0
        self._raw = b""
        self._answer = _Answer({})
        self._in_vain: bytes | None = None  # the answer as it was when a wait for another was in vain

    def holds(self, feed: str, values: Mapping[str, float], offset: int) -> bool:
        """Whether the sweep decides on the report of ``values``, which ends at ``offset`` of the journal."""
        hold = json.loads(os.environ.get("BARRIDO_HOLD") or "{}")
        if hold.get("metric") not in values:
            return False
        answer = self.read(f"{feed}.answer") if hold.get("rungs") else _Answer({})
        n = answer.start + self._count(f"{feed}.report", hold["metric"], offset)
        interval = hold.get("interval")
        if interval and n % interval == 0 and n >= hold["delay"]:
            return True
        return answer.until is not None and n >= answer.until

    def _count(self, path: str, metric: str, offset: int) -> int:
        with Path(path).open("rb") as journal:
            journal.seek(self._offset)
            lines = journal.read(offset - self._offset).splitlines()
        self._reports += sum(_is_of(metric, line) for line in lines)
        self._offset = offset
        return self._reports

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


def _is_of(metric: str, line: bytes) -> bool:
    try:
        return metric in json.loads(line)["metrics"]
    except (ValueError, TypeError, KeyError):  # what a full disk cut off, or no line of ours
        return False


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
    if isinstance(value, (str, bytes, bool)):  # environments of trials may have Python 3.8
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
