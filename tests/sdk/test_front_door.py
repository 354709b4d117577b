"""`import barrido`: everything is there, and nothing heavy comes with it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import barrido

HEAVY = ("numpy", "scipy", "pydantic", "mlflow", "aiohttp", "ruamel", "rich", "click", "sqlite3", "psutil")


def loaded_after(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after running ``code``."""
    program = f"{code}\nimport json, sys\nprint(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import barrido; barrido.__version__; dir(barrido)", set()),
        ("import barrido; barrido.report; barrido.params; barrido.should_stop", set()),
        ("import barrido; barrido.Choice([1, 2]); barrido.Search", {"numpy", "psutil"}),
        ("from barrido.sweep import Choice, BanditPolicy, load_job", {"numpy"}),
    ],
)
def test_a_training_script_pays_only_for_what_it_uses(code: str, allowed: set[str]) -> None:
    assert loaded_after(code) <= allowed


def test_every_public_name_is_there() -> None:
    assert sorted(barrido.__all__) == sorted(set(barrido.__all__))
    for name in barrido.__all__:
        assert getattr(barrido, name) is not None, name
    assert set(barrido.__all__) <= set(dir(barrido))


AZURE_NAMES = {
    "barrido": "Input MLClient MpiDistribution Output PyTorchDistribution command load_job",
    "barrido.sweep": """
        BanditPolicy BayesianSamplingAlgorithm Choice GridSamplingAlgorithm LogNormal LogUniform
        MedianStoppingPolicy Normal Objective QLogNormal QLogUniform QNormal QUniform Randint
        RandomSamplingAlgorithm SamplingAlgorithm SweepJob SweepJobLimits TruncationSelectionPolicy Uniform
    """,
    "barrido.entities": """
        Command CommandJob CommandJobLimits Environment JobResourceConfiguration QueueSettings Sweep
    """,
}


@pytest.mark.parametrize("module", AZURE_NAMES)
def test_the_names_of_azure_are_in_the_modules_of_azure(module: str) -> None:
    names = AZURE_NAMES[module].split()
    subprocess.run([sys.executable, "-c", f"from {module} import {', '.join(names)}"], check=True)


def test_sweep_is_the_module_and_its_names_are_the_same_as_in_front() -> None:
    code = (
        "import barrido\n"
        "assert barrido.sweep.__name__ == 'barrido.sweep'\n"
        "assert barrido.sweep.Choice is barrido.Choice\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_mistyped_name_is_recognised() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Choise': did you mean 'Choice'"):
        _ = barrido.Choise
    with pytest.raises(ImportError):
        from barrido import nothing_like_it  # noqa: F401
