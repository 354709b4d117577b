from __future__ import annotations

from barrido.core.protocols import Sampler
from barrido.samplers.grid import GridSampler
from barrido.samplers.random import RandomSampler
from barrido.samplers.sobol import SobolSampler
from barrido.space import Space
from barrido.testing.samplers import SamplerSuite


class TestGrid(SamplerSuite):
    finite_only = True
    uses_seed = False

    def sampler(self, space: Space) -> Sampler:
        return GridSampler(space)


class TestRandom(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return RandomSampler(space)


class TestSobol(SamplerSuite):
    def sampler(self, space: Space) -> Sampler:
        return SobolSampler(space)
