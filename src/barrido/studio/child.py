"""Asking what if, in a process of its own: a large record would take its time and memory from the studio.

``python -P -m barrido.studio.child``: reads one line of JSON (``folder``, ``policy``, ``scheduler``), writes
a status, a line feed and the answer. It ends when its standard input does, and so with the studio.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from starlette.responses import Response

from barrido.core.layout import SweepFolder
from barrido.figures.whatif import Given, what_if
from barrido.studio.faults import Fault, fault_of
from barrido.studio.routes import json_answer

_COMMAND = (sys.executable, "-P", "-m", "barrido.studio.child")


async def ask_what_if(folder: SweepFolder, policy: Given | None, scheduler: Given | None) -> Response:
    """See `barrido.figures.whatif.what_if`; what goes wrong is in the Response. Raises Fault if the process
    is ended by others. Canceled, it ends the process.
    """
    asked = json.dumps({"folder": str(folder.root.absolute()), "policy": policy, "scheduler": scheduler})
    # A session of its own: Ctrl-C in the terminal is for the studio
    process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(asked.encode() + b"\n")
        status, _, body = (await process.stdout.read()).partition(b"\n")
        code = await process.wait()
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            process.kill()
    if code != 0:
        raise Fault(500, f"the simulation was ended before it was done (exit code {code})")
    return Response(body, int(status), media_type="application/json")


def main() -> None:
    asked = json.loads(sys.stdin.buffer.readline())
    Thread(target=_end_with_studio, daemon=True).start()
    response = _answer(asked)
    sys.stdout.buffer.write(b"%d\n%b" % (response.status_code, bytes(response.body)))


def _answer(asked: dict[str, Any]) -> Response:
    try:
        return json_answer(what_if(SweepFolder(Path(asked["folder"])), asked["policy"], asked["scheduler"]))
    except Exception as error:
        return fault_of(error).response()


def _end_with_studio() -> None:
    os.read(sys.stdin.fileno(), 1)  # not through the buffer, whose lock would be held when Python ends
    os._exit(1)


if __name__ == "__main__":
    main()
