"""The report: tables in Markdown, with what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.budgets.peers.process import PEERS
from benchmarks.budgets.pictures import draw
from benchmarks.budgets.scores import FINENESS, Axis, Contest
from benchmarks.search.scores import Interval

_AT = (5, 10, 20, 40)
_ABOUT = """# Budgets: barrido beside its peers

Written by `python benchmarks/budgets/run.py --quick` or `--full`.

*Regret* is (best loss so far - optimum) / (median of what 4,000 random configurations reach in a full
training - optimum), at most 1, and 1 before the first report; a loss counts as soon as it is reported, at
whatever step. Resource is counted in full trainings; a trial that goes on costs its new steps only. *Area*
is the mean regret over all that was spent (40 full trainings with 1 and 8 workers, 128 with 64); *by time*,
over the time in which so many workers get through as many full trainings, a step lasting as long as it does
in the data (TaskSet has no times: all its steps last the same). Areas and regrets are in thousandths; means
are over problems of the mean over seeds, in brackets 95 % bootstrap confidence intervals, problems and seeds
resampled. *To random@100*: after how many full trainings the mean over seeds has come to the regret that
random search is expected to have after 100, in the median over problems; in brackets, on how many problems
it came there at all. *Half* is the same for half of the seeds, and kinder: one seed that fails does not spoil
it, and random search itself needs 69. A table compares only the (problem, seed) pairs that all of its
optimisers have. *p* is Wilcoxon's signed-rank test of the area by resource, two-sided.

**The time of suggestions does not count**, unless the heading says that it does: then workers wait while an
optimiser thinks, and a step of TaskSet takes a second. The last column is what a run spends on thinking.

Ours run through barrido's controller and its `sim` executor in virtual time. *random* is random search,
*plain hyperband* the paper's Algorithm 1 to the letter on random configurations; both run in this benchmark's
own loop, as the peers do. Which of ours stands first was chosen on the development problems, with
these seeds, out of fifteen combinations of scheduler and sampler: there its lead is flattered.

Peers as they come, at the versions that `environments.py` of `benchmarks/search`
pins: Optuna's `TPESampler()` (`constant_liar=True` in parallel) with `HyperbandPruner` or
`SuccessiveHalvingPruner`, asked at every step; SMAC's `MultiFidelityFacade`, told that the objective is
deterministic. The reduction factor is 3 and the least resource the problem's own (1; 3 on LCBench) for all.
Optuna goes on with a trial that it does not prune, SMAC comes back to it: neither pays twice. Ray Tune's
`HyperBandScheduler` and `ASHAScheduler` run in earnest, on the recorded curves of the live models and one
trial at a time, with the configurations of random search; what they think is not measured.
"""


@dataclass(frozen=True)
class Section:
    held_out: bool
    workers: int
    thinks: bool
    contest: Contest

    @property
    def heading(self) -> str:
        kind = "Held-out problems" if self.held_out else "Development problems"
        mode = "one worker" if self.workers == 1 else f"{self.workers} workers"
        thinking = ", suggestions take time" if self.thinks else ""
        present = {PEERS[name].environment for name in self.contest.names if name in PEERS}
        ray = ", where Ray Tune ran, too" if "ray" in present else ""
        smac = "" if "smac" in present else ", more seeds without SMAC"
        return f"{kind}, {mode}{thinking}{ray}{smac}"

    @property
    def file_name(self) -> str:
        return self.heading.lower().replace(",", "").replace(" ", "-") + ".svg"


def write(path: Path, sections: Sequence[Section]) -> None:
    """Print the report, and write it with its pictures beside ``path``; old pictures go."""
    pictures = path.parent / "pictures"
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob("*.svg"):
        old.unlink()
    lines = []
    for section in sections:
        (pictures / section.file_name).write_text(draw(section.contest))
        lines += ["", f"## {section.heading}", "", *_summary(section.contest)]
        lines += ["", f"![mean regret](pictures/{section.file_name})", "", *_problems(section.contest)]
    print("\n".join(lines))
    path.write_text(_ABOUT + "\n".join(lines) + "\n")


def _summary(contest: Contest) -> Iterator[str]:
    whole = contest.by_resource
    by_resource, by_wall = contest.areas(Axis.RESOURCE), contest.areas(Axis.WALL)
    yield f"{len(contest.settings)} pairs of problem and seed, {len(whole.problems)} problems."
    yield ""
    yield from _header(
        "optimiser",
        *("area", "area by time", *(f"regret at {at}" for at in _AT), "to random@100", "half"),
        *("area won/tied/lost", "p", "s of suggestions"),
    )
    columns = [by_resource.mean_regrets(1), by_wall.mean_regrets(1)]
    regrets = [whole.mean_regrets(at * FINENESS) for at in _AT]
    reached, by_half = contest.reached(), contest.reached_by_half()
    for i, name in enumerate(contest.names):
        thought = np.median([contest.traces[name][setting].thought_s for setting in contest.settings])
        test = by_resource.test(0, i)
        duel = (f"{test.won}/{test.tied}/{test.lost}", f"{test.p:.2g}") if i > 0 else ("", "")
        yield _row(
            name,
            *(_thousandths(column[i]) for column in columns),
            *(f"{1e3 * column[i].value:.3g}" for column in regrets),
            *(f"{_trainings(np.median(at[i]))} ({np.isfinite(at[i]).sum()})" for at in (reached, by_half)),
            *duel,
            f"{thought:.3g}",
        )


def _problems(contest: Contest) -> Iterator[str]:
    """Two tables, the best of a problem in bold."""
    problems, names = contest.by_resource.problems, contest.names
    tables = (
        ("Full trainings to random search's expected regret after 100:", contest.reached()),
        ("Area by resource, in thousandths:", 1e3 * contest.areas(Axis.RESOURCE).per_problem(1)),
    )
    for about, values in tables:
        yield about
        yield ""
        yield from _header("problem", "seeds", *names)
        for problem, column in zip(problems, values.T, strict=True):
            seeds = sum(setting.problem == problem for setting in contest.settings)
            marks = ["**" if value == column.min() < inf else "" for value in column]
            cells = [f"{m}{_trainings(v)}{m}" for m, v in zip(marks, column, strict=True)]
            yield _row(problem, str(seeds), *cells)
        yield ""


def _trainings(count: np.floating[Any]) -> str:
    return "-" if count == inf else f"{count:.3g}"


def _thousandths(interval: Interval) -> str:
    return f"{1e3 * interval.value:.3g} [{1e3 * interval.low:.3g}, {1e3 * interval.high:.3g}]"


def _header(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield _row("---", *("---:" for _ in cells[1:]))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
