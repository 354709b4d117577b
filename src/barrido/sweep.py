"""What ``azure.ai.ml.sweep`` holds, under the same names; and schedulers, which Azure does not have."""

from barrido.sdk.algorithms import (
    BanditPolicy,
    BayesianSamplingAlgorithm,
    GridSamplingAlgorithm,
    MedianStoppingPolicy,
    RandomSamplingAlgorithm,
    SamplingAlgorithm,
    SobolSamplingAlgorithm,
    TPESamplingAlgorithm,
    TruncationSelectionPolicy,
)
from barrido.sdk.limits import Objective, SweepJobLimits
from barrido.sdk.loading import load_job
from barrido.sdk.schedulers import (
    ASHAScheduler,
    BOHBScheduler,
    FIFOScheduler,
    HyperbandScheduler,
    SuccessiveHalvingScheduler,
)
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

__all__ = [
    "ASHAScheduler",
    "BOHBScheduler",
    "BanditPolicy",
    "BayesianSamplingAlgorithm",
    "Choice",
    "FIFOScheduler",
    "Float",
    "GridSamplingAlgorithm",
    "HyperbandScheduler",
    "Int",
    "LogNormal",
    "LogUniform",
    "MedianStoppingPolicy",
    "Normal",
    "Objective",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "Randint",
    "RandomSamplingAlgorithm",
    "SamplingAlgorithm",
    "SobolSamplingAlgorithm",
    "SuccessiveHalvingScheduler",
    "SweepJob",
    "SweepJobLimits",
    "TPESamplingAlgorithm",
    "TruncationSelectionPolicy",
    "Uniform",
    "load_job",
]
