"""Invoices to employers: numbered without a gap, summing to their total, booked on both sides."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tandem.accounts import create_organization
from tandem.billing.invoices import (
    Invoice,
    InvoiceLine,
    InvoiceLinesWrong,
    Period,
    draft_invoice,
    issue_draft,
    issue_invoice,
)
from tandem.billing.ledger import balance_minor
from tandem.billing.reconciliation import Discrepancy
from tandem.billing.reconciliation.jobs import close_employer_day
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]
SEPTEMBER = Period(date(2026, 9, 1), date(2026, 9, 30))


def a_wish(employer: UUID, **changes: Any) -> dict[str, Any]:
    lines = [InvoiceLine("consultation", "Consultation units", 50, 6_000, 300_000)]
    facts = {
        "customer_id": employer,
        "series": "TDM",
        "period": SEPTEMBER,
        "lines": lines,
        "due_on": date(2026, 10, 31),
    }
    return facts | changes


def issued(employer: UUID, **changes: Any) -> Invoice:
    with acting_for(employer, operator=True), transaction():
        return issue_invoice(**a_wish(employer, **changes))


@pytest.fixture
def employer() -> UUID:
    employer = new_id()
    with acting_for(employer, operator=True), transaction():
        create_organization(kind="employer", name=f"杭州云启科技{employer}", city="杭州市", province="浙江省")
    return employer


def test_numbers_have_no_gap_even_when_an_issue_is_rolled_back(employer: UUID) -> None:
    first = issued(employer)
    with acting_for(employer), pytest.raises(RuntimeError), transaction():
        issue_invoice(**a_wish(employer))
        raise RuntimeError("the power went")

    second = issued(employer)

    assert (first.number, second.number) == (1, 2)


def test_invoices_issued_at_once_get_one_number_each(app: Flask, employer: UUID) -> None:
    with acting_for(employer), transaction():
        drafts = [draft_invoice(**a_wish(employer)).id for _ in range(8)]

    def issue(invoice_id: UUID) -> int | None:
        with app.app_context(), acting_for(employer), transaction():
            return issue_draft(invoice_id).number

    with ThreadPoolExecutor(4) as hands:
        numbers = list(hands.map(issue, drafts))

    assert sorted(number or 0 for number in numbers) == list(range(1, 9))


def test_hands_that_issue_and_hands_that_lose_power_leave_numbers_without_a_gap(app: Flask, employer: UUID) -> None:
    with acting_for(employer), transaction():
        drafts = [draft_invoice(**a_wish(employer)).id for _ in range(12)]

    def issue(place: int) -> int | None:
        with app.app_context(), acting_for(employer), suppress(RuntimeError), transaction():
            number = issue_draft(drafts[place]).number
            if place % 3 == 0:
                raise RuntimeError("the power went")
            return number
        return None

    with ThreadPoolExecutor(4) as hands:
        numbers = [number for number in hands.map(issue, range(12)) if number is not None]

    assert sorted(numbers) == list(range(1, 9))


@pytest.mark.parametrize(
    "lines",
    [[], [InvoiceLine("a", "a", 3, 100, 299)], [InvoiceLine("a", "a", 1, -1, -1)], [InvoiceLine("a", "a", 1, 0, 0)]],
)
def test_lines_that_do_not_add_up_are_refused(employer: UUID, lines: list[InvoiceLine]) -> None:
    with pytest.raises(InvoiceLinesWrong):
        issued(employer, lines=lines)


def test_an_invoice_is_owed_in_the_employers_book_and_mirrored_in_the_operators(employer: UUID, work: Work) -> None:
    programme = new_id()

    issued(employer, programme_id=programme)
    work(employer)

    with acting_for(employer), transaction():
        assert balance_minor("ap.operator") == -300_000
        assert balance_minor("prepaid.benefits", party_id=programme) == 300_000
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ar.enterprise", party_id=employer) == 300_000
        assert balance_minor("prepaid.programme", party_id=programme) == -300_000


def ask(client: FlaskClient, path: str, who: Mapping[str, str], wish: dict[str, Any] | None = None) -> Any:
    return client.post(path, json=wish, headers={**who, **once()})


def test_drafted_issued_paid_in_parts_and_read_by_the_employer(employer: UUID, client: FlaskClient, work: Work) -> None:
    operator, admin = a_key(OPERATOR_ID, "operator", "operator_finance"), a_key(employer, "employer", "employer_admin")
    base = f"/api/operator/v1/organizations/{employer}/invoices"
    line = {"code": "consultation", "text": "Units", "quantity": 2, "unit_price": 500, "amount_minor": 1_000}
    days = {"first_day": "2026-09-01", "last_day": "2026-09-30", "due_on": "2026-10-31"}

    draft = ask(client, base, operator, {"series": "TDM", "lines": [line], **days})
    assert draft.status_code == 201, draft.json
    path = f"{base}/{draft.json['id']}"
    hidden = client.get(f"/api/employer/v1/invoices/{draft.json['id']}", headers=admin)
    number = ask(client, f"{path}/issuance", operator).json["number"]
    part = {"amount": {"amount_minor": 400, "currency": "CNY"}, "paid_on": "2026-10-01", "reference": "B-1"}
    rest = {"amount": {"amount_minor": 600, "currency": "CNY"}, "paid_on": "2026-10-02", "reference": "B-2"}
    answers = [ask(client, f"{path}/payments", operator, wish).status_code for wish in (part, part, rest, rest)]
    too_much = ask(client, f"{path}/payments", operator, rest | {"reference": "B-3"})
    work(employer)

    assert (hidden.status_code, number, answers) == (404, 1, [201] * 4)
    assert too_much.json["type"].endswith("invoice-overpaid")
    shown = client.get(f"/api/employer/v1/invoices/{draft.json['id']}", headers=admin).json
    assert (shown["status"], shown["paid"]["amount_minor"]) == ("settled", 1_000)
    assert [each["id"] for each in client.get("/api/employer/v1/invoices", headers=admin).json["data"]] == [shown["id"]]
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ar.enterprise", party_id=employer) == 0


def test_money_of_tomorrow_has_not_arrived(employer: UUID, client: FlaskClient) -> None:
    operator, invoice = a_key(OPERATOR_ID, "operator", "operator_finance"), issued(employer)
    path = f"/api/operator/v1/organizations/{employer}/invoices/{invoice.id}/payments"
    wish = {"amount": {"amount_minor": 400, "currency": "CNY"}, "reference": "B-1"}

    today, tomorrow = (
        ask(client, path, operator, wish | {"paid_on": str(clock.today() + timedelta(days=days))}) for days in (0, 1)
    )

    assert (today.status_code, tomorrow.status_code) == (201, 422)
    assert [each["field"] for each in tomorrow.json["errors"]] == ["paid_on"]


def test_a_void_invoice_leaves_no_debt_and_keeps_its_number(employer: UUID, client: FlaskClient, work: Work) -> None:
    operator, invoice = a_key(OPERATOR_ID, "operator", "operator_finance"), issued(employer)
    work(employer)

    path = f"/api/operator/v1/organizations/{employer}/invoices/{invoice.id}/voiding"
    void = ask(client, path, operator, {"because": "wrong month"})
    work(employer)

    assert (void.status_code, void.json["status"], void.json["number"]) == (201, "void", 1)
    assert issued(employer).number == 2
    with acting_for(employer), transaction():
        assert balance_minor("ap.operator") == 0


def test_an_invoice_that_lost_its_booking_or_its_neighbour_is_found(
    employer: UUID, work: Work, as_superuser: Callable[..., None], at: Callable[[datetime], None]
) -> None:
    first, second = issued(employer), issued(employer)
    work(employer)
    as_superuser(
        "UPDATE journal SET idem_key = 'lost' WHERE tenant_id = %s AND idem_key = %s", employer, str(second.id)
    )
    as_superuser("UPDATE invoice SET number = NULL, issued_at = NULL, document_no = NULL, seller = NULL, buyer = NULL, status = 'draft' WHERE tenant_id = %s AND id = %s",
                 employer, first.id)  # fmt: skip
    day = clock.today()
    at(clock.day_bounds(day)[1] + timedelta(hours=1))

    with acting_for(employer):
        close_employer_day(day)

    with acting_for(employer), transaction():
        kinds = set(session.scalars(select(Discrepancy.kind).where(Discrepancy.tenant_id == employer)))
    assert kinds == {"invoice_not_booked", "invoice_number_gap"}
