"""Which words of a simple command are read as program text by the program that it runs.

A value that is quoted for the shell reaches a program as it is; but ``sh -c``, ``python -c``,
``eval`` or ``ssh`` read some of their words as a program, and a value there becomes part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from barrido.core.refusals import (
    Refusal,
    evaluated_variable,
    joined_words,
    program_text,
    variable_name,
)

WILD = "\0"
"""Stands in a word's text for what only the shell will know: ``$x`` or ``$(…)``."""

QUOTED_WILD = WILD + "_"
"""The same inside of double quotes, where it makes a word even if it is empty."""

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=", re.ASCII)
RESERVED = frozenset({"!", "{", "do", "elif", "else", "if", "then", "until", "while"})
"""Words after which another command begins."""

COMPOUND_ENDS = frozenset({"}", "done", "esac", "fi"})
LISTS = frozenset({"case", "for", "select"})
"""Words after which no command begins."""


class Text(NamedTuple):
    """A word without its quotes.

    ``is_fixed``: it holds no value, only what the author wrote. ``is_open``: its last part, as of a
    path, is not wholly known.
    """

    text: str
    is_fixed: bool
    is_open: bool = False

    def settled(self) -> Text:
        """As if expansions were empty; a word of nothing else is `WILD`, or `QUOTED_WILD`."""
        is_open = WILD in self.text.rpartition("/")[2]
        known = self.text.replace(QUOTED_WILD, "").replace(WILD, "")
        return Text(known or self.text[: len(QUOTED_WILD)], self.is_fixed, is_open)


@dataclass(frozen=True, slots=True)
class _Language:
    """How an interpreter's command line says what is program text.

    ``code``, ``takes`` and ``glued`` are option letters: the option's argument is program text,
    something else, something else that is always in the same word. After one of ``last``, or the
    first operand, options belong to the program.
    """

    code: str = ""
    takes: str = ""
    glued: str = ""
    last: str = ""
    long_code: tuple[str, ...] = ()
    long_takes: tuple[str, ...] = ()
    operand_after_code: bool = False  # sh -c -x '…': the text is the first operand
    operand_unless: str = ""  # awk, sed: the first operand is program text unless these were given


_SHELL = _Language(
    code="c", takes="oO", long_takes=("--rcfile", "--init-file"), operand_after_code=True
)  # fmt: skip
_PYTHON = _Language(code="c", takes="WX", last="cm", long_takes=("--check-hash-based-pycs",))
_AWK = _Language(
    code="e", takes="vFfiE", long_code=("--source",), long_takes=("--file", "--assign"), operand_unless="eEf"
)
_EVALUATES = _Language(code="e", takes="l")
_LANGUAGES: Mapping[str, _Language] = {
    **dict.fromkeys(("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash"), _SHELL),
    **dict.fromkeys(("fish", "csh", "tcsh"), _Language(code="cC", long_code=("--command", "--init-command"))),
    **dict.fromkeys(
        ("pwsh", "powershell"), _Language(code="cCeE", long_code=("-Command", "-EncodedCommand"))
    ),
    **dict.fromkeys(("python", "pypy", "ipython"), _PYTHON),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _AWK),
    **dict.fromkeys(("lua", "luajit", "groovy", "osascript", "scala", "ghc", "Rscript"), _EVALUATES),
    "R": _Language(code="e", takes="fgd", long_takes=("--file", "--gui")),
    "perl": _Language(code="eEMm"),
    "ruby": _Language(code="e", takes="rICE"),
    "php": _Language(code="rBRE", takes="dfcStz", long_code=("--run",)),
    "julia": _Language(code="eE", takes="LpJCtH", long_code=("--eval", "--print")),
    "octave": _Language(long_code=("--eval",)),
    "matlab": _Language(long_code=("-batch", "-r")),
    **dict.fromkeys(
        ("node", "nodejs", "bun", "deno"),
        _Language(
            code="ep",
            takes="rC",
            long_code=("--eval", "--print", "eval"),
            long_takes=("--require", "--import", "--loader"),
        ),
    ),
    "sed": _Language(code="e", takes="fl", glued="i", long_code=("--expression",), operand_unless="ef"),
    **dict.fromkeys(
        ("su", "runuser", "flock", "script", "sg"), _Language(code="c", long_code=("--command",))
    ),
    "sbatch": _Language(long_code=("--wrap",)),
    "env": _Language(code="S", takes="uC", long_code=("--split-string",), long_takes=("--unset", "--chdir")),
}
_UNKNOWN = _Language(code="ce", long_code=("--eval", "--command"))
_ANYWHERE = frozenset({"su", "runuser", "flock", "script", "sg"})
"""Their ``-c`` also counts after operands."""

