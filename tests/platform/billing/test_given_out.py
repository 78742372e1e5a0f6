"""What was given out stays as it was said, whatever a program of ours tries: the database refuses to rewrite it."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from tandem.billing.settlements import propose_statement
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.invoices.money import a_customer, drafted, issued
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment

pytestmark = pytest.mark.usefixtures("app")


def rewrite(tenant: UUID, statement: str, *, operator: bool) -> int:
    """How many rows a statement of that tenant's program changed; raises what the database refuses."""
    with acting_for(tenant, operator=operator), transaction():
        return len(session.execute(text(f"{statement} RETURNING id")).all())


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        "number = 99",
        "net_minor = net_minor + 100, total_minor = total_minor + 100",
        "status = 'draft'",
        "due_on = '2030-01-01'",
        "buyer = '{}'",
    ],
)
def test_an_issued_invoice_is_not_rewritten(change: str, operator: bool) -> None:
    row = issued(a_customer())

    with pytest.raises(IntegrityError, match="given out"):
        rewrite(row.tenant_id, f"UPDATE invoice SET {change} WHERE id = '{row.id}'", operator=operator)


def test_a_draft_may_be_written_anew(app: object) -> None:
    row = drafted(a_customer())

    changed = rewrite(row.tenant_id, f"UPDATE invoice SET due_on = '2030-01-01' WHERE id = '{row.id}'", operator=True)

    assert changed == 1


@pytest.mark.parametrize(
    "change",
    ["payable_minor = 0", "due_to_operator_minor = 1", "document_sha256 = repeat('0', 64)", "status = 'draft'"],
)
def test_a_statement_put_forward_is_not_rewritten(work: Callable[..., int], change: str) -> None:
    hospital = a_hospital_with_an_agreement()
    a_delivered_visit(hospital, a_payment(hospital))
    work(hospital)
    with acting_for(hospital), transaction():
        row = propose_statement(date(2026, 9, 2))

    with pytest.raises(IntegrityError, match="given out"):
        rewrite(hospital, f"UPDATE settlement_statement SET {change} WHERE id = '{row.id}'", operator=True)


@pytest.mark.parametrize("change", ["kind = 'asset'", "code = 'cash.bank'", "is_interparty = NOT is_interparty"])
def test_an_account_stays_what_it_is(work: Callable[..., int], change: str) -> None:
    hospital = a_hospital_with_an_agreement()
    a_delivered_visit(hospital, a_payment(hospital))
    work(hospital)

    with pytest.raises(IntegrityError, match="given out"):
        rewrite(hospital, f"UPDATE account SET {change} WHERE code = 'rev.medical'", operator=False)


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize("table", ["discrepancy", "discrepancy_resolution", "line_dispute", "fee_adjustment", "fapiao"])
def test_what_is_between_two_parties_is_not_removed(table: str, operator: bool) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        rewrite(new_id(), f"DELETE FROM {table}", operator=operator)


@pytest.mark.parametrize("table", ["refund", "dispute", "balance_transaction", "audit_head"])
def test_what_a_provider_did_and_where_the_trail_ends_is_not_removed(table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        rewrite(new_id(), f"DELETE FROM {table}", operator=False)


@pytest.mark.parametrize("operator", [False, True])
def test_no_number_is_given_twice_because_a_series_was_turned_back(operator: bool) -> None:
    tenant = issued(a_customer()).tenant_id

    with pytest.raises(IntegrityError, match="only grows"):
        rewrite(tenant, "UPDATE number_series SET next_number = next_number - 1", operator=operator)


@pytest.mark.parametrize("operator", [False, True])
def test_no_number_is_given_twice_because_a_series_was_renamed_or_removed(operator: bool) -> None:
    tenant = issued(a_customer()).tenant_id

    with pytest.raises(IntegrityError, match="only grows"):
        rewrite(tenant, "UPDATE number_series SET series = 'OTHER'", operator=operator)
    with pytest.raises(ProgrammingError, match="permission denied"):
        rewrite(tenant, "DELETE FROM number_series", operator=operator)
