"""Constraints: which points of a space may be tried, as expressions over the names of parameters.

A small language with the syntax and the meaning of Python's expressions: names, numbers, strings,
`+ - * / // % **`, comparisons (also in chains, and `in` with a list), `and`, `or`, `not`, and the functions
of `FUNCTIONS`. Nothing else can be said in it, and nothing that is said takes long.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

Values = Mapping[str, Any]
"""A point's values by dotted name: `barrido.space.Space.flatten`."""

LONGEST = 1000
"""Characters of a constraint."""

DEEPEST = 200
"""Expressions inside one another."""

MOST_EXACT = 64
"""Whole numbers are raised to higher powers as floating point: they have no end."""

MOST_DIGITS = 2000
"""No number that can be worked out has more in front of its point."""

_Evaluate = Callable[[Values], Any]


class Malformed(Exception):
    """A text that is no constraint. ``at`` is the column where it goes wrong, from 1."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


@dataclass(frozen=True)
class Constraint:
    """``names`` are the parameters that it is about, with the columns, from 1, where they stand first."""

    text: str
    names: Mapping[str, int] = field(compare=False)
    _holds: _Evaluate = field(compare=False, repr=False)

    def allows(self, values: Values) -> bool:
        """Whether it is true of a point.

        A point that lacks one of the parameters, because it takes another branch of a nested choice, is
        allowed. One of which it cannot be worked out is not: a division by zero, a text that is compared
        with a number.

        >>> ratio = parse("width / depth <= 8")
        >>> [ratio.allows({"width": 64, "depth": depth}) for depth in (8, 4, 0)], ratio.allows({"width": 64})
        ([True, False, False], True)
        """
        if any(name not in values for name in self.names):
            return True
        try:
            return bool(self._holds(values))
        except (ArithmeticError, TypeError, ValueError):
            return False


def parse(text: str) -> Constraint:
    """Raises Malformed.

    >>> sorted(parse("not (optimizer == 'sgd' and conv.momentum > 0.9)").names)
    ['conv.momentum', 'optimizer']
    """
    if len(text) > LONGEST:
        raise Malformed(f"has more than {LONGEST} characters", LONGEST + 1)
    names: dict[str, int] = {}
    try:
        holds = _compile(ast.parse(text.strip(), mode="eval").body, names)
    except SyntaxError as error:
        raise Malformed(f"is not an expression: {error.msg}", error.offset or 1) from error
    except (ValueError, MemoryError, RecursionError) as error:  # a NUL, or hundreds of brackets or signs
        raise Malformed(f"is not an expression: {error}", 1) from error
    if not names:
        raise Malformed("names no parameter", 1)
    return Constraint(text.strip(), names, holds)


def _compile(node: ast.expr, names: dict[str, int], depth: int = 0) -> _Evaluate:
    """What works out ``node``; the names that it meets are added to ``names``."""
    if depth > DEEPEST:
        raise Malformed(f"is nested more than {DEEPEST} deep", node.col_offset + 1)
    inner = partial(_compile, names=names, depth=depth + 1)
    match node:
        case ast.Name() | ast.Attribute():
            name = _dotted(node)
            names.setdefault(name, node.col_offset + 1)
            return lambda values: values[name]
        case ast.Constant(value=str() | int() | float() | bool() | None as value):
            return lambda _: value
        case ast.BoolOp(op, operands):
            parts = [inner(one) for one in operands]
            if isinstance(op, ast.And):
                return lambda values: all(part(values) for part in parts)
            return lambda values: any(part(values) for part in parts)
        case ast.UnaryOp(ast.Not(), operand):
            negated = inner(operand)
            return lambda values: not negated(values)
        case ast.UnaryOp(ast.USub() | ast.UAdd() as op, operand):
            number, sign = inner(operand), 1 if isinstance(op, ast.UAdd) else -1
            return lambda values: sign * _number(number(values))
        case ast.BinOp(left, op, right) if (act := _ARITHMETIC.get(type(op))) is not None:
            one, other = inner(left), inner(right)
            return lambda values: act(_number(one(values)), _number(other(values)))
        case ast.Compare(left, ops, comparators):
            return _comparison([inner(one) for one in (left, *comparators)], node, ops)
        case ast.List(elts) | ast.Tuple(elts) | ast.Set(elts):
            items = [inner(one) for one in elts]
            return lambda values: [item(values) for item in items]
        case ast.Call(ast.Name(name), arguments, []) if name in FUNCTIONS:
            given = [inner(one) for one in arguments]
            function = FUNCTIONS[name]
            return lambda values: function(*(_number(one(values)) for one in given))
        case ast.Call(ast.Name(name)):
            raise Malformed(f"calls {name}; known are {', '.join(FUNCTIONS)}", node.col_offset + 1)
        case _:
            raise Malformed(f"cannot say `{ast.unparse(node)}`", node.col_offset + 1)


def _comparison(parts: Sequence[_Evaluate], node: ast.expr, ops: Sequence[ast.cmpop]) -> _Evaluate:
    unknown = next((op for op in ops if type(op) not in _COMPARISONS), None)
    if unknown is not None:
        raise Malformed(f"cannot say `{ast.unparse(node)}`: write == or !=", node.col_offset + 1)
    tests = [_COMPARISONS[type(op)] for op in ops]

    def holds(values: Values) -> bool:
        left = parts[0](values)
        for test, part in zip(tests, parts[1:], strict=True):
            right = part(values)
            if not test(left, right):
                return False
            left = right
        return True

    return holds


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, name):
            return f"{_dotted(value)}.{name}"
        case _:
            raise Malformed(f"cannot say `{ast.unparse(node)}`", node.col_offset + 1)


def _number(value: Any) -> Any:
    """Raises TypeError for what is none: a text can be compared, and nothing else."""
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{value!r} is no number")


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > MOST_EXACT or abs(base) > 2**MOST_EXACT:
        base, exponent = float(base), float(exponent)
    result = base**exponent
    return _number(result)  # a root of a negative number is complex


def _product(left: Any, right: Any) -> Any:
    product = left * right
    return float(product) if isinstance(product, int) and abs(product) > 2**1000 else product


def _rounded(value: Any, *places: Any) -> Any:
    # For a whole number and places in front of the point Python works out that power of ten.
    return round(value, *(max(one, -MOST_DIGITS) for one in places))


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _product,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "min": lambda *given: reduce(min, given),
    "max": lambda *given: reduce(max, given),
    "round": _rounded,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
}
