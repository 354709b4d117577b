"""What can be taken away: files of trials, exports, the report. Never shown in our own page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from barrido.core.layout import SweepFolder
from barrido.figures import export, page
from barrido.store.queries import Reader
from barrido.studio.faults import Fault
from barrido.studio.routes import BINARY, Place, Route
from barrido.studio.views import OfSweep, OfTrial

PIECE = 1 << 16


class OfFile(OfTrial):
    path: str


class Measured(FileResponse):
    """Sends as many bytes as it said: the file may grow meanwhile."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = 0

        async def send_measured(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                left = int(Headers(raw=message["headers"])["content-length"])
            else:
                message["body"] = message["body"][:left]
                left -= len(message["body"])
            await send(message)

        await super().__call__(scope, receive, send_measured)


def find_file(folder: SweepFolder, number: int, path: str) -> Path:
    """A file of a trial, by its path in the trial's folder. Links that lead out of it lead nowhere."""
    fault = Fault(404, f"trial {number} of {folder.name!r} has no file {path!r:.200}")
    try:
        root = folder.trial(number).root.resolve()
        found = (root / path).resolve()
        if ".." in Path(path).parts or not found.is_relative_to(root) or not found.is_file():
            raise fault
    except (OSError, ValueError, RuntimeError):  # too long a name, a zero in it, links in a circle
        raise fault from None
    return found


def _file(place: Place, asked: OfFile, _: None) -> Response:
    found = find_file(place.sweep(asked.name), asked.number, asked.path)
    return Measured(found, media_type=BINARY, filename=found.name)


def _attachment(name: str, pieces: Iterable[str], media_type: str) -> Response:
    """Made in whole before the first byte is sent: nobody is to keep half a file for a whole one."""
    file = TemporaryFile()  # noqa: SIM115  closed when it was sent
    try:
        for piece in pieces:
            file.write(piece.encode("utf-8", "replace"))
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    headers = {
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}",
        "Content-Length": str(size),
    }
    return StreamingResponse(_pieces(file), headers=headers, media_type=media_type)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _exported(
    ending: str, media_type: str, make: Callable[[Reader], Iterable[str]]
) -> Callable[[Place, OfSweep, None], Response]:
    def function(place: Place, asked: OfSweep, _: None) -> Response:
        with Reader(place.sweep(asked.name)) as reader:
            return _attachment(f"{asked.name}.{ending}", make(reader), media_type)

    return function


def _page(reader: Reader) -> Iterable[str]:
    return [page.report(reader)]


def _route(path: str, summary: str, function: Any, media_type: str, **more: Any) -> Route:
    return Route(
        method="GET",
        path=f"/api/sweeps/{{name}}/{path}",
        summary=summary,
        function=function,
        answer=media_type,
        **{"asked": OfSweep, **more},
    )


ROUTES = (
    _route("trials/{number}/files/{path:path}", "A file of a trial.", _file, BINARY, asked=OfFile),
    _route(
        "report.html",
        "The sweep as one page that loads nothing.",
        _exported("html", "text/html", _page),
        "text/html",
        is_slow=True,
        refusal=409,
    ),
    _route("export.csv", "A line for each trial.", _exported("csv", "text/csv", export.to_csv), "text/csv"),
    _route(
        "export.json",
        "All that is known of the sweep.",
        _exported("json", "application/json", export.to_json),
        "application/json",
    ),
)
