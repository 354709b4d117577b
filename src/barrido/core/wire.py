"""Events and actions as JSON: ``{"kind": "reported", "trial": 3, …}``.

NaN and the infinities are written as the strings ``"NaN"``, ``"Infinity"``, ``"-Infinity"``, as
MLflow does on its wire: JSON has no word for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from math import isfinite
from operator import itemgetter
from typing import Any, cast

from barrido.core import events
from barrido.core.events import Action, Cause, Event, Outcome, PauseMode, Verb
from barrido.core.trial import Expectation

_CLASSES: Mapping[str, type[Any]] = {
    cls.__name__.lower(): cls
    for cls in (
        events.Started, events.Resumed, events.Suggested, events.Launched, events.Reported,
        events.Paused, events.Exited, events.Ticked, events.Requested,
        events.Ask, events.Launch, events.Pause, events.Unpause, events.Stop, events.Discard, events.Note,
        events.Finish,
    )
}  # fmt: skip
_KINDS: Mapping[type[Any], str] = {cls: kind for kind, cls in _CLASSES.items()}
_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    cls: tuple(f.name for f in fields(cls)) for cls in _CLASSES.values()
}
_EXPECTATION = tuple(f.name for f in fields(Expectation))


# Made once: `json.dumps` makes an encoder for each call that asks for anything but its defaults.
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_ESCAPED = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def number_to_json(value: float) -> float | str:
    """
    >>> number_to_json(0.5), number_to_json(float("nan")), number_to_json(float("-inf"))
    (0.5, 'NaN', '-Infinity')
    """
    if isfinite(value):
        return value
    return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")


def expectation_to_json(expected: Expectation | None) -> dict[str, float | str] | None:
    """
    >>> expectation_to_json(Expectation(0.5, 0.25, 0.125))
    {'mean': 0.5, 'spread': 0.25, 'improvement': 0.125}
    """
    if expected is None:
        return None
    return {name: number_to_json(getattr(expected, name)) for name in _EXPECTATION}


def expectation_from_json(body: Mapping[str, Any] | None) -> Expectation | None:
    return None if body is None else Expectation(**{name: float(body[name]) for name in _EXPECTATION})


_MAKERS: Mapping[str, Callable[[Any], Any]] = {
    "cause": Cause, "outcome": Outcome, "verb": Verb, "mode": PauseMode,
    "points": tuple, "numbers": tuple, "draws": tuple, "logged": tuple,
    "value": float, "expected": lambda said: tuple(map(expectation_from_json, said)),
}  # fmt: skip


def _getter(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """As `operator.itemgetter`, which gives no tuple for a single name."""
    only = names[0]
    return itemgetter(*names) if len(names) > 1 else lambda body: (body[only],)


_MADE: Mapping[type[Any], Sequence[tuple[int, Callable[[Any], Any]]]] = {
    cls: [(place, _MAKERS[name]) for place, name in enumerate(names) if name in _MAKERS]
    for cls, names in _FIELDS.items()
}
"""By class, the places of fields that are not in JSON what they are in Python, and what makes them so."""
_VALUES: Mapping[type[Any], Callable[[Mapping[str, Any]], Sequence[Any]]] = {
    cls: _getter(names) for cls, names in _FIELDS.items()
}
"""By class, what takes its fields out of JSON, in their order."""


def kind_of(item: Event | Action) -> str:
    return _KINDS[type(item)]


def encode(item: Event | Action) -> dict[str, Any]:
    cls = type(item)
    body: dict[str, Any] = {"kind": _KINDS[cls]}
    for name in _FIELDS[cls]:
        body[name] = getattr(item, name)
    if cls is events.Reported:
        body["value"] = number_to_json(body["value"])
    elif cls is events.Suggested:
        body["expected"] = [expectation_to_json(one) for one in body["expected"]]
    return body


def decode(body: Mapping[str, Any]) -> Event | Action:
    """What `encode` wrote. Logs have hundreds of thousands of them: no time is spent on names."""
    cls = _CLASSES[body["kind"]]
    if len(body) != len(_FIELDS[cls]) + 1:  # older logs do not say everything
        said = ((name, value) for name, value in body.items() if name != "kind")
        return cast("Event | Action", cls(**{k: _MAKERS[k](v) if k in _MAKERS else v for k, v in said}))
    values = _VALUES[cls](body)
    if made := _MADE[cls]:
        values = list(values)
        for place, make in made:
            values[place] = make(values[place])
    return cast("Event | Action", cls(*values))


def dumps(body: Any) -> str:
    """Compact JSON that can be stored as UTF-8.

    Half a surrogate pair, as file names that are not UTF-8 have it, is escaped: nothing can encode it.
    """
    text = _PLAIN.encode(body)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(body)
    return text
