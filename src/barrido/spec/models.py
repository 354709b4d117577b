"""The language of jobs: what may be written in a file or said in Python, key by key.

These models are the border. They check the shape of a description and say what is wrong with it;
`barrido.spec.check` looks at what the parts mean together. Source: Azure's sweep and command job schemas
(CLI v2); what we add to them is marked as an extension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from barrido.executors.patterns import problem_of
from barrido.spec.algorithms import Policy, Sampling
from barrido.spec.distributions import KINDS, Distribution
from barrido.spec.environment import EnvironmentField
from barrido.spec.messages import got
from barrido.spec.node import Amount, CheckedBy, FilledText, Node, Number, Scalar, Seconds, Text, one_of, said
from barrido.spec.resources import Resources
from barrido.spec.schedulers import Scheduler

METRIC_CHARS = 250
MOST_TRIALS = 10_000_000
PATH_TYPES = ("uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model")
LITERAL_TYPES = ("string", "number", "integer", "boolean")
MODES = ("ro_mount", "rw_mount", "mount", "download", "upload", "direct", "eval_mount", "eval_download")

WARMTHS = ("auto", "on", "off")

Count = Annotated[int, Field(ge=1, le=MOST_TRIALS)]
Variables = dict[str, Text]
PathType = Annotated[
    Literal["uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"],
    one_of(*PATH_TYPES),
]
LiteralType = Annotated[Literal["string", "number", "integer", "boolean"], one_of(*LITERAL_TYPES)]
Mode = Annotated[
    Literal["ro_mount", "rw_mount", "mount", "download", "upload", "direct", "eval_mount", "eval_download"],
    one_of(*MODES),
]


def _literal(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise said(f"must be text, a number, true or false (got {got(value)})")


Literally = Annotated[Scalar | None, CheckedBy(_literal)]


class PathInput(Node):
    """A file or a folder that the command reads."""

    type: PathType | None = None
    path: FilledText = Field(description="where the data is on this machine", examples=["./data/train.csv"])
    mode: Mode | None = None
    optional: bool | None = None
    description: str | None = None
    datastore: str | None = None
    path_on_compute: str | None = None


class LiteralInput(Node):
    """A value that is written into the command."""

    type: LiteralType | None = None
    value: Literally = None
    default: Literally = None
    optional: bool = False
    description: str | None = None
    min: Number | None = None
    max: Number | None = None
    enum: list[Scalar] | None = None


def _input(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        raise said(
            "has one value (got a list)", "to try several: Choice([…]), which is for a sweep's search space"
        )
    if not isinstance(value, Mapping):
        hint = "it is text, a number, true, false, or `{type: uri_file, path: ./data.csv}`"
        raise said(f"cannot be an input (got {got(value)})", hint)
    kind = value.get("type")
    if isinstance(kind, str) and kind.lower() in KINDS:
        hint = "move it to the `search_space` of a sweep; in Python, `.sweep(…)` of the command does that"
        raise said(f"has one value (got the distribution {kind.lower()})", hint)
    is_literal = isinstance(kind, str) and kind.lower() in LITERAL_TYPES
    if "path" in value or not (is_literal or {"value", "default"} & value.keys()):
        if isinstance(kind, str) and kind.lower() not in PATH_TYPES:
            return _InputOfSomeType.model_validate(value)
        return PathInput.model_validate(value)
    return LiteralInput.model_validate(value)


class _InputOfSomeType(PathInput):
    """Says a mistyped `type` with all the types there are."""

    type: Annotated[Any, one_of(*PATH_TYPES, *LITERAL_TYPES)] = None


Input = Annotated[Scalar | PathInput | LiteralInput | None, CheckedBy(_input)]


class Output(Node):
    """A folder that each trial writes to."""

    type: PathType | None = None
    path: str | None = None
    mode: Mode | None = None
    name: str | None = None
    version: Text | None = None
    description: str | None = None


class Objective(Node):
    aliases: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("metric", "metric_name", "name"), "primary_metric"),
        **dict.fromkeys(("direction", "mode"), "goal"),
    }
    goal: Annotated[Literal["minimize", "maximize"], one_of("minimize", "maximize")] = Field(
        description="whether a lower or a higher value is better", examples=["maximize"]
    )
    primary_metric: Annotated[str, Field(min_length=1, max_length=METRIC_CHARS)] = Field(
        description="the metric that the trials log", examples=["accuracy"]
    )


class StopAfter(Node):
    """End the sweep when new trials stop helping (an extension)."""

    trials: Count = Field(description="how many trials in a row may bring no improvement", examples=[20])
    min_improvement: Amount = Field(0.0, description="what counts as an improvement, in the metric's units")


class SweepLimits(Node):
    aliases: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("max_trials", "total_trials", "trials"), "max_total_trials"),
        **dict.fromkeys(("max_concurrent", "parallelism"), "max_concurrent_trials"),
    }
    elsewhere: ClassVar[Mapping[str, str]] = {"max_duration": "it is called 'timeout' here, in seconds"}
    max_total_trials: Count = Field(description="how many trials to run at most", examples=[20])
    max_concurrent_trials: Count | None = Field(None, description="how many trials to run at the same time")
    timeout: Seconds | None = Field(None, description="seconds for the whole sweep")
    trial_timeout: Seconds | None = Field(None, description="seconds for each trial")
    max_failed_trials: Count | None = Field(
        None, description="the sweep fails when its first trials fail, this many in a row (an extension)"
    )
    stop_after: StopAfter | None = None
    max_retries: Annotated[int, Field(ge=0)] | None = Field(
        None, description="how often a trial that failed is run again (an extension)", examples=[2]
    )
    retry_backoff: Amount | None = Field(
        None, description="seconds before it is, which double each time (an extension)", examples=[1]
    )


class CommandLimits(Node):
    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "max_total_trials",
            "max_concurrent_trials",
            "trial_timeout",
            "max_failed_trials",
            "stop_after",
            "max_retries",
            "retry_backoff",
        ),
        "it belongs to `type: sweep`: a command job runs once",
    )
    timeout: Seconds | None = Field(None, description="seconds for the whole job")


Anything = dict[str, Any]


def _pattern(value: Any) -> Any:
    problem = problem_of(value) if isinstance(value, str) else "must be a regular expression"
    if problem:
        hint = r"one group for the value, one named step if need be: 'epoch (?P<step>\d+).* loss=(\S+)'"
        raise said(f"{problem} (got {got(value)})", hint)
    return value


Pattern = Annotated[str, BeforeValidator(_pattern)]


def warmth(value: Any) -> Any:
    """``on`` and ``off`` are words in YAML 1.2; people also write what they were before."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


