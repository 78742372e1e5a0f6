"""What was issued is never edited: it is credited, in whole or in part, and never beyond what it was."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tandem.billing.invoices import LineCredit, invoice, invoice_lines, record_invoice_payment, void_invoice
from tandem.billing.invoices.errors import CreditTooLarge, InvoiceCredited, VoidTooLate
from tandem.billing.ledger import balance_minor
from tandem.kernel import clock
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import a_customer, a_hospital, a_line, credited, drafted, issued

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]


def now_of(row: Any) -> Any:
    with acting_for(row.tenant_id), transaction():
        return invoice(row.id)


def test_a_credit_note_of_all_leaves_nothing_owed_and_has_a_number_of_its_own(work: Work) -> None:
    row = issued(a_customer())

    note = credited(row)
    work(row.tenant_id)

    assert (note.kind, note.total_minor, note.document_no) == ("credit_note", 300_000, f"TDM-CN{row.document_no[3:]}")
    assert (now_of(row).status, now_of(row).open_minor) == ("settled", 0)
    with acting_for(row.tenant_id), transaction():
        assert (balance_minor("ap.operator"), balance_minor("exp.benefits", party_id=row.tenant_id)) == (0, 0)


def test_a_credit_note_larger_than_the_invoice_or_than_its_line_is_refused() -> None:
    row = issued(a_customer(), a_line(100), a_line(200))

    for asked in ([LineCredit(1, 101)], [LineCredit(3, 1)], [LineCredit(1, -1)], [LineCredit(2, 150)] * 2):
        with pytest.raises(CreditTooLarge):
            credited(row, *asked)
    credited(row, LineCredit(1, 60))
    with pytest.raises(CreditTooLarge):
        credited(row, LineCredit(1, 41))
    credited(row)
    with pytest.raises(CreditTooLarge):
        credited(row)

    assert now_of(row).credited_minor == 300


def test_credits_asked_for_at_once_by_two_hands_never_exceed_the_invoice(app: Flask) -> None:
    row = issued(a_customer(), a_line(100))

    def take(_: int) -> int:
        with app.app_context():
            try:
                return credited(row, LineCredit(1, 60)).total_minor
            except CreditTooLarge:
                return 0

    with ThreadPoolExecutor(4) as hands:
        taken = list(hands.map(take, range(4)))

    assert sorted(taken) == [0, 0, 0, 60]
    assert now_of(row).credited_minor == 60


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    amounts=st.lists(st.integers(1, 5_000), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 100), min_size=0, max_size=2),
    mode=st.sampled_from(["line", "document"]),
    included=st.booleans(),
)
def test_partial_credits_close_every_line_and_every_tax_to_nothing(
    amounts: list[int], cuts: list[int], mode: str, included: bool
) -> None:
    lines = [a_line(amount, "platform_service") for amount in amounts]
    row = issued(a_hospital(), *lines, tax_rounding=mode, prices_include_tax=included)
    notes = [credited(row, LineCredit(1, 1)) for cut in cuts if amounts[0] > len(cuts)]

    notes.append(credited(row))

    assert sum(note.net_minor for note in notes) == row.net_minor
    assert sum(note.tax_minor for note in notes) == row.tax_minor
    for note in notes:
        with acting_for(row.tenant_id), transaction():
            mine = invoice_lines(note.id)
        assert sum(line["net_minor"] + line["tax_minor"] for line in mine) == note.total_minor


def test_original_credit_note_and_new_invoice_share_a_chain(client: FlaskClient) -> None:
    row = issued(a_customer())
    note = credited(row)

    new = drafted(row.tenant_id, a_line(200_000), corrects_id=row.id)

    assert row.chain_id == note.chain_id == new.chain_id == row.id
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/organizations/{row.tenant_id}/invoices/{new.id}/chain"
    told = client.get(path, headers=operator).json["data"]
    assert [each["id"] for each in told] == [str(row.id), str(note.id), str(new.id)]


def test_a_credited_or_old_invoice_is_not_voided(at: Callable[..., None]) -> None:
    row, old = issued(a_customer(), a_line(100)), issued(a_customer())
    credited(row, LineCredit(1, 1))

    with pytest.raises(InvoiceCredited), acting_for(row.tenant_id), transaction():
        void_invoice(row.id, because="wrong")
    at(clock.now() + timedelta(days=32))
    with pytest.raises(VoidTooLate), acting_for(old.tenant_id), transaction():
        void_invoice(old.id, because="too late")


def test_crediting_a_paid_invoice_owes_the_customer_its_money_back(client: FlaskClient, work: Work) -> None:
    row = issued(a_customer(), a_line(1_000))
    with acting_for(row.tenant_id), transaction():
        record_invoice_payment(row.id, amount_minor=1_000, paid_on=clock.today(), reference="B-1")

    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/organizations/{row.tenant_id}/invoices/{row.id}/credit_notes"
    wish = {"because": "two visits fewer", "lines": [{"line_no": 1, "amount_minor": 250}]}
    note = client.post(path, json=wish, headers=operator | once())
    work(row.tenant_id)

    assert (note.status_code, note.json["total"]["amount_minor"]) == (201, 250)
    assert now_of(row).open_minor == -250
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ar.enterprise", party_id=row.tenant_id) == -250
