"""Here-documents: ``<<WORD``, whose text is the lines after the one it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from barrido.core.reading import HereDocument, Uncertain

_WORD = re.compile(r"""[ \t]*((?:[^\s;&|<>()'"\\$`]|\\[^\n]|'[^'\n]*'|"[^"$`\\\n]*")+)(?![\\$`'"])""")


def announced(text: str, i: int, references: Iterable[int]) -> tuple[HereDocument, int]:
    """What ``<<`` or ``<<-`` before ``i`` announces, and where to read on."""
    found = _WORD.match(text, i)
    if found is None or any(i <= at <= found.end() for at in references):
        raise Uncertain(i, "a here-document's <<", "end it with a plain word")
    delimiter = re.sub(r"""\\(.)|['"]""", r"\1", found[1])
    return HereDocument(delimiter, text[i - 1] == "-", delimiter != found[1]), found.end()


def skipped(text: str, i: int, documents: Iterable[HereDocument]) -> int:
    """Where to read on after the texts of ``documents``, of which the first begins at ``i``."""
    begin = i
    for document in documents:
        line = None
        while i < len(text) and line != document.delimiter:
            line = text[i:].partition("\n")[0]
            i += len(line) + 1
            line = line.lstrip("\t" if document.strips_tabs else "")
            if line.endswith("\\") and not document.is_quoted:
                raise Uncertain(begin, "a here-document with a continued line", "quote its delimiter")
    return min(i, len(text))