Warmth = Annotated[
    Literal["auto", "on", "off"],
    one_of(*WARMTHS),
    BeforeValidator(warmth),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*WARMTHS]}, {"type": "boolean"}]}),
]


RESOURCES: Any = Field(None, description="what each trial needs", examples=["{cpu: 2, gpu: 0.5}"])


class Work(Node):
    """What a trial, or a command job, runs."""

    aliases: ClassVar[Mapping[str, str]] = {"env": "environment_variables", "cmd": "command"}
    command: FilledText = Field(
        description="what each trial runs", examples=["python train.py --lr ${{search_space.lr}}"]
    )
    code: FilledText | None = Field(
        None, description="the folder that the command runs in", examples=["./src"]
    )
    environment: EnvironmentField | None = Field(
        None, description="which Python trials run in", examples=["{requirements: ./requirements.txt}"]
    )
    environment_variables: Variables | None = None
    metrics: dict[str, Pattern] | None = Field(
        None,
        description="for scripts that only print: by metric, the regular expression that finds its value in a"
        " line of the log (an extension)",
        examples=["{loss: 'loss=(\\S+)'}"],
    )
    warm: Warmth = Field(
        "auto", description="whether Python trials start from an interpreter that has imported already"
    )
    distribution: Anything | None = None
    resources: Resources | None = RESOURCES
    queue_settings: Anything | None = None


class Trial(Work):
    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                *("inputs", "outputs", "search_space", "objective", "compute", "experiment_name", "identity"),
                *("name", "display_name", "description", "tags", "properties", "services"),
            ),
            "it stands beside `trial`, not in it",
        ),
        "limits": "it stands beside `trial`, where `trial_timeout` bounds each trial",
        "timeout": "did you mean `limits.trial_timeout`, beside `trial`?",
        "type": "a trial has no type: it is always a command",
    }


