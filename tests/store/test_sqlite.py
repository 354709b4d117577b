"""The store on disk: what was committed is there, whole, for the next controller and for readers."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path

import pytest

from barrido.controller.loop import replay
from barrido.core.decide import begin, decide
from barrido.core.events import (
    Ask,
    Cause,
    Event,
    Exited,
    Finish,
    Launch,
    Launched,
    Note,
    Outcome,
    Reported,
    Requested,
    Resumed,
    Started,
    Stop,
    Suggested,
    Ticked,
    Verb,
)
from barrido.core.layout import SweepFolder, Workspace
from barrido.core.plan import Plan
from barrido.core.protocols import Point
from barrido.core.recipe import Goal, Limits, Objective, Recipe, StopAfter, Work
from barrido.core.state import SweepPhase, SweepState
from barrido.core.trial import Expectation, Failure, Phase
from barrido.core.wire import decode, dumps, encode
from barrido.errors import StoreError, SweepNotFound
from barrido.schedulers.fifo import Fifo
from barrido.store.batch import Attempt, Batch, Decision, Feed, Measurement, Remark
from barrido.store.queries import Reader
from barrido.store.sqlite import SqliteStore
from barrido.store.workspace import sweeps

RECIPE = Recipe(
    name="iris",
    seed=7,
    space={"x": {"type": "choice", "values": [1, 2]}},
    objective=Objective("acc", Goal.MAXIMIZE),
    limits=Limits(max_total_trials=2, max_concurrent_trials=1, stop_after=StopAfter(3, 0.1)),
    work=Work(command="true ${{search_space.x}}", inputs={"a": "1", "b": None}, outputs=("model",)),
    notices=("one",),
    tags={"of": "old"},
)
EVENTS: tuple[Event, ...] = (
    Started(1.0),
    Suggested(0, ({"x": 1},), 1.0, (Expectation(-0.5, 0.25, 0.125),)),
    Launched(0, 1, 1.5, warm=True),
    Reported(0, 1, 0.25, 3, 2.0),
    Reported(0, 1, nan, None, 2.5),
    Exited(0, 1, Cause.EXIT, 0, 3.0),
)


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    return SweepFolder(tmp_path / "sweeps" / "iris")


def fill(store: SqliteStore) -> SweepState:
    plan = Plan(metric="acc", goal=Goal.MAXIMIZE, limits=RECIPE.limits, scheduler=Fifo())
    state = begin(plan)
    for event in EVENTS:
        batch = Batch(decisions=[Decision(event, decide(plan, state, event))], durable=True)
        if isinstance(event, Reported | Exited | Launched):
            batch.touched.add(event.trial)
        store.commit(batch, state)
    return state


@pytest.mark.parametrize(
    "item",
    [
        *EVENTS,
        Suggested(1, (None,), 1.0),
        Suggested(1, ({"x": 1}, {"x": 2}), 1.0, (None, Expectation(inf, nan, 0.0))),
        Resumed(4.0),
        Ticked(4.0),
        Requested("r", Verb.UPDATE, 1.0, changes={"timeout": 5.0}, origin="cli"),
        Exited(0, 2, Cause.NO_LAUNCH, None, 3.0, "no such folder", ("loss",)),
        Reported(0, 1, -inf, None, 1.0),
        Requested("r", Verb.ENQUEUE, 1.0, changes={"params": {"x": 1}}, origin="studio"),
        Requested("r", Verb.RERUN, 1.0, trial=3),
        Requested("r", Verb.RERUN, 1.0, origin="cli", reopens=True),
        Exited(0, 2, Cause.OUT_OF_MEMORY, -9, 3.0),
        Requested("r", Verb.ANNOTATE, 1.0, changes={"note": "é", "tags": {"a": None, "b": "<b>"}}),
        Ask(0, (0, 1)),
        Ask(1, (3, 5), (2, 3)),
        Launch(0, 1),
        Stop(0, 1, "é 'quoted' 🙂"),
        Note("text", 3),
        Finish(Outcome.CANCELED, ""),
    ],
    ids=lambda item: type(item).__name__,
)
def test_events_and_actions_survive_json(item: Event) -> None:
    assert repr(decode(json.loads(dumps(encode(item))))) == repr(item)


def test_a_recipe_survives_json() -> None:
    assert Recipe.from_json(json.loads(dumps(RECIPE.to_json()))) == RECIPE


def test_the_log_is_read_back_as_it_was_written(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    fill(store)
    store.close()
    again = SqliteStore(folder)
    log = list(again.decisions())
    assert repr(tuple(d.event for d in log)) == repr(EVENTS)
    assert log[1].actions == [Launch(0, 1)]
    assert again.recipe() == RECIPE
    again.close()


def test_readers_see_the_sweep_as_it_stands_in_the_users_scale(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    fill(store)
    with Reader(folder) as reader:
        sweep = reader.sweep()
        assert (sweep.phase, sweep.best_trial, sweep.best_value) == (SweepPhase.RUNNING, 0, 0.25)
        assert sweep.limits == RECIPE.limits
        (trial,) = reader.trials()
        assert (trial.phase, trial.best_value, trial.last_value) == (Phase.COMPLETED, 0.25, None)
        assert (trial.params, trial.last_step, trial.reports) == ({"x": 1}, 3, 2)
        assert trial.warm
        assert trial.expected == Expectation(0.5, 0.25, 0.125)
        assert reader.starts() == (1, 1)
        assert reader.counts() == {Phase.COMPLETED: 1}
        assert reader.running() == []
    store.close()


def test_measurements_feeds_and_remarks_are_kept(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    state = fill(store)
    values = (0.5, nan, inf)
    batch = Batch(
        measurements=[
            Measurement(0, 1, i, "report", Point("acc", value, None, 2.0), True)
            for i, value in enumerate(values)
        ],
        feeds={(0, 1, "report"): Feed(0, 1, "report", 99, True)},
        remarks=[Remark(2.0, "hello", 0)],
    )
    store.commit(batch, state)
    assert store.attempt(0, 1) == Attempt((Feed(0, 1, "report", 99, True),), 3, frozenset({"acc"}))
    with Reader(folder) as reader:
        read = [row.value for row in reader.metrics(0)]
        assert read[0] == 0.5
        assert isnan(read[1])
        assert read[2] == inf
        assert [note.text for note in reader.notes()] == ["hello"]
        assert reader.notes(after=1) == []
        assert reader.metric_names() == ["acc"]
    store.close()


def test_a_batch_that_fails_leaves_nothing_behind(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    state = fill(store)
    twice = Measurement(0, 1, 0, "report", Point("acc", 1.0, None, 2.0), True)
    with pytest.raises(StoreError, match="could not be written"):
        store.commit(Batch(measurements=[twice, twice], remarks=[Remark(1.0, "no")]), state)
    with Reader(folder) as reader:
        assert reader.notes() == []
        assert reader.metrics(0) == []
    store.commit(Batch(measurements=[twice]), state)
    store.close()


def test_a_sweep_is_its_owners_alone(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    fill(store)
    files = [folder.db, *folder.root.glob("sweep.db-*")]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    store.close()


def test_the_tables_are_strict_and_the_journal_is_a_wal(folder: SweepFolder) -> None:
    SqliteStore.create(folder, RECIPE, version="1", at=0.5).close()
    db = sqlite3.connect(folder.db)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO notes (at, text) VALUES ('soon', 'x')")
    db.close()


def as_of_version_1(folder: SweepFolder) -> None:
    """Take away what later versions brought."""
    db = sqlite3.connect(folder.db, isolation_level=None)
    db.execute("ALTER TABLE trials DROP COLUMN warm")
    for column in ("expected", "until", "rungs", "origin", "note", "tags", "failure"):
        db.execute(f"ALTER TABLE trials DROP COLUMN {column}")
    for column in ("note", "tags", "queued"):
        db.execute(f"ALTER TABLE sweep DROP COLUMN {column}")
    db.execute("DROP TABLE prior")
    db.execute("UPDATE events SET body = json_remove(body, '$.warm', '$.expected')")
    db.execute(
        "UPDATE sweep SET format = 1,"
        " recipe = json_remove(recipe, '$.work.warm', '$.resume_from', '$.pausing')"
    )
    db.execute("PRAGMA user_version = 1")
    db.close()


def test_a_database_of_version_1_is_shown_migrated_and_gone_on_with(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    state = fill(store)
    store.close()
    today = shape(folder)
    as_of_version_1(folder)
    with Reader(folder) as reader:
        assert [(trial.warm, trial.expected) for trial in reader.trials()] == [(False, None)]
        assert [(trial.origin, trial.note, trial.tags) for trial in reader.trials()] == [("", "", {})]
        assert (reader.sweep().note, reader.sweep().tags, reader.sweep().queued) == ("", {"of": "old"}, 0)
        assert reader.by_hand() == 0
        assert reader.starts() == (1, 0)
        assert shape(folder) != today  # looking changes nothing
        store = SqliteStore(folder)
        assert shape(folder) == today
        assert store.recipe() == RECIPE
        plan = Plan(metric="acc", goal=Goal.MAXIMIZE, limits=RECIPE.limits, scheduler=Fifo())
        again = begin(plan)
        assert replay(plan, again, store)
        assert again.trials[0] == replace(state.trials[0], warm=False, expected=None)
        again.trials[0].warm = True
        again.trials[0].expected = Expectation(-0.5, 0.25, 0.125)
        store.commit(Batch(touched={0}), again)
        store.close()
        (trial,) = reader.trials()
        assert (trial.warm, trial.expected) == (True, Expectation(0.5, 0.25, 0.125))
        assert reader.starts() == (1, 1)


def test_how_trials_failed_is_made_out_for_older_databases(folder: SweepFolder) -> None:
    SqliteStore.create(folder, RECIPE, version="1", at=0.5).close()
    ends = {
        ("completed", 0, ""): None,
        ("failed", 3, "exit code 3: no"): Failure.EXIT_CODE,
        ("failed", -9, "killed by signal 9 (SIGKILL)"): Failure.SIGNAL,
        ("failed", None, "could not be started: no"): Failure.NO_LAUNCH,
        ("failed", None, "lost"): Failure.LOST,
        ("canceled", -15, "ran longer than 3 s"): Failure.TIMEOUT,
        ("canceled", -15, "canceled by cli"): None,
    }
    db = sqlite3.connect(folder.db, isolation_level=None)
    db.executemany(
        "INSERT INTO trials (number, attempt, phase, params, reason, reports, last_step, queued_at,"
        " exit_code) VALUES (?, 1, ?, '{}', ?, 0, 0, 1.0, ?)",
        [(number, phase, reason, code) for number, (phase, code, reason) in enumerate(ends)],
    )
    db.close()
    as_of_version_1(folder)
    with Reader(folder) as reader:
        assert [trial.failure for trial in reader.trials()] == list(ends.values())
        SqliteStore(folder).close()
        assert [trial.failure for trial in reader.trials()] == list(ends.values())


def shape(folder: SweepFolder) -> list[tuple[object, ...]]:
    """The tables' columns, and the versions."""
    db = sqlite3.connect(folder.db)
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    columns = [(name, *column) for name in names for column in db.execute(f"PRAGMA table_info({name})")]
    versions = [*db.execute("PRAGMA user_version"), *db.execute("SELECT format FROM sweep")]
    db.close()
    return columns + versions


