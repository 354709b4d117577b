"""``barrido job replay``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from barrido.cli.options import find_sweep, in_workspace, named, output_option, split_changes
from barrido.errors import RequestError

if TYPE_CHECKING:
    from barrido.core.layout import SweepFolder, Workspace
    from barrido.replay.course import Course, Run, WhatIf

EVERY = "all"


@click.command(short_help="Prove a sweep's log, or ask what another policy would have done.")
@named()
@click.option(
    "--policy", metavar="POLICY",
    help="What if it had had this policy: a name, YAML, or a file; `all` for every policy and scheduler.",
)  # fmt: skip
@click.option("--scheduler", metavar="SCHEDULER", help="The same for a scheduler.")
@click.option(
    "--set", "changes", metavar="KEY=VALUE", multiple=True,
    help="Give a setting of the policy or scheduler, as in --policy bandit --set slack_factor=0.1.",
)  # fmt: skip
@output_option
@in_workspace
def replay(
    name: str,
    policy: str | None,
    scheduler: str | None,
    changes: tuple[str, ...],
    output: str,
    workspace: Workspace,
) -> None:
    """Play a sweep's log again: the same events must lead to the same decisions, and to the same trials.

    With a policy or a scheduler: what would it have made of the trials on record?

    Exit codes: 0 done, 1 the log does not tell what happened, 2 the request is wrong.
    """
    folder = find_sweep(workspace, name)
    if policy is None and scheduler is None:
        if changes:
            raise RequestError("--set gives a setting of a policy or scheduler", hint="name it with --policy")
        _prove(folder, output)
        return
    if EVERY in (policy, scheduler) and (changes or None not in (policy, scheduler)):
        raise RequestError("`all` takes no other policy, scheduler or setting beside it")
    from barrido.replay.record import read_history
    from barrido.replay.rules import read_rule, usual_rules
    from barrido.replay.simulation import what_if

    history = read_history(folder)
    if EVERY in (policy, scheduler):
        rules = list(usual_rules(history))
    else:
        settings = split_changes(changes)
        rules = [read_rule(history, policy=policy, scheduler=scheduler, set_values=settings)]
    answers = [what_if(history, policy=r.policy, scheduler=r.scheduler, unit=r.unit) for r in rules]
    if output == "table":
        _say_table(answers)
        return
    from barrido.cli.output import say_data
    from barrido.figures.whatif import to_json

    say_data(to_json(folder.name, history, answers), output)


def _prove(folder: SweepFolder, output: str) -> None:
    from dataclasses import asdict

    from barrido.cli.output import say, say_data
    from barrido.replay.proof import prove
    from barrido.sdk.wording import counted

    proof = prove(folder)
    if output != "table":
        say_data({**asdict(proof), "equal": True}, output)
        return
    so_far = "" if proof.phase.is_terminal else f", as far as it has come ({proof.phase})"
    say(
        f"{proof.name}: replay equals history: {counted(proof.events, 'event')} led to the same"
        f" {counted(proof.decisions, 'decision')} and {counted(proof.trials, 'trial')} again{so_far}"
    )


def _say_table(answers: Sequence[WhatIf]) -> None:
    from barrido.cli.output import painted, say, say_lines, width
    from barrido.core.state import SweepPhase
    from barrido.sdk.table import Column, table
    from barrido.sdk.wording import clean, duration, number, one_line

    history = answers[0].history
    columns = [
        Column("rule", cut=True),
        *(Column(title, right=True) for title in ("trials", "stopped", "at", "reports", "saved")),
        Column(clean(answers[0].objective.metric), right=True),
        Column("rank", right=True),
        Column(f"trial {history.best_trial}" if history.best_trial is not None else "best trial"),
        Column("time", right=True),
    ]

    def row(rule: str, course: Course, saved: str, rank: str, fate: str, time: str) -> list[str]:
        counts = [str(len(course.runs)), str(len(course.stopped)), _span(course.stopped), str(course.reports)]
        return [rule, *counts, saved, number(course.best_value), rank, fate, time]

    rows = [row("as it was", history, "-", "-", "-", duration(history.seconds))]
    rows += [
        row(
            _rule_text(one),
            one.course,
            f"{one.saved_percent:.0f}%",
            number(one.rank),
            _fate(one),
            f"~{duration(one.course.seconds)}",
        )
        for one in answers
    ]
    head, *lines = table(columns, rows, width=width())
    say_lines([painted(head, dim=True), *lines])
    for one in answers:
        if one.cut:
            who = "1 trial ends with its" if one.cut == 1 else f"{one.cut} trials end with their"
            say(f"note ({_rule_text(one)}): {who} record: how it would have gone on, nobody knows")
        if one.course.phase is SweepPhase.FAILED:
            say(f"note ({_rule_text(one)}): it would have failed: {one_line(one.course.reason)}")
    say("times with ~ are simulated, from report to report: nothing is in them for starting and ending")


def _rule_text(one: WhatIf) -> str:
    """Like ``bandit slack_factor=0.1``; what has no effect is left out."""
    from barrido.sdk.wording import params_text

    def said(rule: Mapping[str, Any]) -> str:
        idle = {"evaluation_interval": 1, "min_resource": 1}
        settings = {k: v for k, v in rule.items() if k != "type" and v and idle.get(k) != v}
        return " ".join(filter(None, (rule["type"], params_text(settings))))

    rules = [rule for rule in (one.policy, one.scheduler) if rule and rule["type"] != "fifo"]
    return " + ".join(map(said, rules)) or "fifo"


def _span(stopped: Sequence[Run]) -> str:
    """At which reports trials were stopped.

    >>> _span(())
    '-'
    """
    if not stopped:
        return "-"
    first, last = min(run.reports for run in stopped), max(run.reports for run in stopped)
    return str(first) if first == last else f"{first}-{last}"


def _fate(one: WhatIf) -> str:
    """What would have become of the trial that was the best."""
    if one.history.best_trial is None:
        return "-"
    run = one.best_run
    if run is None:
        return "not begun"
    return "survives" if one.survives else f"stopped at {run.reports}"
