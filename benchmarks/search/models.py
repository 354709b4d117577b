"""Real models of scikit-learn on data that it ships: cross-validated losses that take a tenth of a second."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np


def diabetes() -> Callable[[Mapping[str, Any]], float]:
    """Mean squared error of three folds, in variances: a support vector machine or boosted trees."""
    x, y = _data("load_diabetes")
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = (y - y.mean()) / y.std()

    def build(model: Mapping[str, Any]) -> Any:
        if model["algo"] == "svr":
            return import_module("sklearn.svm").SVR(
                C=model["C"], gamma=model["gamma"], epsilon=model["epsilon"]
            )
        return import_module("sklearn.ensemble").GradientBoostingRegressor(
            n_estimators=model["trees"],
            learning_rate=model["rate"],
            max_depth=model["depth"],
            subsample=model["subsample"],
            random_state=0,
        )

    return lambda params: _cross_validated(build(params["model"]), x, y, 3, "neg_mean_squared_error")


def digits() -> Callable[[Mapping[str, Any]], float]:
    """Log loss of two folds over 300 handwritten digits: random trees or a logistic regression."""
    x, y = (array[:300] for array in _data("load_digits"))
    x = x / 16

    def build(model: Mapping[str, Any]) -> Any:
        if model["algo"] == "trees":
            return import_module("sklearn.ensemble").ExtraTreesClassifier(
                n_estimators=model["trees"],
                max_features=model["share"],
                min_samples_leaf=model["leaf"],
                max_depth=model["depth"],
                random_state=0,
            )
        steps = [import_module("sklearn.decomposition").PCA(model["components"], random_state=0)]
        steps.append(import_module("sklearn.linear_model").LogisticRegression(C=model["C"], max_iter=50))
        return import_module("sklearn.pipeline").make_pipeline(*steps)

    return lambda params: _cross_validated(build(params["model"]), x, y, 2, "neg_log_loss")


def _data(name: str) -> tuple[Any, Any]:
    data = getattr(import_module("sklearn.datasets"), name)()
    return data.data, data.target


def _cross_validated(model: Any, x: Any, y: Any, folds: int, scoring: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of solvers that stop early: the loss says enough
        selection = import_module("sklearn.model_selection")
        split = selection.KFold(folds, shuffle=True, random_state=0)
        return -float(np.mean(selection.cross_val_score(model, x, y, cv=split, scoring=scoring)))
