from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from barrido.environments import interpreters

BACKEND = """
import os, time, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open({notes!r}, "a") as notes:
        notes.write("built\\n")
    deadline = time.monotonic() + 120
    while not os.path.exists({gate!r}) and time.monotonic() < deadline:
        time.sleep(0.02)
    name = "slowly-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as file:
        for path, text in {files!r}.items():
            file.writestr(path, text)
    return name
"""


def wheel_files(name: str, version: str) -> dict[str, str]:
    """What a wheel of a module with nothing but its version holds."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return {**files, f"{info}/RECORD": "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))}


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with versions 1.0 and 2.0 of the package ``tiny``."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as file:
            for path, text in wheel_files("tiny", version).items():
                file.writestr(path, text)
    return folder


@pytest.fixture
def lines(wheels: Path) -> Callable[..., tuple[str, ...]]:
    """Lines for pip that need no network."""
    return lambda *packages: ("--no-index", f"--find-links {wheels}", *packages)


class Slow:
    """A package that is built when the gate is opened, and notes each time that its build begins."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._gate, self._notes = folder / "slowly", folder / "gate", folder / "notes"
        self.folder.mkdir()
        names = {"notes": str(self._notes), "gate": str(self._gate), "files": wheel_files("slowly", "1.0")}
        (self.folder / "backend.py").write_text(BACKEND.format(**names))
        (self.folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "slowly"\nversion = "1.0"\n'
        )

    def open(self) -> None:
        self._gate.touch()

    def builds(self) -> int:
        return len(self._notes.read_text().splitlines()) if self._notes.exists() else 0


@pytest.fixture
def slowly(tmp_path: Path) -> Slow:
    return Slow(tmp_path)


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where nobody told pip or uv anything: uv installs where there is one."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture(params=["uv", pytest.param("pip", marks=pytest.mark.slow)])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> str:
    """What installs."""
    if request.param == "pip":
        monkeypatch.setattr(interpreters, "uv", lambda: None)
    elif interpreters.uv() is None:
        pytest.skip("uv is not installed")
    return str(request.param)
