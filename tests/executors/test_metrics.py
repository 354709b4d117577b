"""How metrics get from a trial's process to the controller, and answers back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from barrido.core.events import Exited
from barrido.core.layout import SweepFolder
from barrido.core.protocols import GO_ON, Logged, Order, Signal, Step, Verdict
from barrido.core.recipe import Goal, Objective
from barrido.executors.local import LocalExecutor
from barrido.executors.tail import COMPLAINTS, Tail
from barrido.testing.executors import collect, exits, until_ended, until_reports, values

Run = Callable[[str], list[Signal]]
Make = Callable[..., LocalExecutor]


def complaints(signals: list[Signal]) -> list[str]:
    return [text for signal in signals if isinstance(signal, Logged) for text in signal.complaints]


def test_three_doors_are_told_apart(executor: LocalExecutor, folder: SweepFolder) -> None:
    command = """
        echo '{"name": "loss", "value": 1}' >> "$BARRIDO_FEED.report"
        echo '{"name": "loss", "value": 2}' >> "$BARRIDO_FEED.mlflow"
        echo '{"name": "loss", "value": 3}' >> "$BARRIDO_METRICS"
    """
    executor.launch(Order(0, 1, {"command": command}))
    logged = [signal for signal in until_ended(executor) if isinstance(signal, Logged)]
    assert {one.door: one.points[0].value for one in logged} == {"report": 1.0, "mlflow": 2.0, "file": 3.0}


def test_metrics_arrive_while_the_trial_runs(executor: LocalExecutor) -> None:
    executor.launch(
        Order(0, 1, {"command": """echo '{"name": "loss", "value": 1}' >> "$BARRIDO_METRICS"; sleep 600"""})
    )
    signals = until_reports(executor, 1)
    assert exits(signals) == []


def test_a_missing_time_is_now_and_a_missing_step_is_none(make: Make) -> None:
    executor = make()
    executor.launch(
        Order(0, 1, {"command": """echo '{"name": "loss", "value": 1}' >> "$BARRIDO_METRICS" """})
    )
    signals = until_ended(executor)
    (logged,) = (signal for signal in signals if isinstance(signal, Logged))
    (exited,) = exits(signals)
    assert logged.points[0].step is None
    assert exited.at - 60 < logged.points[0].at <= exited.at


def test_unicode_in_names_and_logs(run: Run, folder: SweepFolder) -> None:
    signals = run("""echo 'größe 𝛼 ✓'; echo '{"name": "größe/𝛼", "value": 1}' >> "$BARRIDO_METRICS" """)
    (logged,) = (signal for signal in signals if isinstance(signal, Logged))
    assert logged.points[0].name == "größe/𝛼"
    assert folder.trial(0).log.read_text() == "größe 𝛼 ✓\n"


def test_nan_and_infinities_are_read(run: Run) -> None:
    command = """printf '{"name": "loss", "value": %s}\\n' NaN '"NaN"' '"-Infinity"' >> "$BARRIDO_METRICS" """
    assert [repr(value) for value in values(run(command))] == ["nan", "nan", "-inf"]


def test_lines_that_cannot_be_read_are_complained_about_and_skipped(run: Run) -> None:
    signals = run(
        """for n in 1 2 3 4 5 6 7 8; do echo "loss=$n"; done >> "$BARRIDO_METRICS"
        echo '{"name": "loss", "value": 1}' >> "$BARRIDO_METRICS" """
    )
    assert values(signals) == [1.0]
    told = complaints(signals)
    assert len(told) == COMPLAINTS
    assert told[0].endswith(": loss=1")
    assert "0.1.file: not JSON" in told[0]


def test_a_last_line_without_newline_counts_when_the_trial_has_ended(run: Run) -> None:
    signals = run(
        """printf '{"name": "loss", "value": 1}\\n{"name": "loss", "value": 2}' >> "$BARRIDO_METRICS" """
    )
    assert values(signals) == [1.0, 2.0]
    assert complaints(signals) == []


def test_a_last_line_that_is_cut_off_is_complained_about(run: Run) -> None:
    signals = run("""printf '{"name": "loss", "value": 1}\\n{"name": "lo' >> "$BARRIDO_METRICS" """)
    assert values(signals) == [1.0]
    assert len(complaints(signals)) == 1


def test_a_tail_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "0.1.file"
    tail = Tail(str(path))
    assert tail.read(7.0) is None
    path.write_text('{"name": "loss", ')
    assert tail.read(7.0) is None
    path.write_text('{"name": "loss", "value": 1}\n{"na')
    news = tail.read(7.0)
    assert news is not None
    assert [(point.name, point.value, point.at) for point in news[0]] == [("loss", 1.0, 7.0)]
    assert tail.offset == len('{"name": "loss", "value": 1}\n')
    assert tail.read(7.0) is None


def test_a_tail_reads_a_long_journal_in_pieces_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0.1.file"
    path.write_text("".join(f'{{"name": "loss", "value": {n}}}\n' for n in range(100_000)))
    tail, seen, pieces = Tail(str(path)), [], 0
    while (news := tail.read(0.0)) is not None:
        seen += [point.value for point in news[0]]
        pieces += 1
    assert seen == [float(n) for n in range(100_000)]
    assert pieces > 1


def test_a_tail_gets_past_a_line_of_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "0.1.file"
    path.write_text("x" * 3_000_000 + '\n{"name": "loss", "value": 1}\n')
    tail, points, told = Tail(str(path)), [], 0
    while (news := tail.read(0.0)) is not None:
        points += news[0]
        told += len(news[1])
        assert all(len(text) < 500 for text in news[1])
    assert [point.value for point in points] == [1.0]
    assert told >= 1


def test_a_shell_script_reports_by_command(run: Run) -> None:
    signals = run(
        "python -m barrido.trial loss=0.5 step=1 && python -m barrido.trial loss=0.25 acc=0.9 step=2"
    )
    points = [point for signal in signals if isinstance(signal, Logged) for point in signal.points]
    assert [(p.name, p.value, p.step) for p in points] == [
        ("loss", 0.5, 1),
        ("loss", 0.25, 2),
        ("acc", 0.9, 2),
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_node_script_reports_by_file(run: Run) -> None:
    script = """
        const fs = require("fs");
        for (let step = 1; step <= 3; step++)
          fs.appendFileSync(process.env.BARRIDO_METRICS,
            JSON.stringify({name: "loss", value: 1 / step, step, time: Date.now() / 1000}) + "\\n");
    """
    signals = run(f"node -e '{script}'")
    assert values(signals) == [1.0, 1 / 2, 1 / 3]


def judged(executor: LocalExecutor, stops_at: int, *, stops_first: bool) -> list[Signal]:
    """What a controller does: answer each report as it is told; stop the trial at one of them."""
    told: list[Signal] = []
    reports = 0
    while not exits(told):
        for signal in executor.events(60.0):
            told.append(signal)
            if isinstance(signal, Logged) and signal.door == "report":
                reports += len(signal.points)
                stops = reports >= stops_at
                verdict = Verdict(Step.STOP, "the worst so far") if stops else GO_ON
                if stops and stops_first:
                    executor.stop(0, 1, "the worst so far")
                executor.answer(0, 1, {"report": signal.offset}, verdict)
                if stops and not stops_first:
                    executor.stop(0, 1, "the worst so far")
    return told


REPORTING = """
import barrido.trial
for step in range(1, 1000):
    barrido.trial.report(loss=1 / step, step=step)
