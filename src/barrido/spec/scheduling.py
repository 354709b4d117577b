"""Checks the scheduler against the rest of a sweep, and settles how its trials pause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from barrido.core.command import CHECKPOINT_DIR, RESOURCE, parse
from barrido.core.events import PauseMode
from barrido.core.recipe import Pausing, Unit
from barrido.errors import SpecError
from barrido.spec import plugins
from barrido.spec.draft import Draft, plain, shaped
from barrido.spec.messages import did_you_mean, got
from barrido.spec.models import PATH_TYPES
from barrido.spec.node import Node
from barrido.spec.schedulers import (
    AnyRungs,
    AnyScheduler,
    Asha,
    Bohb,
    Fifo,
    PluggedScheduler,
    Scheduler,
    SuccessiveHalving,
)
from barrido.spec.source import Findings, Source

_SCHEDULER: TypeAdapter[AnyScheduler] = TypeAdapter(Scheduler)
_UNITS = {"report": Unit.REPORT, "seconds": Unit.SECONDS}
_MIB = 2**20


class _Alone(Node):
    scheduler: Scheduler


def check_scheduler(
    draft: Draft, free_memory: Callable[[], int | None], *, holds_gpus: bool = False
) -> Pausing:
    """How trials pause, if the scheduler makes them; what is wrong with that is a finding.

    ``free_memory`` says how many bytes could be used now, None where nobody knows; with ``holds_gpus`` each
    trial holds GPUs, which it is to give back when it waits.
    """
    given = draft.get("scheduler")
    scheduler = Fifo(type="fifo") if given is None else _SCHEDULER.validate_python(given)
    if draft.findings.is_sound(("scheduler",)):
        _check_sampler(draft, scheduler)
    if isinstance(scheduler, Fifo):
        return Pausing()
    if isinstance(scheduler, PluggedScheduler):
        with plugins.findings_at(("scheduler",), draft.findings):
            plugin = plugins.load("scheduler", scheduler.type)
            plugins.make(plugin, options=scheduler.options(), trials=1)
    command = draft.get(*draft.work, "command")
    references = parse(command).references if command is not None else ()
    unit = unit_of(scheduler)
    if unit is Unit.INPUT:
        _check_input(draft, scheduler.resource, references)
        if scheduler.pause == "suspend":
            what = f"cannot be suspend: an input as {got(scheduler.resource)} is told when a trial begins"
            draft.findings.wrong(
                ("scheduler", "pause"), what, "leave it at auto, or write checkpoint or restart"
            )
        if not has_waiting(scheduler):
            what = "cannot be stopping: a trial that is told how far to go ends there"
            draft.findings.wrong(("scheduler", "variant"), what, "write `variant: promotion`")
    spill = PauseMode.CHECKPOINT if CHECKPOINT_DIR in references else PauseMode.RESTART
    is_told = unit is Unit.INPUT or RESOURCE in references
    is_ended = is_told or (holds_gpus and spill is PauseMode.CHECKPOINT)
    is_auto = scheduler.pause == "auto"
    mode = (spill if is_ended else PauseMode.SUSPEND) if is_auto else PauseMode(scheduler.pause)
    is_kept = mode is PauseMode.SUSPEND and has_waiting(scheduler)
    if mode is PauseMode.CHECKPOINT and CHECKPOINT_DIR not in references:
        what = (
            "the script must save to, and look for, the folder that BARRIDO_CHECKPOINT_DIR names: the command"
        )
        draft.findings.note(("scheduler", "pause"), f"{what} does not refer to ${{{{checkpoint_dir}}}}")
    memory = scheduler.memory
    if memory is not None and not is_kept:
        draft.findings.note(("scheduler", "memory"), "has no effect: no trial is suspended")
    elif memory is None and is_kept and (free := free_memory()) is not None:
        memory = free // 2
    pausing = Pausing(
        unit=unit,
        input=scheduler.resource if unit is Unit.INPUT else None,
        mode=mode,
        spill=spill,
        memory=memory if is_kept else None,
        spares_gpus=(is_auto or holds_gpus) and mode is PauseMode.SUSPEND,
    )
    if has_waiting(scheduler) and (is_auto or is_kept):
        draft.findings.note(("scheduler",), _describe(pausing, is_given=scheduler.memory is not None))
    return pausing


def has_rungs(draft: Draft) -> bool:
    """Whether the description has a scheduler that says how far each trial goes, right or wrong."""
    given = draft.value.get("scheduler")
    kind = given.get("type") if isinstance(given, Mapping) else given
    return kind is not None and str(kind).strip().lower() != "fifo"


def unit_of(scheduler: AnyRungs) -> Unit:
    return _UNITS.get(scheduler.resource.lower(), Unit.INPUT)


def asks_to_wait(scheduler: AnyScheduler) -> bool:
    """Whether a loop in which nobody waits, and only reports count, cannot follow it."""
    if isinstance(scheduler, Fifo):
        return False
    return has_waiting(scheduler) or unit_of(scheduler) is not Unit.REPORT


def has_waiting(scheduler: AnyRungs) -> bool:
    """Whether trials wait at a rung for others."""
    return not (isinstance(scheduler, Asha) and scheduler.variant == "stopping")


def read_scheduler(given: Any) -> AnyScheduler:
    """A scheduler on its own, as plain data. Raises SpecError."""
    findings = Findings(Source("<python>"))
    found = shaped(_Alone, {"scheduler": plain(given, ("scheduler",), findings)}, findings)
    if found is None or findings.problems:
        raise SpecError(findings.problems)
    return found.scheduler


def scheduler_json(scheduler: AnyScheduler | None, *, max_total_trials: int) -> dict[str, Any]:
    """The scheduler as the recipe holds it."""
    if scheduler is None or isinstance(scheduler, Fifo):
        return {"type": "fifo"}
    if isinstance(scheduler, PluggedScheduler):
        return {"type": scheduler.type, **scheduler.options()}
    body: dict[str, Any] = {
        "type": scheduler.type,
        "max_resource": scheduler.max_resource,
        "min_resource": scheduler.min_resource,
        "reduction_factor": scheduler.reduction_factor,
        # A script that is told how far to go has gone there when it ends
        "stop_last_trials": scheduler.stop_last_trials or unit_of(scheduler) is Unit.INPUT,
    }
    if isinstance(scheduler, SuccessiveHalving):
        return {**body, "size": scheduler.trials or max_total_trials}
    return {**body, "variant": scheduler.variant}


def _check_sampler(draft: Draft, scheduler: AnyScheduler) -> None:
    """BOHB is one with its sampling algorithm: neither goes with another one."""
    given = draft.get("sampling_algorithm")
    if given is None:
        return
    kind = given.get("type") if isinstance(given, Mapping) else given
    is_bohb = str(kind).strip().lower() == "bohb"
    place = ("sampling_algorithm",)
    if isinstance(scheduler, Bohb) and not is_bohb:
        hint = f"leave it out, or write `type: hyperband` for the scheduler, which goes with {kind}"
        draft.findings.wrong(place, "must be left out: `scheduler: bohb` brings its own", hint)
    elif is_bohb and not isinstance(scheduler, Bohb):
        hint = "add for example `scheduler: {type: bohb, max_resource: 81}`, or use tpe"
        draft.findings.wrong(place, "bohb needs the rungs of `scheduler: bohb`", hint)


def _check_input(draft: Draft, name: str, references: tuple[tuple[str, str], ...]) -> None:
    """Whether ``name`` is an input that can say how far to go."""
    place = ("scheduler", "resource")
    inputs = draft.mapping("inputs")
    if name in draft.mapping("search_space"):
        hint = f"take {name} out of the search space: the scheduler gives it its values"
        draft.findings.wrong(place, f"is a parameter that is swept (got {got(name)})", hint)
    elif name not in inputs:
        what = f"is neither report, seconds, nor an input (got {got(name)})"
        add = f"add `{name}` under `inputs`, and ${{{{inputs.{name}}}}} to the command"
        draft.findings.wrong(place, what, did_you_mean(name, [*_UNITS, *inputs], otherwise=add))
    elif isinstance(given := inputs[name], Mapping) and ("path" in given or given.get("type") in PATH_TYPES):
        draft.findings.wrong(place, f"is a file or a folder (got {got(name)})", "it must be a whole number")
    elif ("inputs", name) not in references:
        variable = f"trials find it in the environment variable AZUREML_SWEEP_{name}"
        draft.findings.note(place, f"{got(name)} is not used by the command; {variable}")


def _describe(pausing: Pausing, *, is_given: bool) -> str:
    """How trials pause, and why, in words."""
    match pausing.mode:
        case PauseMode.CHECKPOINT:
            how = "are ended there, and go on from ${{checkpoint_dir}} when they are promoted"
        case PauseMode.RESTART:
            how = (
                "are ended there, and begin anew when they are promoted: the command is told how far to go,"
                " and refers to no ${{checkpoint_dir}}"
            )
        case PauseMode.SUSPEND:
            how = "are suspended there, which asks nothing of the script"
            if pausing.memory is not None:
                origin = "" if is_given else ", half of what is free"
                then = (
                    "go on from ${{checkpoint_dir}}"
                    if pausing.spill is PauseMode.CHECKPOINT
                    else "begin anew"
                )
                gpus = ", and those that hold a GPU," if pausing.spares_gpus else ""
                how += (
                    f"; they may hold {pausing.memory / _MIB:,.0f} MiB of memory{origin}:"
                    f" those beyond it{gpus} are ended and {then}"
                )
    return f"trials that wait at a rung {how}"
