"""What a script about sweeps imports from ``azure.ai.ml``, under the same names."""

from barrido.integrations.azure.client import MLClient
from barrido.sdk.cloud import (
    AmlTokenConfiguration,
    ManagedIdentityConfiguration,
    MpiDistribution,
    PyTorchDistribution,
    RayDistribution,
    TensorFlowDistribution,
    UserIdentityConfiguration,
)
from barrido.sdk.command import command
from barrido.sdk.inputs import Input, Output
from barrido.sdk.loading import load_component, load_job

__all__ = [
    "AmlTokenConfiguration",
    "Input",
    "MLClient",
    "ManagedIdentityConfiguration",
    "MpiDistribution",
    "Output",
    "PyTorchDistribution",
    "RayDistribution",
    "TensorFlowDistribution",
    "UserIdentityConfiguration",
    "command",
    "load_component",
    "load_job",
]
