"""Samplers: which point of the search space is tried next."""

from barrido.samplers.grid import GridSampler
from barrido.samplers.random import RandomSampler
from barrido.samplers.sobol import SobolSampler

__all__ = ["GridSampler", "RandomSampler", "SobolSampler"]
