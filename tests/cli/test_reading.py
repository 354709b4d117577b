from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ruamel.yaml import YAML

from barrido.core.layout import SweepFolder, Workspace
from barrido.core.recipe import Limits, Work
from barrido.core.trial import Expectation
from barrido.tracking.backend import backend
from barrido.tracking.config import Config
from barrido.tracking.status import Status


def test_a_list_shows_each_sweep_newest_first(
    barrido: Callable[..., Any], finished: SweepFolder, tale: Callable[..., Any]
) -> None:
    tale("younger", began=1_700_000_500.0).launch(0)
    tale("older", began=1_600_000_000.0)
    lines = barrido("job", "list").out.splitlines()
    assert lines[0].split() == ["name", "status", "trials", "best", "age"]
    assert [line.split()[0] for line in lines[1:]] == ["younger", "iris", "older"]
    assert lines[2].split()[:5] == ["iris", "completed", "3/3", "Accuracy", "0.95"]


def test_an_empty_workspace_lists_nothing(barrido: Callable[..., Any]) -> None:
    assert barrido("job", "list").out.startswith("no sweeps in ")
    assert json.loads(barrido("job", "list", "-o", "json").out) == []


def test_a_long_list_is_cut_and_says_so(barrido: Callable[..., Any], tale: Callable[..., Any]) -> None:
    for name in "abc":
        tale(name)
    lines = barrido("job", "list", "-r", "2").out.splitlines()
    assert len(lines) == 4
    assert lines[-1] == "… 1 more: --max-results 3 shows them all"


