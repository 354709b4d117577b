"""Which files of a code folder stay behind: the patterns of ``.amlignore`` and ``.gitignore``.

Source: the *Pattern format* section of git's ``gitignore`` manual. Only the file at the top of the
folder is read; as in git, nothing below a folder that is left out can be taken back in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILES = (".amlignore", ".gitignore")  # the first one that exists counts
NEVER = frozenset({".git", ".barrido", "__pycache__", ".venv"})


@dataclass(frozen=True, slots=True)
class _Rule:
    regex: re.Pattern[str]
    takes_back: bool
    folders_only: bool


class IgnoreRules:
    """
    >>> rules = IgnoreRules(["*.csv", "!keep.csv", "/data/"])
    >>> [rules.leaves_out(path, is_folder=False) for path in ("a/b.csv", "keep.csv", "data", "a.py")]
    [True, False, False, False]
    >>> rules.leaves_out("data", is_folder=True)
    True
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = [rule for line in lines if (rule := _rule(line)) is not None]

    @classmethod
    def of_folder(cls, folder: Path) -> IgnoreRules:
        for name in FILES:
            if (folder / name).is_file():
                return cls((folder / name).read_text("utf-8", "replace").splitlines())
        return cls(())

    def leaves_out(self, path: str, *, is_folder: bool) -> bool:
        """``path`` is relative to the code folder, with slashes. The last rule that fits decides."""
        if path.rpartition("/")[2] in NEVER:
            return True
        for rule in reversed(self._rules):
            if (is_folder or not rule.folders_only) and rule.regex.fullmatch(path):
                return not rule.takes_back
        return False


def _rule(line: str) -> _Rule | None:
    text = re.sub(r"(?<!\\) +$", "", line.rstrip("\n"))
    if not text or text.startswith("#"):
        return None
    takes_back = text.startswith("!")
    text = text[takes_back:]
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    # A slash at the beginning or in the middle ties a pattern to the top of the folder.
    anchored = "/" in text
    return _Rule(
        re.compile(("" if anchored else "(?:.*/)?") + _regex(text.lstrip("/"))), takes_back, folders_only
    )


def _regex(pattern: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/") and (at == 0 or pattern[at - 1] == "/"):
            parts.append("(?:.*/)?")
            at += 3
        elif rest == "**" and at > 0 and pattern[at - 1] == "/":
            parts.append(".+")
            at += 2
        elif rest[0] == "*":
            parts.append("[^/]*")
            at += len(rest) - len(rest.lstrip("*"))
        elif rest[0] == "?":
            parts.append("[^/]")
            at += 1
        elif rest[0] == "[" and (found := re.match(r"\[([!^]?)(\]?[^\]]*)\]", rest)):
            inside = found[2].replace("\\", "\\\\").replace("[", "\\[")
            inside = "\\" + inside if inside.startswith(("]", "^")) else inside
            parts.append(f"(?!/)[{'^' if found[1] else ''}{inside}]")
            at += found.end()
        elif rest[0] == "\\" and len(rest) > 1:
            parts.append(re.escape(rest[1]))
            at += 2
        else:
            parts.append(re.escape(rest[0]))
            at += 1
    return "".join(parts)
