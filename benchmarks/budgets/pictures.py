"""Regret by what was spent, as a picture: a few polylines in SVG, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from benchmarks.budgets.problems import Array
from benchmarks.budgets.scores import FINENESS, Axis, Contest

_COLOURS = ("#c2185b", "#7b1fa2", "#ff8f00", "#9e9e9e", "#5d4037", "#1976d2", "#00838f", "#33691e")
_WIDTH, _HEIGHT, _LEFT, _ABOVE, _BELOW, _BESIDE = 420, 330, 50, 12, 42, 210
_FIRST = 0.25  # full trainings: hardly anything is known before
_FLOOR = 1e-4  # a mean regret below this is drawn there


def draw(contest: Contest) -> str:
    """Mean regret over problems of the mean over seeds: by resource on the left, by time on the right."""
    left = _panel(contest, Axis.RESOURCE, 0)
    right = _panel(contest, Axis.WALL, _WIDTH)
    whole = 2 * _WIDTH + _BESIDE
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {_HEIGHT}"',
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{whole}" height="{_HEIGHT}" fill="white"/>',
            *left,
            *right,
            *_names(contest),
            "</svg>",
            "",
        ]
    )


def _means(contest: Contest, axis: Axis) -> Array:
    """(optimisers, points)"""
    whole = contest.by_resource if axis is Axis.RESOURCE else contest.by_wall
    columns = [whole.per_problem(at).mean(axis=1) for at in range(1, whole.regrets.shape[2] + 1)]
    return np.stack(columns, axis=1)


def _panel(contest: Contest, axis: Axis, shift: float) -> Iterator[str]:
    curves = _means(contest, axis)
    trainings = curves.shape[1] / FINENESS
    low = float(np.log10(max(_FLOOR, curves.min()))) - 0.05

    def x(spent: float) -> float:
        share = np.log(spent / _FIRST) / np.log(trainings / _FIRST)
        return shift + _LEFT + float(share) * (_WIDTH - _LEFT - 12)

    def y(regret: float) -> float:
        return _ABOVE + float(np.log10(max(_FLOOR, regret))) / low * (_HEIGHT - _BELOW - _ABOVE)

    for regret in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001):
        if np.log10(regret) >= low:
            yield f'<path d="M{x(_FIRST):.1f} {y(regret):.1f}H{x(trainings):.1f}" stroke="#ddd"/>'
            yield f'<text x="{x(_FIRST) - 6:.1f}" y="{y(regret) + 4:.1f}" text-anchor="end">{regret:g}</text>'
    for spent in (0.25, 0.5, 1, 2, 5, 10, 20, 40, 100):
        if spent <= trainings:
            yield f'<text x="{x(spent):.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{spent:g}</text>'
    middle = x((_FIRST * trainings) ** 0.5)
    yield f'<text x="{middle:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{axis}</text>'
    grid = np.arange(1, curves.shape[1] + 1) / FINENESS
    shown = np.flatnonzero(grid >= _FIRST)
    thinned = shown[np.unique(np.geomspace(1, len(shown), 150).astype(int)) - 1]
    for colour, curve in zip(_colours(contest), curves, strict=True):
        points = " ".join(f"{x(grid[i]):.1f},{y(curve[i]):.1f}" for i in thinned)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _names(contest: Contest) -> Iterator[str]:
    """In the order in which the lines of the left panel end."""
    order = np.argsort(-_means(contest, Axis.RESOURCE)[:, -1])
    colours = _colours(contest)
    for place, i in enumerate(order):
        at = f'x="{2 * _WIDTH + 8}" y="{30 + 18 * place}"'
        yield f'<text {at} fill="{colours[i]}">{contest.names[i]}</text>'


def _colours(contest: Contest) -> list[str]:
    return [_COLOURS[i % len(_COLOURS)] for i in range(len(contest.names))]
