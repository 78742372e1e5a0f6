"""HR disputes one figure of one programme: the rest goes on, both decide, and the next statement points back."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from tandem.billing.invoices import LineCredit, record_invoice_payment
from tandem.billing.ledger import balance_minor, mirror_book
from tandem.billing.settlements.commands import confirm_employer_statement
from tandem.billing.settlements.jobs import draft_last_month
from tandem.billing.settlements.models import FeeAdjustment, LineDispute
from tandem.billing.settlements.queries import employer_statement
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import credited
from tests.platform.billing.money import NOON
from tests.platform.billing.settlements.test_employer_statements import OCTOBER, PRICE, At, Prepaying, Work

WISH = {"withheld_minor": 0, "because": "two visits were never given", "evidence": "our own survey of September"}


@pytest.fixture
def employer(app: Any, work: Work, at: At) -> Prepaying:
    at(NOON)
    return Prepaying(work)


class Hands:
    """HR and the operator over HTTP, each at their own doors."""

    def __init__(self, employer: Prepaying, client: FlaskClient) -> None:
        self.id, self.client = employer.id, client

    @property
    def hr(self) -> tuple[str, dict[str, str]]:
        # A key of its own each time: stories last for months, keys do not.
        return "/api/employer/v1", a_key(self.id, "employer", "employer_admin")

    @property
    def operator(self) -> tuple[str, dict[str, str]]:
        return f"/api/operator/v1/employers/{self.id}", a_key(OPERATOR_ID, "operator", "operator_finance")

    def say(self, who: tuple[str, dict[str, str]], path: str, **body: Any) -> Any:
        base, key = who
        return self.client.post(f"{base}/{path}", json=body, headers=key | once())

    def see(self, who: tuple[str, dict[str, str]], path: str) -> Any:
        base, key = who
        return self.client.get(f"{base}/{path}", headers=key).json

    def dispute(self, statement: UUID, programme: UUID, figure: str, **changes: Any) -> Any:
        path = f"settlement_statements/{statement}/lines/{programme}/{figure}/disputes"
        return self.say(self.hr, path, **WISH | changes)


@pytest.fixture
def hands(employer: Prepaying, client: FlaskClient) -> Hands:
    return Hands(employer, client)


def status_of(employer: Prepaying, statement: UUID) -> tuple[str, int | None]:
    with acting_for(employer.id), transaction():
        row = employer_statement(statement)
        return row.status, row.withheld_minor


def pay(employer: Prepaying, invoice: UUID, amount_minor: int, reference: str) -> UUID:
    with acting_for(employer.id), transaction():
        paid = record_invoice_payment(
            invoice, amount_minor=amount_minor, paid_on=date(2026, 10, 5), reference=reference
        )
    employer.work(employer.id)
    return paid.id


@pytest.mark.parametrize("since", [NOON, datetime(2026, 12, 1, 4, tzinfo=UTC)], ids=["as an expense", "as prepaid"])
def test_a_statement_is_paid_once_its_invoices_are_and_later_invoices_do_not_hold_it(
    employer: Prepaying, at: At, hands: Hands, since: datetime
) -> None:
    at(since)
    invoice = employer.prepays(200_000, of_which_paid=50_000)
    at(since + timedelta(days=31))
    one = employer.proposed((since + timedelta(days=29)).date())
    with acting_for(employer.id), transaction():
        confirm_employer_statement(one.id)
    employer.prepays(70_000, of_which_paid=0)

    before = status_of(employer, one.id)
    pay(employer, invoice.id, 149_999, "B-2")
    nearly = status_of(employer, one.id)
    unpaid = hands.say(hands.operator, f"settlement_statements/{one.id}/closure")
    pay(employer, invoice.id, 1, "B-3")
    after = status_of(employer, one.id)
    closed = hands.say(hands.operator, f"settlement_statements/{one.id}/closure")

    assert (before, nearly, after) == (("confirmed", None), ("confirmed", None), ("paid", 0))
    assert (unpaid.status_code, unpaid.json["allowed"], closed.json["status"]) == (409, ["paid"], "closed")


def test_a_disputed_figure_withholds_its_sum_and_the_rest_is_paid(employer: Prepaying, at: At, hands: Hands) -> None:
    invoice = employer.prepays(200_000, of_which_paid=50_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    one = employer.proposed()

    too_much = hands.dispute(one.id, employer.programme, "invoiced", withheld_minor=150_001)
    raised = hands.dispute(one.id, employer.programme, "invoiced", withheld_minor=30_000)
    again = hands.dispute(one.id, employer.programme, "invoiced")
    confirmed = hands.say(hands.hr, f"settlement_statements/{one.id}/confirmation")
    pay(employer, invoice.id, 120_000, "B-2")

    assert (too_much.status_code, too_much.json["at_most_minor"]) == (422, 150_000)
    assert (raised.status_code, again.status_code, confirmed.json["status"]) == (201, 409, "confirmed")
    assert status_of(employer, one.id) == ("paid", 30_000)
    (seen,) = hands.see(hands.operator, f"settlement_statements/{one.id}/line_disputes")["data"]
    assert (seen["programme_id"], seen["kind"], seen["is_withheld"]) == (str(employer.programme), "invoiced", True)


def test_what_was_invoiced_too_high_is_corrected_by_a_credit_note_in_the_next_statement_which_points_back(
    employer: Prepaying, at: At, hands: Hands
) -> None:
    invoice = employer.prepays(200_000, of_which_paid=170_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    one = employer.proposed()
    dispute = hands.dispute(one.id, employer.programme, "invoiced", withheld_minor=30_000).json["id"]
    hands.say(hands.hr, f"settlement_statements/{one.id}/confirmation")

    adjusted = hands.say(
        hands.hr, f"settlement_statements/{one.id}/adjustments",
        amount_minor=-30_000, because="too many heads", line_dispute_id=dispute,
    )  # fmt: skip
    unrelated = hands.say(hands.operator, f"line_disputes/{dispute}/agreement", document_id=str(invoice.id))
    note = credited(invoice, LineCredit(line_no=1, amount_minor=30_000))
    agreed = hands.say(hands.operator, f"line_disputes/{dispute}/agreement", document_id=str(note.id))
    employer.work(employer.id)
    at(datetime(2026, 11, 2, tzinfo=UTC))
    two = employer.proposed(OCTOBER)

    assert (adjusted.status_code, unrelated.status_code) == (409, 409)
    assert (adjusted.json["wanted"], unrelated.json["wanted"]) == ("credit note", "credit note")
    assert (agreed.json["status"], agreed.json["resolution"]) == ("agreed", str(note.id))
    told = hands.see(hands.hr, f"settlement_statements/{two.id}")
    assert told["corrections"] == [
        {
            "adjusts_number": 1,
            "programme_id": str(employer.programme),
            "kind": "credit_note",
            "amount_minor": -30_000,
        }
    ]
    assert (two.invoiced_minor, two.open_minor, told["is_reproduced"]) == (-30_000, 0, True)


def test_a_payment_that_was_missing_is_recorded_and_points_back(employer: Prepaying, at: At, hands: Hands) -> None:
    invoice = employer.prepays(200_000, of_which_paid=150_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    one = employer.proposed()
    dispute = hands.dispute(one.id, employer.programme, "paid", withheld_minor=50_000).json["id"]
    with acting_for(employer.id), transaction():
        late = record_invoice_payment(
            invoice.id, amount_minor=50_000, paid_on=date(2026, 9, 29), reference="lost in the bank's file"
        )
    employer.work(employer.id)

    agreed = hands.say(hands.operator, f"line_disputes/{dispute}/agreement", document_id=str(late.id))
    at(datetime(2026, 11, 2, tzinfo=UTC))
    two = employer.proposed(OCTOBER)

    assert agreed.json["status"] == "agreed"
    (correction,) = hands.see(hands.hr, f"settlement_statements/{two.id}")["corrections"]
    assert (correction["adjusts_number"], correction["kind"], correction["amount_minor"]) == (1, "payment", 50_000)
    assert (two.paid_minor, two.open_minor) == (50_000, 0)


def test_visits_that_both_agree_were_never_given_come_back_to_the_prepayment(
    employer: Prepaying, at: At, hands: Hands
) -> None:
    employer.prepays(200_000)
    employer.draw(12)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    one = employer.proposed()
    dispute = hands.dispute(one.id, employer.programme, "drawn").json["id"]
    ask = {"amount_minor": -2 * PRICE, "because": "two were never given", "line_dispute_id": dispute}

    asked = hands.say(hands.hr, f"settlement_statements/{one.id}/adjustments", **ask).json["id"]
    own = hands.say(hands.hr, f"adjustments/{asked}/decisions", answer="accepted")
    accepted = hands.say(hands.operator, f"adjustments/{asked}/decisions", answer="accepted")
    employer.work(employer.id)
    with acting_for(employer.id):
        mirror_book()
    at(datetime(2026, 11, 2, tzinfo=UTC))
    two = employer.proposed(OCTOBER)

    assert (own.status_code, accepted.status_code, accepted.json["statement_id"]) == (403, 201, str(one.id))
    (settled,) = hands.see(hands.hr, f"settlement_statements/{one.id}/line_disputes")["data"]
    assert (settled["status"], settled["resolution"]) == ("agreed", asked)
    assert (two.adjusted_minor, two.unspent_minor) == (-2 * PRICE, one.unspent_minor + 2 * PRICE)
    (correction,) = hands.see(hands.hr, f"settlement_statements/{two.id}")["corrections"]
    assert (correction["adjusts_number"], correction["kind"]) == (1, "adjustment")
    with acting_for(OPERATOR_ID):
        assert two.unspent_minor == -balance_minor("prepaid.programme", party_id=employer.programme)


def test_what_was_not_told_cannot_be_disputed_and_neither_can_a_line_of_nobody(
    employer: Prepaying, at: At, hands: Hands
) -> None:
    employer.prepays(100_000)
    employer.draw(3)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    one = employer.proposed()

    withheld = hands.dispute(one.id, employer.programme, "drawn")
    nobodys = hands.dispute(one.id, employer.hospital, "invoiced")
    no_figure = hands.dispute(one.id, employer.programme, "unspent")

    assert (withheld.status_code, withheld.json["type"].rpartition("/")[2]) == (409, "figure-withheld")
    assert (nobodys.status_code, no_figure.status_code) == (404, 404)


def test_hr_takes_a_dispute_back_and_the_operator_decides_none_of_its_own(
    employer: Prepaying, at: At, hands: Hands
) -> None:
    employer.prepays(100_000)
    employer.draw(12)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    one = employer.proposed()
    dispute = hands.dispute(one.id, employer.programme, "drawn").json["id"]
    ask = {"amount_minor": PRICE, "because": "one more was given", "line_dispute_id": dispute}
    asked = hands.say(hands.operator, f"settlement_statements/{one.id}/adjustments", **ask).json["id"]

    own = hands.say(hands.operator, f"adjustments/{asked}/decisions", answer="accepted")
    declined = hands.say(hands.hr, f"adjustments/{asked}/decisions", answer="declined")
    with acting_for(employer.id, operator=True), pytest.raises(DBAPIError, match="withdrawn by who raised it"):
        session.execute(update(LineDispute).where(LineDispute.tenant_id == employer.id).values(status="withdrawn"))
    with acting_for(employer.id, operator=True), pytest.raises(DBAPIError, match="by the hospital or employer"):
        session.execute(
            update(FeeAdjustment)
            .where(FeeAdjustment.tenant_id == employer.id)
            .values(status="accepted", decided_party="employer")
        )
    withdrawn = hands.say(hands.hr, f"line_disputes/{dispute}/withdrawal", because="we found them")

    assert (own.status_code, declined.json["status"]) == (403, "declined")
    assert withdrawn.json["status"] == "withdrawn"


def test_each_month_the_scheduler_drafts_the_statement_of_the_month_before_once(
    employer: Prepaying, at: At, hands: Hands
) -> None:
    employer.prepays(100_000)
    fired = datetime(2026, 10, 2, 20, 30, tzinfo=UTC)
    at(fired)

    for _ in range(2):
        with acting_for(employer.id), transaction():
            draft_last_month(fired)
    (first,) = hands.see(hands.operator, "settlement_statements")["data"]
    at(fired + timedelta(days=31))
    with acting_for(employer.id), transaction():
        draft_last_month(fired + timedelta(days=31))

    assert (first["status"], first["first_day"], first["last_day"]) == ("draft", "2026-09-01", "2026-09-30")
    newest, before = hands.see(hands.operator, "settlement_statements")["data"]
    assert (newest["status"], newest["last_day"], before["status"]) == ("draft", "2026-10-31", "proposed")


def test_the_timetable_drafts_employers_statements_monthly_after_their_invoices() -> None:
    from tandem.billing.wiring import SCHEDULE

    (cron,) = [each for each in SCHEDULE if each.work is draft_last_month]

    assert (cron.when, cron.each) == ("30 4 3 * *", "employer")
