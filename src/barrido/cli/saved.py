"""A recipe as the YAML file of a job: what ``--save-as`` writes.

Everything is said in it that was left out or made up when the sweep was created (the seed, the number of
trials at a time), and paths are absolute: the file makes the same trials wherever it lies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from barrido.core.environment import Environment
from barrido.core.recipe import Recipe
from barrido.environments.interpreters import here


def to_document(recipe: Recipe) -> dict[str, Any]:
    """The job as YAML's data; without its name, which no second sweep can have."""
    work = recipe.work
    command = _filled(
        command=work.command,
        code=work.code,
        environment_variables=dict(work.environment_variables),
        environment=_environment(work.environment),
        metrics=dict(work.metrics),
        warm=work.warm if work.warm != "auto" else "",
        resources=_filled(**asdict(work.resources)),
    )
    common = _filled(
        display_name=recipe.display_name if recipe.display_name != recipe.name else "",
        description=recipe.description,
        tags=dict(recipe.tags),
        experiment_name=recipe.experiment,
        compute=recipe.compute if recipe.compute != "local" else "",
    )
    data = _filled(
        inputs={
            name: {"type": "string", "optional": True} if text is None else text
            for name, text in work.inputs.items()
        },
        outputs=dict.fromkeys(work.outputs),
    )
    if recipe.kind == "command":
        limits = _filled(limits=_filled(timeout=recipe.limits.timeout))
        return {"type": "command", **common, **command, **data, **limits}
    objective = recipe.objective
    return {
        "type": "sweep",
        **common,
        "trial": command,
        **data,
        "search_space": recipe.space,
        "sampling_algorithm": {**recipe.sampler, "seed": recipe.seed},
        **_filled(
            constraints=list(recipe.constraints) or None,
            resume_from=list(recipe.resume_from) or None,
            objective={"goal": str(objective.goal), "primary_metric": objective.metric}
            if objective
            else None,
            early_termination=recipe.policy,
            scheduler=scheduler_document(recipe),
        ),
        "limits": _filled(**asdict(recipe.limits)),
    }


def _environment(environment: Environment | None) -> Any:
    """What makes the same environment."""
    if environment is None:
        return None
    if environment.interpreter is not None:
        return environment.interpreter
    if environment.conda is not None:
        return {"name": environment.name, "conda_file": json.loads(environment.conda)}
    requirements = list(environment.requirements)
    python = environment.python or (None if requirements else here())
    return _filled(name=environment.name, python=python, requirements=requirements or None)


def scheduler_document(recipe: Recipe) -> dict[str, Any] | None:
    """The scheduler as YAML's data, None where trials run to their ends."""
    if recipe.scheduler["type"] == "fifo":
        return None
    pausing = recipe.pausing
    body = dict(recipe.scheduler)
    if body["type"] == "successive_halving":
        body["trials"] = body.pop("size")
    # Where no GPU is asked for only `auto` spares them, and it would choose the same for the same command.
    is_auto = pausing.spares_gpus and not recipe.work.resources.gpu
    body |= {"resource": pausing.input or str(pausing.unit)}
    body |= {"pause": "auto" if is_auto else str(pausing.mode)}
    return body if pausing.memory is None else {**body, "memory": pausing.memory}


def _filled(**values: Any) -> Mapping[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", {})}
