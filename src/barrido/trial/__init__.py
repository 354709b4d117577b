"""What a training script may import, as ``report`` and ``should_stop``. Standard library only.

Outside of a sweep nothing happens: a script that uses it runs by hand as it did before.
"""

from barrido.trial.script import checkpoint_dir, params, report, should_stop, trial_dir

__all__ = ["checkpoint_dir", "params", "report", "should_stop", "trial_dir"]
