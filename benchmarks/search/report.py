"""The tables of RESULTS.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.contest import Runs
from benchmarks.search.curves import draw
from benchmarks.search.peers.process import PEERS
from benchmarks.search.scores import Comparison, Interval

_AT = (20, 40, 80)
_ABOUT = """# Search: barrido beside its peers

Written by `python benchmarks/search/run.py --quick` or `--full`. Every optimiser gets the same problems,
seeds and 80 trials. *Regret* is (best loss so far - optimum) / (median loss of 2,000 random points -
optimum): 0 is the optimum, 1 a random point. Means are over problems of the mean over seeds; in brackets
95 % bootstrap confidence intervals, problems and seeds resampled. A table compares only the (problem,
seed) pairs that all of its optimisers have. *p* is Wilcoxon's signed-rank test over these pairs,
two-sided. With four in flight a trial lasts a log-normal time, the same for all, and three points are
pending when the next one is asked for.

Peers as they come, at the versions that `environments.py` pins: Optuna's `TPESampler()`
(`constant_liar=True` in parallel) and `GPSampler(deterministic_objective=True)`, SMAC's
`HyperparameterOptimizationFacade` told that the objective is deterministic, Ax's `Client`. Ordered
numbers are ranks for Optuna, ordinals for SMAC, ordered choices for Ax. Conditions go to SMAC through
ConfigSpace and to Ax as dependent parameters; Optuna's are defined by run, and its GP draws conditional
parameters independently. HEBO is left out: too slow. Seconds are medians, of a suggestion and of a run
(SMAC fits at every eighth question only), of one thread; those of peers were taken when the cache was
filled, on a busy machine: `speed.py` measures all in one run.
"""


@dataclass(frozen=True)
class Section:
    held_out: bool
    in_flight: int
    comparison: Comparison

    @property
    def heading(self) -> str:
        kind = "Held-out problems" if self.held_out else "Development problems"
        mode = "sequential" if self.in_flight == 1 else f"{self.in_flight} in flight"
        absent = [peer for peer in PEERS if peer not in self.comparison.optimisers]
        return f"{kind}, {mode}" + (f", without {' and '.join(absent)}" if absent else "")

    @property
    def file_name(self) -> str:
        return self.heading.lower().replace(",", "").replace(" ", "-") + ".svg"


def write(path: Path, sections: Sequence[Section], runs: Runs) -> None:
    """Print the report, and write it with its pictures beside ``path``; old pictures go."""
    pictures = path.parent / "pictures"
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    lines = []
    for section in sections:
        (pictures / section.file_name).write_text(draw(section.comparison))
        lines += ["", f"## {section.heading}", "", *_summary(section.comparison, runs)]
        lines += ["", f"![mean regret by trial](pictures/{section.file_name})", ""]
        lines += _problems(section.comparison)
    print("\n".join(lines))
    path.write_text(_ABOUT + "\n".join(lines) + "\n")


def _summary(comparison: Comparison, runs: Runs) -> Iterator[str]:
    names = comparison.optimisers
    yield f"{len(comparison.settings)} pairs of problem and seed, {len(comparison.problems)} problems."
    yield ""
    regrets = (f"regret at {at}" for at in _AT)
    duels = ("ours won/tied/lost", "p")
    yield from _header("optimiser", "rank", *regrets, "s a suggestion", "s in all", *duels)
    columns = [comparison.mean_ranks(), *(comparison.mean_regrets(at) for at in _AT)]
    for i, name in enumerate(names):
        records = [runs[name][setting] for setting in comparison.settings]
        paces = [statistics.median(record.median_s for record in records)]
        paces.append(statistics.median(record.total_s for record in records))
        duel = ("", "")
        if i > 0:
            test = comparison.test(0, i)
            duel = (f"{test.won}/{test.tied}/{test.lost}", f"{test.p:.2g}")
        yield _row(
            name, *(_shown(column[i]) for column in columns), *(f"{pace:.3g}" for pace in paces), *duel
        )
    best = min((i for i, name in enumerate(names) if name in PEERS), key=lambda i: columns[-1][i].value)
    ratio = _shown(comparison.ratio(0, best))
    yield ""
    yield f"Regret at {_AT[-1]} of {names[0]} over that of {names[best]}, the best peer by it: {ratio}."


def _problems(comparison: Comparison) -> Iterator[str]:
    yield f"Mean regret at {_AT[-1]}, in thousandths; the best of a problem in bold:"
    yield ""
    yield from _header("problem", "seeds", *comparison.optimisers)
    for problem, regrets in zip(comparison.problems, comparison.per_problem(_AT[-1]).T, strict=True):
        seeds = sum(setting.problem == problem for setting in comparison.settings)
        marks = ["**" if regret == regrets.min() else "" for regret in regrets]
        cells = [f"{mark}{1e3 * regret:.3g}{mark}" for mark, regret in zip(marks, regrets, strict=True)]
        yield _row(problem, str(seeds), *cells)


def _shown(interval: Interval) -> str:
    return f"{interval.value:.3g} [{interval.low:.3g}, {interval.high:.3g}]"


def _header(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield _row("---", *("---:" for _ in cells[1:]))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