def _one_or_more(what: str, example: str) -> Callable[[Any], Any]:
    """Checks a text, or a list of them; one becomes a list of one."""

    def check(value: Any) -> Any:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
            raise said(f"must be {what} (got {got(value)})", f"for example `{example}`")
        return texts

    return check


SweepNames = Annotated[
    list[FilledText] | FilledText,
    CheckedBy(_one_or_more("the name of a sweep, or a list of names", "[iris, iris-2]")),
]
Constraints = Annotated[
    list[FilledText] | FilledText,
    CheckedBy(_one_or_more("an expression, or a list of them", '["batch_size * layers <= 512"]')),
]


class Job(Node):
    """What all kinds of jobs have."""

    schema_uri: str | None = Field(None, alias="$schema")
    name: str | None = Field(None, description="unique in the workspace; made up when left out")
    display_name: FilledText | None = None
    description: str | None = None
    tags: dict[str, Text] | None = None
    properties: dict[str, Text] | None = None
    experiment_name: FilledText | None = None
    compute: FilledText | None = Field(None, description="where trials run", examples=["ray:auto"])
    identity: Anything | None = None
    services: Anything | None = None
    queue_settings: Anything | None = None
    id: Text | None = None  # this and the next two are in the file that Azure writes of a submitted job
    status: Text | None = None
    creation_context: Anything | None = None
    resources: Resources | None = RESOURCES
    inputs: dict[str, Input] | None = None
    outputs: dict[str, Output | None] | None = None


class SweepJob(Job):
    """Many trials of one command."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("command", "code", "environment", "environment_variables", "distribution", "warm", "metrics"),
            "in a sweep it belongs under `trial`",
        ),
        **dict.fromkeys(
            ("max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout", "stop_after"),
            "it belongs under `limits`",
        ),
        **dict.fromkeys(("primary_metric", "goal"), "it belongs under `objective`"),
        "seed": "it belongs under the algorithm: `sampling_algorithm: {type: random, seed: 7}`",
    }
    aliases: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("policy", "early_termination_policy"), "early_termination"),
        **dict.fromkeys(("sampler", "sampling", "algorithm"), "sampling_algorithm"),
        **dict.fromkeys(("parameters", "space", "hyperparameters"), "search_space"),
        **dict.fromkeys(("constraint", "conditions", "where"), "constraints"),
        **dict.fromkeys(("warm_start", "resume", "prior"), "resume_from"),
        "experiment": "experiment_name",
    }
    type: Literal["sweep"]
    trial: Trial = Field(
        description="what each trial runs",
        examples=["{command: python train.py --lr ${{search_space.lr}}, code: ./src}"],
    )
    search_space: dict[str, Distribution] = Field(
        description="the parameters to search over",
        examples=["{lr: {type: loguniform, min_value: -6, max_value: 0}}"],
    )
    constraints: Constraints | None = Field(
        None,
        description="expressions over the names of parameters that every point must make true (an extension)",
        examples=['["batch_size * layers <= 512"]'],
    )
    limits: SweepLimits = Field(description="how far the sweep may go", examples=["{max_total_trials: 20}"])
    objective: Objective | None = Field(
        None,
        description="the metric that decides which trial is best; left out, nothing is compared",
        examples=["{goal: maximize, primary_metric: accuracy}"],
    )
    sampling_algorithm: Sampling | None = None
    resume_from: SweepNames | None = Field(
        None,
        description="earlier sweeps of the same search space whose results the sampling algorithm knows"
        " from the start (an extension)",
        examples=["iris"],
    )
    early_termination: Policy | None = None
    scheduler: Scheduler | None = None


class CommandJob(Job, Work):
    """One run of a command."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                "trial",
                "search_space",
                "constraints",
                "sampling_algorithm",
                "resume_from",
                "objective",
                "early_termination",
                "scheduler",
            ),
            "it belongs to `type: sweep`",
        ),
        "timeout": "did you mean `limits.timeout`?",
    }
    aliases: ClassVar[Mapping[str, str]] = {**Work.aliases, "experiment": "experiment_name"}
    type: Literal["command"]
    limits: CommandLimits | None = None
