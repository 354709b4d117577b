"""What our journal knows of a trial, and Tune has forgotten.

Tune saves its trials every ten seconds or more, with all of a run each time. What happened since then is gone
after a crash: a trial would go on from an older checkpoint, do again what it had done, and one that had ended
would be shown with an older result. A line of the journal costs next to nothing, so each result is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.train._internal.session import _TrainingResult as TrainingResult
from ray.tune import Checkpoint
from ray.tune.experiment import Trial
from ray.tune.result import TRAINING_ITERATION
from ray.tune.search.variant_generator import format_vars
from ray.tune.utils.util import unflatten_dict

if TYPE_CHECKING:
    from barrido.integrations.ray.conductor import Known

_FOLDER = "checkpoint_dir_name"


def told(result: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a flat result: its numbers and texts, but for the configuration, which Tune has."""
    return {
        name: getattr(value, "item", lambda value=value: value)()  # NumPy's as Python's own
        for name, value in result.items()
        if not name.startswith("config/") and _is_scalar(value)
    }


def saved_at(trial: Trial, result: Mapping[str, Any]) -> str | None:
    """The folder of the checkpoint that came with a result, None if there was none."""
    folder = result.get(_FOLDER)
    return str(Path(trial.storage.trial_fs_path, folder)) if folder else None


def run_of(trial: Trial) -> str:
    """What all trials of one run of Tune have in common, after a restart, too: when it began."""
    return Path(trial.storage.experiment_driver_staging_path).parent.parent.name


def catch_up(trial: Trial, known: Known) -> None:
    """Have Tune know the last result of a trial, and its last checkpoint if that is still there."""
    result = unflatten_dict(known.result)
    trial.init_local_path()  # one that is over will never be started, which is when Tune makes its folder
    if trial.last_result.get(TRAINING_ITERATION, 0) >= result[TRAINING_ITERATION]:
        return
    if known.saved is not None and known.checkpoint is not None and Path(known.checkpoint).exists():
        checkpoint = Checkpoint(path=known.checkpoint, filesystem=trial.storage.storage_filesystem)
        # The next one gets the next number, or it would be written over this one
        trial.storage.current_checkpoint_index = _index(known.checkpoint)
        trial.on_checkpoint(TrainingResult(checkpoint, unflatten_dict(known.saved)))
    trial.update_last_result(result)


def put_back(trial: Trial, params: Mapping[str, Any]) -> bool:
    """Give a new trial the values of one that Tune has forgotten, where it would have drawn others.

    False if that cannot be: they are not plain, or not the same parameters.
    """
    if params.keys() != trial.evaluated_params.keys() or not all(map(_is_scalar, params.values())):
        return False
    config = deepcopy(trial.config)
    for name, value in params.items():
        *branch, leaf = name.split("/")
        inner = config
        for key in branch:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or leaf not in inner:
            return False
        inner[leaf] = value
    trial.evaluated_params = dict(params)
    trial.set_config(config)
    number = str(trial.experiment_tag).partition("_")[0]
    trial.set_experiment_tag(f"{number}_{format_vars({tuple(n.split('/')): v for n, v in params.items()})}")
    return True


def _index(checkpoint: str) -> int:
    number = checkpoint.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def _is_scalar(value: Any) -> bool:
    if type(value).__module__ == "numpy":
        return getattr(value, "shape", None) == () and _is_scalar(value.item())
    return value is None or isinstance(value, bool | int | float | str)
