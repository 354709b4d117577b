"""Checks the command: whether everything that it refers to is there, and everything swept is used."""

from __future__ import annotations

from barrido.core.command import Template, parse
from barrido.core.plain import python_words
from barrido.executors.words import argv_of
from barrido.spec.draft import Draft
from barrido.spec.inputs import input_text
from barrido.spec.messages import closest, listed
from barrido.spec.models import warmth
from barrido.spec.scheduling import has_rungs

_SECTIONS = ("search_space", "inputs", "outputs")
_VALUE = "\1"  # stands for a value before it is known


def check_command(draft: Draft) -> None:
    """Check what the command refers to.

    In Python a parameter is an input of the command until it is swept, so ``${{inputs.lr}}`` means
    ``${{search_space.lr}}`` when ``lr`` is in the search space.
    """
    place = (*draft.work, "command")
    command = draft.get(*place)
    if command is None:
        return
    template = parse(command)
    for problem in template.problems:
        draft.findings.wrong(place, problem.what, problem.hint)
    for notice in template.notices:
        draft.findings.note(place, notice)
    swept = draft.mapping("search_space")
    for section, name in template.references:
        if not section:
            _check_staged(draft, place, name)
        elif section != "inputs" or name not in swept:
            _check_reference(draft, place, section, name)
    _check_values(draft, place, template)
    if not template.problems:
        _check_warm(draft, template)
    used = {
        name.partition(".")[0]
        for section, name in template.references
        if section in ("inputs", "search_space")
    }
    for name in swept:
        if name not in used and not template.problems:
            variable = f"trials find it in the environment variable AZUREML_SWEEP_{name}"
            draft.findings.note(("search_space", name), f"is not used by the command; {variable}")
        elif ("inputs", name) in template.references and name in draft.mapping("inputs"):
            what = "is swept: the command gets the values of the search space"
            draft.findings.note(("inputs", name), what)


def _check_values(draft: Draft, place: tuple[str, ...], template: Template) -> None:
    """Whether inputs without a value stand where they can be left out."""
    swept, inputs = draft.mapping("search_space"), draft.mapping("inputs")
    filled = {*swept, draft.get("scheduler", "resource")}
    for section, name in template.required:
        if section != "inputs" or name in filled or name not in inputs:
            continue
        if (
            draft.findings.is_sound(("inputs", name))
            and input_text(inputs[name], draft.base, draft.table) is None
        ):
            written = _written(section, name)
            hint = f"give it one, or make the place optional: [--flag {written}]"
            draft.findings.wrong(place, f"{written} has no value, and the command needs one", hint)


def _check_warm(draft: Draft, template: Template) -> None:
    """With `warm: on`: whether every trial is plainly a Python program."""
    place = (*draft.work, "warm")
    if str(warmth(draft.get(*place))).strip().lower() != "on":
        return
    if python_words(argv_of(template.render(lambda _: _VALUE))) is None:
        what = "needs a command that is only `python script.py …` or `python -m module …`"
        hint = (
            "take shell syntax and options of python itself out of the command,"
            " or leave `warm` at auto: then trials that cannot start warm start cold"
        )
        draft.findings.wrong(place, what, hint)


def _check_staged(draft: Draft, place: tuple[str, ...], name: str) -> None:
    """Whether there is a scheduler that says how far trials go, and lets them go on later."""
    if draft.kind == "command" or not has_rungs(draft):
        hint = "add one, as `scheduler: {type: hyperband, max_resource: 81}`"
        hint = hint if draft.kind == "sweep" else "only the trials of a sweep can have one"
        draft.findings.wrong(place, f"${{{{{name}}}}} needs a scheduler that says how far trials go", hint)


def _check_reference(draft: Draft, place: tuple[str, ...], section: str, name: str) -> None:
    """Whether what ``${{section.name}}`` refers to is there; a nested choice has names with dots."""
    parameter = name.partition(".")[0] if section == "search_space" else name
    known = {
        kind: list(draft.mapping(kind)) for kind in _SECTIONS if draft.kind == "sweep" or kind != _SECTIONS[0]
    }
    if section == "search_space" and draft.kind == "sweep" and not known[section]:
        return  # that there is no search space was said already
    if section == "search_space" and draft.kind == "command":
        hint = "a command job runs once: give the value under `inputs`, or write `type: sweep`"
        draft.findings.wrong(place, f"{_written(section, name)} has nothing to search", hint)
    elif parameter not in known[section]:
        draft.findings.wrong(place, f"{_written(section, name)} does not exist", _meant(section, name, known))


def _meant(section: str, name: str, known: dict[str, list[str]]) -> str:
    """A hint: the same name elsewhere, a near name here, a near name elsewhere, or all the names here."""
    for kind, names in known.items():
        if name in names:
            return f"did you mean {_written(kind, name)}?"
    for kind in (section, *known):
        if (near := closest(name, known[kind])) is not None:
            return f"did you mean {_written(kind, near)}?"
    if known[section]:
        return f"there is {listed((_written(section, other) for other in known[section]), last='and')}"
    return f"add `{name}` under `{section}`"


def _written(section: str, name: str) -> str:
    return f"${{{{{section}.{name}}}}}"
