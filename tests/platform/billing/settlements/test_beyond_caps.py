"""A fee beyond a cap is parked where both see it; only the hospital can make it owed, and refunds take it along."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from tandem.billing.ledger import balance_minor
from tandem.billing.settlements.models import FeeDecision
from tandem.billing.settlements.queries import accrual_of_usage
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.platform.billing.settlements.test_accruals import book_of, owed_by

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]


def accrual_id(hospital: UUID, usage: UUID) -> UUID:
    with acting_for(hospital), transaction():
        found = accrual_of_usage(usage)
    assert found is not None
    return found.id


@pytest.fixture
def finance(hospital: tuple[UUID, UUID, UUID]) -> dict[str, str]:
    return a_key(hospital[0], "hospital", "hospital_finance")


@pytest.fixture
def operator() -> dict[str, str]:
    return a_key(OPERATOR_ID, "operator", "operator_finance")


@pytest.fixture
def hospital(work: Work) -> tuple[UUID, UUID, UUID]:
    """A hospital, the payment and the accrual of a visit of 100 yuan with a fee of 30, capped at 10."""
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(30), cap_per_visit_minor=1_000, refund_window_days=0)
    payment = a_payment(hospital, 10_000)
    usage = a_delivered_visit(hospital, payment, 10_000)
    work(hospital)
    return hospital, payment, accrual_id(hospital, usage)


@pytest.mark.parametrize(("price", "owed", "disputed"), [(10_000, 1_000, 0), (10_010, 1_000, 1), (9_990, 999, 0)])
def test_a_cap_reached_exactly_parks_nothing_and_exceeded_by_one_fen_parks_one_fen(
    work: Work, price: int, owed: int, disputed: int
) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), cap_per_visit_minor=1_000)
    a_delivered_visit(hospital, a_payment(hospital, price), price)

    work(hospital)

    book = book_of(hospital)
    assert (-book["ap.operator"], -book.get("ap.operator_disputed", 0)) == (owed, disputed)


def test_zero_on_medical_money_owes_nothing_and_parks_the_whole_fee(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), zero_on_medical=True)
    a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000)

    work(hospital)

    book = book_of(hospital)
    assert ("ap.operator" in book, book["fee.in_dispute"], owed_by(hospital)) == (False, 1_000, 0)


def test_the_cap_of_a_programme_counts_what_its_visits_have_borne(work: Work) -> None:
    hospital, programme = (
        a_hospital_with_an_agreement(percent_of_net=Decimal(10), cap_per_programme_minor=1_500),
        new_id(),
    )
    for _ in range(3):
        payment = a_payment(hospital, 10_000, programme=programme)
        a_delivered_visit(hospital, payment, 10_000, programme_id=programme)

    work(hospital)

    book = book_of(hospital, programme)
    assert (book["ap.operator"], book["ap.operator_disputed"]) == (-1_500, -1_500)


def test_the_hospital_grants_and_the_fee_is_owed_on_both_sides(
    hospital: tuple[UUID, UUID, UUID], finance: dict[str, str], client: FlaskClient, work: Work
) -> None:
    tenant, _, accrual = hospital
    (listed,) = client.get("/api/hospital/v1/fees_in_dispute", headers=finance).json["data"]

    path = f"/api/hospital/v1/fees_in_dispute/{accrual}/consent"
    granted = client.post(path, json={"because": "agreed for complex cases"}, headers=finance | once())
    again = client.post(path, json={"because": "once more"}, headers=finance | once())
    work(tenant)

    assert (listed["disputed_minor"], listed["decision"]) == (2_000, None)
    assert (granted.status_code, granted.json["decision"], again.status_code) == (201, "granted", 409)
    assert book_of(tenant)["ap.operator"] == -3_000
    assert "fee.in_dispute" not in book_of(tenant)
    assert owed_by(tenant) == 3_000


def test_the_operator_can_only_waive_and_the_database_itself_refuses_its_grant(
    hospital: tuple[UUID, UUID, UUID], operator: dict[str, str], client: FlaskClient, work: Work
) -> None:
    tenant, _, accrual = hospital

    with acting_for(tenant, operator=True), pytest.raises(IntegrityError, match="granted by the hospital"):
        session.add(FeeDecision(tenant_id=tenant, fee_accrual_id=accrual, decision="granted", because="ours"))
        session.flush()
    path = f"/api/operator/v1/hospitals/{tenant}/fees_in_dispute/{accrual}/waiver"
    waived = client.post(path, json={"because": "goodwill"}, headers=operator | once())
    work(tenant)

    assert (waived.status_code, waived.json["decision"]) == (201, "waived")
    assert book_of(tenant) == {
        "ar.patient": 10_000,
        "rev.medical": -10_000,
        "exp.operator_fee": 1_000,
        "ap.operator": -1_000,
    }


@pytest.mark.parametrize("decision", [None, "granted", "waived"])
def test_a_full_refund_leaves_nothing_of_a_fee_beyond_a_cap_whatever_was_decided(
    hospital: tuple[UUID, UUID, UUID], decision: str | None, work: Work
) -> None:
    from tandem.billing.settlements.commands import grant_excess, waive_excess

    tenant, payment, accrual = hospital
    a_refund(tenant, payment, 3_333)
    work(tenant)
    if decision is not None:
        with acting_for(tenant), transaction():
            (grant_excess if decision == "granted" else waive_excess)(accrual, because="story")
        work(tenant)

    a_refund(tenant, payment, 6_667)
    work(tenant)

    assert book_of(tenant) == {}
    assert owed_by(tenant) == 0


def test_a_cap_changed_between_accrual_and_refund_does_not_change_what_the_refund_takes_back(
    hospital: tuple[UUID, UUID, UUID], work: Work, as_superuser: Callable[..., None]
) -> None:
    tenant, payment, _ = hospital
    as_superuser("UPDATE agreement_version SET cap_per_visit_minor = 1 WHERE tenant_id = %s", tenant)

    a_refund(tenant, payment, 5_000)
    work(tenant)

    book = book_of(tenant)
    assert (book["ap.operator"], book["ap.operator_disputed"]) == (-500, -1_000)


def test_a_price_lowered_afterwards_leaves_the_recorded_split_alone(
    hospital: tuple[UUID, UUID, UUID], work: Work
) -> None:
    tenant, payment, _ = hospital

    # The hospital gives the difference back: the new price is a refund of the old one, by the old split.
    a_refund(tenant, payment, 2_000)
    work(tenant)

    with acting_for(tenant), transaction():
        assert (balance_minor("rev.medical"), balance_minor("ap.operator")) == (-8_000, -800)
