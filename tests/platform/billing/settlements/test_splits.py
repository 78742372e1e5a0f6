"""A split gives out exactly what there is, each share within a unit of the exact one, in any order and both ways."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.kernel.money import allocate, allocate_cumulative

TOTALS = st.integers(-10_000_000, 10_000_000)
WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=7).filter(any)


@given(TOTALS, WEIGHTS)
def test_the_shares_are_the_total_and_each_is_within_one_unit_of_the_exact_share(
    total: int, weights: list[int]
) -> None:
    shares = allocate(total, weights)

    assert sum(shares) == total
    assert all(
        abs(share - Fraction(total) * weight / sum(weights)) < 1 for share, weight in zip(shares, weights, strict=True)
    )


@given(TOTALS, WEIGHTS)
def test_a_negative_total_is_the_mirror_of_its_positive_twin(total: int, weights: list[int]) -> None:
    assert allocate(-total, weights) == [-share for share in allocate(total, weights)]


@given(st.integers(0, 10_000_000), st.integers(0, 1_000), WEIGHTS)
def test_of_a_larger_total_two_parties_never_get_less_and_of_many_none_loses_more_than_a_unit(
    total: int, more: int, weights: list[int]
) -> None:
    # Of three or more, largest remainders may hand a tied unit on; no method keeps every share within a unit and a
    # simple rule besides. Fees and taxes, which two parties share, never go back as sums grow.
    lost = [one - other for one, other in zip(allocate(total, weights), allocate(total + more, weights), strict=True)]

    assert max(lost) <= (0 if len(weights) <= 2 else 1)


@given(TOTALS, st.lists(st.integers(1, 10_000), min_size=2, max_size=6, unique=True), st.randoms())
def test_the_order_of_the_parties_moves_at_most_a_tied_unit(total: int, weights: list[int], chance) -> None:
    by_weight = dict(zip(weights, allocate(total, weights), strict=True))
    shuffled = chance.sample(weights, len(weights))

    again = dict(zip(shuffled, allocate(total, shuffled), strict=True))

    assert all(abs(again[weight] - share) <= 1 for weight, share in by_weight.items())


@given(st.integers(0, 1_000_000), WEIGHTS, st.lists(st.integers(1, 400_000), max_size=6))
def test_refunds_in_parts_give_back_what_was_split_and_close_every_share_to_zero(
    total: int, weights: list[int], wanted: list[int]
) -> None:
    left, refunded = allocate(total, weights), 0
    for part in [*wanted, total]:
        now = min(part, total - refunded)
        left = [share - back for share, back in zip(left, allocate_cumulative(refunded, now, weights), strict=True)]
        refunded += now
        assert sum(left) == total - refunded

    assert left == [0] * len(weights)


@pytest.mark.parametrize(("total", "shares"), [(1, [1, 0, 0]), (-1, [-1, 0, 0]), (2, [1, 1, 0]), (0, [0, 0, 0])])
def test_one_unit_split_three_ways_goes_to_the_first_and_a_total_below_the_parties_leaves_the_rest_nothing(
    total: int, shares: list[int]
) -> None:
    assert allocate(total, [1, 1, 1]) == shares
