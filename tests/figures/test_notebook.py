from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Tale

from barrido import MLClient
from barrido.core.layout import Workspace
from barrido.core.recipe import Work
from barrido.errors import RequestError
from barrido.figures.notebook import Figure, Plots
from barrido.figures.page import ENTRY


@pytest.fixture
def client(tmp_path: Path) -> MLClient:
    """Of a workspace with `iris`, 12 trials of two parameters, and `job`, which compares nothing."""
    points = [{"lr": (n * 5 % 12) / 12, "momentum": n / 12} for n in range(12)]
    told = Tale(Workspace(tmp_path), "iris", points)
    for trial, point in enumerate(points):
        told.launch(trial)
        told.report(trial, 0.5, 1 - (point["lr"] - 0.4) ** 2)
        told.end(trial)
    plain = Tale(Workspace(tmp_path), "job", [{"lr": 0.1}], objective=None, work=Work(command="true"))
    plain.launch(0)
    plain.end(0)
    return MLClient(workspace_name=tmp_path)


CHARTS: dict[str, Callable[[Plots], Figure]] = {
    "BestSoFar": lambda plot: plot.best(x="time", log=True),
    "Curves": lambda plot: plot.curves(smoothing=0.5),
    "Parallel": lambda plot: plot.parallel(),
    "Scatter": lambda plot: plot.scatter("lr", "momentum", color="duration"),
    "Scatter3D": lambda plot: plot.scatter3d("lr", "momentum"),
    "Importance": lambda plot: plot.importance(),
    "Slice": lambda plot: plot.slice("lr"),
    "Contour": lambda plot: plot.contour("lr", "momentum"),
    "Timeline": lambda plot: plot.timeline(),
}


@pytest.mark.parametrize("chart", CHARTS)
def test_each_chart_is_a_page_of_its_own(client: MLClient, chart: str, tmp_path: Path) -> None:
    figure = CHARTS[chart](client.jobs.get("iris").plot)
    assert figure.chart == chart
    file = figure.save(tmp_path / "chart.html")
    text = file.read_text(encoding="utf-8")
    assert f"import {{ {chart} }}" in text
    assert "<title>iris: " in text


def test_a_notebook_shows_it_in_a_frame_that_can_do_nothing_to_it(client: MLClient) -> None:
    figure = client.jobs.get("iris").plot.best()
    shown = figure._repr_html_()
    (page,) = re.findall(r'srcdoc="([^"]*)"', shown)
    assert html.unescape(page) == figure.html()
    assert 'sandbox="allow-scripts"' in shown


def test_a_terminal_says_what_to_do_with_it(client: MLClient) -> None:
    plot = client.jobs.get("iris").plot
    assert "iris: best so far" in repr(plot.best())
    assert ".save('chart.html')" in repr(plot.best())
    assert ".scatter3d()" in repr(plot)


def test_only_the_modules_of_one_chart_come_along(client: MLClient) -> None:
    text = client.jobs.get("iris").plot.best().html()
    assert "studio/charts/best.js" in text
    assert "studio/charts/parallel.js" not in text
    assert ENTRY not in text


def test_a_trial_is_shown_among_the_others(client: MLClient) -> None:
    figure = client.jobs.get("iris_3").plot.curves()
    assert figure.model["selected"] == [3]
    assert figure.model["sweep"]["name"] == "iris"


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        (lambda plot: plot.scatter("momentun"), "'momentun' is no axis", "did you mean 'momentum'?"),
        (lambda plot: plot.scatter("lr", "hue"), "'hue' is no axis", "lr, momentum, value, number, duration"),
        (lambda plot: plot.slice("rate"), "'rate' is no parameter of 'iris'", "there is lr, momentum"),
        (lambda plot: plot.contour("lr", "lrr"), "'lrr' is no parameter", "did you mean 'lr'?"),
        (lambda plot: plot.curves("accuracy"), "'accuracy' is no metric of 'iris'", "'Accuracy'"),
        (lambda plot: plot.best(x="date"), "'date' is no x", "number, time"),
        (lambda plot: plot.curves(smoothing=2), "smoothing is from 0 to below 1", ""),
        (lambda plot: plot.rungs(), "'iris' has no rungs", ""),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_what_is(
    client: MLClient, call: Callable[[Plots], Figure], message: str, hint: str
) -> None:
    with pytest.raises(RequestError) as caught:
        call(client.jobs.get("iris").plot)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_sweep_that_compares_nothing_has_no_best(client: MLClient) -> None:
    plot = client.jobs.get("job").plot
    with pytest.raises(RequestError, match="'job' compares nothing"):
        plot.best()
    assert plot.timeline().chart == "Timeline"


def test_too_few_trials_say_so(tmp_path: Path) -> None:
    told = Tale(Workspace(tmp_path), "few", [{"lr": 0.1}])
    told.launch(0)
    told.report(0, 0.5)
    told.end(0)
    with pytest.raises(RequestError):
        Plots(told.folder).importance()