def test_what_people_write_is_shown_and_the_end_of_a_sweep_stays(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    state = fill(store)
    state.phase = SweepPhase.COMPLETED
    plan = Plan(metric="acc", goal=Goal.MAXIMIZE, limits=RECIPE.limits, scheduler=Fifo(), tags=RECIPE.tags)
    state.annotations = begin(plan).annotations
    ended = Decision(Ticked(9.0), [Finish(Outcome.COMPLETED, "")])
    store.commit(Batch(decisions=[ended]), state)
    for trial, changes in (
        (None, {"note": "a\nb", "tags": {"of": None, "x": "1"}}),
        (0, {"tags": {"y": "<"}}),
    ):
        event = Requested(f"of {trial}", Verb.ANNOTATE, 20.0, trial=trial, changes=changes)
        batch = Batch(decisions=[Decision(event, decide(plan, state, event))], touched=set(state.touched))
        store.commit(batch, state)
    with Reader(folder) as reader:
        sweep, (trial_row,) = reader.sweep(), reader.trials()
        assert (sweep.note, sweep.tags, sweep.ended_at) == ("a\nb", {"x": "1"}, 9.0)
        assert (trial_row.note, trial_row.tags) == ("", {"y": "<"})
        assert reader.answer_to("of 0") == []
        assert reader.answer_to("of 0", after=reader.last_event()) is None
    store.close()


def test_events_of_version_1_are_read() -> None:
    assert decode({"kind": "launched", "trial": 0, "attempt": 1, "at": 1.5}) == Launched(0, 1, 1.5)
    suggested = {"kind": "suggested", "ask": 0, "points": [{"x": 1}], "at": 1.0}
    assert decode(suggested) == Suggested(0, ({"x": 1},), 1.0)


@pytest.mark.parametrize("change", ["PRAGMA user_version = 99", "UPDATE sweep SET format = 99"])
def test_a_newer_database_is_refused_with_the_way_out(folder: SweepFolder, change: str) -> None:
    SqliteStore.create(folder, RECIPE, version="1", at=0.5).close()
    db = sqlite3.connect(folder.db, isolation_level=None)
    db.execute(change)
    db.close()
    with pytest.raises(StoreError, match="newer barrido") as refused:
        SqliteStore(folder)
    with pytest.raises(StoreError, match="newer barrido") as error:
        Reader(folder)
    assert str(folder.db) not in [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
    assert refused.value.hint == error.value.hint
    assert str(folder.db) in error.value.message
    assert "upgrade" in error.value.hint


def test_a_missing_sweep_is_not_made_by_looking_for_it(folder: SweepFolder) -> None:
    with pytest.raises(SweepNotFound):
        SqliteStore(folder)
    with pytest.raises(SweepNotFound):
        Reader(folder)
    assert not folder.root.exists()


def test_a_workspaces_sweeps_are_listed_oldest_first(tmp_path: Path) -> None:
    where = Workspace(tmp_path)
    assert sweeps(where) == []
    for name, at in (("b", 1.0), ("a", 2.0)):
        SqliteStore.create(where.sweep(name), RECIPE, version="1", at=at).close()
    assert [folder.name for folder in sweeps(where)] == ["b", "a"]


def test_a_sweep_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    where = Workspace(tmp_path)
    for name in ("bad", "good"):
        SqliteStore.create(where.sweep(name), RECIPE, version="1", at=1.0).close()
    where.sweep("bad").db.write_bytes(b"not a database" * 100)
    (where.sweeps / "empty").mkdir()
    (where.sweeps / "empty" / "sweep.db").touch()
    unreadable: list[StoreError] = []
    assert [folder.name for folder in sweeps(where, unreadable=unreadable)] == ["good"]
    assert [Path(str(error).split()[0]).parent.name for error in unreadable] == ["bad", "empty"]


def test_a_sweep_of_another_user_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = Workspace(tmp_path)
    for name in ("theirs", "ours"):
        SqliteStore.create(where.sweep(name), RECIPE, version="1", at=1.0).close()
    looks = Path.exists

    def exists(path: Path) -> bool:
        if "theirs" in path.parts:
            raise PermissionError(13, "Permission denied")
        return looks(path)

    monkeypatch.setattr(Path, "exists", exists)
    unreadable: list[StoreError] = []
    assert [folder.name for folder in sweeps(where, unreadable=unreadable)] == ["ours"]
    assert ["theirs" in str(error) for error in unreadable] == [True]


@pytest.mark.parametrize(
    "change",
    [
        "phase = 'dreaming'",
        "ends_as = 'unknown'",
        "recipe = '{'",
        "recipe = '[]'",
        "recipe = json_remove(recipe, '$.limits')",
        "recipe = json_set(recipe, '$.colour', 'red')",
        "recipe = json_set(recipe, '$.objective.goal', 'middle')",
        "limits = json_set(limits, '$.colour', 'red')",
        "tags = '{'",
    ],
)
def test_a_sweep_that_makes_no_sense_here_hides_no_other(tmp_path: Path, change: str) -> None:
    where = Workspace(tmp_path)
    for name in ("odd", "good"):
        SqliteStore.create(where.sweep(name), RECIPE, version="1", at=1.0).close()
    db = sqlite3.connect(where.sweep("odd").db, isolation_level=None)
    db.execute(f"UPDATE sweep SET {change}")
    db.close()
    unreadable: list[StoreError] = []
    assert [folder.name for folder in sweeps(where, unreadable=unreadable)] == ["good"]
    assert [Path(str(error).split()[0]).parent.name for error in unreadable] == ["odd"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_workspace_is_said_to_be_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="not writable"):
        SqliteStore.create(SweepFolder(tmp_path / "x"), RECIPE, version="1", at=0.0)


def test_a_sweep_that_is_over_can_be_read_where_nobody_can_write(folder: SweepFolder) -> None:
    SqliteStore.create(folder, RECIPE, version="1", at=0.5).close()
    assert sorted(path.name for path in folder.root.iterdir()) == ["sweep.db"]
    mount = ["mount", "--bind", str(folder.root), str(folder.root)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can make a folder unwritable for root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder.root)], check=True)
        with Reader(folder) as reader:
            assert reader.sweep().recipe == RECIPE
        with pytest.raises(StoreError, match="could not be opened"):
            SqliteStore(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder.root)], check=True)