_READS_INPUT = frozenset(
    {"julia", "lua", "node", "octave", "perl", "php", "ruby"}
    | {name for name, language in _LANGUAGES.items() if language in (_SHELL, _PYTHON)}
)
"""Without program text and file name they read a program from their standard input."""

_JOINED = frozenset(
    {
        "alias", "autossh", "bind", "compgen", "complete", "eval", "fc", "getopts", "hyperfine",
        "let", "mapfile", "parallel", "read", "readarray", "rsh", "screen", "slogin", "ssh", "tmux",
        "trap", "unset", "watch",
    }
)  # fmt: skip
"""Commands that read all their words as program text, or as names that are evaluated."""

_DECLARING = frozenset({"declare", "export", "local", "readonly", "typeset"})
_EVALUATED = frozenset({"BASH_ENV", "HISTCMD", "LINENO", "OPTIND", "PS4", "RANDOM", "SECONDS", "SRANDOM"})
"""Variables whose value a shell evaluates, as a program or as arithmetic."""

_WRAPPERS = frozenset(
    {
        "builtin", "chroot", "chrt", "command", "coproc", "doas", "env", "exec", "find", "flock",
        "function", "ionice", "mpiexec", "mpirun", "nice", "nohup", "numactl", "runuser", "setsid",
        "srun", "stdbuf", "sudo", "taskset", "time", "timeout", "xargs",
    }
)  # fmt: skip
"""Commands that run the command in their arguments."""


def code_words(words: Sequence[Text]) -> dict[int, Refusal]:
    """The words, by index, in which no value may stand."""
    words = [word.settled() for word in words]
    found: dict[int, Refusal] = {}
    start = 0
    while start < len(words) and words[start].text in RESERVED:
        start += 1
    while start < len(words) and (assignment := ASSIGNMENT.match(words[start].text)):
        if assignment[1] in _EVALUATED:
            found[start] = evaluated_variable(assignment[1])
        start += 1
    if start == len(words) or words[start].text in LISTS:
        return found
    head = _program(words[start].text)
    found |= dict(_rule(words, start))
    if WILD in words[start].text:  # it may be nothing at all, and the next word the command
        start += 1
        return found | {start + index: refusal for index, refusal in code_words(words[start:]).items()}
    if _Cursor(words, start).reached_operand and head not in _WRAPPERS:
        return found
    for index in range(start + 1, len(words)):
        name = _program(words[index].text)
        is_interpreter = name in _LANGUAGES and name not in _ANYWHERE
        if is_interpreter and (words[index].is_fixed or head in _WRAPPERS):
            found |= dict(_rule(words, index))
            if _Cursor(words, index).reached_operand and head != "find" and name not in _WRAPPERS:
                break
        elif head in _WRAPPERS:
            found |= dict(_rule(words, index))
    return found


def is_fed_a_program(words: Sequence[Text]) -> bool:
    """Whether what is piped into this command is program text: ``… | sh``."""
    words = [word.settled() for word in words]
    for index, word in enumerate(words):
        if _program(word.text) in _READS_INPUT and (word.is_fixed or index == 0):
            cursor = _Cursor(words, index)
            is_told_to = any(other.text in ("-", "-s", "/dev/stdin") for other in words[index:])
            return is_told_to or not (cursor.code or cursor.reached_operand)
    return False


def poisons(words: Sequence[Text]) -> str:
    """What about this command changes how the shell reads all that follows; empty if nothing does."""
    texts = [word.settled().text for word in words]
    while texts and texts[0] in RESERVED | {"builtin", "command"}:
        del texts[0]
    if texts[:1] == ["alias"]:
        return "alias"
    options = "".join(text for text in texts[1:] if text.startswith("-"))
    if texts and texts[0] in _DECLARING and set("in") & set(options):
        return f"{texts[0]} {options}"
    return ""


