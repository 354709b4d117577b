"""Rules that a sweep is asked about: names, YAML, files, objects; mistakes are said as in a sweep's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.replay.conftest import STEPS

from barrido import BanditPolicy, MLClient
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Unit
from barrido.errors import RequestError, SpecError
from barrido.replay.course import WhatIf
from barrido.replay.proof import Proof
from barrido.replay.record import History, read_history
from barrido.replay.rules import read_rule, usual_rules

BANDIT = {"type": "bandit", "slack_factor": 0.1, "evaluation_interval": 1, "delay_evaluation": 0}
FIFO = {"type": "fifo"}


@pytest.fixture
def history(ran: Callable[..., SweepFolder]) -> History:
    return read_history(ran())


def test_a_rule_is_a_name_or_yaml_or_data(history: History) -> None:
    for policy in ("{type: bandit, slack_factor: 0.1}", {"type": "Bandit", "slack_factor": 0.1}):
        rule = read_rule(history, policy=policy)
        assert (rule.policy, rule.scheduler, rule.unit) == (BANDIT, FIFO, Unit.REPORT)
    median = read_rule(history, policy="median_stopping").policy
    assert median is not None
    assert median["type"] == "median_stopping"
    assert read_rule(history).policy is None


def test_settings_may_stand_beside_a_name(history: History) -> None:
    assert read_rule(history, policy="bandit", set_values=[("slack_factor", "0.1")]).policy == BANDIT
    rule = read_rule(
        history,
        policy="bandit",
        scheduler="asha",
        set_values=[("early_termination.slack_factor", "0.1"), ("scheduler.max_resource", "9")],
    )
    assert rule.policy == BANDIT
    assert (rule.scheduler["type"], rule.scheduler["max_resource"]) == ("asha", 9)


def test_a_file_holds_a_rule_or_a_sweep_that_has_one(history: History, tmp_path: Path) -> None:
    alone, within = tmp_path / "bandit.yml", tmp_path / "sweep.yml"
    alone.write_text("type: bandit\nslack_factor: 0.1\n")
    within.write_text("type: sweep\nearly_termination:\n  type: bandit\n  slack_factor: 0.1\n")
    for path in (alone, within):
        assert read_rule(history, policy=str(path)).policy == BANDIT
    with pytest.raises(RequestError, match=r"there is no file '.*bandits\.yml'"):
        read_rule(history, policy=str(tmp_path / "bandits.yml"))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"policy": "bandt"}, "bandt: early_termination: is not an early termination policy"),
        ({"policy": "bandit"}, "needs a slack_factor or a slack_amount"),
        ({"policy": "{type: bandit"}, "early_termination: not valid YAML"),
        (
            {"policy": {"type": "bandit", "slack": 1}},
            "train.py:3: early_termination.slack: is not a",
        ),
        ({"scheduler": "{type: asha, max_resource: none}"}, "scheduler.max_resource: must be"),
        ({"policy": "fifo"}, "is not an early termination policy"),
        ({"policy": "bandit", "set_values": [("slak_factor", "1")]}, "did you mean 'slack_factor'"),
    ],
)
def test_mistakes_are_said_with_their_place(history: History, given: dict[str, Any], what: str) -> None:
    with pytest.raises(SpecError, match=what.replace("{", r"\{")):
        read_rule(history, source="train.py:3", **given)


def test_the_usual_rules_are_all_there_are_and_suit_the_record(history: History) -> None:
    rules = list(usual_rules(history))
    assert [rule.policy["type"] if rule.policy else None for rule in rules] == [
        None, "bandit", "median_stopping", "truncation_selection", None, None, None, None,
    ]  # fmt: skip
    assert [(rule.scheduler["type"], rule.scheduler.get("variant")) for rule in rules[4:]] == [
        ("successive_halving", None),
        ("hyperband", "algorithm"),
        ("asha", "promotion"),
        ("asha", "stopping"),
    ]
    assert {rule.scheduler["max_resource"] for rule in rules[4:]} == {STEPS}
    assert {rule.policy["delay_evaluation"] for rule in rules if rule.policy} == {2}


def test_a_client_replays_by_name(ran: Callable[..., SweepFolder], workspace: Workspace) -> None:
    ran()
    jobs = MLClient(workspace_name=workspace.root).jobs
    proof = jobs.replay("iris")
    assert isinstance(proof, Proof)
    assert proof.trials == 17
    answers = [
        jobs.replay("iris", policy=BanditPolicy(slack_factor=0.1)),
        jobs.replay("iris", policy={"type": "bandit", "slack_factor": 0.1}),
        jobs.replay("iris", policy="{type: bandit, slack_factor: 0.1}"),
    ]
    assert answers[0] == answers[1] == answers[2]
    assert isinstance(answers[0], WhatIf)
    assert answers[0].policy == BANDIT
    with pytest.raises(SpecError, match=r"test_rules\.py:\d+: early_termination: needs a slack_factor"):
        jobs.replay("iris", policy=BanditPolicy())
