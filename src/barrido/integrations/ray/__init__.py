"""Inside Ray Tune: `BarridoSearch` chooses the points, `BarridoScheduler` says how far trials go.

```
tuner = tune.Tuner(
    train,
    param_space={"lr": tune.loguniform(1e-4, 1e-1)},
    tune_config=tune.TuneConfig(
        metric="loss", mode="min", num_samples=17,
        search_alg=BarridoSearch(sampling_algorithm="sobol", seed=0),
        scheduler=BarridoScheduler(HyperbandScheduler(max_resource=9)),
    ),
)
```

Either may be used alone. Raises MissingExtra if Ray Tune is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from barrido.errors import MissingExtra

if TYPE_CHECKING:
    from barrido.integrations.ray.scheduler import BarridoScheduler
    from barrido.integrations.ray.search import BarridoSearch

__all__ = ["BarridoScheduler", "BarridoSearch"]

_MODULES = {
    "BarridoScheduler": "barrido.integrations.ray.scheduler",
    "BarridoSearch": "barrido.integrations.ray.search",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import_module("ray.tune")
    except ImportError as error:
        raise MissingExtra("ray", needed_for=f"{name}, which plugs into Ray Tune,") from error
    return getattr(import_module(_MODULES[name]), name)
