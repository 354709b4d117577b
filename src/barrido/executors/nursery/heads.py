"""Which modules a script imports before it does anything else: told from its text."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator


def leading(script: str, seen: set[str] | None = None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The imports at the head of a script, and of the user's modules that it imports, in order.

    As (module, names taken from it). The head ends with the first statement that might do something:
    it may set a variable that an import reads.
    """
    seen = {script} if seen is None else seen
    folder = os.path.dirname(script)
    try:
        with open(script, "rb") as source:
            body = ast.parse(source.read()).body
    except (OSError, SyntaxError, ValueError):
        return  # the trial will say so
    for statement in body:
        tried = statement.body if isinstance(statement, ast.Try) else [statement]
        for part in tried:
            found: list[tuple[str, tuple[str, ...]]]
            if isinstance(part, ast.Import):
                found = [(alias.name, ()) for alias in part.names]
            elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
                found = [(part.module, tuple(alias.name for alias in part.names))]
            elif _is_idle(part):
                continue
            else:
                return
            for name, taken in found:
                own = os.path.join(folder, *name.split("."))
                top = os.path.join(folder, name.partition(".")[0])
                if not (os.path.exists(top) or os.path.exists(f"{top}.py")):
                    yield name, taken
                    continue
                for file in (f"{own}.py", f"{own}/__init__.py"):
                    if file not in seen and os.path.exists(file):
                        seen.add(file)
                        yield from _of_module(file, folder, seen)


def _of_module(file: str, folder: str, seen: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same for a module of the user's: its imports are looked for beside the script."""
    for name, taken in leading(file, seen):
        top = os.path.join(folder, name.partition(".")[0])
        if not (os.path.exists(top) or os.path.exists(f"{top}.py")):
            yield name, taken


def _is_idle(statement: ast.stmt) -> bool:
    """Whether it surely does nothing that an import could notice."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return not statement.decorator_list
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = statement.value
        return all(isinstance(target, ast.Name) for target in targets) and (
            value is None or all(isinstance(node, _CONSTANT) for node in ast.walk(value))
        )
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


_CONSTANT = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Load, ast.UnaryOp, ast.USub)
