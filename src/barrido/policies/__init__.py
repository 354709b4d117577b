"""Early termination: which trials are not worth going on with.

Engines, fed with losses (lower is better, infinite is worst) by whoever runs the sweep:

    if applies(policy, n) and (verdict := policy.judge(trial, n)).stops: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from barrido.core.protocols import Policy
from barrido.core.recipe import Goal
from barrido.errors import RequestError
from barrido.policies.bandit import Bandit
from barrido.policies.median import MedianStopping
from barrido.policies.timing import applies
from barrido.policies.truncation import TruncationSelection

__all__ = ["POLICIES", "Bandit", "MedianStopping", "TruncationSelection", "applies", "build"]

POLICIES: Mapping[str, Callable[..., Policy]] = {
    "bandit": Bandit,
    "median_stopping": MedianStopping,
    "truncation_selection": TruncationSelection,
}


def build(config: Mapping[str, Any], goal: Goal) -> Policy:
    """The policy that a recipe asks for: its ``type``, and settings named as in the constructor."""
    settings = {name: value for name, value in config.items() if name != "type"}
    kind = config.get("type")
    if not isinstance(kind, str) or kind not in POLICIES:
        raise RequestError(
            f"there is no early termination policy {kind!r}",
            hint=f"there are: {', '.join(POLICIES)}",
        )
    return POLICIES[kind](goal=goal, **settings)
