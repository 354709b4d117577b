"""Descriptions that are wrong, each with all that must be said of it: (line, path, part of the message)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from barrido.errors import Problem

Said = tuple[int, str, str]
Case = tuple[dict[str, str | None], list[Said]]

SHAPE: dict[str, Case] = {
    "no type": ({"type": None}, [(1, "type", "is missing")]),
    "a type of job that is not known": ({"type": "swep"}, [(1, "type", "did you mean 'sweep'?")]),
    "a type of job that is Azure's": ({"type": "pipeline"}, [(1, "type", "can be sweep or command")]),
    "a type that is no text": ({"type": "3"}, [(1, "type", "(got 3)")]),
    "a mistyped key": ({"objetive": "1"}, [(6, "objetive", "did you mean 'objective'?")]),
    "a key that is nowhere near": ({"zzz": "1"}, [(6, "zzz", "the keys here are name")]),
    "no limits": ({"limits": None}, [(1, "limits", "`limits: {max_total_trials: 20}`")]),
    "no search space": ({"search_space": None}, [
        (1, "search_space", "`search_space: {lr: {type: loguniform")]),
    "an empty search space": ({"search_space": "{}"}, [
        (3, "search_space", "nothing to search over")]),
    "the command beside trial": ({"command": "ls"}, [(6, "command", "belongs under `trial`")]),
    "limits beside limits": ({"timeout": "3"}, [(6, "timeout", "belongs under `limits`")]),
    "the metric beside objective": ({"primary_metric": "x"}, [(6, "primary_metric", "under `objective`")]),
    "a seed at the top": ({"seed": "3"}, [(6, "seed", "sampling_algorithm: {type: random, seed: 7}")]),
    "a policy by another name": ({"policy": "x"}, [(6, "policy", "did you mean 'early_termination'?")]),
    "a name that cannot be a folder": ({"name": "../x y"}, [(6, "name", "for example x-y")]),
    "a name without end": ({"name": "a" * 201}, [(6, "name", "not be longer than 200")]),
    "a name that is a number": ({"name": "2024"}, [(6, "name", "put it in quotes: '2024'")]),
    "an empty experiment name": ({"experiment_name": "''"}, [(6, "experiment_name", "must not be empty")]),
    "tags in a list": ({"tags": "[a]"}, [(6, "tags", "must be a mapping")]),
    "a tag without a value": ({"tags": "{a: }"}, [(6, "tags.a", "has no value")]),
    "an earlier sweep without a name": ({"resume_from": "[a, '']"}, [(6, "resume_from", "name of a sweep")]),
    "no earlier sweep": ({"resume_from": "[]"}, [(6, "resume_from", "or a list of names (got a list)")]),
    "an earlier sweep, by another word": ({"warm_start": "a"}, [(6, "warm_start", "mean 'resume_from'?")]),
    "an earlier sweep, and nothing to compare": ({"resume_from": "a", "objective": None}, [
        (5, "resume_from", "needs an `objective`")]),
    "a scheduler that is not known": ({"scheduler": "{type: fif}"}, [(6, "scheduler.type", "mean 'fifo'")]),
}  # fmt: skip

SPACE: dict[str, Case] = {
    "a dash in a name": ({"trial": "{command: ls}", "search_space": "{a-b: {type: randint, upper: 3}}"}, [
        (3, "search_space.a-b", "for example a_b")]),
    "a digit before a name": ({"trial": "{command: ls}", "search_space": "{1a: {type: randint, upper: 3}}"}, [
        (3, "search_space.1a", "for example _1a")]),
    **{
        what: ({"search_space": f"{{lr: {written}}}"}, [(3, f"search_space.lr{path}", part)])
        for what, written, path, part in [
            ("a mistyped distribution", "{type: unifrom, min_value: 0, max_value: 1}", ".type", "'uniform'"),
            ("a distribution without a type", "{min_value: 0, max_value: 1}", "", "has no `type`"),
            ("a type that is a number", "{type: 3}", ".type", "must be the name of a distribution (got 3)"),
            ("a list for a choice", "[1, 2]", "", "{type: choice, values: […]}"),
            ("a fixed value", "0.1", "", "a fixed value belongs under `inputs`"),
            ("nothing", "", "", "must be a distribution"),
            ("a bound that is missing", "{type: uniform, min_value: 0}", ".max_value", "is missing"),
            ("a bound by another name", "{type: uniform, low: 0, max_value: 1}", ".low", "'min_value'"),
            ("a bound in quotes", "{type: uniform, min_value: '0', max_value: 1}", ".min_value", "write 0"),
            ("a bound without end", "{type: uniform, min_value: 0, max_value: .inf}", ".max_value", "finite"),
            ("bounds that are swapped", "{type: float, low: 3, high: 1}", ".low", "swapped"),
            ("bounds that are equal", "{type: float, low: 1, high: 1}", ".low", "below"),
            ("a q of nothing", "{type: quniform, min_value: 0, max_value: 1, q: 0}", ".q", "above 0"),
            ("a sigma below 0", "{type: normal, mu: 0, sigma: -1}", ".sigma", "above 0"),
            ("a mean by another name", "{type: normal, mean: 0, sigma: 1}", ".mean", "did you mean 'mu'?"),
            ("an upper end of half", "{type: randint, upper: 2.5}", ".upper", "whole number (got 2.5)"),
            ("an upper end of 2.0", "{type: randint, upper: 2.0}", ".upper", "write 2"),
            ("an upper end of 0", "{type: randint, upper: 0}", ".upper", "above 0"),
            ("randint from 1", "{type: randint, min_value: 1, upper: 3}", ".min_value", "type: int, low: 1"),
            ("a logarithm of 0", "{type: float, low: 0, high: 1, log: true}", ".low", "above 0"),
            ("a yes for true", "{type: int, low: 1, high: 9, log: yes}", ".log", "write true"),
            ("a binding of a pipeline", "{type: uniform, min_value: '${{parent.inputs.lo}}', max_value: 1}",
                ".min_value", "must be a number"),
            ("an empty choice", "{type: choice, values: []}", ".values", "nothing to choose from"),
            ("a choice without values", "{type: choice}", ".values", "is missing"),
            ("a choice that is no list", "{type: choice, values: 3}", ".values", "must be a list (got 3)"),
            ("null in a choice", "{type: choice, values: [1, null]}", ".values[1]", "got nothing"),
            ("a list in a choice", "{type: choice, values: [[1]]}", ".values[0]", "got a list"),
            ("a value twice in a choice", "{type: choice, values: [1, 2, 1]}", ".values[2]", "twice"),
            ("a mistake inside a choice", "{type: choice, values: [{a: {type: uniform, min_value: 0}}]}",
                ".values[0].a.max_value", "is missing"),
            ("a bad range inside a choice", "{type: choice, values: [{a: {type: randint, upper: -1}}]}",
                ".values[0].a.upper", "above 0"),
        ]
    },
}  # fmt: skip

SEARCH: dict[str, Case] = {
    "a mistyped algorithm": ({"sampling_algorithm": "randm"}, [(6, "sampling_algorithm", "'random'")]),
    "the algorithm of a scheduler": ({"sampling_algorithm": "BOHB"}, [
        (6, "sampling_algorithm", "use tpe")]),
    "a mistyped algorithm that learns": ({"sampling_algorithm": "bayes"}, [
        (6, "sampling_algorithm", "'bayesian'")]),
    "a rule for one that learns": ({"sampling_algorithm": "{type: tpe, rule: sobol}"}, [
        (6, "sampling_algorithm.rule", "only `type: random` takes a rule")]),
    "a base for one that learns": ({"sampling_algorithm": "{type: bayesian, logbase: 10}"}, [
        (6, "sampling_algorithm.logbase", "only `type: random` takes a logbase")]),
    "an algorithm without a type": ({"sampling_algorithm": "{seed: 3}"}, [
        (6, "sampling_algorithm", "has no `type`")]),
    "a rule that is not known": ({"sampling_algorithm": "{type: random, rule: sobl}"}, [
        (6, "sampling_algorithm.rule", "did you mean 'sobol'?")]),
    "a negative seed": ({"sampling_algorithm": "{type: random, seed: -1}"}, [
        (6, "sampling_algorithm.seed", "must be at least 0 (got -1)")]),
    "a seed of text": ({"sampling_algorithm": "{type: grid, seed: abc}"}, [
        (6, "sampling_algorithm.seed", "must be a whole number (got 'abc')")]),
    "a rule for a grid": ({"search_space": "{lr: {type: choice, values: [1]}}",
        "sampling_algorithm": "{type: grid, rule: sobol}"}, [
        (6, "sampling_algorithm.rule", "only `type: random` takes a rule")]),
    "a base of 1": ({"sampling_algorithm": "{type: random, logbase: 1}"}, [
        (6, "sampling_algorithm.logbase", "must be a number above 1")]),
    "a grid without end": ({"sampling_algorithm": "grid"}, [(3, "search_space.lr", "no end of values")]),
    "a goal that is not known": ({"objective": "{goal: maximise, primary_metric: a}"}, [
        (4, "objective.goal", "did you mean 'maximize'?")]),
    "a metric by another name": ({"objective": "{goal: minimize, metric: a}"}, [
        (4, "objective.metric", "did you mean 'primary_metric'?")]),
    "learning without an objective": ({"objective": None, "sampling_algorithm": "tpe"}, [
        (5, "sampling_algorithm", "needs an `objective`")]),
    "a policy without an objective": ({"objective": None, "early_termination": "median"}, [
        (5, "early_termination", "needs an `objective`")]),
    "patience without an objective": ({
        "objective": "", "limits": "{max_total_trials: 2, stop_after: {trials: 1}}"}, [
        (5, "limits.stop_after", "needs an `objective`")]),
    "a metric alone": ({"objective": "{primary_metric: a}"}, [(4, "objective.goal", "is missing")]),
    "a goal alone": ({"objective": "{goal: minimize}"}, [(4, "objective.primary_metric", "is missing")]),
    "an empty metric": ({"objective": "{goal: minimize, primary_metric: ''}"}, [
        (4, "objective.primary_metric", "must not be empty")]),
    "a metric that is a number": ({"objective": "{goal: minimize, primary_metric: 1}"}, [
        (4, "objective.primary_metric", "must be text (got 1)")]),
    **{
        what: ({"early_termination": written}, [(6, f"early_termination{path}", part)])
        for what, written, path, part in [
            ("a policy that is a number", "3", "", "must be the name of an early termination policy, or"),
            ("a mistyped policy", "bandid", "", "did you mean 'bandit'?"),
            ("a bandit by name alone", "bandit", "", "needs a slack_factor or a slack_amount"),
            ("a bandit without slack", "{type: bandit, delay_evaluation: 5}", "", "needs a slack_factor"),
            ("a bandit with two slacks", "{type: bandit, slack_factor: 0.1, slack_amount: 1}", "", "keep"),
            ("a slack below 0", "{type: bandit, slack_factor: -0.1}", ".slack_factor", "at least 0"),
            ("a truncation without a percentage", "truncation", ".truncation_percentage", "is missing"),
            ("a percentage of 0", "{type: truncation_selection, truncation_percentage: 0}",
                ".truncation_percentage", "at least 1 (got 0)"),
            ("a percentage of 100", "{type: TruncationSelection, truncation_percentage: 100}",
                ".truncation_percentage", "at most 99 (got 100)"),
            ("a delay below 0", "{type: median, delay_evaluation: -1}", ".delay_evaluation", "at least 0"),
            ("half an interval", "{type: median_stopping, evaluation_interval: 0.5}",
                ".evaluation_interval", "whole number (got 0.5)"),
            ("a delay by another name", "{type: median_stopping, delay: 5}", ".delay", "'delay_evaluation'"),
        ]
    },
}  # fmt: skip

LIMITS: dict[str, Case] = {
    what: ({"limits": written}, [(5, f"limits.{path}", part)])
    for what, written, path, part in [
        ("no number of trials", "{timeout: 60}", "max_total_trials", "is missing"),
        ("no trials", "{max_total_trials: 0}", "max_total_trials", "must be at least 1 (got 0)"),
        ("trials in quotes", "{max_total_trials: '2'}", "max_total_trials", "write 2 without the quotes"),
        ("trials by another name", "{max_trials: 2}", "max_trials", "did you mean 'max_total_trials'?"),
        ("true trials", "{max_total_trials: true}", "max_total_trials", "whole number (got true)"),
        ("no time", "{max_total_trials: 2, timeout: 0}", "timeout", "must be more than 0 (got 0)"),
        ("hours", "{max_total_trials: 2, timeout: 2h}", "timeout", "write 7200"),
        ("no end of time", "{max_total_trials: 2, trial_timeout: .inf}", "trial_timeout", "finite"),
        ("no concurrency", "{max_total_trials: 2, max_concurrent_trials: 0}",
            "max_concurrent_trials", "at least 1"),
        ("no patience", "{max_total_trials: 2, stop_after: {trials: 0}}", "stop_after.trials", "at least 1"),
        ("a negative improvement", "{max_total_trials: 2, stop_after: {trials: 1, min_improvement: -1}}",
            "stop_after.min_improvement", "at least 0"),
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(*case, id=what)
        for group in (SHAPE, SPACE, SEARCH, LIMITS)
        for what, case in group.items()
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_nothing_else_is(
    changes: dict[str, str | None],
    expected: list[Said],
    sweep: Callable[..., str],
    mistakes: Callable[..., list[Problem]],
) -> None:
    found = mistakes(sweep(**changes))
    places: list[Any] = [(problem.where, problem.path) for problem in found]
    assert places == [(f"sweep.yml:{line}", path) for line, path, _ in expected], [str(p) for p in found]
    for problem, (_, _, part) in zip(found, expected, strict=True):
        assert part in str(problem)
