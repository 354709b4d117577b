"""Regret by trial as a picture: a few polylines in SVG, on a logarithmic scale."""

from __future__ import annotations

import numpy as np
from benchmarks.search.scores import Comparison

_COLOURS = ("#c2185b", "#9e9e9e", "#1976d2", "#00838f", "#ef6c00", "#6a1b9a", "#33691e")
_WIDTH, _HEIGHT, _LEFT, _BELOW, _RIGHT = 640, 360, 60, 30, 150
_FLOOR = 1e-6  # a mean regret below this is drawn there, one above 1 (worse than random) at 1


def draw(comparison: Comparison) -> str:
    """Mean regret over problems of the mean over seeds, a line an optimiser."""
    trials: int = comparison.regrets.shape[2]
    curves = np.stack([comparison.per_problem(at).mean(axis=1) for at in range(1, trials + 1)], axis=1)
    logs = np.log10(np.clip(curves, _FLOOR, 1))
    low = int(np.floor(logs.min()))
    high = max(0, low + 1)

    def x(trial: float) -> float:
        return _LEFT + (trial - 1) / (trials - 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(exponent: float) -> float:
        return 10 + (high - exponent) / (high - low) * (_HEIGHT - _BELOW - 10)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"',
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for exponent in range(low, high + 1):
        at = f"{y(exponent):.1f}"
        parts.append(f'<path d="M{_LEFT} {at}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at}" text-anchor="end">{10.0**exponent:g}</text>')
    for trial in (1, *range(20, trials + 1, 20)):
        parts.append(f'<text x="{x(trial):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{trial}</text>')
    places = np.argsort(np.argsort(-logs[:, -1]))  # names stand in the order in which the lines end
    for i, (name, line) in enumerate(zip(comparison.optimisers, logs, strict=True)):
        colour = _COLOURS[i % len(_COLOURS)]
        points = " ".join(f"{x(t):.1f},{y(value):.1f}" for t, value in enumerate(line.tolist(), 1))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        beside = f'x="{_WIDTH - _RIGHT + 10}" y="{30 + 18 * places[i]}"'
        parts.append(f'<text {beside} fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