def _rule(words: Sequence[Text], index: int) -> Iterator[tuple[int, Refusal]]:
    name = _program(words[index].text)
    after = range(index + 1, len(words))
    if name in _JOINED:
        yield from ((i, joined_words(name)) for i in after)
    elif name in _DECLARING:
        options = "".join(words[i].text for i in after if words[i].text.startswith("-"))
        for i in after:
            assignment = ASSIGNMENT.match(words[i].text)
            if assignment is None or set("in") & set(options):
                yield i, variable_name(name)
            elif assignment[1] in _EVALUATED:
                yield i, evaluated_variable(assignment[1])
    elif name in ("test", "[", "printf", "wait"):
        flags = ("-v", "-R") if name in ("test", "[") else ("-p",) if name == "wait" else ("-v",)
        for i in after:
            if words[i].text in flags:
                after_flag = _following([word.text for word in words], i)
                yield from ((j, variable_name(f"{name} {words[i].text}")) for j in after_flag)
            elif words[i].text.startswith(flags):
                yield i, variable_name(f"{name} {words[i].text[:2]}")
    else:
        known = "the command" if WILD in name else name
        yield from ((i, program_text(known)) for i in _Cursor(words, index).code)


class _Cursor:
    """Goes through an interpreter's command line up to its first operand."""

    def __init__(self, words: Sequence[Text], index: int) -> None:
        self.code: list[int] = []
        self.reached_operand = False
        name = _program(words[index].text)
        language = _LANGUAGES.get(name)
        if language is None and not words[index].is_open:
            return
        self._read([word.text for word in words], index + 1, language or _UNKNOWN, name)

    def _read(self, texts: Sequence[str], i: int, language: _Language, name: str) -> None:
        given = set[str]()
        while i < len(texts):
            text = texts[i]
            long, equals, _ = text.partition("=")
            if long in language.long_code:
                given.add("e")
                self.code += [i] if equals else _following(texts, i)
                i += 1 if equals else 2
            elif long in language.long_takes:
                given.add("f" if long == "--file" else "")
                i += 1 if equals else 2
            elif text.startswith("--") and len(text) > 2:
                i += 1
            elif len(text) > 1 and text[0] in "-+" and text != "--":
                i, is_last = self._cluster(texts, i, language, given)
                if is_last:
                    self.reached_operand = True
                    return
            elif not text.strip(WILD) or (name in _ANYWHERE and text != "--"):
                i += 1
            else:
                i += text == "--" or (text == "-" and language.operand_after_code)
                break
        if i < len(texts) and self._operand_is_code(language, given):
            self.code += _following(texts, i - 1)
        self.reached_operand = i < len(texts)

    def _cluster(
        self, texts: Sequence[str], i: int, language: _Language, given: set[str]
    ) -> tuple[int, bool]:
        """Read ``-abc`` at word ``i``: the next word to read, and whether options end with it."""
        for place, letter in enumerate(texts[i][1:], 2):
            given.add(letter)
            rest = texts[i][place:]
            if letter in language.code and not language.operand_after_code:
                self.code += [i, *_following(texts, i)]
                return i + (1 if rest else 2), letter in language.last
            if letter in language.last:
                return i + 1, True
            if letter in language.glued:
                break
            if letter in language.takes:
                return i + (1 if rest and not language.operand_after_code else 2), False
        return i + 1, False

    @staticmethod
    def _operand_is_code(language: _Language, given: set[str]) -> bool:
        if language.operand_after_code:
            return bool(given & set(language.code))
        return bool(language.operand_unless) and not given & set(language.operand_unless)


def _following(texts: Sequence[str], i: int) -> list[int]:
    """What can be the word after ``i``: more than one, where an unquoted $x may be nothing at all."""
    found = [i + 1]
    while found[-1] < len(texts) and not texts[found[-1]].strip(WILD):
        found.append(found[-1] + 1)
    return found


def _program(text: str) -> str:
    """
    >>> _program("/usr/bin/python3.11")
    'python'
    """
    name = text.rpartition("/")[2]
    return re.sub(r"(?<=[a-z])[\d.]+$", "", name)
