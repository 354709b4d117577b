"""The values of a metric of many trials at once, for charts. A part of `barrido.store.queries.Reader`.

All that can be left out is left out by SQLite: a million rows as objects would take seconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

Point = tuple[int, int, int, int | None, float | None]
"""Trial, attempt, ``seq``, step and value of a metric; no value is NaN."""


class Points:
    """Queries that take the ``name`` of a metric and the numbers of ``trials``, None for all.

    ``only_counting``: those values alone that were reports of the primary metric.
    """

    def _rows(self, sql: str, args: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        raise NotImplementedError

    def reports(self) -> int:
        """How many reports of the primary metric there are, without those of earlier attempts."""
        return int(self._rows("SELECT coalesce(sum(reports), 0) FROM trials").fetchone()[0])

    def count_points(self, name: str, *, only_counting: bool, trials: Sequence[int] | None = None) -> int:
        where, args = _of(name, only_counting, trials)
        return int(self._rows(f"SELECT count(*) FROM metrics WHERE {where}", args).fetchone()[0])

    def lacks_steps(self, name: str, *, only_counting: bool, trials: Sequence[int] | None = None) -> bool:
        """Whether any value was logged without a step."""
        where, args = _of(name, only_counting, trials)
        sql = f"SELECT EXISTS (SELECT 1 FROM metrics WHERE step IS NULL AND {where})"
        return bool(self._rows(sql, args).fetchone()[0])

    def points(
        self,
        name: str,
        *,
        only_counting: bool,
        trials: Sequence[int] | None = None,
        every: int = 1,
        step: str = "step",
    ) -> list[Point]:
        """By trial, attempt and ``seq``: all values, or of those that an attempt logged every so many.

        ``step`` is the column that is given as the step: "seq" for the place among all that was logged.
        """
        where, args = _of(name, only_counting, trials)
        return self._rows(
            f"SELECT trial, attempt, seq, {step}, value FROM metrics WHERE seq % ? = 0 AND {where}"
            " ORDER BY trial, attempt, seq",
            (every, *args),
        ).fetchall()

    def numbered_points(
        self,
        name: str,
        *,
        only_counting: bool,
        trials: Sequence[int] | None = None,
        every: int = 1,
        also: Sequence[tuple[int, int, int]] = (),
    ) -> list[Point]:
        """The same, with the place among the attempt's values of this metric, from 0, as the step.

        ``also``: trial, attempt and ``seq`` of values that are not to be left out.
        """
        where, args = _of(name, only_counting, trials)
        return self._rows(
            "WITH also AS (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?))"
            " SELECT trial, attempt, seq, n, value FROM (SELECT trial, attempt, seq, value, row_number() OVER"
            f" (PARTITION BY trial, attempt ORDER BY seq) - 1 AS n FROM metrics WHERE {where})"
            " WHERE n % ? = 0 OR (trial, attempt, seq) IN also ORDER BY trial, attempt, seq",
            (json.dumps(also), *args, every),
        ).fetchall()

    def extremes(
        self, name: str, *, only_counting: bool, trials: Sequence[int] | None = None, highest: bool
    ) -> list[Point]:
        """Of each attempt the lowest finite value, or the highest."""
        where, args = _of(name, only_counting, trials)
        return self._rows(
            f"SELECT trial, attempt, seq, step, {'max' if highest else 'min'}(value) FROM metrics"
            f" WHERE abs(value) < 9e999 AND {where} GROUP BY trial, attempt",
            args,
        ).fetchall()

    def ends(
        self, name: str, *, only_counting: bool, trials: Sequence[int] | None = None, last: bool
    ) -> list[Point]:
        """Of each trial's latest attempt that logged anything, the first value, or the last."""
        where, args = _of(name, only_counting)
        among = "" if trials is None else f" WHERE number IN ({_listed(trials)})"
        return self._rows(
            "WITH latest(trial, attempt) AS MATERIALIZED"
            f" (SELECT number, (SELECT max(attempt) FROM metrics WHERE trial = number) FROM trials{among})"
            " SELECT m.trial, m.attempt, m.seq, m.step, m.value FROM latest AS l CROSS JOIN metrics AS m"
            " ON m.trial = l.trial AND m.attempt = l.attempt AND m.seq ="
            " (SELECT seq FROM metrics WHERE trial = l.trial AND attempt = l.attempt"
            f" AND {where} ORDER BY seq {'DESC' if last else 'ASC'} LIMIT 1) ORDER BY m.trial",
            args,
        ).fetchall()

    def summaries(self, trial: int) -> dict[str, tuple[int, float | None, float | None, float | None]]:
        """By metric, what a trial's latest attempt logged: how many, the last, and the lowest and the highest
        finite value, None if there is none."""
        rows = self._rows(
            "SELECT name, count(*), max(seq), min(value) FILTER (WHERE abs(value) < 9e999),"
            " max(value) FILTER (WHERE abs(value) < 9e999) FROM metrics WHERE trial = ?1"
            " AND attempt = (SELECT max(attempt) FROM metrics WHERE trial = ?1) GROUP BY name ORDER BY name",
            (trial,),
        ).fetchall()
        lasts = dict(
            self._rows(
                "SELECT name, value FROM metrics WHERE trial = ?1 AND attempt ="
                " (SELECT max(attempt) FROM metrics WHERE trial = ?1)"
                " AND seq IN (SELECT value FROM json_each(?2))",
                (trial, json.dumps([row[2] for row in rows])),
            )
        )
        return {name: (count, lasts[name], low, high) for name, count, _, low, high in rows}


def _of(name: str, only_counting: bool, trials: Sequence[int] | None = None) -> tuple[str, tuple[str, ...]]:
    """SQL that picks the values of a metric, and its arguments."""
    where = f"name = ?{' AND counts = 1' if only_counting else ''}"
    return where if trials is None else f"{where} AND trial IN ({_listed(trials)})", (name,)


def _listed(numbers: Sequence[int]) -> str:
    """As text, for SQLite bounds the number of arguments."""
    return ", ".join(str(int(number)) for number in numbers)
