"""Where money cannot flow back the way it came: what is owed stands in the book, and statements ask for it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from tandem.billing.ledger import balance_minor
from tandem.billing.settlements import SettlementStatement, document_of, propose_statement
from tandem.billing.settlements.commands import confirm_statement, record_payment
from tandem.billing.settlements.errors import ReturnWindowClosed
from tandem.billing.settlements.limits import Split, limits_of, require_return_allowed
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]
DAY = date(2026, 9, 1)


def proposed(hospital: UUID, through: date) -> SettlementStatement:
    with acting_for(hospital), transaction():
        return propose_statement(through)


def settled(hospital: UUID, through: date, work: Work) -> SettlementStatement:
    row = proposed(hospital, through)
    with acting_for(hospital), transaction():
        confirm_statement(row.id)
        record_payment(row.id, paid_on=through, reference="B")
    work(hospital)
    return row


def balance(tenant: UUID, code: str, party: UUID | None = None) -> int:
    with acting_for(tenant), transaction():
        return balance_minor(code, party_id=party)


@pytest.fixture
def hospital(work: Work) -> tuple[UUID, UUID]:
    """A hospital that has paid the fee of 10 yuan on a visit of 100, and the visit's payment."""
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0)
    payment = a_payment(hospital, 10_000)
    a_delivered_visit(hospital, payment, 10_000)
    work(hospital)
    settled(hospital, DAY, work)
    return hospital, payment


def test_a_refund_after_180_days_cannot_be_returned_and_is_a_receivable_from_the_operator(
    hospital: tuple[UUID, UUID], work: Work, at: Callable[[datetime], None]
) -> None:
    tenant, payment = hospital
    at(NOON + timedelta(days=181))
    with acting_for(tenant), transaction():
        limits = limits_of("wechat_pay", NOON)
    with pytest.raises(ReturnWindowClosed):
        require_return_allowed(limits, Split(NOON, 1_000), 1_000, clock.now())

    a_refund(tenant, payment, 10_000, at=clock.now())
    work(tenant)

    assert balance(tenant, "ap.operator") == 1_000
    assert balance(OPERATOR_ID, "ar.hospital", tenant) == -1_000
    at(NOON + timedelta(days=183))
    before_it, after_it = (proposed(tenant, DAY + timedelta(days=days)) for days in (180, 181))
    assert (before_it.due_to_operator_minor, after_it.due_to_operator_minor) == (0, -1_000)


def test_a_full_refund_after_the_split_leaves_each_partys_share_at_zero_once_it_is_settled(
    hospital: tuple[UUID, UUID], work: Work
) -> None:
    tenant, payment = hospital
    a_refund(tenant, payment, 10_000)
    work(tenant)

    settled(tenant, DAY + timedelta(days=2), work)

    assert [balance(tenant, code) for code in ("rev.medical", "exp.operator_fee", "ap.operator", "cash.bank")] == [
        0
    ] * 4
    assert balance(OPERATOR_ID, "ar.hospital", tenant) == 0


def test_an_operator_that_is_terminated_leaves_its_clawbacks_open_and_owed(
    hospital: tuple[UUID, UUID], work: Work, as_superuser: Callable[..., None]
) -> None:
    tenant, payment = hospital
    as_superuser(
        "UPDATE agreement_version SET status = 'superseded', effective_until = %s WHERE tenant_id = %s",
        NOON + timedelta(days=1),
        tenant,
    )

    a_refund(tenant, payment, 4_000)
    work(tenant)
    last = settled(tenant, DAY + timedelta(days=2), work)

    assert last.due_to_operator_minor == -400
    assert (balance(tenant, "ap.operator"), balance(tenant, "cash.bank")) == (0, -600)


def test_a_statement_run_again_after_late_facts_is_identical_and_the_new_one_carries_them(
    hospital: tuple[UUID, UUID], work: Work
) -> None:
    tenant, _ = hospital
    with acting_for(tenant), transaction():
        closed = propose_statement(DAY)
        before = document_of(closed)
    a_delivered_visit(tenant, a_payment(tenant, 700), 700)
    work(tenant)

    with acting_for(tenant), transaction():
        again = document_of(closed)
    later = proposed(tenant, DAY + timedelta(days=1))

    assert (again, closed.status) == (before, "closed")
    assert (later.gross_minor, later.due_to_operator_minor) == (700, 70)


def test_one_hospitals_negative_result_does_not_touch_anothers(work: Work) -> None:
    programme = new_id()
    owed, owing = (
        a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0),
        a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0),
    )
    a_delivered_visit(owed, a_payment(owed, 10_000, programme=programme), 10_000, programme_id=programme)
    a_delivered_visit(owing, a_payment(owing, 10_000), 10_000)
    work(owed, owing)

    results = [proposed(each, DAY).due_to_operator_minor for each in (owed, owing)]

    assert results == [-9_000, 1_000]
