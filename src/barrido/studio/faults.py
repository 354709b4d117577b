"""What goes wrong, as the one shape in which the studio says it: a status and ``{"error": {…}}``."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from barrido.core.wire import dumps
from barrido.errors import (
    BarridoError,
    ControllerError,
    Problem,
    RequestError,
    SpecError,
    StoreError,
    SweepNotFound,
    TrialNotFound,
)

log = logging.getLogger(__name__)


class Fault(Exception):
    """An answer that is an error. ``problems`` are all the mistakes in what was sent."""

    def __init__(
        self,
        status: int,
        message: str,
        hint: str = "",
        problems: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint
        self.problems = [dict(problem) for problem in problems]
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body = {"error": {"message": self.message, "hint": self.hint, "problems": self.problems}}
        return Response(dumps(body), self.status, self.headers, "application/json")


def fault_of(error: Exception, *, refusal: int = 400) -> Fault:
    """``error`` as an answer. ``refusal`` is the status of a request that cannot be done as asked.

    What nobody foresaw is written to the log under a number, and told by that number alone.
    """
    match error:
        case Fault():
            return error
        case HTTPException():
            return Fault(error.status_code, _WORDS.get(error.status_code, error.detail.lower()))
        case ValidationError():
            return Fault(400, "the request is not as it must be", problems=map_mistakes(error))
        case SpecError():
            head = error.message.partition("\n")[0].rstrip(":")
            return Fault(400, head, error.hint, [problem_to_json(problem) for problem in error.problems])
        case SweepNotFound() | TrialNotFound():
            return Fault(404, error.message, error.hint)
        case RequestError():
            return Fault(refusal, error.message, error.hint)
        case StoreError() | ControllerError():
            return Fault(503, error.message, error.hint)
        case BarridoError():
            return Fault(500, error.message, error.hint)
        case _:
            number = secrets.token_hex(4)
            log.error("error %s", number, exc_info=error)
            what = f"something went wrong in the studio (error {number})"
            return Fault(500, what, "the terminal in which the studio runs says what; please report it")


_WORDS = {404: "there is nothing at this address", 405: "this address does not take requests of that kind"}


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """``line`` is the number behind the last colon of where it stands, None if it has none."""
    line = problem.where.rpartition(":")[2]
    is_line = line.isascii() and line.isdigit()
    where = {"path": problem.path, "line": int(line) if is_line else None}
    return {**where, "what": problem.what, "hint": problem.hint}


def map_mistakes(error: ValidationError) -> list[dict[str, Any]]:
    return [
        {"path": ".".join(map(str, one["loc"])), "line": None, "what": one["msg"], "hint": ""}
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
