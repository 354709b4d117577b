"""Search spaces: distributions, the unit cube they are drawn from, conditions, enumeration."""

from barrido.space.choice import Choice
from barrido.space.continuous import Float, LogNormal, LogUniform, Normal, Uniform
from barrido.space.discrete import Int, QLogNormal, QLogUniform, QNormal, QUniform, Randint
from barrido.space.domain import Continuous, Discrete, Domain, Kind
from barrido.space.reading import DOMAINS, domain_from_json
from barrido.space.space import Space
from barrido.space.tree import Condition, Dimension

__all__ = [
    "DOMAINS",
    "Choice",
    "Condition",
    "Continuous",
    "Dimension",
    "Discrete",
    "Domain",
    "Float",
    "Int",
    "Kind",
    "LogNormal",
    "LogUniform",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "Randint",
    "Space",
    "Uniform",
    "domain_from_json",
]
