"""A fee that differs is adjusted in the next statement: proposed so, agreed by both, and only as the book stands."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from tandem.billing.ledger import JournalDraft, Line, balance_minor, post
from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.errors import NoStatementYet
from tandem.billing.reconciliation.passes import splits, use
from tandem.billing.settlements import FeeAdjustment, SettlementStatement, propose_statement
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.platform.billing.reconciliation.histories import faults
from tests.platform.billing.reconciliation.test_proposed_journals import the_difference

Work = Callable[..., int]
Alter = Callable[..., None]
DAY = NOON.date()
TOO_DEAR = "UPDATE agreement_version SET percent_of_net = 9 WHERE tenant_id = %s"


@pytest.fixture
def hospital(app: object, work: Work) -> UUID:
    """A visit of 100 yuan, whose fee of 10 per cent is booked."""
    tenant = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0)
    a_delivered_visit(tenant, a_payment(tenant, 10_000), 10_000)
    work(tenant)
    return tenant


def stated(hospital: UUID, through: date = DAY) -> SettlementStatement:
    with acting_for(hospital), transaction():
        return propose_statement(through)


def look(hospital: UUID, comparison: Any = splits.SPLIT) -> None:
    with acting_for(hospital), transaction():
        commands.compare(comparison, "full", *clock.day_bounds(DAY))


def settled(hospital: UUID, difference: UUID, work: Work) -> None:
    """The hospital takes the difference's own proposal, the operator agrees."""
    with acting_for(hospital), transaction():
        made = commands.propose_resolution(difference, cause="the rate was 9 per cent", lines=None, party="hospital")
    with acting_for(hospital), transaction():
        commands.approve_resolution(made.id, party="operator")
    work(hospital)


def owed(hospital: UUID) -> tuple[int, int]:
    """What the hospital's book says it owes the operator, and what the operator's says that it is owed."""
    with acting_for(hospital):
        here = -balance_minor("ap.operator")
    with acting_for(OPERATOR_ID):
        return here, balance_minor("ar.hospital", party_id=hospital)


def test_a_fee_that_its_agreement_does_not_give_is_adjusted_in_the_next_statement_which_points_back(
    hospital: UUID, client: FlaskClient, as_superuser: Alter, work: Work, at: Callable[[datetime], None]
) -> None:
    statement = stated(hospital)
    as_superuser(TOO_DEAR, hospital)
    look(hospital)
    key = a_key(hospital, "hospital", "hospital_finance")
    (told,) = client.get("/api/hospital/v1/reconciliation_desk", headers=key).json["data"]

    settled(hospital, UUID(told["id"]), work)
    look(hospital)

    assert told["proposed_journal"] == {
        "rule": "fee_adjusted", "amounts": {"adjustment": -100}, "parties": {}, "terms": {}, "of_day": f"{DAY}",
    }  # fmt: skip
    assert told["mend"] == "双方确认后，在下期结算单中调整服务费"
    assert (faults(hospital), owed(hospital)) == ({}, (900, 900))
    path = f"/api/hospital/v1/settlement_statements/{statement.id}/adjustments"
    (adjustment,) = client.get(path, headers=key).json["data"]
    assert (adjustment["amount_minor"], adjustment["status"]) == (-100, "accepted")
    assert (adjustment["proposed_party"], adjustment["decided_party"]) == ("hospital", "operator")
    at(clock.now() + timedelta(days=1))
    assert stated(hospital, clock.today() - timedelta(days=1)).operator_fee_minor == -100


def test_a_fee_that_was_partly_refunded_is_adjusted_by_what_refunds_have_left_of_it(
    hospital: UUID, as_superuser: Alter, work: Work
) -> None:
    with acting_for(hospital):
        payment = session.execute(text("SELECT id FROM payment WHERE tenant_id = :t"), {"t": hospital}).scalar_one()
    a_refund(hospital, payment, 5_000)
    work(hospital)
    stated(hospital)
    as_superuser(TOO_DEAR, hospital)
    look(hospital)

    settled(hospital, the_difference(hospital).id, work)

    assert owed(hospital) == (450, 450)


