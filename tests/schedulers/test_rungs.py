from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barrido.errors import RequestError
from barrido.schedulers.rungs import halvings, levels, top_k


@pytest.mark.parametrize(
    ("max_resource", "reduction_factor", "rungs"),
    [
        (243, 3, (1, 3, 9, 27, 81, 243)),  # floating logarithms lose a rung here
        (729, 3, (1, 3, 9, 27, 81, 243, 729)),
        (1000, 10, (1, 10, 100, 1000)),
        (3**13, 3, tuple(3**k for k in range(14))),
        (50, 3, (1, 5, 16, 50)),  # rounding up makes a rung of no resource here
        (200, 3, (2, 7, 22, 66, 200)),
        (100, 3, (1, 3, 11, 33, 100)),  # the top is what was asked for, not 81 or 99
    ],
)
def test_no_rung_is_lost_or_empty(max_resource: int, reduction_factor: int, rungs: tuple[int, ...]) -> None:
    assert levels(max_resource, 1, reduction_factor) == rungs


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(2, 12))
def test_rungs_divide_the_resource_and_none_is_below_the_smallest(low: int, more: int, eta: int) -> None:
    rungs = levels(low + more, low, eta)
    assert rungs == tuple((low + more) // eta**k for k in reversed(range(len(rungs))))
    assert rungs[0] >= low > rungs[0] // eta
    assert len(rungs) - 1 == halvings((low + more) // low, eta)


@pytest.mark.parametrize(
    ("arguments", "said"), [((3, 4, 3), "from 1 to max_resource, 3"), ((9, 0, 3), "got 0")]
)
def test_rungs_that_cannot_be_are_refused(arguments: tuple[int, int, int], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        levels(*arguments)


def test_one_of_one_is_no_reduction() -> None:
    with pytest.raises(RequestError, match="2 or more"):
        levels(9, 1, 1)


def test_the_best_come_first_ties_in_order_and_what_has_no_value_never() -> None:
    losses = [2.0, nan, 1.0, inf, 2.0, None, -inf, 3.0]
    assert top_k(range(8), losses, 3) == [2, 0, 4]
    assert top_k(range(8), losses, 8) == [2, 0, 4, 7]
    assert top_k(range(8), losses, 0) == []
