"""What a script about sweeps imports from ``azure.ai.ml.entities``, under the same names."""

from barrido.sdk.algorithms import EarlyTerminationPolicy, SamplingAlgorithm
from barrido.sdk.cloud import (
    AmlTokenConfiguration,
    Environment,
    JobResourceConfiguration,
    ManagedIdentityConfiguration,
    QueueSettings,
    UserIdentityConfiguration,
)
from barrido.sdk.command import Command
from barrido.sdk.job import Job
from barrido.sdk.limits import CommandJobLimits, Objective, SweepJobLimits
from barrido.sdk.sweep_job import SweepJob

CommandJob = Command
Sweep = SweepJob

__all__ = [
    "AmlTokenConfiguration",
    "Command",
    "CommandJob",
    "CommandJobLimits",
    "EarlyTerminationPolicy",
    "Environment",
    "Job",
    "JobResourceConfiguration",
    "ManagedIdentityConfiguration",
    "Objective",
    "QueueSettings",
    "SamplingAlgorithm",
    "Sweep",
    "SweepJob",
    "SweepJobLimits",
    "UserIdentityConfiguration",
]
