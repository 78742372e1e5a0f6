"""`tandem invoices`: bills that wait are listed with their reasons, released one by one, and tried again all at once."""

import json
from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from tandem.billing.invoices import invoice
from tandem.billing.invoices.commands import draft_from_rating, park_customer
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.invoices.money import a_hospital
from tests.platform.billing.invoices.test_runs import a_rated_line, kept
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


def test_a_release_without_a_reason_is_refused(tandem: Tandem) -> None:
    hospital, waits, park = a_bill_that_waits()

    assert tandem("invoices", "release", str(hospital), str(park)).exit_code == 2
    assert status_of(hospital, waits) == "rated"
