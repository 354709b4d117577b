from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barrido.cli.frame import Past, frame
from barrido.core.recipe import Goal, Limits
from barrido.core.state import SweepPhase
from barrido.core.trial import Phase
from barrido.sdk.plain import PlainView
from barrido.sdk.progress import Progress
from barrido.sdk.table import display_width
from barrido.store.queries import NoteRow, TrialRow

AT = 1000.0


def trial(number: int, phase: Phase = Phase.RUNNING, **values: Any) -> TrialRow:
    return TrialRow(
        **{
            "number": number, "attempt": 1, "phase": phase, "params": {"lr": 0.1 * number, "solver": "adam"},
            "reason": "", "reports": 2, "best_value": 0.5, "last_value": 0.25, "last_step": 2,
            "queued_at": AT - 9, "started_at": AT - 8, "ended_at": AT if phase.is_terminal else None,
            "exit_code": None, "warm": False, **values,
        }
    )  # fmt: skip


def progress(**values: Any) -> Progress:
    ended: Sequence[TrialRow] = values.get("ended", ())
    return Progress(
        **{
            "name": "iris", "display_name": "iris", "kind": "sweep", "phase": SweepPhase.RUNNING,
            "status": "Running", "reason": "", "metric": "Accuracy", "goal": Goal.MAXIMIZE,
            "limits": Limits(max_total_trials=8, max_concurrent_trials=2), "counts": {}, "done": len(ended),
            "total": 8, "starts": (0, 0), "running": (), "best": None, "ended": (), "notes": (),
            "elapsed_s": 83.0, "eta_s": 42.0, **values,
        }
    )  # fmt: skip


def picture(*looks: Progress, width: int = 79, height: int = 23) -> list[str]:
    """What is seen after these looks, without colours."""
    past = Past()
    for look in looks:
        past.add(look)
    return [click.unstyle(line) for line in frame(looks[-1], past, at=AT, width=width, height=height)]


def test_a_picture_holds_what_there_is_to_know() -> None:
    pruned = trial(3, Phase.PRUNED, reason="median of 4 trials at report 5 is 0.8, this one's best 0.5")
    lines = picture(
        progress(
            ended=(
                trial(0, Phase.COMPLETED, best_value=0.7),
                trial(1, Phase.COMPLETED, best_value=0.9),
                pruned,
            ),
            running=(trial(4), trial(5, Phase.LAUNCHING, reports=0, best_value=None, started_at=None)),
            best=trial(1, Phase.COMPLETED, best_value=0.9),
        )
    )
    assert lines == [
        "iris  maximize Accuracy  running",
        "━" * 15 + "─" * 25 + " 3/8  1:23  about 0:42 left",
        "",
        "best     Accuracy 0.9  trial 1",
        "         lr=0.1 solver=adam",
        "         ▁██",
        "",
        "running           parameters          last  best  reports  time",
        "      4           lr=0.4 solver=adam  0.25   0.5        2    8s",
        "      5 starting  lr=0.5 solver=adam     -     -        0     -",
        "",
        "stopped  3  median of 4 trials at report 5 is 0.8, this one's best 0.5",
    ]


def test_how_many_trials_started_warm_stands_beside_the_bar_that_leaves_room_for_it() -> None:
    ended = (trial(0, Phase.COMPLETED, warm=True),)
    bars = {width: picture(progress(ended=ended, starts=(4, 3)), width=width)[1] for width in (79, 60, 40)}
    assert bars == {
        79: "━" * 4 + "─" * 27 + " 1/8  1:23  about 0:42 left  3 of 4 started warm",
        60: "━" * 2 + "─" * 10 + " 1/8  1:23  about 0:42 left  3 of 4 started warm",
        40: "─" * 4 + " 1/8  1:23  about 0:42 left  3 of 4…",
    }


def test_the_best_so_far_never_gets_worse() -> None:
    past = Past()
    for number, value in enumerate([0.5, 0.7, 0.6, None, 0.9]):
        past.add(progress(ended=(trial(number, Phase.COMPLETED, best_value=value),)))
    assert past.course == [0.5, 0.7, 0.7, 0.9]
    past = Past()
    for number, value in enumerate([0.5, 0.7, 0.2]):
        past.add(progress(goal=Goal.MINIMIZE, ended=(trial(number, Phase.COMPLETED, best_value=value),)))
    assert past.course == [0.5, 0.5, 0.2]


def test_only_the_latest_stops_are_shown() -> None:
    looks = [progress(ended=(trial(n, Phase.PRUNED, reason=f"reason {n}"),)) for n in range(6)]
    assert [line.split()[-1] for line in picture(*looks) if line.startswith("stopped")] == ["3", "4", "5"]


