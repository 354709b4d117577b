"""What each trial needs, as it is written.

Azure's `resources` say which of its machines to rent: those keys are taken, and mean nothing here. `cpu`,
`gpu`, `memory` and `custom` are an extension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from barrido.spec.messages import got
from barrido.spec.node import Amount, Node, Positive, said
from barrido.spec.schedulers import Memory


def _whole_above_one(value: float) -> float:
    if value > 1 and value != int(value):
        hint = f"write {int(value)} or {int(value) + 1}; below 1, several trials share one"
        raise said(f"must be whole when it is above 1 (got {got(value)})", hint)
    return value


def _custom(value: dict[str, float]) -> dict[str, float]:
    for name in value:
        if name.lower() in ("cpu", "gpu", "memory"):
            raise said("is not custom", f"write `{name.lower()}` beside `custom`", at=(name,))
    return value


Gpus = Annotated[Amount, AfterValidator(_whole_above_one)]


class Resources(Node):
    aliases: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("cpus", "num_cpus", "cores"), "cpu"),
        **dict.fromkeys(("gpus", "num_gpus"), "gpu"),
        **dict.fromkeys(("mem", "ram"), "memory"),
        "resources": "custom",
    }
    cpu: Positive | None = Field(None, description="processors", examples=[2])
    gpu: Gpus | None = Field(None, description="GPUs; below 1, several trials share one", examples=[0.5])
    memory: Memory | None = Field(None, description="how much memory", examples=["4GB"])
    custom: Annotated[dict[str, Positive], AfterValidator(_custom)] | None = Field(
        None, description="what else the nodes of a Ray cluster were given", examples=["{node_a: 1}"]
    )
    instance_count: Any = None
    max_instance_count: Any = None
    instance_type: Any = None
    locations: Any = None
    properties: Any = None
    docker_args: Any = None
    shm_size: Any = None

    def needs(self) -> dict[str, Any]:
        """What was said of what a trial needs, by name."""
        return {name: value for name in OURS if (value := getattr(self, name)) is not None}


OURS = ("cpu", "gpu", "memory", "custom")
AZURES = tuple(name for name in Resources.model_fields if name not in OURS)
