"""What a script about sweeps imports from ``azure.ai.ml.entities``, under the same names."""

from barrido.sdk.algorithms import EarlyTerminationPolicy, SamplingAlgorithm
from barrido.sdk.cloud import (
    AmlCompute,
    AmlTokenConfiguration,
    BuildContext,
    ComputeInstance,
    Data,
    Environment,
    JobResourceConfiguration,
    ManagedIdentityConfiguration,
    Model,
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
    "AmlCompute",
    "AmlTokenConfiguration",
    "BuildContext",
    "Command",
    "CommandJob",
    "CommandJobLimits",
    "ComputeInstance",
    "Data",
    "EarlyTerminationPolicy",
    "Environment",
    "Job",
    "JobResourceConfiguration",
    "ManagedIdentityConfiguration",
    "Model",
    "Objective",
    "QueueSettings",
    "SamplingAlgorithm",
    "Sweep",
    "SweepJob",
    "SweepJobLimits",
    "UserIdentityConfiguration",
]
