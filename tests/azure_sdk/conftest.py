"""Microsoft's own package, where it is installed, and a project that jobs built with it can run in."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

TRAIN = """
import argparse, pathlib
import barrido

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int, default=1)
parser.add_argument("--data")
parser.add_argument("--model")
args = parser.parse_args()
for epoch in range(1, 4):
    barrido.report(acc=args.lr * epoch / args.layers, step=epoch)
if args.model:
    pathlib.Path(args.model, "model.txt").write_text(f"{args.lr} {pathlib.Path(args.data).read_text()}")
"""


@pytest.fixture(scope="session")
def ms() -> Any:
    """What its modules hold, under one name: ``ms.command``, ``ms.Choice``, ``ms.Environment``."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        try:
            for name in ("entities", "constants", "sweep", ""):
                module = importlib.import_module(f"azure.ai.ml.{name}".rstrip("."))
                found.update({one: getattr(module, one) for one in module.__all__})
        except ImportError as error:
            pytest.skip(f"azure-ai-ml is not installed: {error}")
    return SimpleNamespace(**found)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "data.csv").write_text("1,2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BARRIDO_WORKSPACE", raising=False)
    return tmp_path
