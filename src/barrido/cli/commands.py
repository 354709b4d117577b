"""The tree of commands. Each is imported when it is used or when its group's help is shown."""

from __future__ import annotations

import click

import barrido as package
from barrido.cli.groups import LazyGroup

barrido = LazyGroup(
    name="barrido",
    lazy={"job": "barrido.cli.commands:job", "report": "barrido.cli.report:report"},
    help="Hyperparameter sweeps for any training command.",
)
click.version_option(package.__version__, prog_name="barrido", message="%(prog)s %(version)s")(barrido)

job = LazyGroup(
    name="job",
    lazy={
        "create": "barrido.cli.create:create",
        "validate": "barrido.cli.create:validate",
        "plan": "barrido.cli.plan:plan",
        "list": "barrido.cli.listing:list_",
        "show": "barrido.cli.show:show",
        "trials": "barrido.cli.listing:trials",
        "importance": "barrido.cli.importance:importance",
        "replay": "barrido.cli.replay:replay",
        "stream": "barrido.cli.stream:stream",
        "pause": "barrido.cli.control:pause",
        "unpause": "barrido.cli.control:unpause",
        "cancel": "barrido.cli.control:cancel",
        "resume": "barrido.cli.control:resume",
        "update": "barrido.cli.control:update",
        "download": "barrido.cli.download:download",
    },
    meant={
        **dict.fromkeys(("run", "submit", "start", "new"), "create"),
        **dict.fromkeys(("status", "get", "info"), "show"),
        **dict.fromkeys(("watch", "logs", "log", "tail"), "stream"),
        **dict.fromkeys(("stop", "kill", "delete"), "cancel"),
        **dict.fromkeys(("continue", "restart"), "resume"),
        "check": "validate",
        **dict.fromkeys(("dry-run", "preview"), "plan"),
        "ls": "list",
    },
    help="Create, watch and control sweeps.",
)
