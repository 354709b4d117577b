"""Checks where trials run, what each needs there, and whether there is room for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from barrido.core.recipe import Resources as Needs
from barrido.executors.slots import VISIBLE, Machine
from barrido.spec import plugins
from barrido.spec.draft import Draft
from barrido.spec.messages import closest, got, listed
from barrido.spec.resources import AZURES, OURS, Resources
from barrido.spec.source import Path

RAY_PORT = 10001
COMPUTES = ("local", "ray", "ray:auto")

_HERE = frozenset({"local", "azureml:local"})
_RAYS = re.compile(r"ray\s*[:/]", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?P<host>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?", re.I
)
_HIGHEST_PORT = 65535


def check_resources(draft: Draft) -> tuple[Needs, Mapping[str, Path]]:
    """What each trial needs, and where that is said. What stands beside `trial` wins over what is in it."""
    found: dict[str, Any] = {}
    places: dict[str, Path] = {}
    for section in dict.fromkeys((draft.work, ())):
        place = (*section, "resources")
        given = draft.get(*place)
        if given is None:
            continue
        model = Resources.model_validate(given)
        for name, value in model.needs().items():
            if found.get(name, value) != value:
                what = f"has no effect: `resources.{name}` beside `trial` is {got(value)}"
                draft.findings.note(places[name], what)
            found[name], places[name] = value, (*place, name)
        if foreign := [name for name in AZURES if getattr(model, name) is not None]:
            have = "has" if len(foreign) == 1 else "have"
            what = f"{listed(foreign, last='and')} {have} no effect here: no machine is rented"
            draft.findings.note(place, f"{what}; {listed(OURS, last='and')} say what a trial needs")
    needs = Needs(**found)
    own = (*draft.work, "environment_variables")
    for name in VISIBLE:
        if needs.gpu is not None and name in draft.mapping(*own):
            what = "cannot be set where `resources.gpu` is said, which sets it for each trial"
            draft.findings.wrong((*own, name), what, "leave out one of them")
    return needs, places


def check_compute(draft: Draft) -> str | None:
    """Where trials run, as the recipe has it; None for a name that is not known here."""
    given = draft.get("compute")
    if given is None:
        return "local"
    name = given.strip()
    if name.lower() in _HERE:
        return "local"
    if name.lower() in COMPUTES:
        return str(name.lower())
    if not _RAYS.match(name):
        return _check_plugged(draft, *name.partition(":")[::2])
    problem = _wrong_address(name) if name.lower().startswith("ray://") else _misspelt(name)
    if problem is not None:
        draft.findings.wrong(("compute",), *problem)
        return "ray"  # which was meant: this machine need not have what trials need
    return f"ray://{name[len('ray://') :]}"


def _check_plugged(draft: Draft, name: str, argument: str) -> str | None:
    """The executor that another package brings, with what stands behind the colon; None if none does."""
    plugin = None
    with plugins.findings_at(("compute",), draft.findings):
        plugin = plugins.find("executor", name.lower())
        if plugin is None:
            return None
        plugins.check_argument(plugin, argument)
    return f"{name.lower()}:{argument}" if argument else name.lower()


def check_room(
    draft: Draft, needs: Needs, places: Mapping[str, Path], machine_for: Callable[[Needs], Machine | None]
) -> int | None:
    """How many trials this machine has room for at a time, None for any number.

    What it could not run even one of is a mistake.
    """
    machine = machine_for(needs)
    if machine is None:
        return None
    if needs.custom:
        what = "is something that only a Ray cluster has, and trials run on this machine"
        draft.findings.wrong(places["custom"], what, "leave it out, or say which one: `compute: ray:auto`")
    room = machine.room(needs)
    for name, count in room.items():
        if not count:
            what = f"this machine has {_amount(name, machine)} (got {got(getattr(needs, name))})"
            draft.findings.wrong(places[name], what, _hint(name))
    if not room or not all(room.values()):
        return None
    scarce = min(room, key=room.__getitem__)
    limit = ("limits", "max_concurrent_trials")
    asked = draft.get(*limit)
    if asked is not None and asked > room[scarce]:
        why = f"this machine has {_amount(scarce, machine)}, and a trial needs {_need(scarce, needs)}"
        draft.findings.note(limit, f"is lowered from {asked} to {room[scarce]}: {why}")
    return room[scarce]


def _amount(name: str, machine: Machine) -> str:
    match name:
        case "cpu":
            return f"{machine.cpus} processor{'s' * (machine.cpus != 1)}"
        case "gpu":
            return f"{len(machine.gpus) or 'no'} GPU{'s' * (len(machine.gpus) > 1)}"
        case _:
            return f"{machine.memory / 2**20:,.0f} MiB of memory"


def _need(name: str, needs: Needs) -> str:
    return (
        f"{needs.memory / 2**20:,.0f} MiB"
        if name == "memory" and needs.memory
        else f"{getattr(needs, name):g}"
    )


def _hint(name: str) -> str:
    other = "for more machines write `compute: ray:auto`"
    if name != "gpu":
        return other
    return (
        f"the GPUs are those of CUDA_VISIBLE_DEVICES if it is set, else those that nvidia-smi lists; {other}"
    )


def _wrong_address(name: str) -> tuple[str, str] | None:
    """What is wrong with ``ray://…``, and a hint."""
    address = name[len("ray://") :]
    example = f"for example `ray://192.168.1.20:{RAY_PORT}`"
    match = _ADDRESS.fullmatch(address)
    if match is None:
        host = re.match(r"[\w.-]+", address)
        hint = f"write `ray://{host[0]}:{RAY_PORT}`" if host and ":" not in address else example
        return f"must be ray://host:port (got {got(name)})", hint
    if match["port"] is None:
        hint = f"write `ray://{address}:{RAY_PORT}`: that is the port where Ray hears clients"
        return f"must be ray://host:port (got {got(name)})", hint
    if not 0 < int(match["port"]) <= _HIGHEST_PORT:
        return f"has no port between 1 and {_HIGHEST_PORT} (got {got(name)})", example
    return None


def _misspelt(name: str) -> tuple[str, str]:
    rest = name[len("ray") :].strip().lstrip(":/ ")
    known = f"it can be {listed(('local', 'ray', 'ray:auto', f'ray://host:{RAY_PORT}'))}"
    if (match := _ADDRESS.fullmatch(rest)) is not None and (match["port"] or "." in rest):
        hint = f"did you mean 'ray://{match['host']}:{match['port'] or RAY_PORT}'?"
    elif (near := closest(name, COMPUTES)) is not None:
        hint = f"did you mean '{near}'? {known}"
    else:
        hint = known
    return f"is no Ray that barrido knows (got {got(name)})", hint