"""


def with_policy(make: Make, **policy: int) -> LocalExecutor:
    return make(policy={"type": "median", **policy}, objective=Objective("loss", Goal.MINIMIZE))


@pytest.mark.parametrize("stops_first", [True, False])
def test_a_withheld_reply_makes_stops_exact(make: Make, folder: SweepFolder, stops_first: bool) -> None:
    executor = with_policy(make, evaluation_interval=1, delay_evaluation=0)
    executor.launch(Order(0, 1, {"command": f"python -c '{REPORTING}'"}))
    signals = judged(executor, 7, stops_first=stops_first)
    assert values(signals) == [1 / step for step in range(1, 8)]
    assert [exited.code for exited in exits(signals)] == [-15]
    assert len(Path(f"{folder.feed_stem(0, 1)}.report").read_text().splitlines()) == 7


def test_reports_wait_only_where_the_policy_applies(make: Make) -> None:
    executor = with_policy(make, evaluation_interval=5, delay_evaluation=7)
    executor.launch(Order(0, 1, {"command": f"python -c '{REPORTING}'"}))
    # Nobody answers: it goes on to its 10th report, the first one at which the policy applies.
    signals = until_reports(executor, 10)
    assert [signal for signal in executor.events(0.2) if isinstance(signal, Logged | Exited)] == []
    assert len(values(signals)) == 10


def test_a_script_can_ask_whether_it_should_stop_and_still_report(make: Make) -> None:
    executor = with_policy(make, evaluation_interval=1, delay_evaluation=0)
    script = """
import signal, barrido.trial
signal.signal(signal.SIGTERM, signal.SIG_IGN)
step = 0
while not barrido.trial.should_stop():
    step += 1
    barrido.trial.report(loss=step)
barrido.trial.report(final=step)
"""
    executor.launch(Order(0, 1, {"command": f"exec python -c '{script}'"}))
    signals = judged(executor, 3, stops_first=True)
    points = [p for signal in signals if isinstance(signal, Logged) for p in signal.points]
    assert [(point.name, point.value) for point in points] == [
        ("loss", 1.0),
        ("loss", 2.0),
        ("loss", 3.0),
        ("final", 3.0),
    ]
    assert exits(signals)[0].code == 0


def test_a_burst_of_reports_is_told_completely(executor: LocalExecutor) -> None:
    command = 'for n in $(seq 20000); do echo \'{"name": "loss", "value": \'$n\'}\'; done >> $BARRIDO_METRICS'
    executor.launch(Order(0, 1, {"command": command}))
    signals = collect(executor, lambda signals: len(exits(signals)) == 1)
    assert values(signals) == [float(n) for n in range(1, 20001)]