def test_a_sweep_whose_controller_died_is_called_interrupted(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    tale().launch(0)
    assert "interrupted" in barrido("job", "list").out
    assert "`barrido job resume iris`" in barrido("job", "show", "iris").out
    (sweep,) = json.loads(barrido("job", "list", "-o", "json").out)
    assert (sweep["phase"], sweep["status"]) == ("interrupted", "NotResponding")


def test_a_sweep_that_is_run_is_not(barrido: Callable[..., Any], running: Any) -> None:
    (sweep,) = json.loads(barrido("job", "list", "-o", "json").out)
    assert (sweep["phase"], sweep["status"]) == ("running", "Running")
    phases = {"completed": 1, "launching": 1, "running": 1}
    assert sweep["trials"] == {"total": 3, "done": 1, "warm": 0, **phases}


def test_trials_are_a_table_with_a_column_for_each_parameter(
    barrido: Callable[..., Any], finished: SweepFolder
) -> None:
    head, *rows = barrido("job", "trials", "iris").out.splitlines()
    assert head.split() == ["trial", "status", "lr", "solver", "Accuracy", "reports", "time", "reason"]
    assert rows[0].split()[:6] == ["0", "completed", "0.1", "adam", "0.8", "2"]
    assert rows[2].split(maxsplit=7)[1:] == [
        "failed", "1", "sgd", "-", "0", "8s", "exit code 3: ValueError: no such solver",
    ]  # fmt: skip


def test_the_best_trials_can_come_first(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    rows = barrido("job", "trials", "iris", "--best").out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["1", "0", "2"]
    rows = barrido("job", "trials", "iris", "--best", "-r", "1").out.splitlines()[1:]
    assert (rows[0].split()[0], rows[1]) == ("1", "… 2 more")


def test_a_sweeps_children_are_its_trials(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    assert barrido("job", "list", "-p", "iris").out == barrido("job", "trials", "iris").out


def test_trials_as_json_hold_exact_values(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    trials = json.loads(barrido("job", "trials", "iris", "-o", "json").out)
    assert [(t["name"], t["status"], t["value"], t["reports"]) for t in trials] == [
        ("iris_0", "Completed", 0.8, 2),
        ("iris_1", "Completed", 0.95, 3),
        ("iris_2", "Failed", None, 0),
    ]
    assert trials[1]["parameters"] == {"lr": 0.01, "solver": "sgd"}
    assert trials[1]["last_value"] == 0.93
    assert trials[0]["started_at"] == "2023-11-14T22:13:21Z"


@pytest.mark.parametrize("what", [["list"], ["show", "iris"], ["trials", "iris"], ["show", "iris_1"]])
def test_yaml_says_the_same_as_json(
    barrido: Callable[..., Any], finished: SweepFolder, what: list[str]
) -> None:
    as_json = json.loads(barrido("job", *what, "-o", "json").out)
    as_yaml = YAML(typ="safe", pure=True).load(barrido("job", *what, "-o", "yaml").out)
    assert as_yaml == as_json


def test_a_sweep_shows_what_was_asked_for_and_what_came_of_it(
    barrido: Callable[..., Any], finished: SweepFolder
) -> None:
    out = barrido("job", "show", "iris").out
    for line in (
        "status        completed",
        "experiment    iris",
        "              solver: type=uniform min_value=0 max_value=1",
        "sampling      type=random seed=7",
        "objective     maximize Accuracy",
        "trials        3/3 done: 2 completed, 1 failed",
        "best trial: 1, Accuracy 0.95, with lr=0.01 solver=sgd",
    ):
        assert line in out.splitlines()


def test_trials_that_started_warm_are_shown_to_be(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale(points=[{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}])
    told.launch(0)
    assert "started warm" not in barrido("job", "show", "iris").out
    told.launch(1, warm=True)
    assert "started " not in barrido("job", "show", "iris_0").out
    assert "started        warm\n" in barrido("job", "show", "iris_1").out
    told.end(1)
    out = barrido("job", "show", "iris").out
    assert "trials        1/3 done: 1 completed, 1 launching, 1 running; 1 of 2 started warm\n" in out
    facts = json.loads(barrido("job", "show", "iris", "-o", "json").out)
    assert (facts["warm"], facts["trials"]["warm"]) == ("auto", 1)
    trials = json.loads(barrido("job", "trials", "iris", "-o", "json").out)
    assert [trial["warm"] for trial in trials] == [False, True, False]
    assert json.loads(barrido("job", "show", "iris_1", "-o", "json").out)["warm"] is True


def test_the_best_trial_says_where_its_files_are(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    outputs = finished.trial(1).work / "outputs"
    outputs.mkdir(parents=True)
    assert "outputs: " not in barrido("job", "show", "iris").out
    (outputs / "model.txt").touch()
    out = barrido("job", "show", "iris").out
    assert "  outputs: .barrido/sweeps/iris/trials/1/work/outputs\n" in out
    assert "  log:     .barrido/sweeps/iris/trials/1/logs/std_log.txt\n" in out


def test_one_trial_shows_the_course_of_its_metrics(
    barrido: Callable[..., Any], finished: SweepFolder
) -> None:
    out = barrido("job", "show", "iris_1").out
    assert "best Accuracy  0.95" in out
    assert "  Accuracy  0.93  ▁█▅" in out
    course = json.loads(barrido("job", "show", "iris_1", "-o", "json").out)["metrics"]["Accuracy"]
    assert [point["value"] for point in course] == [0.9, 0.95, 0.93]


def test_what_was_expected_of_a_trial_stands_beside_what_came(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale(points=[{"lr": 0.1}, {"lr": 0.2}], expected={1: Expectation(-0.9, 0.0213, 0.004)})
    told.launch(1)
    told.report(1, 0.95)
    assert "expected" not in barrido("job", "show", "iris_0").out
    lines = barrido("job", "show", "iris_1").out.splitlines()
    place = lines.index("expected Accuracy  0.9 ± 0.021")
    assert lines[place + 1] == "best Accuracy      0.95"
    expected = {"mean": 0.9, "spread": 0.0213, "improvement": 0.004}
    assert json.loads(barrido("job", "show", "iris_1", "-o", "json").out)["expected"] == expected
    trials = json.loads(barrido("job", "trials", "iris", "-o", "json").out)
    assert [trial["expected"] for trial in trials] == [None, expected]
    head, *rows = barrido("job", "trials", "iris").out.splitlines()
    assert head.split()[:5] == ["trial", "status", "lr", "expected", "Accuracy"]
    assert rows[0].split()[3:5] == ["-", "-"]
    assert rows[1].split()[3:7] == ["0.9", "±", "0.021", "0.95"]


def test_a_trial_that_is_not_there_is_said(barrido: Callable[..., Any], finished: SweepFolder) -> None:
    said = barrido("job", "show", "iris_14")
    assert said.code == 2
    assert said.err == (
        "error: sweep 'iris' has no trial 14\n"
        "  hint: it has 3 trials, numbered 0 to 2; see `barrido job trials iris`\n"
    )


def test_a_sweeps_own_name_wins_over_a_trials(barrido: Callable[..., Any], tale: Callable[..., Any]) -> None:
    tale("iris")
    tale("iris_0")
    assert json.loads(barrido("job", "show", "iris_0", "-o", "json").out)["type"] == "sweep"


def test_values_that_json_has_no_word_for_become_text(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale()
    told.launch(0)
    told.report(0, float("nan"), float("inf"))
    course = json.loads(barrido("job", "show", "iris_0", "-o", "json").out)["metrics"]["Accuracy"]
    assert [point["value"] for point in course] == ["NaN", "Infinity"]


def test_a_sweep_without_a_metric_has_no_column_for_one(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale(objective=None)
    told.launch(0)
    told.end(0)
    head, row = barrido("job", "trials", "iris").out.splitlines()
    assert head.split() == ["trial", "status", "lr", "time"]
    assert row.split()[:3] == ["0", "completed", "0.1"]


def test_a_plain_command_is_shown_without_a_search(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale(
        points=[{}],
        kind="command",
        objective=None,
        space={},
        limits=Limits(max_total_trials=1, max_concurrent_trials=1),
        work=Work(command="echo one\necho two"),
    )
    told.launch(0)
    told.end(0)
    out = barrido("job", "show", "iris").out
    assert "sampling" not in out
    assert "echo one\n" in out
    assert barrido("job", "trials", "iris").out.split()[:3] == ["trial", "status", "time"]


def test_what_scripts_logged_cannot_steer_the_terminal(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale(points=[{"lr": "\x1b[2J\nx"}])
    told.launch(0)
    told.end(0, 1, "\x1b]0;title\x07 gone")
    for command in (["trials", "iris"], ["show", "iris"], ["show", "iris_0"], ["list"]):
        out = barrido("job", *command).out
        assert out.isprintable() or all(c.isprintable() or c == "\n" for c in out)


def test_a_sweep_without_an_objective_has_trials_and_no_best(
    barrido: Callable[..., Any], tale: Callable[..., Any]
) -> None:
    told = tale(points=[{"lr": 0.1}, {"lr": 0.2}], objective=None)
    for trial in range(2):
        told.launch(trial)
        told.end(trial)
    assert "best" not in barrido("job", "show", "iris").out
    assert barrido("job", "trials", "iris", "--best").out.splitlines()[0].split() == [
        "trial", "status", "lr", "time",
    ]  # fmt: skip
    said = barrido("job", "stream", "iris")
    assert (said.code, said.out.splitlines()[-5]) == (
        0, "iris completed: all 2 trials are done (2 trials, 4s)",
    )  # fmt: skip
    assert json.loads(barrido("job", "show", "iris", "-o", "json").out)["best_trial"] is None
    said = barrido("job", "download", "iris")
    assert "no best trial to download: nothing is compared without an objective" in said.err
    assert "`barrido job download iris_0`" in said.err


def test_a_password_in_the_address_of_mlflow_is_never_shown(
    barrido: Callable[..., Any], tale: Callable[..., Any], workspace: Workspace
) -> None:
    told = tale(tracking_uri="http://ann:s3cret@mlflow.example.com")
    shown = json.loads(barrido("job", "show", "iris", "-o", "json").out)
    assert shown["tracking_uri"] == "http://***@mlflow.example.com"
    database = backend(workspace, "postgresql://ann:s3cret@db/mlflow")
    told.folder.tracking.mkdir()
    Config.new(url=None, backend=database, eager=True).write(told.folder.tracking)
    Status(run_id="1").write(told.folder.tracking / "status.json")
    said = barrido("job", "show", "iris").out
    assert "mlflow ui --backend-store-uri 'postgresql://***@db/mlflow'" in said
    assert "s3cret" not in said
