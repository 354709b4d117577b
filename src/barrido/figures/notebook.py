"""Charts in notebooks: ``job.plot.curves()`` shows the studio's chart where it is called.

```
sweep = ml_client.jobs.get("iris")
sweep.plot.best()                              # shows itself at the end of a cell
sweep.plot.scatter("lr", "value").save("lr.html")
```
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from html import escape
from pathlib import Path
from typing import Any

from barrido.core.layout import SweepFolder
from barrido.errors import RequestError
from barrido.figures.document import document
from barrido.figures.packing import packed_sweep, packed_trials, rounded
from barrido.store.queries import Reader

STYLES = ("studio.css", "parts.css", "charts.css", "figure.css")
POINTS = 60_000
"""Of curves, so that a notebook of several charts can still be opened."""

_MODULES = {
    "BestSoFar": "best",
    "Curves": "curves",
    "Parallel": "parallel",
    "Scatter": "scatter",
    "Scatter3D": "scatter3d",
    "Importance": "importance",
    "Slice": "slice",
    "Contour": "contour",
    "Timeline": "timeline",
    "Rungs": "rungs",
}
"""By chart, the module of `studio/charts` that holds it."""
_MORE = ("value", "number", "duration")
"""What a scatter plot can show beside parameters."""


@dataclass(frozen=True)
class Figure:
    """A chart with its data. A notebook shows it; `save` makes an HTML file that needs nothing else."""

    title: str
    chart: str
    model: Mapping[str, Any] = field(repr=False)
    height: int = field(default=420, repr=False)  # pixels, in a notebook

    def __repr__(self) -> str:
        return f"<{self.title}: a notebook draws it, .save('chart.html') makes a file for a browser>"

    def html(self) -> str:
        """The page that holds it."""
        entry = (
            f'import {{ {self.chart} }} from "studio/charts/{_MODULES[self.chart]}.js";\n'
            'import { draw } from "studio/figure.js";\n'
            'const data = JSON.parse(document.getElementById("data").textContent);\n'
            f'draw(document.getElementById("page"), {self.chart}, data);\n'
        )
        data = {"title": self.title, "model": self.model}
        return document(title=self.title, entry=entry, styles=STYLES, data=data)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as an HTML file; gives its absolute path."""
        file = Path(path).expanduser().absolute()
        file.write_text(self.html(), encoding="utf-8")
        return file

    def _repr_html_(self) -> str:
        # Without allow-same-origin: what is in the frame can do nothing to the notebook around it.
        return (
            f'<iframe sandbox="allow-scripts" title="{escape(self.title)}" srcdoc="{escape(self.html())}"'
            f' style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )


class Plots:
    """The charts of a sweep, as it stands when they are asked for.

    ``trial``: the one that is shown before the others, if there is one. Methods raise RequestError for names
    that the sweep has not, and where there is nothing to draw yet.
    """

    def __init__(self, folder: SweepFolder, trial: int | None = None) -> None:
        self._folder = folder
        self._trial = trial

    def __repr__(self) -> str:
        names = [name for name in vars(type(self)) if not name.startswith("_")]
        return f"<charts of {self._folder.name}: {', '.join(f'.{name}()' for name in names)}>"

    def best(self, *, x: str = "number", log: bool = False) -> Figure:
        """Each trial's value and the best so far, by trial or over ``x="time"``."""
        _one_of(x, ("number", "time"), "x")
        with self._look(needs_values=True) as look:
            return look.figure("BestSoFar", "best so far", x=x, log=log)

    def curves(
        self,
        metric: str | None = None,
        *,
        log_x: bool = False,
        log_y: bool = False,
        smoothing: float = 0.0,
    ) -> Figure:
        """One line a trial: ``metric``, or the primary one, by step. ``smoothing`` is from 0 to below 1."""
        from barrido.figures.curves import curves

        if not 0 <= smoothing < 1:
            raise RequestError(f"smoothing is from 0 to below 1 (got {smoothing!r})")
        with self._look() as look:
            name = metric if metric is not None else look.sweep["metric"]
            _one_of(name, look.sweep["metrics"], f"metric of {look.name!r}")
            lines = rounded(curves(look.reader, name, points=POINTS))
            return look.figure(
                "Curves", f"{name} by step", curves=lines, logX=log_x, logY=log_y, smoothing=smoothing
            )

    def parallel(self) -> Figure:
        """Every parameter and the value on an axis of its own, a line a trial."""
        with self._look(needs_values=True) as look:
            return look.figure("Parallel", "parameters and values")

    def scatter(
        self,
        x: str,
        y: str = "value",
        color: str | None = None,
        *,
        log_x: bool | None = None,
        log_y: bool | None = None,
    ) -> Figure:
        """A dot a trial. Each axis is a parameter, ``value``, ``number`` or ``duration`` (seconds).

        Parameters that were searched on a log scale have one, unless told otherwise.
        """
        with self._look() as look:
            axes = {"x": x, "y": y, "color": "value" if color is None else color}
            logs = {name: one for name, one in (("logX", log_x), ("logY", log_y)) if one is not None}
            return look.figure(
                "Scatter", f"{look.title(y)} by {look.title(x)}", **{**look.checked(axes), **logs}
            )

    def scatter3d(self, x: str, y: str, z: str = "value", color: str | None = None) -> Figure:
        """As `scatter`, in three dimensions, to be turned with the mouse."""
        with self._look() as look:
            axes = {"x": x, "y": y, "z": z, "color": "value" if color is None else color}
            return look.figure(
                "Scatter3D", f"{look.title(z)} by {x} and {y}", height=520, **look.checked(axes)
            )

    def importance(self) -> Figure:
        """The share of the values' variance that each parameter explains alone."""
        from barrido.figures.importance import shares

        with self._look(needs_values=True) as look:
            return look.figure(
                "Importance", "what mattered", height=320, importance=_known(shares(look.reader))
            )

    def slice(self, param: str) -> Figure:
        """Value by one parameter: the trials, and what a model of them says on average over the others."""
        from barrido.figures.importance import slice_of

        with self._look(needs_values=True) as look:
            look.check_param(param)
            mean = _known(slice_of(look.reader, param))
            return look.figure("Slice", f"{look.title('value')} by {param}", param=param, slice=mean)

    def contour(self, x: str, y: str) -> Figure:
        """What a model of the trials says of two parameters together."""
        from barrido.figures.importance import contour

        with self._look(needs_values=True) as look:
            look.check_param(x)
            look.check_param(y)
            found = _known(contour(look.reader, x, y))
            return look.figure("Contour", f"{look.title('value')} by {x} and {y}", height=520, contour=found)

    def timeline(self) -> Figure:
        """When trials ran, on which slot."""
        from barrido.figures.timeline import timeline

        with self._look() as look:
            return look.figure("Timeline", "when trials ran", timeline=timeline(look.reader))

    def rungs(self) -> Figure:
        """How the brackets of a scheduler filled up, and who was promoted."""
        from barrido.figures.rungs import rungs

        with self._look() as look:
            found = rungs(look.reader)
            if not found["brackets"]:
                raise RequestError(f"{look.name!r} has no rungs: it has no scheduler that makes some")
            return look.figure("Rungs", "rungs", rungs=found)

    @contextmanager
    def _look(self, *, needs_values: bool = False) -> Iterator[_Look]:
        """The sweep as it stands now."""
        from barrido.figures import sweeps, trials

        with Reader(self._folder) as reader:
            look = _Look(reader, sweeps.overview(reader), trials.table(reader), self._trial)
            if not look.trials["number"]:
                raise RequestError(f"{look.name!r} has no trials yet")
            if needs_values and look.sweep["metric"] is None:
                raise RequestError(f"{look.name!r} compares nothing: it has no primary metric to draw")
            yield look


@dataclass(frozen=True)
class _Look:
    """``sweep`` is its Overview, ``trials`` its table; ``trial`` the number of the one to show first."""

    reader: Reader
    sweep: Mapping[str, Any]
    trials: Mapping[str, Any]
    trial: int | None

    @property
    def name(self) -> str:
        return str(self.sweep["name"])

    def title(self, axis: str) -> str:
        """What an axis shows, in a word."""
        return str(self.sweep["metric"]) if axis == "value" and self.sweep["metric"] else axis

    def check_param(self, name: str) -> None:
        _one_of(name, self.trials["params"], f"parameter of {self.name!r}")

    def checked(self, axes: Mapping[str, str]) -> Mapping[str, Any]:
        """``axes``, each of which is the name of something that a trial has."""
        for name in axes.values():
            _one_of(name, [*self.trials["params"], *_MORE], f"axis for {self.name!r}")
        return axes

    def figure(self, chart: str, what: str, *, height: int = 420, **own: Any) -> Figure:
        """A chart with what its model holds beside the sweep and its trials."""
        model = {
            "sweep": packed_sweep(self.sweep),
            "trials": packed_trials(self.trials, keep=()),
            "selected": None if self.trial is None else [self.trial],
            # A notebook is looked at again later: what still ran then is not to go on with the clock
            **({"now": time.time()} if self.sweep["is_running"] else {}),
            **own,
        }
        return Figure(f"{self.sweep['display_name'] or self.name}: {what}", chart, model, height)


def _known(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer of a model; raises RequestError with the reason where there is none."""
    if why := answer.get("why_not"):
        raise RequestError(why)
    return answer


def _one_of(name: str | None, known: Collection[str], what: str) -> None:
    if name in known:
        return
    close = get_close_matches(str(name), known, n=1)
    there = f"there is {', '.join(known)}" if known else "there is none yet"
    raise RequestError(
        f"{name!r} is no {what}" if name is not None else f"which {what}?",
        hint=f"did you mean {close[0]!r}? {there}" if close else there,
    )
