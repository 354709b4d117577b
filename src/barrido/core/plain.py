"""Whether a command is a Python program and its arguments, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_INTERPRETER = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class PythonCommand:
    """``program`` runs ``script`` or, with ``-m``, ``module``; the other one is None."""

    program: str
    module: str | None
    script: str | None
    args: tuple[str, ...]


def python_words(words: Sequence[str]) -> PythonCommand | None:
    """What the words of a command say to Python, None if they are not plainly for it.

    Plain is ``python script.py …`` and ``python -m module …``, with python, python3 or python3.N from
    anywhere. Options of the interpreter are not: each changes something that is settled when it starts.

    >>> python_words(["python", "train.py", "--lr", "0.1"])
    PythonCommand(program='python', module=None, script='train.py', args=('--lr', '0.1'))
    >>> python_words(["/opt/bin/python3.11", "-m", "package.train"])
    PythonCommand(program='/opt/bin/python3.11', module='package.train', script=None, args=())
    >>> python_words(["python", "-u", "train.py"]), python_words(["python"]), python_words(["sh", "a.py"])
    (None, None, None)
    """
    match words:
        case [program, _, *_] if not _INTERPRETER.fullmatch(program):
            return None
        case [program, "-m", module, *args] if all(part.isidentifier() for part in module.split(".")):
            return PythonCommand(program, module, None, tuple(args))
        case [program, script, *args] if script and not script.startswith("-"):
            return PythonCommand(program, None, script, tuple(args))
        case _:
            return None
