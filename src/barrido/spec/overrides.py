"""`--set path=value`: values from the command line, put into a description before it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from barrido.spec.document import Document, parse
from barrido.spec.messages import did_you_mean, got
from barrido.spec.source import Findings, Path, dotted, undotted

_NAMED_BY_THE_USER = frozenset({"search_space", "inputs", "outputs"})
_MAY_BE_A_NAME = frozenset({"sampling_algorithm", "early_termination", "scheduler"})


def apply(document: Document, set_values: Sequence[tuple[str, str]]) -> Document:
    """The document with ``value``, read as YAML, at each dotted ``path``. A new document; the old one stays.

    Missing mappings on the way are made: whether their keys are known is found by the checks that follow.
    """
    for text, value in set_values:
        document = _set(document, text, value)
    return document


def _set(document: Document, text: str, value: str) -> Document:
    path = undotted(text)
    origin = f"--set {text}={value if len(value) <= 60 else value[:59] + '…'}"
    read = parse(value, name=origin) if value.strip() else None
    source = document.findings.source.overridden(path, origin)
    findings = document.findings.moved_to(source)
    if not path:
        findings.wrong((), "needs a path, for example --set limits.max_total_trials=5")
        return Document(document.value, findings)
    if read is not None and read.findings.problems:
        for problem in read.findings.problems:
            findings.wrong(path, problem.what, problem.hint)
        return Document(document.value, findings)
    new = _put(document.value, path, (), read.value if read is not None else None, findings)
    return Document(new, findings)


def _put(around: Any, path: Path, done: Path, value: Any, findings: Findings) -> Any:
    """``around`` with ``value`` at ``path``; what stood around it is copied, not changed."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    whole = (*done, *path)
    if isinstance(around, str) and len(done) == 1 and done[0] in _MAY_BE_A_NAME:
        around = {"type": around}
    if isinstance(around, list):
        if not isinstance(key, int) or not 0 <= key < len(around):
            hint = f"its items are numbered 0 to {len(around) - 1}" if around else "the list is empty"
            findings.wrong(whole, f"there is no item {got(key)} in {dotted(done)}", hint)
            return around
        return [*around[:key], _put(around[key], rest, (*done, key), value, findings), *around[key + 1 :]]
    if around is None:
        around = {}
    if not isinstance(around, Mapping):
        findings.wrong(whole, f"nothing can be set below {dotted(done) or 'the top'}: it is {got(around)}")
        return around
    name = str(key)
    if rest and len(done) == 1 and done[0] in _NAMED_BY_THE_USER and name not in around:
        hint = did_you_mean(name, around) if around else ""
        findings.wrong(whole, f"there is no {dotted((*done, name))}", hint)
        return around
    return {**around, name: _put(around.get(name), rest, (*done, name), value, findings)}
