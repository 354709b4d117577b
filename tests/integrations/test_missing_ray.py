"""Without Ray Tune the plug-ins say what to install."""

from __future__ import annotations

import sys

import pytest

import barrido.integrations.ray
from barrido.errors import MissingExtra


@pytest.mark.parametrize("name", ["BarridoSearch", "BarridoScheduler"])
def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "ray.tune", None)
    with pytest.raises(MissingExtra, match=r"pip install 'barrido\[ray\]'"):
        getattr(barrido.integrations.ray, name)


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = barrido.integrations.ray.nothing
