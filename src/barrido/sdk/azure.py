"""Values of Microsoft's own package in the shape of a YAML file.

``Choice``, ``BanditPolicy``, ``Input`` and the like of ``azure.ai.ml`` may stand wherever those of this
package may. They are known by the module that their class comes from: that package is never imported here,
and what it holds is read by its documented attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACKAGE = "azure.ai.ml"

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "Choice": ("values",),
    "Randint": ("upper",),
    **dict.fromkeys(("Uniform", "LogUniform"), ("min_value", "max_value")),
    **dict.fromkeys(("QUniform", "QLogUniform"), ("min_value", "max_value", "q")),
    **dict.fromkeys(("Normal", "LogNormal"), ("mu", "sigma")),
    **dict.fromkeys(("QNormal", "QLogNormal"), ("mu", "sigma", "q")),
}

_TIMING = ("delay_evaluation", "evaluation_interval")
_ASSET = ("name", "version", "description", "tags")
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    **DISTRIBUTIONS,
    "RandomSamplingAlgorithm": ("rule", "seed", "logbase"),
    "GridSamplingAlgorithm": (),
    "BayesianSamplingAlgorithm": (),
    "BanditPolicy": (*_TIMING, "slack_factor", "slack_amount"),
    "MedianStoppingPolicy": _TIMING,
    "TruncationSelectionPolicy": (*_TIMING, "truncation_percentage"),
    "Objective": ("goal", "primary_metric"),
    "SweepJobLimits": ("max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout"),
    "CommandJobLimits": ("timeout",),
    "Input": ("path", "mode", "default", "optional", "description"),
    "Output": ("path", "mode", "name", "version", "description"),
    "Environment": (*_ASSET, "image", "conda_file", "build"),
    "Data": (*_ASSET, "path"),
    "Model": (*_ASSET, "path"),
    "BuildContext": ("path", "dockerfile_path"),
    "QueueSettings": ("job_tier", "priority"),
    "JobResourceConfiguration": (
        "instance_count", "instance_type", "locations", "properties", "docker_args", "shm_size",
    ),
    "AmlTokenConfiguration": (),
    "ManagedIdentityConfiguration": ("client_id", "resource_id", "object_id", "principal_id"),
    "UserIdentityConfiguration": (),
    **dict.fromkeys(("MpiDistribution", "PyTorchDistribution"), ("process_count_per_instance",)),
    "TensorFlowDistribution": ("parameter_server_count", "worker_count"),
    "RayDistribution": (
        "port", "address", "include_dashboard", "dashboard_port", "head_node_additional_args",
        "worker_node_additional_args",
    ),
    **dict.fromkeys(
        ("JobService", "JupyterLabJobService", "SshJobService", "TensorBoardJobService", "VsCodeJobService"),
        ("port", "nodes", "properties"),
    ),
}  # fmt: skip
_NOT_GIVEN_WHEN_ZERO = frozenset({"slack_factor", "slack_amount"})  # Microsoft's defaults
_NEVER_TYPED = frozenset({"SweepJobLimits", "CommandJobLimits"})


def kind_of(value: object) -> str | None:
    """The name of the class of Microsoft's that ``value`` is an object of; None for anything else."""
    for cls in type(value).__mro__:
        if f"{cls.__module__}.".startswith(f"{PACKAGE}."):
            return cls.__name__
    return None


def is_distribution(value: object) -> bool:
    return kind_of(value) in DISTRIBUTIONS


def is_unset(setting: object) -> bool:
    """Microsoft's classes say None, or an empty mapping; some of their values compare with neither."""
    return setting is None or (isinstance(setting, Mapping) and not setting)


def settings_of(value: object) -> dict[str, Any] | str | None:
    """What a value of Microsoft's says, as in YAML, its parts still as they were; None for anything else."""
    kind = kind_of(value)
    if kind is None or kind not in _SETTINGS:
        return None
    said: dict[str, Any] = {}
    if kind not in _NEVER_TYPED and (word := getattr(value, "type", None)) is not None:
        said["type"] = word
    for name in _SETTINGS[kind]:
        setting = getattr(value, name, None)
        if not (is_unset(setting) or (name in _NOT_GIVEN_WHEN_ZERO and setting == 0)):
            said[name] = setting
    if kind == "Environment" and not said.keys() & {"image", "conda_file", "build"} and "name" in said:
        return f"azureml:{said['name']}:{said['version']}" if "version" in said else said["name"]
    return said
