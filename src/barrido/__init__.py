"""Hyperparameter sweeps for any training command, in the language of Azure ML, on your own machine."""

from __future__ import annotations

__version__ = "0.1.0"
