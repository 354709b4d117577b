"""NumPy, loaded when something is first computed with it.

To describe, check and enumerate a space takes no array, and loading NumPy takes longer than anything
else when a sweep starts. Stands in for ``numpy``: any name of it is an attribute of this module.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    import numpy as np

    found = getattr(np, name)
    globals()[name] = found
    return found
