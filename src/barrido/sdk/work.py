"""What a trial, or a plain command, runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Unpack

from barrido.sdk.fields import Described, JobFields, Settings
from barrido.sdk.limits import CommandJobLimits


class Work(Described):
    """A command line, its folder, and what surrounds it."""

    def __init__(
        self,
        *,
        command: str | None = None,
        code: str | os.PathLike[str] | None = None,
        environment: Any = None,
        environment_variables: Mapping[str, Any] | None = None,
        limits: CommandJobLimits | Settings | None = None,
        distribution: Any = None,
        warm: str | bool = "auto",
        metrics: Mapping[str, str] | None = None,
        **settings: Unpack[JobFields],
    ) -> None:
        super().__init__(**settings)
        self.command = command
        self.code = code
        self.environment = environment
        self.environment_variables = dict(environment_variables or {})
        self.limits = limits
        self.distribution = distribution
        self.warm = warm
        self.metrics = dict(metrics or {})

    def work(self) -> dict[str, Any]:
        """What stands under ``trial`` in a sweep's document, and at the top of a command's."""
        return {
            "command": self.command,
            "code": self.code,
            "environment": self.environment,
            "environment_variables": self.environment_variables,
            "distribution": self.distribution,
            "resources": self.resources,
            "metrics": self.metrics or None,
            "warm": None if self.warm == "auto" else self.warm,
        }
