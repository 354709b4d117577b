"""The pictures of hyperband.md and hyperband.es.md, made by our own runs.

    python docs/pictures/make.py [points | halving | brackets | spending ...]

What trains are models of scikit-learn; what decides are barrido's samplers and schedulers, through its real
controller in virtual time. matplotlib and scikit-learn are needed, and are no dependencies of barrido: both
come with its extra ``mlflow``. All four take three minutes. Numbers depend on scikit-learn's version in the
last digits; the pages quote those of the runs that are shown.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny matrices: threads would only get in each other's way

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from benchmarks.budgets import live, ours, problems
from benchmarks.budgets.play import Setting

from barrido.controller.loop import Controller
from barrido.core.recipe import Goal, Limits, Objective, Recipe, Work
from barrido.core.state import SweepState
from barrido.core.trial import Params
from barrido.executors.sim import SimWorld
from barrido.registry import build_plan, build_sampler
from barrido.schedulers.hyperband import make_brackets
from barrido.store.memory import MemoryStore

FOLDER = Path(__file__).parent
STYLE = {"svg.hashsalt": "barrido", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
INKS = ("#607d8b", "#b0bec5", "#78909c", "#455a64", "#263238")

SPANISH = {
    "grid": "rejilla",
    "random": "aleatoria",
    "Sobol": "Sobol",
    "Bayesian": "bayesiana",
    "best": "mejor",
    "mean of 10": "media de 10",
    "learning rate": "tasa de aprendizaje",
    "regularization": "regularización",
    "epoch": "época",
    "validation loss": "pérdida de validación",
    "trials": "pruebas",
    "resource": "recurso",
    "bracket": "bracket",
    "spent, in full trainings": "gasto, en entrenamientos completos",
    "best loss so far, mean of 10 seeds": "mejor pérdida hasta ahora, media de 10 semillas",
    "best of 1,000 recorded": "la mejor de 1000 grabadas",
}
Say = Callable[[str], str]


def in_spanish(text: str) -> str:
    return text.replace(".", ",") if text[0].isdigit() else SPANISH[text]


def sweep(form: Mapping[str, Any], sampler: str, scheduler: Mapping[str, Any], trials: int, seed: int,
          loss: Callable[[Params, int], float], steps: int) -> SweepState:  # fmt: skip
    """Run a whole sweep, one trial at a time, and give the state at its end."""
    recipe = Recipe(
        name="picture",
        seed=seed,
        space=form,
        sampler={"type": sampler},
        scheduler=dict(scheduler),
        objective=Objective("loss", Goal.MINIMIZE),
        limits=Limits(max_total_trials=trials, max_concurrent_trials=1),
        work=Work(command="true"),
    )
    world = SimWorld(loss, steps=steps, metric="loss", seconds_per_report=lambda _: 1.0)
    store = MemoryStore(recipe)
    controller = Controller(
        recipe, build_plan(recipe), build_sampler(recipe), world.executor(), store, world.clock
    )
    controller.begin()
    controller.run()
    return controller.state


# A linear classifier of digits, nine epochs: its learning rate matters, its regularization hardly does.

RATES, DECAYS, EPOCHS = (1e-5, 10.0), (1e-6, 1.0), 9


@cache
def linear_loss(rate: float, alpha: float) -> float:
    rest = {"loss": "log_loss", "schedule": "constant", "average": "no", "share": 0.0, "power": 0.5}
    losses = live.MODELS["sgd-digits"].losses({**rest, "rate": rate, "alpha": alpha})
    return float(list(islice(losses, EPOCHS))[-1])


def try_points(sampler: str, seed: int) -> list[tuple[float, float, float]]:
    """25 times (rate, alpha, loss)."""
    if sampler == "grid":
        axes = [np.geomspace(*bounds, 5).tolist() for bounds in (RATES, DECAYS)]
        kinds: list[dict[str, Any]] = [{"type": "choice", "values": axis} for axis in axes]
    else:
        kinds = [{"type": "float", "low": a, "high": b, "log": True} for a, b in (RATES, DECAYS)]
    form = dict(zip(("rate", "alpha"), kinds, strict=True))

    def loss(params: Params, _: int) -> float:
        return linear_loss(params["rate"], params["alpha"])

    state = sweep(form, sampler, {"type": "fifo"}, 25, seed, loss, 1)
    return [(t.params["rate"], t.params["alpha"], t.losses[-1]) for t in state.trials.values()]


@cache
def points_data() -> tuple[Any, Any, Any, Mapping[str, Any]]:
    rates, decays = np.geomspace(*RATES, 30), np.geomspace(*DECAYS, 25)
    heights = np.array([[linear_loss(r, d) for r in rates.tolist()] for d in decays.tolist()])
    names = {"grid": "grid", "random": "random", "Sobol": "sobol", "Bayesian": "bayesian"}
    return (
        rates,
        decays,
        heights,
        {name: [try_points(sampler, seed) for seed in range(10)] for name, sampler in names.items()},
    )


def draw_points(say: Say) -> mpl.figure.Figure:
    rates, decays, heights, runs = points_data()
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 6.0), sharex=True, sharey=True, layout="constrained")
    levels = [0.2, 0.27, 0.35, 0.5, 0.75, 1.1, 1.6, 2.3, 5.1]
    for ax, (name, seeds) in zip(axes.flat, runs.items(), strict=True):
        ground = ax.contourf(rates, decays, heights, levels=levels, cmap="Greys", alpha=0.65)
        ground.set_rasterized(True)  # as paths it would be most of the file
        tried = np.array(seeds[0])
        ax.plot(tried[:, 0], tried[:, 1], "o", mfc="white", mec="#c2185b", mew=1.4, ms=5.5, clip_on=False)
        rate, decay, _ = min(seeds[0], key=lambda point: point[2])
        ax.plot(rate, decay, "*", color="#c2185b", mec="white", ms=15, clip_on=False)
        ax.plot(tried[:, 0], np.full(25, 2.2), "|", color="#c2185b", ms=9, clip_on=False)
        ax.set(xscale="log", yscale="log", xlim=RATES, ylim=(DECAYS[0], 4.5))
        ax.minorticks_off()
        bests = [min(point[2] for point in seed) for seed in seeds]
        found = f"{say('best')} {say(f'{bests[0]:.3f}')}"
        if name != "grid":
            found += f" ({say('mean of 10')}: {say(f'{np.mean(bests):.3f}')})"
        ax.set_title(f"{say(name)}: {found}", fontsize=10)
    figure.supxlabel(say("learning rate"), fontsize=10)
    figure.supylabel(say("regularization"), fontsize=10)
    return figure


@cache
def halving_data() -> tuple[SweepState, Mapping[int, Sequence[float]]]:
    """A bracket of 27, and what each of its trials would have come to."""
    curves: dict[str, list[float]] = {}
    model = live.MODELS["mlp-digits"]

    def curve(params: Params) -> list[float]:
        key = repr(params)
        if key not in curves:
            curves[key] = list(model.losses(params))
        return curves[key]

    scheduler = {"type": "successive_halving", "max_resource": 27, "min_resource": 1, "reduction_factor": 3}
    state = sweep(
        model.form, "random", {**scheduler, "size": 27}, 27, 1, lambda p, n: curve(p)[n - 1], live.EPOCHS
    )
    return state, {number: curve(trial.params) for number, trial in state.trials.items()}


def draw_halving(say: Say) -> mpl.figure.Figure:
    state, wholes = halving_data()
    figure, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    for number, trial in state.trials.items():
        had = len(trial.losses)
        ink = {1: "#9e9e9e", 3: "#616161", 9: "#1976d2", 27: "#c2185b"}[had]
        width = {1: 1.0, 3: 1.3, 9: 1.9, 27: 2.8}[had]
        whole = wholes[number]
        ax.plot(range(had, 28), whole[had - 1 :], color="#bdbdbd", lw=0.7, ls=(0, (2, 2)), zorder=1)
        ax.plot(range(1, had + 1), trial.losses, color=ink, lw=width, zorder=2 + had)
        ax.plot(had, trial.losses[-1], "o", color=ink, ms=2 + width, zorder=3 + had)
    top = 5.6
    for rung, count in ((1, 27), (3, 9), (9, 3), (27, 1)):
        ax.axvline(rung, color="black", lw=0.6, ls=":")
        ax.text(rung, top * 1.06, f"{count} {say('trials')}" if count == 27 else count, ha="center")
    ax.set(xscale="log", yscale="log", xlim=(0.93, 29), ylim=(0.075, top))
    ax.set(xlabel=say("epoch"), ylabel=say("validation loss"))
    ax.set_xticks([1, 3, 9, 27], ["1", "3", "9", "27"])
    losses = (0.1, 0.2, 0.5, 1, 2, 5)
    ax.set_yticks(losses, [say(f"{loss:g}") for loss in losses])
    ax.minorticks_off()
    return figure


def draw_brackets(say: Say) -> mpl.figure.Figure:
    """Area is resource: a block is as wide as what its trials are given there, as high as they are many."""
    brackets = make_brackets((1, 3, 9, 27, 81), 3, "algorithm")
    figure, axes = plt.subplots(1, 5, figsize=(9.6, 3.4), sharey=True, layout="constrained")
    for ax, bracket in zip(axes, brackets, strict=True):
        had = total = 0
        for size, rung, ink in zip(bracket.sizes, bracket.rungs, INKS[-len(bracket.rungs) :], strict=True):
            ax.bar(had, size, rung - had, align="edge", color=ink, edgecolor="white", lw=0.4)
            at = {"ha": "right", "x": rung} if rung == 81 else {"ha": "left", "x": rung + 1.5}
            ax.text(s=f"{size} → {rung}", y=size + 1, va="bottom", fontsize=8.5, **at)
            total += size * (rung - had)
            had = rung
        ax.set_title(f"{say('bracket')} {bracket.s}: {total}", fontsize=10)
        ax.set_xticks([0, 27, 81])
        ax.set(xlim=(0, 83), ylim=(0, 90), xlabel=say("resource"))
    axes[0].set_ylabel(say("trials"))
    return figure


CONTESTANTS: Mapping[str, tuple[Mapping[str, str], str, Any]] = {
    "fifo+random": ({"en": "random", "es": "aleatoria"}, "#757575", "-"),
    "fifo+bayesian": ({"en": "Bayesian", "es": "bayesiana"}, "#ef6c00", (0, (5, 2))),
    "hyperband+random": ({"en": "Hyperband", "es": "Hyperband"}, "#1976d2", (0, (1, 1))),
    "bohb+bohb": ({"en": "BOHB", "es": "BOHB"}, "#00838f", (0, (6, 1.5, 1, 1.5))),
    "asha-promotion+random": ({"en": "ASHA", "es": "ASHA"}, "#c2185b", (0, (3, 1, 1, 1, 1, 1))),
    "hyperband+tpe": ({"en": "Hyperband + TPE", "es": "Hyperband + TPE"}, "black", "-"),
}
TRAININGS = 40


@cache
def spending_data() -> tuple[Any, Mapping[str, Any], float]:
    """Resource in full trainings, and for each contestant the mean over ten seeds of the best so far."""
    problem = problems.BY_NAME["mlp-digits"]
    with np.load(problems.RECORDED / "mlp-digits.npz") as kept:
        full_s = float(kept["seconds"].mean()) * problem.most
    grid = np.unique(np.geomspace(problem.most // 3, TRAININGS * problem.most, 160).astype(int))
    means = {}
    for name in CONTESTANTS:
        curves = []
        for seed in range(10):
            setting = Setting(problem.name, seed, 1, TRAININGS)
            trace = ours.run(ours.Combination.parse(name), problem, setting, full_s)
            steps, _, bests = map(np.array, zip(*trace.improvements, strict=True))
            curves.append(bests[np.searchsorted(steps, grid, side="right") - 1])
        means[name] = np.mean(curves, axis=0)
        shown = [f"{means[name][np.searchsorted(grid, n * problem.most)]:.3f}" for n in (1, 2, 5, 10, 20, 40)]
        sys.stdout.write(f"{name}: {' '.join(shown)} after 1, 2, 5, 10, 20, 40 full trainings\n")
    return grid / problem.most, means, problem.best()


def draw_spending(say: Say) -> mpl.figure.Figure:
    spent, means, least = spending_data()
    language = "en" if say("best") == "best" else "es"
    figure, ax = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    for name, (labels, ink, dashes) in CONTESTANTS.items():
        ax.plot(spent, means[name], color=ink, ls=dashes, lw=2, label=labels[language])
    ax.axhline(least, color="black", lw=0.8, ls=":")
    ax.text(0.36, least * 0.97, say("best of 1,000 recorded"), va="top", fontsize=8.5)
    ax.set(xscale="log", yscale="log", xlim=(1 / 3, TRAININGS), ylim=(0.08, 1.4))
    ax.set(xlabel=say("spent, in full trainings"), ylabel=say("best loss so far, mean of 10 seeds"))
    for place, ticks in ((ax.set_xticks, (0.5, 1, 2, 5, 10, 20, 40)), (ax.set_yticks, (0.1, 0.2, 0.5, 1))):
        place(ticks, [say(f"{tick:g}") for tick in ticks])
    ax.minorticks_off()
    ax.legend(frameon=False, handlelength=4)
    return figure


PICTURES: Mapping[str, Callable[[Say], mpl.figure.Figure]] = {
    "points": draw_points,
    "halving": draw_halving,
    "brackets": draw_brackets,
    "spending": draw_spending,
}


def main() -> None:
    warnings.simplefilter("ignore")  # of weights that overflow: the loss says it
    np.seterr(all="ignore")
    mpl.use("svg")
    plt.rcParams.update(STYLE)
    for name in sys.argv[1:] or PICTURES:
        for language, say in (("en", str), ("es", in_spanish)):
            figure = PICTURES[name](say)
            figure.savefig(FOLDER / f"{name}.{language}.svg", metadata={"Date": None}, dpi=150)
            if preview := os.environ.get("PREVIEW"):  # a folder for bitmaps, to look at
                figure.savefig(Path(preview) / f"{name}.{language}.png", dpi=110)
            plt.close(figure)


if __name__ == "__main__":
    main()
