"""What a training script may import: ``report``, ``params``, ``should_stop``. Standard library only.

Outside of a sweep nothing happens: a script that uses it runs by hand as it did before.
"""

from barrido.trial.script import params, report, should_stop, trial_dir

__all__ = ["params", "report", "should_stop", "trial_dir"]
