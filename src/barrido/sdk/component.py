"""A command whose inputs are declared: read from the file of a component."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from barrido.errors import RequestError
from barrido.sdk.command import Command
from barrido.sdk.inputs import Input

if TYPE_CHECKING:
    from barrido.spec.component import Component


class CommandComponent(Command):
    """What `load_component` gives: a command that knows what its inputs may be.

    Those that it is not called with have their defaults. Raises RequestError for a value that an input
    cannot have.
    """

    def __init__(self, found: Component) -> None:
        self._declared = found.model.inputs or {}
        super().__init__(
            **found.work(),
            display_name=found.model.display_name,
            description=found.model.description,
            inputs={name: declared.default for name, declared in self._declared.items()},
            outputs=found.value.get("outputs"),
        )

    def __call__(self, *args: Any, **inputs: Any) -> Command:
        """The same command with values for the inputs that are named: literals, paths, distributions."""
        return super().__call__(*args, **{name: self._fitting(name, value) for name, value in inputs.items()})

    def _fitting(self, name: str, value: Any) -> Any:
        """``value``, if the input takes it. A text for a file or a folder is its path."""
        declared = self._declared.get(name)
        if declared is None or value is None:
            return value
        if declared.is_path:
            is_text = isinstance(value, str | os.PathLike)
            return Input(type=declared.type, path=value) if is_text else value
        if isinstance(value, str | int | float) and (wrong := declared.objection(value)):
            raise RequestError(f"inputs.{name}: {wrong}")
        return value