def test_where_only_the_record_differs_and_the_book_is_right_no_fee_is_moved(
    hospital: UUID, as_superuser: Alter
) -> None:
    as_superuser("UPDATE fee_accrual SET fee_minor = fee_minor + 1 WHERE tenant_id = %s", hospital)

    look(hospital)

    told = the_difference(hospital)
    assert (told.kind, told.proposed_journal, told.no_journal_because) == ("split_differs", None, "book_is_right")


def test_a_fee_booked_by_hand_goes_back_in_the_next_statement(hospital: UUID, work: Work) -> None:
    lines = [Line("exp.operator_fee", 77), Line("ap.operator", -77)]
    with acting_for(hospital), transaction():
        post([JournalDraft("operator_fee", "by hand", NOON, lines, "usage_event", new_id())])
    stated(hospital)
    look(hospital, use.FEES_BY_DAY)

    settled(hospital, the_difference(hospital).id, work)

    assert owed(hospital) == (1_000, 1_000)
    with acting_for(hospital):
        assert session.scalars(select(FeeAdjustment.amount_minor)).all() == [-77]


def test_a_refund_that_took_back_too_little_of_a_fee_is_made_up_for(
    hospital: UUID, as_superuser: Alter, work: Work
) -> None:
    with acting_for(hospital):
        payment = session.execute(text("SELECT id FROM payment WHERE tenant_id = :t"), {"t": hospital}).scalar_one()
    a_refund(hospital, payment, 5_000)
    work(hospital)
    # A reversal that was worked out of another sum, booked and recorded alike.
    reversal = (
        "j.tenant_id = e.tenant_id AND j.book_id = e.book_id AND j.seq = e.seq AND j.kind = 'operator_fee_reversed'"
    )
    as_superuser(
        f"UPDATE entry e SET amount_minor = sign(e.amount_minor) * 400 FROM journal j WHERE {reversal} "
        "AND e.tenant_id = %s", hospital,
    )  # fmt: skip
    as_superuser("UPDATE fee_reversal SET fee_minor = 400 WHERE tenant_id = %s", hospital)
    stated(hospital)
    look(hospital, splits.REVERSED)

    told = the_difference(hospital)

    assert told.kind == "reversal_differs"
    assert told.proposed_journal["amounts"] == {"adjustment": -100}


def test_a_fee_that_no_statement_has_asked_for_cannot_be_adjusted_yet(
    hospital: UUID, client: FlaskClient, as_superuser: Alter, work: Work
) -> None:
    as_superuser(TOO_DEAR, hospital)
    look(hospital)
    difference = the_difference(hospital).id
    key = a_key(hospital, "hospital", "hospital_finance") | {"Accept-Language": "en"}

    alone = client.post(
        f"/api/hospital/v1/discrepancies/{difference}/resolutions", json={"cause": "9 per cent"}, headers=key | once()
    )
    with pytest.raises(NoStatementYet), acting_for(hospital), transaction():
        commands.propose_group_resolution(
            "R9", "split_differs", "split_differs", cause="9 per cent", books=True, party="hospital"
        )
    stated(hospital)
    with acting_for(hospital), transaction():
        group = commands.propose_group_resolution(
            "R9", "split_differs", "split_differs", cause="9 per cent", books=True, party="hospital"
        )
    with acting_for(hospital), transaction():
        commands.approve_resolution(group.id, party="operator")
    work(hospital)

    assert (alone.status_code, alone.json["type"]) == (409, "/problems/no-statement-yet")
    assert alone.json["of_day"] == f"{DAY}"
    assert alone.json["mend"] == "Put the day's statement to the hospital first, then adjust it."
    assert (faults(hospital), owed(hospital)) == ({}, (900, 900))
