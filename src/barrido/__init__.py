"""Hyperparameter sweeps for any training command, in the language of Azure ML, on your own machine.

Everything public is here, and is loaded when it is first used: ``import barrido`` costs a training
script next to nothing. ``barrido.sweep``, ``barrido.entities`` and ``barrido.constants`` hold what
``azure.ai.ml`` has there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from barrido import constants, entities, sweep
    from barrido.errors import (
        BarridoError,
        BuildFailed,
        ControllerError,
        MissingExtra,
        Problem,
        RequestError,
        SpaceExhausted,
        SpecError,
        StoreError,
        SweepBusy,
        SweepFailed,
        SweepNotFound,
        TrialNotFound,
    )
    from barrido.sdk.algorithms import (
        BanditPolicy,
        BayesianSamplingAlgorithm,
        GridSamplingAlgorithm,
        MedianStoppingPolicy,
        RandomSamplingAlgorithm,
        SobolSamplingAlgorithm,
        TPESamplingAlgorithm,
        TruncationSelectionPolicy,
    )
    from barrido.sdk.client import MLClient
    from barrido.sdk.cloud import (
        AmlTokenConfiguration,
        ManagedIdentityConfiguration,
        MpiDistribution,
        PyTorchDistribution,
        RayDistribution,
        TensorFlowDistribution,
        UserIdentityConfiguration,
    )
    from barrido.sdk.command import Command, command
    from barrido.sdk.inputs import Input, Output
    from barrido.sdk.limits import Objective, SweepJobLimits
    from barrido.sdk.loading import load_component, load_job
    from barrido.sdk.schedulers import (
        ASHAScheduler,
        BOHBScheduler,
        FIFOScheduler,
        HyperbandScheduler,
        SuccessiveHalvingScheduler,
    )
    from barrido.sdk.search import Search
    from barrido.sdk.sweep_job import SweepJob
    from barrido.space import (
        Choice,
        Float,
        Int,
        LogNormal,
        LogUniform,
        Normal,
        QLogNormal,
        QLogUniform,
        QNormal,
        QUniform,
        Randint,
        Uniform,
    )
    from barrido.trial import checkpoint_dir, params, report, should_stop, trial_dir

__all__ = [
    "ASHAScheduler",
    "AmlTokenConfiguration",
    "BOHBScheduler",
    "BanditPolicy",
    "BarridoError",
    "BayesianSamplingAlgorithm",
    "BuildFailed",
    "Choice",
    "Command",
    "ControllerError",
    "FIFOScheduler",
    "Float",
    "GridSamplingAlgorithm",
    "HyperbandScheduler",
    "Input",
    "Int",
    "LogNormal",
    "LogUniform",
    "MLClient",
    "ManagedIdentityConfiguration",
    "MedianStoppingPolicy",
    "MissingExtra",
    "MpiDistribution",
    "Normal",
    "Objective",
    "Output",
    "Problem",
    "PyTorchDistribution",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "Randint",
    "RandomSamplingAlgorithm",
    "RayDistribution",
    "RequestError",
    "Search",
    "SobolSamplingAlgorithm",
    "SpaceExhausted",
    "SpecError",
    "StoreError",
    "SuccessiveHalvingScheduler",
    "SweepBusy",
    "SweepFailed",
    "SweepJob",
    "SweepJobLimits",
    "SweepNotFound",
    "TPESamplingAlgorithm",
    "TensorFlowDistribution",
    "TrialNotFound",
    "TruncationSelectionPolicy",
    "Uniform",
    "UserIdentityConfiguration",
    "__version__",
    "checkpoint_dir",
    "command",
    "constants",
    "entities",
    "load_component",
    "load_job",
    "params",
    "report",
    "should_stop",
    "sweep",
    "trial_dir",
]

_HOME = {
    "barrido.errors": (
        "BarridoError", "BuildFailed", "ControllerError", "MissingExtra", "Problem", "RequestError",
        "SpaceExhausted", "SpecError", "StoreError", "SweepBusy", "SweepFailed", "SweepNotFound",
        "TrialNotFound",
    ),
    "barrido.sdk.algorithms": (
        "BanditPolicy", "BayesianSamplingAlgorithm", "GridSamplingAlgorithm", "MedianStoppingPolicy",
        "RandomSamplingAlgorithm", "SobolSamplingAlgorithm", "TPESamplingAlgorithm",
        "TruncationSelectionPolicy",
    ),
    "barrido.sdk.client": ("MLClient",),
    "barrido.sdk.cloud": (
        "AmlTokenConfiguration", "ManagedIdentityConfiguration", "MpiDistribution", "PyTorchDistribution",
        "RayDistribution", "TensorFlowDistribution", "UserIdentityConfiguration",
    ),
    "barrido.sdk.command": ("Command", "command"),
    "barrido.sdk.inputs": ("Input", "Output"),
    "barrido.sdk.limits": ("Objective", "SweepJobLimits"),
    "barrido.sdk.loading": ("load_component", "load_job"),
    "barrido.sdk.schedulers": (
        "ASHAScheduler", "BOHBScheduler", "FIFOScheduler", "HyperbandScheduler", "SuccessiveHalvingScheduler",
    ),
    "barrido.sdk.search": ("Search",),
    "barrido.sdk.sweep_job": ("SweepJob",),
    "barrido.space": (
        "Choice", "Float", "Int", "LogNormal", "LogUniform", "Normal", "QLogNormal", "QLogUniform",
        "QNormal", "QUniform", "Randint", "Uniform",
    ),
    "barrido.trial": ("checkpoint_dir", "params", "report", "should_stop", "trial_dir"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_MODULES = frozenset({"constants", "entities", "sweep"})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"barrido.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'barrido' has no attribute {name!r}{_meant(name)}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _meant(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, __all__, n=1)
    return f": did you mean {close[0]!r}?" if close else ""
