"""The rules that no linter knows: short files, and names that say what is in them."""

from __future__ import annotations

import sys
from pathlib import Path

MAX_LINES = 400
NAMELESS = frozenset({"base.py", "helpers.py", "utils.py"})


def broken_rules(root: Path) -> list[str]:
    """One line for each rule that a file under ``root`` breaks."""
    found = []
    scripts = (path for path in root.rglob("*.js") if "vendor" not in path.parts)
    for path in sorted([*root.rglob("*.py"), *scripts]):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_LINES:
            found.append(f"{path}: {lines} lines; which two things live there? (at most {MAX_LINES})")
        if path.name in NAMELESS:
            found.append(f"{path}: a name that says nothing; call it what it holds")
    return found


if __name__ == "__main__":
    problems = broken_rules(Path("src"))
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.exit(1 if problems else 0)
