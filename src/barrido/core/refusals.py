"""Places in a command where a value could not be kept from becoming syntax, and the way out of each."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """``{ref}`` in the hint stands for the reference."""

    place: str
    hint: str


_VARIABLE_HINT = "set a variable before it, x={ref}, and write $x in it"

HERE_DOCUMENT = Refusal("in a here-document", _VARIABLE_HINT)
HERE_STRING = Refusal("after <<<, which not every shell has", r"write printf '%s\n' {ref} | … instead")
DUPLICATION = Refusal("after >& or <&, which bash expands twice", "write > {ref} 2>&1 instead")
BACKTICKS = Refusal("inside `…`", "write $(…) instead of the backticks")
ARITHMETIC = Refusal("inside $((…)), which evaluates it", "compute it in the training script")
COMMENT = Refusal("in a comment", "take it out of the comment")
DOLLAR_QUOTES = Refusal("inside $'…' or $\"…\"", "use '…' or \"…\" without the $")
TEST = Refusal("inside [[ … ]]", "use [ … ] or case, which every sh has")
SUBSCRIPT = Refusal("in the subscript of an array, which is evaluated", "use a variable of its own")
EXPANSION = Refusal("in an expansion other than ${x:-…}, ${x:=…}, ${x:+…} and ${x:?…}", _VARIABLE_HINT)
QUOTED_EXPANSION = Refusal(
    'in a ${…} inside "…", which shells read differently', 'assign first, x=${x:-{ref}}, then write "$x"'
)
SKIPPED = Refusal("where no word of a command is", "write it as an argument")
BACKSLASH = Refusal("right after a backslash", "take the backslash away, or double it")
DOLLAR = Refusal("right after a $", r"write \$ for a dollar sign")


PIPED = Refusal(
    "in what is piped into an interpreter, which reads it as a program",
    "put the program in a file, and pass the value as an argument",
)


def program_text(name: str) -> Refusal:
    return Refusal(
        f"in the program text of {name}",
        f"pass it as an argument after the program text ({name} … '…' {{ref}}), or put the program in a file",
    )


def joined_words(name: str) -> Refusal:
    return Refusal(
        f"among the words of {name}, which reads them as a program",
        "run the command without it, or let a script read the value from a file or its standard input",
    )


def variable_name(after: str) -> Refusal:
    return Refusal(
        f"after {after}, where a shell reads it as the name of a variable",
        "assign it to a variable that you name: x={ref}",
    )


def evaluated_variable(name: str) -> Refusal:
    return Refusal(f"in the variable {name}, which a shell evaluates", "use a variable of another name")


def uncertain(after: str, at: int, hint: str) -> Refusal:
    """From character ``at`` on, which follows ``after``, it is not certain how a shell reads on."""
    return Refusal(f"after {after} (character {at + 1}), from where on shells may read differently", hint)
