"""`tandem invoices`: bills that wait are listed with their reasons, released one by one, and tried again all at once."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tandem.billing.invoices import invoice
from tandem.billing.invoices.commands import draft_from_rating, park_customer
from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import operator_staff
from tests.platform.billing.invoices.money import a_hospital
from tests.platform.billing.invoices.test_runs import a_rated_line, kept
from tests.platform.billing.payments.test_repayments import PAYEE, OwedBack
from tests.platform.billing.prices.test_guard_limits import a_wish, told
from tests.platform.cli.conftest import Tandem

pytestmark = pytest.mark.usefixtures("app")


def a_bill_that_waits() -> tuple[UUID, UUID, UUID]:
    """A parked hospital, its rated bill, and the park."""
    hospital = a_hospital()
    kept(hospital, a_rated_line())
    with acting_for(hospital), transaction():
        [waits] = draft_from_rating(date(2026, 9, 1)).invoice_ids
        park = park_customer({"amount_above_history": 100}, evidence={"amount_minor": 10_600}, invoice_id=waits)
    return hospital, waits, park.id


def status_of(hospital: UUID, invoice_id: UUID) -> str:
    with acting_for(hospital), transaction():
        return invoice(invoice_id).status


def test_parked_bills_are_listed_released_and_go_out(tandem: Tandem, work: Callable[..., int]) -> None:
    hospital, waits, park = a_bill_that_waits()
    _, still, _ = other = a_bill_that_waits()

    listed = json.loads(tandem("invoices", "parked", "--json").output)["parks"]
    table = tandem("invoices", "parked")
    released = tandem("invoices", "release", str(hospital), str(park), "--because", "a second campus opened")
    again = tandem("invoices", "retry")
    work(OPERATOR_ID, hospital, other[0])

    assert {str(hospital), str(other[0])} <= {each["tenant_id"] for each in listed}
    assert "amount_above_history" in table.output
    assert (released.exit_code, again.exit_code) == (0, 0), released.output + again.output
    assert (status_of(hospital, waits), status_of(other[0], still)) == ("issued", "rated")
    assert released_by(hospital) == ["command_line"]


def released_by(hospital: UUID) -> list[str]:
    wanted = select(AuditEvent.actor).where(AuditEvent.tenant_id == hospital, AuditEvent.action == "billing_park.released")
    with acting_for(hospital), transaction():
        return list(session.scalars(wanted))


def test_a_release_without_a_reason_is_refused(tandem: Tandem) -> None:
    hospital, waits, park = a_bill_that_waits()

    assert tandem("invoices", "release", str(hospital), str(park)).exit_code == 2
    assert status_of(hospital, waits) == "rated"


def test_what_customers_are_owed_back_is_listed_until_its_money_has_left(
    tandem: Tandem, client: FlaskClient, work: Callable[..., int]
) -> None:
    customer = OwedBack(client, work)
    customer.pays(online=False)
    customer.is_credited(100_000)
    before = repayments(tandem, customer.id)
    row = customer.ask(40_000, payee=PAYEE).json

    after = repayments(tandem, customer.id)
    words = tandem("invoices", "repayments").output
    customer.tell(f"{row['id']}/refusal", customer.supervisor)
    refused = repayments(tandem, customer.id)

    assert before == ([100_000], [])
    assert after == ([60_000], [("proposed", 40_000)])
    assert f"{row['id']} ¥400.00 proposed" in words
    assert PAYEE["account"] not in words
    assert refused == ([100_000], [])
    assert repayments(tandem, customer.id, "--all") == ([100_000], [("refused", 40_000)])


def repayments(tandem: Tandem, customer: UUID, *words: str) -> tuple[list[int], list[tuple[str, int]]]:
    """What a customer is owed that nobody asked for, and what was asked for."""
    output = tandem("invoices", "repayments", "--json", *words).output
    assert PAYEE["account"] not in output
    told = json.loads(output)
    owed = [each["owed_minor"] for each in told["owed"] if each["tenant_id"] == str(customer)]
    asked = [each for each in told["repayments"] if each["tenant_id"] == str(customer)]
    return owed, [(each["status"], each["amount_minor"]) for each in asked]


def test_the_guards_limits_are_listed_with_their_days_and_with_what_is_proposed(
    tandem: Tandem, client: FlaskClient
) -> None:
    day = date(2180, 1, 1) + timedelta(days=new_id().int % 5_000)
    asked = told(client, "", operator_staff("operator_supervisor"), a_wish(day, 7)).json

    listed = json.loads(tandem("invoices", "limits", "--json").output)
    words = tandem("invoices", "limits").output

    in_force = [each["name"] for each in listed["limits"] if each["is_in_force"]]
    assert "invoice.times_median" in in_force
    assert len(in_force) == len(set(in_force))
    assert asked["id"] in {each["id"] for each in listed["proposals"]}
    assert f"invoice.times_median 7 from {day} proposed as {asked['id']}" in words
    assert "invoice.times_median 3 from" in words