def test_where_many_trials_run_the_rest_is_counted() -> None:
    lines = picture(progress(running=tuple(trial(n) for n in range(40))), height=12)
    assert len(lines) <= 12
    more = [line for line in lines if line.startswith("… and ")]
    shown = sum("solver=adam" in line for line in lines)
    assert more == [f"… and {40 - shown} more"]


def test_a_sweep_without_a_metric_has_no_best() -> None:
    lines = picture(progress(metric=None, goal=None, running=(trial(0),)))
    assert not [line for line in lines if "best" in line or "last" in line]


@pytest.mark.parametrize(("width", "height"), [(79, 23), (79, 9), (30, 5), (200, 60), (9, 9), (1, 1)])
@given(
    names=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=20, unique=True),
    text=st.text(max_size=200),
    counts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
@settings(max_examples=25, deadline=None)
def test_a_picture_fits_any_terminal(
    width: int, height: int, names: list[str], text: str, counts: tuple[int, int]
) -> None:
    params = dict.fromkeys(names, text)
    running = tuple(trial(n, params=params) for n in range(counts[0]))
    ended = tuple(trial(n + 50, Phase.FAILED, params=params, reason=text) for n in range(counts[1]))
    now = progress(
        name="a" * 40, metric=text or "m", running=running, ended=ended, total=100, done=counts[1],
        best=trial(3, params=params), reason=text,
    )  # fmt: skip
    lines = picture(now, width=width, height=height)
    assert len(lines) <= height
    assert [line for line in lines if display_width(line) > width] == []
    assert all(line.isprintable() for line in lines)


def test_lines_for_a_log_tell_each_thing_once() -> None:
    view = PlainView(io.StringIO())
    looks = [
        progress(
            running=(trial(0), trial(1, Phase.LAUNCHING)), notes=(NoteRow(1, AT, None, "local MLflow"),)
        ),
        progress(running=(trial(0), trial(1)), best=trial(0)),
        progress(running=(trial(0), trial(1)), best=trial(0)),
        progress(
            running=(trial(1),),
            ended=(trial(0, Phase.PRUNED, reason="worse than the median\nmore"),),
            best=trial(1, best_value=0.75),
            phase=SweepPhase.PAUSED,
        ),
    ]
    assert [line for look in looks for line in view.news(look, at=AT)] == [
        "iris: 8 trials, 2 at a time, maximize Accuracy",
        "[1:23] note: local MLflow",
        "[1:23] trial 0 started: lr=0 solver=adam",
        "[1:23] trial 1 started: lr=0.1 solver=adam",
        "[1:23] best so far: Accuracy 0.5, trial 0",
        "[1:23] trial 0 stopped: Accuracy 0.5, lr=0 solver=adam, 8s (worse than the median)",
        "[1:23] best so far: Accuracy 0.75, trial 1",
        "[1:23] iris is paused",
        "[1:23] 1 of 8 trials done, 1 running, about 0:42 left",
    ]


def test_a_log_shows_signs_of_life_while_nothing_happens() -> None:
    out = io.StringIO()
    view = PlainView(out)
    for at in (0.0, 59.0, 61.0, 119.0, 122.0):
        view.show(progress(running=(trial(0),)), at=at)
    assert out.getvalue().splitlines()[2:] == ["[1:23] 0 of 8 trials done, 1 running, about 0:42 left"] * 2


def test_trials_fit_a_narrow_terminal_with_all_their_parameters_in_one_column(
    tale: Callable[..., Any],
) -> None:
    from barrido.sdk.rows import trials_table

    rows = [
        trial(n, params={f"parameter_{k}": k + n / 7 for k in range(9)}, reason="x" * 90) for n in range(3)
    ]
    lines = [click.unstyle(line) for line in trials_table(rows, metric="loss", at=AT, width=60)]
    assert all(len(line) <= 60 for line in lines)
    assert "parameters" in lines[0]
    wide = [click.unstyle(line) for line in trials_table(rows, metric="loss", at=AT, width=None)]
    assert "parameter_8" in wide[0]
    assert "x" * 90 in wide[1]


def test_trials_on_their_way_to_a_rung_say_so_and_those_that_wait_are_counted() -> None:
    look = progress(
        running=(trial(1, until=3), trial(2, until=9, rungs={1: 0.1, 3: 0.2})),
        counts={Phase.RUNNING: 2, Phase.PAUSED: 5},
    )
    lines = picture(look)
    assert "5 paused" in lines[1]
    head, first, second = next(lines[n : n + 3] for n, line in enumerate(lines) if line.startswith("running"))
    assert head.split()[-2:] == ["rung", "time"]
    assert (first.split()[-2], second.split()[-2]) == ("→3", "3→9")
    out = io.StringIO()
    PlainView(out).show(progress(ended=(trial(0, Phase.PRUNED),), counts={Phase.PAUSED: 5}), at=AT)
    assert "1 of 8 trials done, 0 running, 5 paused" in out.getvalue()
