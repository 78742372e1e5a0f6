"""From a delivered visit to revenue, fee and mirror; and back, in whatever order the jobs come."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random
from uuid import UUID

import pytest

from tandem.billing.ledger import balance_minor, balances
from tandem.billing.settlements import FeeAccrual
from tandem.billing.settlements.queries import accrual_of_usage
from tandem.billing.usage import UsageConflict, UsageInTheFuture
from tandem.kernel import clock
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.digests import book_digest
from tests.platform.billing.money import (
    NOON,
    a_delivered_visit,
    a_hospital_with_an_agreement,
    a_payment,
    a_refund,
    a_use,
)

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]


def book_of(tenant: UUID, party: UUID | None = None) -> dict[str, int]:
    with acting_for(tenant), transaction():
        found = balances()
    return {
        row["code"]: row["balance_minor"] for row in found if row["balance_minor"] and row["party_id"] in {party, None}
    }


def accrual_of(hospital: UUID, usage: UUID) -> FeeAccrual:
    with acting_for(hospital), transaction():
        found = accrual_of_usage(usage)
    assert found is not None
    return found


def owed_by(hospital: UUID) -> int:
    with acting_for(OPERATOR_ID), transaction():
        return balance_minor("ar.hospital", party_id=hospital)


def test_a_delivered_visit_earns_revenue_and_owes_the_agreed_fee(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal("12.5"), per_visit_minor=100, refund_window_days=7)
    usage = a_delivered_visit(hospital, a_payment(hospital))

    work(hospital)

    assert book_of(hospital) == {
        "ar.patient": 7_200,
        "rev.medical": -7_200,
        "exp.operator_fee": 1_000,
        "ap.operator": -1_000,
    }
    accrual = accrual_of(hospital, usage)
    assert (accrual.basis_minor, accrual.percent_part_minor, accrual.per_visit_part_minor) == (7_200, 900, 100)
    assert accrual.payable_from == accrual.at + timedelta(days=7)
    assert owed_by(hospital) == 1_000


def test_what_a_cap_takes_from_a_fee_is_parked_in_dispute_and_never_clipped(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(30), cap_per_visit_minor=500)
    usage = a_delivered_visit(hospital, a_payment(hospital))

    work(hospital)

    accrual = accrual_of(hospital, usage)
    assert (accrual.uncapped_minor, accrual.fee_minor, accrual.cap) == (2_160, 500, "per_visit")
    assert (book_of(hospital)["exp.operator_fee"], owed_by(hospital)) == (500, 500)
    assert (book_of(hospital)["fee.in_dispute"], book_of(hospital)["ap.operator_disputed"]) == (1_660, -1_660)


def test_without_an_agreement_revenue_is_earned_and_nothing_is_owed(work: Work) -> None:
    hospital = new_id()
    usage = a_delivered_visit(hospital, a_payment(hospital))

    work(hospital)

    assert book_of(hospital) == {"ar.patient": 7_200, "rev.medical": -7_200}
    assert accrual_of(hospital, usage).fee_minor == 0


def test_a_free_visit_is_metered_and_accrued_without_a_journal(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10))
    usage = a_delivered_visit(hospital, None, 0)

    work(hospital)

    assert book_of(hospital) == {}
    assert accrual_of(hospital, usage).revenue_journal_id is None


@pytest.mark.parametrize("visit_is_booked_first", [True, False])
def test_refund_and_visit_end_in_the_same_books_in_either_order(work: Work, *, visit_is_booked_first: bool) -> None:
    hospital = a_hospital_with_an_agreement()
    payment = a_payment(hospital)
    if visit_is_booked_first:
        a_delivered_visit(hospital, payment)
        work(hospital)
        a_refund(hospital, payment, 2_400)
    else:
        a_refund(hospital, payment, 2_400)
        work(hospital)
        a_delivered_visit(hospital, payment)

    work(hospital)

    assert book_of(hospital) == {
        "ar.patient": 4_800,
        "rev.medical": -4_800,
        "exp.operator_fee": 600,
        "ap.operator": -600,
    }
    assert owed_by(hospital) == 600


def test_what_was_given_back_before_the_visit_is_taken_back_when_it_is_earned_and_not_before(work: Work) -> None:
    hospital = a_hospital_with_an_agreement()
    payment = a_payment(hospital)
    a_refund(hospital, payment, 2_400, at=NOON - timedelta(days=1))
    a_delivered_visit(hospital, payment)

    work(hospital)

    with acting_for(hospital), transaction():
        before_it = {row["code"]: row["balance_minor"] for row in balances(at=NOON) if row["balance_minor"]}
    assert before_it == {}
    assert book_of(hospital)["rev.medical"] == -4_800


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((333,), lambda hospital: book_digest(hospital, keyed=False)),
        ((333, 41), lambda hospital: str(book_of(hospital))),
    ],
    ids=["one refund each: the same journals", "refunds in parts: the same balances"],
)
def test_visits_and_refunds_told_in_any_order_and_twice_make_one_book(
    work: Work, parts: tuple[int, ...], told: Callable[[UUID], str]
) -> None:
    # What a part takes back is the difference of two cumulative shares: which part bears the rounded unit depends on
    # which came first, what all of them take back does not.
    books = set()
    for seed in range(3):
        hospital = a_hospital_with_an_agreement(percent_of_net=Decimal("33.3333"), cap_per_visit_minor=700)
        payments = {amount: a_payment(hospital, amount) for amount in (7_200, 1_001, 35)}
        tellings = [partial(_visited, hospital, payments[amount], amount) for amount in payments] * 2
        tellings += [partial(a_refund, hospital, payments[amount], part) for amount in (7_200, 1_001) for part in parts]
        dice = Random(seed)
        dice.shuffle(tellings)
        for tell in tellings:
            tell()
            if dice.random() < 0.5:
                work(hospital)
        work(hospital)
        books.add((told(hospital), owed_by(hospital)))

    assert len(books) == 1


def _visited(hospital: UUID, payment: UUID, amount_minor: int) -> None:
    a_delivered_visit(hospital, payment, amount_minor, source_id=derived_id(payment, "visit"))


def test_refunds_that_add_up_to_the_price_leave_nothing_behind(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal("33.3333"))
    payment = a_payment(hospital, 1_001)
    a_delivered_visit(hospital, payment, 1_001)
    for part in (333, 1, 667):
        a_refund(hospital, payment, part)

    work(hospital)

    assert book_of(hospital) == {}
    assert owed_by(hospital) == 0


def test_a_refund_of_more_than_the_visit_earned_takes_back_what_it_earned(work: Work) -> None:
    hospital = a_hospital_with_an_agreement()
    payment = a_payment(hospital, 10_000)
    a_delivered_visit(hospital, payment, 7_200)
    work(hospital)

    for part in (6_000, 4_000):
        a_refund(hospital, payment, part)
    work(hospital)

    assert book_of(hospital) == {}
    assert owed_by(hospital) == 0


def test_a_programmes_visit_is_owed_by_the_operator_and_draws_the_programme_down(work: Work) -> None:
    hospital, programme = a_hospital_with_an_agreement(), new_id()
    a_delivered_visit(hospital, a_payment(hospital, programme=programme), programme_id=programme)

    work(hospital)

    assert book_of(hospital, programme) == {
        "ar.operator": 7_200,
        "rev.medical": -7_200,
        "exp.operator_fee": 900,
        "ap.operator": -900,
    }
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ap.hospital", party_id=hospital) == -7_200
        assert balance_minor("prepaid.programme", party_id=programme) == 7_200
        assert balance_minor("ar.hospital", party_id=hospital) == 900


def test_a_visit_reported_twice_is_metered_and_charged_once(work: Work) -> None:
    hospital, encounter = a_hospital_with_an_agreement(), new_id()
    payment = a_payment(hospital)

    first = a_delivered_visit(hospital, payment, source_id=encounter)
    again = a_delivered_visit(hospital, payment, source_id=encounter)
    work(hospital)

    assert again == first
    assert book_of(hospital)["exp.operator_fee"] == 900


def test_a_visit_reported_again_with_another_sum_is_a_conflict() -> None:
    hospital, encounter = new_id(), new_id()
    a_delivered_visit(hospital, None, source_id=encounter)

    with acting_for(hospital), pytest.raises(UsageConflict), transaction():
        a_use(None, 9_900, source_id=encounter)


def test_nothing_is_metered_before_it_happened() -> None:
    with acting_for(new_id()), pytest.raises(UsageInTheFuture), transaction():
        a_use(None, at=clock.now() + timedelta(hours=1))