def test_a_file_that_is_no_database_is_said_to_be_none(folder: SweepFolder) -> None:
    folder.root.mkdir(parents=True)
    folder.db.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match="could not be opened: file is not a database"):
        SqliteStore(folder)


def test_text_that_is_not_unicode_can_be_kept(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    state = fill(store)
    state.trials[0].reason = state.reason = "no such folder: caf\udce9"
    event = Requested("r", Verb.PAUSE, 4.0, origin="\ud800")
    batch = Batch(decisions=[Decision(event, [])], remarks=[Remark(1.0, "\ud800")], touched={0})
    store.commit(batch, state)
    assert list(store.decisions())[-1].event == event
    with Reader(folder) as reader:
        assert reader.trials()[0].reason == "no such folder: caf?"
        assert reader.notes()[-1].text == "?"
    store.close()


def test_a_metrics_range_is_that_of_its_finite_values(folder: SweepFolder) -> None:
    store = SqliteStore.create(folder, RECIPE, version="1", at=0.5)
    state = fill(store)
    logged = {"acc": (0.5, inf, 0.7, -inf, nan), "lost": (inf, nan)}
    points = [Point(name, value, None, 1.0) for name, values in logged.items() for value in values]
    measured = [Measurement(0, 1, seq, "report", point, False) for seq, point in enumerate(points)]
    store.commit(Batch(measurements=measured), state)
    store.close()
    with Reader(folder) as reader:
        assert reader.summaries(0) == {"acc": (5, None, 0.5, 0.7), "lost": (2, None, None, None)}
