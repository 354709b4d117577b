"""The tree of commands. Each is imported when it is used or when its group's help is shown."""

from __future__ import annotations

import click

import barrido as package
from barrido.cli.groups import LazyGroup

barrido = LazyGroup(
    name="barrido",
    lazy={
        "job": "barrido.cli.commands:job",
        "studio": "barrido.cli.studio:studio",
        "report": "barrido.cli.report:report",
        "azure": "barrido.cli.commands:azure",
        "environment": "barrido.cli.commands:environment",
        "schema": "barrido.cli.schema:schema",
        "completion": "barrido.cli.completion:completion",
    },
    meant={
        **dict.fromkeys(("jobs", "sweep", "sweeps"), "job"),
        **dict.fromkeys(("ui", "web", "dashboard"), "studio"),
        **dict.fromkeys(("env", "envs", "environments"), "environment"),
    },
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
        "report": "barrido.cli.report_page:report",
        "export": "barrido.cli.export:export",
        "stream": "barrido.cli.stream:stream",
        "pause": "barrido.cli.control:pause",
        "unpause": "barrido.cli.control:unpause",
        "cancel": "barrido.cli.control:cancel",
        "resume": "barrido.cli.control:resume",
        "update": "barrido.cli.control:update",
        "enqueue": "barrido.cli.points:enqueue",
        "rerun": "barrido.cli.points:rerun",
        "annotate": "barrido.cli.points:annotate",
        "download": "barrido.cli.download:download",
        "archive": "barrido.cli.archive:archive",
        "restore": "barrido.cli.archive:restore",
        "delete": "barrido.cli.archive:delete",
    },
    meant={
        **dict.fromkeys(("run", "submit", "start", "new"), "create"),
        **dict.fromkeys(("status", "get", "info"), "show"),
        **dict.fromkeys(("watch", "logs", "log", "tail"), "stream"),
        **dict.fromkeys(("stop", "kill"), "cancel"),
        **dict.fromkeys(("remove", "rm"), "delete"),
        **dict.fromkeys(("continue", "restart"), "resume"),
        "hide": "archive",
        **dict.fromkeys(("unarchive", "unhide"), "restore"),
        **dict.fromkeys(("add", "put"), "enqueue"),
        **dict.fromkeys(("retry", "again"), "rerun"),
        **dict.fromkeys(("tag", "note", "comment", "label"), "annotate"),
        "check": "validate",
        **dict.fromkeys(("dry-run", "preview"), "plan"),
        "ls": "list",
    },
    absent={
        "show-services": "a trial opens no services here; `barrido studio` shows what it logs",
        "connect-ssh": "trials run on this machine; `barrido job show SWEEP_N` says where its files are",
    },
    help="Create, watch and control sweeps.",
)

azure = LazyGroup(
    name="azure",
    lazy={"run": "barrido.cli.azure:run"},
    help="Run scripts that were written for Azure ML.",
)

environment = LazyGroup(
    name="environment",
    lazy={
        "list": "barrido.cli.environment:list_",
        "remove": "barrido.cli.environment:remove",
    },
    meant={**dict.fromkeys(("delete", "rm"), "remove"), "ls": "list"},
    help="List and remove what was built for trials to run in.",
)
