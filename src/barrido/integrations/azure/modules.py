"""Whose modules a script gets when it imports ``azure.…``.

``azure.identity`` is ours (`barrido.integrations.azure.identity`), and so is ``MLClient``. The rest of
``azure.ai.ml`` is Microsoft's package where that is installed; where it is not, what this package has under
the same names, and an ImportError with the command that installs the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from barrido.sdk.azure import PACKAGE

INSTALL = "pip install 'barrido[azure]'"

OURS: Mapping[str, str] = {
    "azure.ai.ml": "barrido.integrations.azure.names",
    "azure.ai.ml.sweep": "barrido.sweep",
    "azure.ai.ml.entities": "barrido.entities",
    "azure.ai.ml.constants": "barrido.constants",
    "azure.core.exceptions": "barrido.integrations.azure.exceptions",
}
"""Where the names of a module come from, if Microsoft's is not installed."""

IDENTITY = "azure.identity"
_PARENTS = frozenset({"azure", "azure.ai", "azure.core"})


class Finder(MetaPathFinder):
    """To be asked before all others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == IDENTITY:
            return ModuleSpec(fullname, _StandIn("barrido.integrations.azure.identity"))
        if fullname != "azure" and not fullname.startswith("azure."):
            return None
        found = PathFinder.find_spec(fullname, path, target)
        if found is not None:
            if fullname == PACKAGE:
                _put_client(found)
            return found
        if fullname in _PARENTS:
            return ModuleSpec(fullname, None, is_package=True)
        if fullname in OURS:
            return ModuleSpec(fullname, _StandIn(OURS[fullname]), is_package=fullname == PACKAGE)
        if fullname.startswith(f"{PACKAGE}."):
            raise ModuleNotFoundError(_missing(fullname), name=fullname)
        return None


class _StandIn(Loader):
    """Fills a module with the public names of another one."""

    def __init__(self, source: str) -> None:
        self._source = source

    def exec_module(self, module: ModuleType) -> None:
        source = import_module(self._source)
        names = getattr(source, "__all__", None) or [
            name for name in vars(source) if not name.startswith("_")
        ]
        vars(module).update({name: getattr(source, name) for name in names})
        module.__all__ = names  # type: ignore[attr-defined]
        asked = getattr(source, "__getattr__", None)

        def missing(name: str) -> Any:
            if asked is not None:
                return asked(name)
            if name.startswith("__") or f"{module.__name__}.{name}" in OURS:
                raise AttributeError(name)
            raise ImportError(_missing(f"{module.__name__}.{name}"), name=module.__name__)

        module.__getattr__ = missing  # type: ignore[method-assign]


class _WithOurClient(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        from barrido.integrations.azure.client import MLClient

        super().exec_module(module)
        module.MLClient = MLClient  # type: ignore[attr-defined]


def _put_client(spec: ModuleSpec) -> None:
    if not isinstance(spec.loader, SourceFileLoader):
        raise ImportError(
            f"{PACKAGE} is installed in a form that cannot be used here ({spec.origin})", name=PACKAGE
        )
    spec.loader = _WithOurClient(spec.loader.name, spec.loader.path)


def _missing(name: str) -> str:
    return f"{name} is not among what barrido has itself; it needs Microsoft's package: {INSTALL}"


def take_over() -> None:
    """From here on, what this process imports from ``azure`` is as the head of this module says."""
    sys.meta_path.insert(0, Finder())
