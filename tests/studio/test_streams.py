"""What a page that is open sees of what happens, as it happens."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Tale
from tests.studio.conftest import Studio, served, tell_finished

from barrido.controller.lock import SweepLock
from barrido.core.events import Requested, Verb
from barrido.core.layout import Workspace
from barrido.studio import stream
from barrido.studio.following import ListSource, News, SweepSource
from barrido.studio.stream import Listener

POINTS = [{"lr": n / 10} for n in range(4)]


def until(events: Iterator[tuple[str, Any]], is_there: Callable[[Any], Any]) -> Any:
    """The first message of which ``is_there`` holds."""
    return next(data for _, data in events if is_there(data))


def test_the_first_message_holds_what_is_not_over(tale: Callable[..., Tale], studio: Studio) -> None:
    told = tale(points=POINTS)
    told.launch(0)
    told.end(0)
    with studio.stream("/api/sweeps/iris/stream") as events:
        name, first = next(events)
        assert name == "sweep"
        assert first.keys() == {"sweep", "trials", "notes", "limits"}
        assert first["sweep"] | {"elapsed_s": 0} == studio.get("/api/sweeps")["sweeps"][0] | {"elapsed_s": 0}
        assert first["trials"] == studio.get("/api/sweeps/iris/trials?numbers=1,2,3")
        assert first["limits"]["max_total_trials"] == 4


def test_then_come_the_rows_that_changed(tale: Callable[..., Tale], studio: Studio) -> None:
    told = tale(points=POINTS)
    with studio.stream("/api/sweeps/iris/stream") as events:
        next(events)
        told.launch(2)
        assert until(events, lambda data: data["trials"]["number"])["trials"]["number"] == [2]
        told.report(2, 0.5)
        news = until(events, lambda data: data["trials"]["number"])
        assert (news["trials"]["number"], news["trials"]["value"]) == ([2], [0.5])
        assert news["sweep"]["best"]["trial"] == 2
        told.end(2)
        news = until(events, lambda data: data["trials"]["number"])
        assert (news["trials"]["number"], news["trials"]["phase"]) == ([2], ["completed"])
        told.report(1, 0.1)


def test_after_the_end_annotations_still_come(workspace: Workspace, studio: Studio) -> None:
    told = tell_finished(workspace)
    with studio.stream("/api/sweeps/iris/stream") as events:
        assert next(events)[1]["trials"]["number"] == []
        told.tell(Requested("1", Verb.ANNOTATE, 0.0, trial=1, changes={"note": "<b>look</b>"}))
        news = until(events, lambda data: data["trials"]["number"])
        assert (news["trials"]["number"], news["trials"]["note"]) == ([1], ["<b>look</b>"])
        told.tell(Requested("2", Verb.ANNOTATE, 0.0, changes={"note": "done"}))
        assert until(events, lambda data: data["sweep"]["note"])["trials"]["number"] == []


def test_a_controller_that_dies_is_seen_though_nothing_is_committed(
    tale: Callable[..., Tale], studio: Studio
) -> None:
    told = tale()
    with ExitStack() as controller:
        controller.enter_context(SweepLock(told.folder))
        with studio.stream("/api/sweeps/iris/stream") as events, studio.stream("/api/stream") as listed:
            assert next(events)[1]["sweep"]["is_running"]
            assert next(listed)[1]["sweeps"][0]["is_running"]
            controller.close()
            news = until(events, lambda data: not data["sweep"]["is_running"])
            assert news["sweep"]["status"] == "NotResponding"
            assert next(listed)[1]["sweep"]["status"] == "NotResponding"


def test_a_sweep_that_is_removed_is_gone(tale: Callable[..., Tale], studio: Studio) -> None:
    told = tale()
    with studio.stream("/api/sweeps/iris/stream") as events, studio.stream("/api/stream") as listed:
        next(events)
        next(listed)
        shutil.rmtree(told.folder.root)
        assert list(events) == [("gone", {"name": "iris"})]
        assert next(listed) == ("gone", {"name": "iris"})
    assert studio.client.get("/api/sweeps/iris/stream").status_code == 404


def test_the_list_tells_of_new_sweeps_and_of_those_that_change(
    tale: Callable[..., Tale], studio: Studio
) -> None:
    first = tale("first")
    with studio.stream("/api/stream") as events:
        name, data = next(events)
        assert (name, data) == ("sweeps", data)
        assert [one["name"] for one in data["sweeps"]] == ["first"]
        tale("second")
        name, data = next(events)
        assert (name, data["sweep"]["name"]) == ("sweep", "second")
        first.launch(0)
        assert until(events, lambda data: data["sweep"]["counts"].get("running"))["sweep"]["name"] == "first"


def test_one_looks_for_all_and_none_where_nobody_listens(
    tale: Callable[..., Tale], studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SweepSource] = []
    closed: list[SweepSource] = []
    open_, close = SweepSource.open, SweepSource.close

    def open_counted(source: SweepSource) -> None:
        opened.append(source)
        open_(source)

    def close_counted(source: SweepSource) -> None:
        closed.append(source)
        close(source)

    monkeypatch.setattr(SweepSource, "open", open_counted)
    monkeypatch.setattr(SweepSource, "close", close_counted)
    told = tale(points=POINTS)
    with studio.stream("/api/sweeps/iris/stream") as one, studio.stream("/api/sweeps/iris/stream") as other:
        assert next(one)[1]["trials"] == next(other)[1]["trials"]
        told.launch(0)
        assert next(one) == next(other)
    deadline = time.monotonic() + 10
    while not closed and time.monotonic() < deadline:
        studio.get("/api/sweeps")
    assert opened == closed
    assert len(opened) == 1


def test_a_source_reads_no_more_than_what_can_have_changed(
    tale: Callable[..., Tale], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tale(points=POINTS)
    for trial in range(3):
        told.launch(trial)
    told.end(0)
    source = SweepSource(told.folder)
    source.open()
    monkeypatch.setattr(source._reader, "events", pytest.fail)  # with what was decided, of which is no use
    asked: list[Any] = []
    trials = source._reader.trials

    def trials_noted(numbers: Any = None) -> Any:
        asked.append(numbers)
        return trials(numbers)

    monkeypatch.setattr(source._reader, "trials", trials_noted)
    assert source.look() is None
    told.end(1)
    ended = source.look()
    told.report(2, 0.25)
    reported = source.look()
    assert ended is not None
    assert reported is not None
    assert [sorted(ended.keys), sorted(reported.keys)] == [[1], [2]]
    assert asked == [[1, 2, 3], [2, 3]]
    source.close()


def test_trials_that_were_answered_out_of_order_are_seen(tale: Callable[..., Tale]) -> None:
    told = tale(points=POINTS)
    source = SweepSource(told.folder)
    source.open()
    source._known -= {1, 3}
    source._open = {number: row for number, row in source._open.items() if number in source._known}
    told.report(0, 0.5)
    news = source.look()
    assert news is not None
    assert news.keys >= {1, 3}
    source.close()


def test_a_listener_who_is_slow_hears_once_what_he_missed() -> None:
    told: list[News] = []

    async def tell(news: News) -> str:
        told.append(news)
        return "all of it"

    async def listen() -> list[str]:
        listener = Listener(tell)
        listener.put(News(frozenset({1}), notes_after=3), "first")
        texts = listener.texts()
        heard = [await anext(texts), await anext(texts)]
        for number in range(1000):
            listener.put(News(frozenset({number % 7}), notes_after=number + 4), "late")
        listener.end()
        return heard + [text async for text in texts]

    assert asyncio.run(listen()) == ["retry: 1000\n\n", "first", "all of it"]
    assert told == [News(frozenset(range(7)), notes_after=4)]


def test_a_quiet_stream_says_that_it_is_there(
    tale: Callable[..., Tale], studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    tale()
    monkeypatch.setattr(stream, "QUIET_S", 0.01)
    with studio.client.stream("GET", "/api/sweeps/iris/stream") as answer:
        assert any(line == ":" for line in answer.iter_lines())


def test_streams_do_not_keep_the_studio_from_ending(workspace: Workspace, tmp_path: Path) -> None:
    Tale(workspace, "iris", POINTS)
    with (
        served(workspace, tmp_path) as studio,
        studio.stream("/api/sweeps/iris/stream") as one,
        studio.stream("/api/stream") as other,
    ):
        next(one)
        next(other)
        began = time.monotonic()
        studio.server.should_exit = True
        assert list(one) == list(other) == []
    assert time.monotonic() - began < 2


def test_a_list_that_cannot_be_read_in_part_is_told_in_whole(
    tale: Callable[..., Tale], workspace: Workspace
) -> None:
    tale("good")
    tale("bad").folder.db.write_bytes(b"no database")
    source = ListSource(workspace)
    assert source.tell(News(frozenset({"bad", "good"}))).startswith("event: sweeps\n")
