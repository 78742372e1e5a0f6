"""What is payable when, what one party disputes while the rest goes on, and corrections only the other can accept."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from tandem.billing.ledger import balance_minor
from tandem.billing.settlements import SettlementStatement, document_of, propose_statement
from tandem.billing.settlements.commands import carry_forward, confirm_statement, record_payment
from tandem.billing.settlements.errors import NothingToCarry
from tandem.billing.settlements.models import FeeAdjustment
from tandem.billing.settlements.queries import statement
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import (
    NOON,
    a_delivered_visit,
    a_hospital_with_an_agreement,
    a_lost_dispute,
    a_payment,
    a_refund,
)

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]
DAY = date(2026, 9, 1)
BANKED = {"paid_on": "2026-09-20", "reference": "B1"}


def proposed(hospital: UUID, through: date = DAY) -> SettlementStatement:
    with acting_for(hospital), transaction():
        return propose_statement(through)


def shown(hospital: UUID, statement_id: UUID) -> SettlementStatement:
    with acting_for(hospital), transaction():
        return statement(statement_id)


def paid(hospital: UUID, statement_id: UUID, work: Work) -> None:
    with acting_for(hospital), transaction():
        confirm_statement(statement_id)
    with acting_for(hospital), transaction():
        record_payment(statement_id, paid_on=date(2026, 9, 20), reference="B1")
    work(hospital)


def balance(hospital: UUID, code: str) -> int:
    with acting_for(hospital), transaction():
        return balance_minor(code)


@pytest.fixture
def hospital(work: Work) -> UUID:
    """A hospital with a visit of 100 yuan and a fee of 10, payable at once."""
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0)
    a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000)
    work(hospital)
    return hospital


@pytest.fixture
def finance(hospital: UUID) -> dict[str, str]:
    return a_key(hospital, "hospital", "hospital_finance")


@pytest.fixture
def operator() -> dict[str, str]:
    return a_key(OPERATOR_ID, "operator", "operator_finance")


def test_a_fee_is_payable_only_after_its_refund_window_and_then_once(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=7)
    kept, given_back = a_payment(hospital, 10_000), a_payment(hospital, 5_000)
    a_delivered_visit(hospital, kept, 10_000)
    a_delivered_visit(hospital, given_back, 5_000)
    work(hospital)

    first = proposed(hospital)
    a_refund(hospital, given_back, 5_000)
    work(hospital)
    second = proposed(hospital, DAY + timedelta(days=3))
    third = proposed(hospital, DAY + timedelta(days=10))
    fourth = proposed(hospital, DAY + timedelta(days=20))

    assert (first.operator_fee_minor, first.fee_waiting_minor, first.due_to_operator_minor) == (1_500, 1_500, 0)
    assert (second.fee_waiting_before_minor, second.fee_waiting_minor, second.due_to_operator_minor) == (
        1_500,
        1_000,
        0,
    )
    assert (third.fee_waiting_before_minor, third.fee_waiting_minor, third.due_to_operator_minor) == (1_000, 0, 1_000)
    assert fourth.due_to_operator_minor == 0
    for each in (first, second, third, fourth):
        with acting_for(hospital), transaction():
            assert document_of(each)[1] == each.document_sha256


def test_a_disputed_line_withholds_its_sum_and_the_rest_is_paid_at_once(
    hospital: UUID, finance: dict[str, str], client: FlaskClient, work: Work
) -> None:
    one = proposed(hospital)
    path = f"/api/hospital/v1/settlement_statements/{one.id}/lines/operator_fees/disputes"
    wish = {"withheld_minor": 400, "because": "two visits were tests", "evidence": "encounters 17 and 18"}

    raised = client.post(path, json=wish, headers=finance | once())
    again = client.post(path, json=wish, headers=finance | once())
    too_much = client.post(path, json=wish | {"withheld_minor": 700}, headers=finance | once())
    not_owed = client.post(
        path.replace("operator_fees", "visits"), json=wish | {"withheld_minor": 1}, headers=finance | once()
    )
    paid(hospital, one.id, work)

    assert (raised.status_code, again.status_code) == (201, 409)
    assert (too_much.status_code, too_much.json["at_most_minor"]) == (422, 600)
    assert (not_owed.status_code, not_owed.json["at_most_minor"]) == (422, 0)
    closed = shown(hospital, one.id)
    assert (closed.status, closed.paid_minor, balance(hospital, "ap.operator")) == ("closed", 600, -400)


def test_what_was_withheld_goes_to_the_next_statement_beside_the_agreed_adjustment(
    hospital: UUID, finance: dict[str, str], operator: dict[str, str], client: FlaskClient, work: Work
) -> None:
    one = proposed(hospital)
    base = f"/api/hospital/v1/settlement_statements/{one.id}"
    wish = {"withheld_minor": 400, "because": "tests", "evidence": "17", "evidence_sha256": "a" * 64}
    dispute = client.post(f"{base}/lines/operator_fees/disputes", json=wish, headers=finance | once()).json["id"]
    paid(hospital, one.id, work)
    ask = {"amount_minor": -150, "because": "one of them was", "line_dispute_id": dispute}
    asked = client.post(f"{base}/adjustments", json=ask, headers=finance | once()).json["id"]

    own = client.post(
        f"/api/hospital/v1/fee_adjustments/{asked}/decisions", json={"answer": "accepted"}, headers=finance | once()
    )
    accepted = client.post(
        f"/api/operator/v1/hospitals/{hospital}/fee_adjustments/{asked}/decisions",
        json={"answer": "accepted"},
        headers=operator | once(),
    )
    work(hospital)
    two = proposed(hospital, date.today() - timedelta(days=1))

    assert (own.status_code, accepted.status_code) == (403, 201)
    (settled,) = client.get(f"{base}/line_disputes", headers=finance).json["data"]
    assert (settled["status"], settled["resolution"]) == ("agreed", asked)
    assert (two.carried_in_minor, two.due_to_operator_minor) in {(400, 400), (400, 250)}
    assert balance(hospital, "ap.operator") == -250


def test_the_operator_cannot_accept_its_own_adjustment_nor_can_its_database_role(
    hospital: UUID, operator: dict[str, str], finance: dict[str, str], client: FlaskClient, work: Work
) -> None:
    one = proposed(hospital)
    of_hospital = f"/api/operator/v1/hospitals/{hospital}"
    asked = client.post(
        f"{of_hospital}/settlement_statements/{one.id}/adjustments",
        json={"amount_minor": 777, "because": "a late invoice"},
        headers=operator | once(),
    ).json["id"]
    decision = {"answer": "accepted"}

    own = client.post(f"{of_hospital}/fee_adjustments/{asked}/decisions", json=decision, headers=operator | once())
    with acting_for(hospital, operator=True), pytest.raises(IntegrityError, match="accepted by the hospital"):
        row = session.get(FeeAdjustment, (hospital, UUID(asked)))
        row.status, row.decided_party = "accepted", "hospital"
        session.flush()
    theirs = client.post(f"/api/hospital/v1/fee_adjustments/{asked}/decisions", json=decision, headers=finance | once())
    work(hospital)

    assert (own.status_code, theirs.status_code) == (403, 201)
    assert own.json["type"].endswith("own-adjustment")
    assert balance(hospital, "ap.operator") == -1_777


def test_a_negative_result_is_carried_forward_with_the_hospitals_word_and_never_netted_against_another(
    work: Work,
) -> None:
    hospital, programme = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0), new_id()
    other = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0)
    a_delivered_visit(hospital, a_payment(hospital, 10_000, programme=programme), 10_000, programme_id=programme)
    for each in (hospital, other):
        a_delivered_visit(each, a_payment(each, 1_000), 1_000, at=NOON + timedelta(days=1))
    work(hospital, other)
    one = proposed(hospital)
    with acting_for(hospital), transaction():
        confirm_statement(one.id)

    with acting_for(hospital), transaction():
        carry_forward(one.id)
    work(hospital)
    two, others = proposed(hospital, DAY + timedelta(days=1)), proposed(other, DAY + timedelta(days=1))
    paid(hospital, two.id, work)

    assert one.due_to_operator_minor == 1_000 - 10_000
    assert (two.carried_in_minor, two.due_to_operator_minor) == (-9_000, 100 - 9_000)
    assert others.due_to_operator_minor == 100
    assert [balance(hospital, code) for code in ("ap.operator", "ar.operator", "cash.bank")] == [0, 0, 8_900]
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ar.hospital", party_id=hospital) + balance_minor("ap.hospital", party_id=hospital) == 0


def test_what_the_hospital_owes_cannot_be_carried_away(hospital: UUID) -> None:
    one = proposed(hospital)

    with acting_for(hospital), pytest.raises(NothingToCarry), transaction():
        carry_forward(one.id)


def test_a_late_fact_names_the_statement_that_it_adjusts(
    hospital: UUID, finance: dict[str, str], client: FlaskClient, work: Work
) -> None:
    first = proposed(hospital)
    a_delivered_visit(hospital, a_payment(hospital, 500), 500)
    work(hospital)
    second = proposed(hospital, DAY + timedelta(days=1))

    base = f"/api/hospital/v1/settlement_statements/{second.id}"
    (entry,) = client.get(f"{base}/lines/visits/entries", headers=finance).json["data"]
    line = next(each for each in client.get(base, headers=finance).json["lines"] if each["kind"] == "visits")

    assert (entry["is_late"], entry["adjusts_number"]) == (True, first.number)
    assert (line["amount_minor"], line["late_minor"]) == (500, 500)


def test_a_lost_dispute_takes_back_the_fees_share_and_leaves_the_loss_with_the_hospital(
    hospital: UUID, work: Work
) -> None:
    payment = a_payment(hospital, 4_000)
    a_delivered_visit(hospital, payment, 4_000)
    work(hospital)
    a_lost_dispute(hospital, payment, 1_000)

    work(hospital)

    assert balance(hospital, "exp.operator_fee") == 1_000 + 400 - 100
    assert balance(hospital, "rev.medical") == -14_000
    lost = proposed(hospital)
    assert lost.due_to_operator_minor == 1_300


def test_a_draft_is_the_operators_until_it_is_put_forward(
    hospital: UUID, finance: dict[str, str], operator: dict[str, str], client: FlaskClient
) -> None:
    base, theirs = (
        f"/api/operator/v1/hospitals/{hospital}/settlement_statements",
        "/api/hospital/v1/settlement_statements",
    )
    wish = {"last_day": "2026-09-01", "as_draft": True}

    draft = client.post(base, json=wish, headers=operator | once()).json
    unsigned = client.post(f"{base}/{draft['id']}/payments", json=BANKED, headers=operator | once())
    parts = ("", "/kit", "/usage", "/lines/visits/entries")
    seen = [client.get(f"{theirs}/{draft['id']}{part}", headers=finance).status_code for part in parts]
    listed = client.get(theirs, headers=finance).json["data"]
    put = client.post(f"{base}/{draft['id']}/proposal", headers=operator | once()).json
    then = [client.get(f"{theirs}/{draft['id']}{part}", headers=finance).status_code for part in parts]

    assert (listed, seen, then) == ([], [404] * 4, [200] * 4)
    assert (draft["status"], put["status"], put["document_sha256"]) == ("draft", "proposed", draft["document_sha256"])
    assert (unsigned.status_code, unsigned.json["allowed"]) == (409, ["parked", "proposed"])


def test_a_statement_out_of_line_with_its_history_is_parked_loudly_and_has_a_way_out(
    hospital: UUID, operator: dict[str, str], client: FlaskClient, work: Work
) -> None:
    for day in range(4):
        a_delivered_visit(hospital, a_payment(hospital, 20_000), 20_000, at=NOON + timedelta(days=day))
        work(hospital)
        proposed(hospital, DAY + timedelta(days=day))
    a_delivered_visit(hospital, a_payment(hospital, 9_000_000), 9_000_000, at=NOON + timedelta(days=4))
    work(hospital)

    runaway = proposed(hospital, DAY + timedelta(days=4))
    path = f"/api/operator/v1/hospitals/{hospital}/settlement_statements/{runaway.id}/release"
    by_finance = client.post(path, json={"because": "a real one"}, headers=operator | once())
    supervisor = a_key(OPERATOR_ID, "operator", "operator_supervisor")
    released = client.post(path, json={"because": "a flu day, looked at"}, headers=supervisor | once())

    assert runaway.status == "parked"
    assert (
        runaway.parked_reason is not None and "gross_minor: 9000000 a day where 20000 is usual" in runaway.parked_reason
    )
    assert (by_finance.status_code, released.status_code, released.json["status"]) == (403, 201, "proposed")


def test_a_monthly_fee_is_prorated_by_the_days_on_which_its_terms_ruled(work: Work) -> None:
    from tandem.billing.settlements import accrue_monthly_fee
    from tandem.kernel import clock

    hospital = a_hospital_with_an_agreement(
        monthly_minor=30_000, effective_from=clock.day_bounds(date(2026, 9, 21))[0], refund_window_days=0
    )
    month_end = clock.day_bounds(date(2026, 9, 30))[1]

    for _ in range(2):
        with acting_for(hospital), transaction():
            accrue_monthly_fee(month_end, "2026-09")

    assert balance(hospital, "exp.operator_fee") == 10_000
