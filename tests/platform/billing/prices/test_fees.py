"""A fee is exact, rounded once, capped in the payer's favour, and taken back by the very split it was made with."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.billing.prices import FeeRule, compute_fee, fee_to_reverse
from tandem.kernel.money import allocate_cumulative

AMOUNTS = st.integers(0, 10_000_000)
PERCENTS = st.decimals(0, 100, places=4)
RULES = st.builds(
    FeeRule,
    version_id=st.none(),
    percent_of_net=PERCENTS,
    per_visit_minor=st.integers(0, 50_000),
    cap_percent=st.none() | PERCENTS,
    cap_per_visit_minor=st.none() | st.integers(0, 50_000),
    cap_per_programme_minor=st.none() | st.integers(0, 50_000),
    zero_on_medical=st.booleans(),
)


@pytest.mark.parametrize(
    ("basis_minor", "terms", "fee_minor", "cap"),
    [
        (7_200, {"percent_of_net": Decimal("12.5")}, 900, None),
        (7_204, {"percent_of_net": Decimal("12.5")}, 901, None),  # 900.5 fen: half goes away from zero
        (7_200, {"percent_of_net": Decimal(10), "per_visit_minor": 300}, 1_020, None),
        (7_200, {"percent_of_net": Decimal(30), "cap_percent": Decimal("20.01")}, 1_440, "percent"),  # 1440.72 floored
        (7_200, {"percent_of_net": Decimal(30), "cap_per_visit_minor": 500}, 500, "per_visit"),
        (7_200, {"per_visit_minor": 500, "cap_per_visit_minor": 500}, 500, None),  # reached exactly: not capped
        (7_200, {"per_visit_minor": 501, "cap_per_visit_minor": 500}, 500, "per_visit"),  # exceeded by one fen
        (100, {"per_visit_minor": 500}, 100, "net"),
        (0, {"percent_of_net": Decimal(10), "per_visit_minor": 500}, 0, "net"),
        (7_200, {}, 0, None),
    ],
)
def test_a_fee_follows_its_rule(basis_minor: int, terms: dict[str, object], fee_minor: int, cap: str | None) -> None:
    result = compute_fee(basis_minor, FeeRule(version_id=None, **terms))  # type: ignore[arg-type]  # a table of terms

    assert (result.fee_minor, result.cap) == (fee_minor, cap)


@pytest.mark.parametrize(
    ("per_visit_minor", "disputed_minor", "cap"),
    [(500, 0, None), (501, 1, "per_visit")],
)
def test_a_cap_reached_exactly_disputes_nothing_and_one_fen_more_disputes_one_fen(
    per_visit_minor: int, disputed_minor: int, cap: str | None
) -> None:
    rule = FeeRule(version_id=None, per_visit_minor=per_visit_minor, cap_per_visit_minor=500)

    result = compute_fee(7_200, rule)

    assert (result.fee_minor, result.disputed_minor, result.cap) == (500, disputed_minor, cap)


def test_where_no_fee_may_be_taken_from_medical_money_all_of_it_is_disputed() -> None:
    rule = FeeRule(version_id=None, percent_of_net=Decimal(10), zero_on_medical=True)

    medical, other = compute_fee(7_200, rule), compute_fee(7_200, rule, is_medical=False)

    assert (medical.fee_minor, medical.disputed_minor, medical.cap) == (0, 720, "zero_on_medical")
    assert (other.fee_minor, other.disputed_minor, other.cap) == (720, 0, None)


@pytest.mark.parametrize(
    ("before_minor", "fee_minor", "disputed_minor", "cap"),
    [
        (None, 300, 0, None),
        (700, 300, 0, None),
        (701, 299, 1, "per_programme"),
        (1_000, 0, 300, "per_programme"),
        (1_200, 0, 300, "per_programme"),  # a cap that was lowered meanwhile: nothing more, and nothing back
    ],
)
def test_a_programme_bears_fees_up_to_its_cap_and_no_fen_more(
    before_minor: int | None, fee_minor: int, disputed_minor: int, cap: str | None
) -> None:
    rule = FeeRule(version_id=None, per_visit_minor=300, cap_per_programme_minor=1_000)

    result = compute_fee(7_200, rule, programme_fees_before_minor=before_minor)

    assert (result.fee_minor, result.disputed_minor, result.cap) == (fee_minor, disputed_minor, cap)


def test_a_cap_changed_between_accrual_and_refund_changes_nothing_of_what_the_refund_takes_back() -> None:
    accrued = compute_fee(7_200, FeeRule(version_id=None, per_visit_minor=501, cap_per_visit_minor=500))

    facts = {"basis_minor": accrued.basis_minor, "refunded_before_minor": 0, "refund_minor": 7_200}
    fee, disputed = (fee_to_reverse(fee_minor=part, **facts) for part in (accrued.fee_minor, accrued.disputed_minor))

    assert (fee, disputed) == (500, 1)


@given(AMOUNTS, RULES)
def test_a_fee_is_never_above_a_cap_nor_above_what_was_paid(basis_minor: int, rule: FeeRule) -> None:
    result = compute_fee(basis_minor, rule)

    assert 0 <= result.fee_minor <= min(result.uncapped_minor, basis_minor)
    assert result.fee_minor + result.disputed_minor == result.uncapped_minor
    assert result.percent_part_minor + result.per_visit_part_minor == result.uncapped_minor
    if rule.cap_percent is not None:
        assert result.fee_minor <= Fraction(basis_minor) * Fraction(rule.cap_percent) / 100
    if rule.cap_per_visit_minor is not None:
        assert result.fee_minor <= rule.cap_per_visit_minor
    if result.cap is None:
        assert result.fee_minor == result.uncapped_minor


@given(AMOUNTS, AMOUNTS, RULES)
def test_who_pays_more_never_owes_a_smaller_fee(one: int, other: int, rule: FeeRule) -> None:
    less, more = sorted((one, other))

    assert compute_fee(less, rule).fee_minor <= compute_fee(more, rule).fee_minor


@given(AMOUNTS, RULES, st.lists(st.integers(1, 5_000_000), max_size=6))
def test_refunds_in_any_parts_take_back_the_whole_fee_and_no_more(
    basis_minor: int, rule: FeeRule, wanted: list[int]
) -> None:
    fee_minor = compute_fee(basis_minor, rule).fee_minor
    refunded = reversed_fee = 0
    for part in [*wanted, basis_minor]:
        refund = min(part, basis_minor - refunded)
        taken = fee_to_reverse(
            basis_minor=basis_minor, fee_minor=fee_minor, refunded_before_minor=refunded, refund_minor=refund
        )
        reversed_fee, refunded = reversed_fee + taken, refunded + refund
        assert taken >= 0
        assert basis_minor == 0 or abs(reversed_fee - Fraction(fee_minor * refunded, basis_minor)) <= Fraction(1, 2)

    assert (refunded, reversed_fee) == (basis_minor, fee_minor)


@given(AMOUNTS, RULES, st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_a_refund_that_came_back_restores_exactly_what_it_took(
    basis_minor: int, rule: FeeRule, before: int, refund: int
) -> None:
    before = min(before, basis_minor)
    facts = {"basis_minor": basis_minor, "fee_minor": compute_fee(basis_minor, rule).fee_minor}
    refund = min(refund, basis_minor - before)

    took = fee_to_reverse(refunded_before_minor=before, refund_minor=refund, **facts)
    restored = fee_to_reverse(refunded_before_minor=before + refund, refund_minor=-refund, **facts)

    assert took + restored == 0


@given(AMOUNTS, st.integers(0, 10_000_000), st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_a_refund_takes_back_what_splitting_the_payment_would(fee: int, rest: int, before: int, refund: int) -> None:
    basis = fee + rest
    before = min(before, basis)
    refund = min(refund, basis - before)
    facts = {"basis_minor": basis, "fee_minor": fee, "refunded_before_minor": before, "refund_minor": refund}

    assert fee_to_reverse(**facts) == (allocate_cumulative(before, refund, [fee, rest])[0] if basis else 0)


@pytest.mark.parametrize("name", ["percent_of_net", "cap_per_visit_minor", "cap_per_programme_minor", "cap_percent"])
def test_no_term_and_no_cap_is_negative(name: str) -> None:
    with pytest.raises(ValueError, match="negative"):
        FeeRule(version_id=None, **{name: -1})  # type: ignore[arg-type]  # a table of terms
