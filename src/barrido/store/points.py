"""The values of a metric of many trials at once, for charts.

All that can be left out is left out by SQLite: a million rows as objects would take seconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

Rows = Callable[[str, tuple[Any, ...]], sqlite3.Cursor]
"""Asks a database: SQL and its arguments."""
Point = tuple[int, int, int, int | None, float | None]
"""Trial, attempt, ``seq``, step and value of a metric; no value is NaN."""
Extent = tuple[Point, int, int]
"""Of one attempt its lowest or highest finite value (None if there is none), how many values there are, and
how many of them have a step."""


class Series:
    """A metric by its ``name``, of all trials or those in ``trials``.

    ``only_counting``: those values alone that were reports of the primary metric.
    """

    def __init__(
        self, rows: Rows, name: str, *, only_counting: bool, trials: Sequence[int] | None = None
    ) -> None:
        self._rows = rows
        self._logged = f"name = ?{' AND counts = 1' if only_counting else ''}"
        self._args = (name,)
        # As text, for SQLite bounds the number of arguments
        self._among = "" if trials is None else f" IN ({', '.join(str(int(one)) for one in trials)})"

    def ends(self, *, last: bool) -> list[Point]:
        """Of each trial's latest attempt that logged anything, the first value, or the last."""
        among = f" WHERE number{self._among}" if self._among else ""
        return self._rows(
            "WITH latest(trial, attempt) AS MATERIALIZED"
            f" (SELECT number, (SELECT max(attempt) FROM metrics WHERE trial = number) FROM trials{among})"
            " SELECT m.trial, m.attempt, m.seq, m.step, m.value FROM latest AS l CROSS JOIN metrics AS m"
            " ON m.trial = l.trial AND m.attempt = l.attempt AND m.seq ="
            " (SELECT seq FROM metrics WHERE trial = l.trial AND attempt = l.attempt"
            f" AND {self._logged} ORDER BY seq {'DESC' if last else 'ASC'} LIMIT 1) ORDER BY m.trial",
            self._args,
        ).fetchall()

    def extents(self, *, highest: bool) -> list[Extent]:
        """By trial and attempt."""
        # SQLite gives the columns beside a lone min or max from the row that it was found in
        rows = self._rows(
            f"SELECT trial, attempt, seq, step, {'max' if highest else 'min'}"
            "(CASE WHEN abs(value) < 9e999 THEN value END), count(*), count(step) FROM metrics"
            f" WHERE {self._where} GROUP BY trial, attempt",
            self._args,
        )
        return [(row[:5], *row[5:]) for row in rows]

    def points(
        self,
        *,
        every: int = 1,
        early: Sequence[int] = (),
        also: Sequence[Point] = (),
        is_numbered: bool = False,
        is_counted: bool = False,
    ) -> list[Point]:
        """By trial, attempt and ``seq``: those whose place among all that their attempt logged is a multiple
        of ``every``, or in ``early``, and those in ``also``.

        ``is_numbered``: the place, from 0, is that among the attempt's values of this metric alone.
        ``is_counted``: it is given instead of the step.
        """
        place = "row_number() OVER (PARTITION BY trial, attempt ORDER BY seq) - 1" if is_numbered else "seq"
        chosen = f"place % ? = 0 OR place IN ({', '.join(map(str, early))})"
        args: tuple[Any, ...] = (*self._args, every)
        if also:
            listed = "SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)"
            chosen += f" OR (trial, attempt, seq) IN ({listed})"
            args = (*args, json.dumps([point[:3] for point in also]))
        return self._rows(
            f"SELECT trial, attempt, seq, {'place' if is_counted else 'step'}, value FROM"
            f" (SELECT trial, attempt, seq, step, value, {place} AS place FROM metrics WHERE {self._where})"
            f" WHERE {chosen} ORDER BY trial, attempt, seq",
            args,
        ).fetchall()

    @property
    def _where(self) -> str:
        return f"{self._logged} AND trial{self._among}" if self._among else self._logged
