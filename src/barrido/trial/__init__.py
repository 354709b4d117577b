"""What a training script may import: ``report``, ``params``, ``should_stop``. Standard library only."""
