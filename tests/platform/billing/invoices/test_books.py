"""Invoices in the books of both sides, taxed or not, paid by bank or online, and lines that name few people."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.billing.invoices import (
    InvoiceNotOpen,
    InvoiceOverpaid,
    invoice,
    invoice_lines,
    payable_invoice,
    record_invoice_payment,
)
from tandem.billing.invoices.suppression import CELL_MIN, told_lines
from tandem.billing.ledger import balance_minor
from tandem.kernel import clock
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.invoices.money import a_customer, a_hospital, a_line, drafted, issued

Work = Callable[..., int]


def paid(row: Any, amount_minor: int, reference: str = "B-1", **changes: Any) -> Any:
    with acting_for(row.tenant_id), transaction():
        return record_invoice_payment(
            row.id, amount_minor=amount_minor, paid_on=clock.today(), reference=reference, **changes
        )


@pytest.mark.usefixtures("app")
def test_a_taxed_invoice_is_owed_gross_and_its_tax_is_nobodys_income(work: Work) -> None:
    hospital = issued(a_hospital(), a_line(10_600))
    employer = issued(a_customer(), a_line(21_200, "health_management"))
    with acting_for(OPERATOR_ID), transaction():
        tax_before = balance_minor("tax.vat")
        income_before = balance_minor("inc.platform")

    work(hospital.tenant_id, employer.tenant_id)

    with acting_for(hospital.tenant_id), transaction():
        booked = [balance_minor(code) for code in ("exp.operator_fee", "tax.vat", "ap.operator")]
    with acting_for(OPERATOR_ID), transaction():
        owed = balance_minor("ar.hospital", party_id=hospital.tenant_id)
        owed_by_employer = balance_minor("ar.enterprise", party_id=employer.tenant_id)
        prepaid = balance_minor("prepaid.programme", party_id=employer.tenant_id)
        tax, income = balance_minor("tax.vat") - tax_before, balance_minor("inc.platform") - income_before
    assert booked == [10_000, 600, -10_600]
    assert (owed, owed_by_employer, prepaid, tax, income) == (10_600, 21_200, -20_000, -1_800, -10_000)


@pytest.mark.usefixtures("app")
def test_money_paid_online_lies_with_the_provider_on_the_operators_account(work: Work) -> None:
    row = issued(a_customer(), a_line(1_000))
    with acting_for(OPERATOR_ID), transaction():
        before = balance_minor("cash.psp")

    paid(row, 1_000, "pi_1", method="wechat_pay")
    work(row.tenant_id)

    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("cash.psp") - before == 1_000
        assert balance_minor("ar.enterprise", party_id=row.tenant_id) == 0


@pytest.mark.usefixtures("app")
def test_money_that_arrived_twice_is_kept_as_a_surplus_and_owed_back(work: Work) -> None:
    row = issued(a_customer(), a_line(1_000))

    paid(row, 1_000, "B-1")
    with pytest.raises(InvoiceOverpaid):
        paid(row, 400, "pi_1")
    twice = [paid(row, 400, "pi_1", method="alipay", keep_surplus=True) for _ in range(2)]
    work(row.tenant_id)

    assert (twice[0].id, twice[0].surplus_minor) == (twice[1].id, 400)
    with acting_for(row.tenant_id), transaction():
        assert (invoice(row.id).paid_minor, balance_minor("ap.operator")) == (1_000, 400)


@pytest.mark.usefixtures("app")
def test_what_is_open_can_be_asked_and_a_draft_cannot_be_paid() -> None:
    row, draft = issued(a_customer(), a_line(1_000)), drafted(a_customer())
    paid(row, 300)

    with acting_for(row.tenant_id), transaction():
        open_now = payable_invoice(row.id)

    assert (open_now.open_minor, open_now.document_no) == (700, row.document_no)
    with pytest.raises(InvoiceNotOpen), acting_for(draft.tenant_id), transaction():
        payable_invoice(draft.id)
    with pytest.raises(InvoiceNotOpen):
        paid(draft, 1)


@pytest.mark.usefixtures("app")
def test_an_enterprises_line_of_fewer_than_eleven_members_is_merged_and_a_hospitals_is_not() -> None:
    lines = [a_line(900, members=10), a_line(5_000, members=30), a_line(2_000, members=12), a_line(700, members=3)]

    enterprise, hospital = drafted(a_customer(), *lines), drafted(a_hospital(), *lines)

    with acting_for(enterprise.tenant_id), transaction():
        told = [(line["kind"], line["amount_minor"], line["unit_price"]) for line in invoice_lines(enterprise.id)]
    with acting_for(hospital.tenant_id), transaction():
        assert len(invoice_lines(hospital.id)) == 4
    assert told == [("item", 5_000, Decimal(5_000)), ("merged", 3_600, None)]


@given(st.lists(st.tuples(st.integers(-100, 10_000), st.none() | st.integers(0, 40)), min_size=1, max_size=12))
def test_hiding_few_people_keeps_the_sum_and_tells_no_line_of_one_to_ten(lines: Any) -> None:
    told = told_lines([a_line(amount, members=members) for amount, members in lines])

    assert sum(line.amount_minor for line in told) == sum(amount for amount, _ in lines)
    told_few = [line for line in told if line.members is not None and line.members < CELL_MIN]
    assert all(line.kind == "merged" for line in told_few)
    # Only where no line of eleven is there to hide behind is less than that told, as one sum.
    assert not told_few or not any((members or 0) >= CELL_MIN for _, members in lines)
