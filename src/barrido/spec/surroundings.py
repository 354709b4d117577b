"""Checks what lies around the command: the code folder, its program, and what belongs to another cloud."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path as FilePath

from barrido.core.environment import Environment
from barrido.spec.draft import Draft
from barrido.spec.environment import Chosen, choose
from barrido.spec.messages import got
from barrido.spec.paths import is_remote, local_path, looked_at, near

JOB_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_-]*")
LONGEST_NAME = 200
OF_ANOTHER = "it is of the job that the file was saved from"

_WITHOUT_EFFECT: Mapping[str, str] = {
    "identity": "trials run as you",
    "services": "no service is opened for a trial",
    "queue_settings": "there is no queue but this machine's",
    "distribution": "each trial is started as one process",
    "properties": "use `tags` to label a sweep",
    **dict.fromkeys(("id", "status", "creation_context"), OF_ANOTHER),
}

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./+~-]+")
_SHELL_WORDS = frozenset((
    ".", ":", "[", "!", "{", "}", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue",
    "declare", "do", "done", "echo", "elif", "else", "enable", "esac", "eval", "exec", "exit", "export",
    "false", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help", "if", "in", "jobs", "kill",
    "let", "local", "mapfile", "printf", "pushd", "popd", "pwd", "read", "readonly", "return", "select",
    "set", "shift", "shopt", "source", "test", "then", "time", "times", "trap", "true", "type", "typeset",
    "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
))  # fmt: skip
_INTERPRETERS = frozenset({"python", "python3", "bash", "sh"})


def check_name(draft: Draft) -> None:
    name = draft.get("name")
    if name is None:
        return
    if not JOB_NAME.fullmatch(name):
        what = f"must be letters, digits, underscores and dashes (got {got(name)})"
        suggestion = re.sub(r"[^a-zA-Z0-9_-]+", "-", name).strip("-")
        draft.findings.wrong(("name",), what, f"for example {suggestion}" if suggestion else "")
    elif len(name) > LONGEST_NAME:
        draft.findings.wrong(
            ("name",), f"must not be longer than {LONGEST_NAME} characters (got {len(name)})"
        )


def note_strangers(draft: Draft, *, is_compute_known: bool, is_environment_known: bool) -> None:
    """Say what was written for Azure and means nothing, or something else, on this machine."""
    compute = None if is_compute_known else draft.get("compute")
    place = (*draft.work, "environment")
    environment = None if is_environment_known else draft.get(*place)
    kind = got(environment) if isinstance(environment, str) else "an environment described in place"
    match compute is None, environment is None:
        case False, True:
            what = f"{got(compute)} is not known here: trials run on this machine"
            draft.findings.note(("compute",), what)
        case True, False:
            what = f"{kind} is not known here: trials run in this interpreter ({sys.executable})"
            draft.findings.note(place, what)
        case False, False:
            both = f"{got(compute)} and {'environment ' if isinstance(environment, str) else ''}{kind}"
            what = f"{both} are not known here: trials run on this machine, in this interpreter"
            draft.findings.note(("compute",), f"{what} ({sys.executable})")
    for section in {(), draft.work}:
        for key, why in _WITHOUT_EFFECT.items():
            if draft.get(*section, key):
                draft.findings.note((*section, key), f"has no effect here: {why}")


def check_environment(draft: Draft, compute: str | None) -> Chosen:
    """Which Python the trials run in."""
    place = (*draft.work, "environment")
    chosen = choose(draft.get(*place), place, draft.base, draft.table, draft.findings)
    if chosen.environment is not None and compute is not None and compute.startswith("ray:"):
        what = "is of this machine: every node of the cluster needs it at the same path"
        draft.findings.note(place, f"{what}, {chosen.environment.interpreter or 'in the workspace'}")
    return chosen


def code_folder(draft: Draft) -> FilePath | None:
    """The folder that the command runs in, checked; None if there is none, or if it is wrong."""
    place = (*draft.work, "code")
    code = draft.get(*place)
    if code is None:
        return None
    if is_remote(code):
        hint = "fetch it and give the local folder, for example `code: ./src`"
        draft.findings.wrong(place, f"must be a folder on this machine (got {got(code)})", hint)
        return None
    path = local_path(code, draft.base)
    there = looked_at(path, place, draft.findings)
    if there == "folder":
        return path
    if there == "file":
        hint = f"name the folder that it lies in: `code: {FilePath(code).parent}`"
        draft.findings.wrong(place, f"is a file, not a folder (got {got(code)})", hint)
    elif there == "":
        draft.findings.wrong(place, f"there is no folder {path} (got {got(code)})", near(path))
    return None


def check_program(draft: Draft, code: FilePath | None, environment: Environment | None) -> None:
    """Whether the first command can start at all. Only what is certainly missing is a mistake."""
    place = (*draft.work, "command")
    command = draft.get(*place)
    if command is None or not draft.findings.is_sound((*draft.work, "code")):
        return
    words = first_words(command)
    if not words or not _PLAIN_WORD.fullmatch(words[0]) or words[0] in _SHELL_WORDS:
        return
    program = words[0]
    if program in _INTERPRETERS:
        _check_script(draft, place, words, code)
    elif "/" in program:
        _check_file(draft, place, program, code)
    elif "PATH" not in draft.mapping(*draft.work, "environment_variables"):
        python = sys.executable if environment is None else environment.interpreter
        if python is None:
            return  # it may come with the packages that are to be installed
        search = os.pathsep.join([str(FilePath(python).parent), os.environ.get("PATH", os.defpath)])
        if shutil.which(program, path=search) is None:
            draft.findings.wrong(
                place, f"the program {got(program)} is not installed here", _how_to_run(program, code)
            )


def first_words(command: str) -> list[str]:
    """The words of the first simple command, as far as they are plain; empty if it cannot be told.

    >>> first_words("python train.py --lr ${{search_space.lr}} && echo done")
    ['python', 'train.py', '--lr']
    """
    lines = (line.strip() for line in command.splitlines())
    line = next((line for line in lines if line and not line.startswith("#")), "")
    plain = re.split(r"[$`;&|<>()\\\n\[*?{#\"'!]", line, maxsplit=1)[0]
    if plain != line and not plain.endswith((" ", "\t")) and line[len(plain)] not in ";&|<>()":
        plain = plain.rpartition(" ")[0]  # the last word goes on in a way that is not plain
    try:
        return shlex.split(plain)
    except ValueError:
        return []


def _check_script(draft: Draft, place: tuple[str, ...], words: list[str], code: FilePath | None) -> None:
    """`python train.py`: whether the code folder holds train.py."""
    script = words[1] if len(words) > 1 else ""
    if (
        not script.endswith((".py", ".sh"))
        or not _PLAIN_WORD.fullmatch(script)
        or script.startswith(("-", "~"))
    ):
        return
    if code is None and not script.startswith("/"):
        hint = f"add the folder that holds {script} beside `command`: `code: ./src`"
        draft.findings.wrong(
            place, f"{got(script)} will not be found: the trials have no `code` folder", hint
        )
    elif looked_at(path := (code or FilePath()) / script, place, draft.findings) in ("", "folder"):
        hint = near(path) or _where_it_begins(draft)
        draft.findings.wrong(place, f"there is no file {path}", hint)


def _where_it_begins(draft: Draft) -> str:
    begins = "a path in the command begins in the code folder"
    code = draft.get(*draft.work, "code")
    if code is None or FilePath(code).is_absolute():
        return begins
    return f"{begins}, which is {got(code)} seen from {draft.base.absolute()}"


def _check_file(draft: Draft, place: tuple[str, ...], program: str, code: FilePath | None) -> None:
    if program.startswith("~"):
        return
    path = FilePath(program)
    if not path.is_absolute():
        if code is None:
            hint = "add the folder that it lies in beside `command`: `code: ./src`"
            draft.findings.wrong(
                place, f"{got(program)} will not be found: the trials have no `code` folder", hint
            )
            return
        path = code / path
    there = looked_at(path, place, draft.findings)
    if there in ("", "folder"):
        draft.findings.wrong(place, f"there is no program {got(program)} (looked for {path})", near(path))
    elif there and not os.access(path, os.X_OK):
        draft.findings.wrong(place, f"{got(program)} may not be executed", f"run `chmod +x {path}`")


def _how_to_run(program: str, code: FilePath | None) -> str:
    if code is not None and (code / program).is_file():
        runner = "python " if program.endswith(".py") else "./"
        return f"it lies in the code folder: write `{runner}{program}`"
    return "install it, or give its whole path"
