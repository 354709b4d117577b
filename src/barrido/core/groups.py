"""Optional parts of a command: ``[--flag ${{inputs.x}}]`` is left out when the input is not given.

So is ``[--momentum ${{search_space.opt.momentum}}]`` when the chosen branch has no such parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from barrido.core.reading import Reference

_ITEM = re.compile(
    r"""\\. | '[^']*' | "(?: [^"\\`$] | \\. | \$\{\{[^}]*\}\} | \$(?![({\['"]) )*"
    | \$(?![({\['"]) | [^\\'"$`;&|<>()\n]""",
    re.DOTALL | re.VERBOSE,
)
"""A character, quoted or not. No operators and no substitutions: a group holds words only."""


def group_end(text: str, references: Mapping[int, Reference], start: int) -> int | None:
    """Where the ``]`` stands that ends the group starting at ``start``; None if none does.

    ``[`` and a space is the shell's test command, so is ``[[``; brackets in which nothing can be
    missing are a file pattern.
    """
    at, depth, is_optional = start + 1, 1, False
    if text[at : at + 1] == "[" or text[at : at + 1].isspace():
        return None
    while at < len(text):
        if reference := references.get(at):
            end = reference.end
        elif item := _ITEM.match(text, at):
            end = item.end()
        else:
            return None
        is_optional |= any(at <= r.start < end and _may_be_missing(r) for r in references.values())
        depth += {"[": 1, "]": -1}.get(text[at:end], 0)
        if depth == 0:
            return at if is_optional and text[end : end + 1] in "\n\t ;&|)" else None
        at = end
    return None


def _may_be_missing(reference: Reference) -> bool:
    return reference.namespace == "inputs" or (
        reference.namespace == "search_space" and "." in reference.name
    )
