"""Lines of a bank over HTTP: what came in, what of it is still free, and what it pays."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.invoices import InvoiceNotOpen, InvoiceOverpaid
from tandem.billing.reconciliation import commands, desk, jobs
from tandem.billing.reconciliation.errors import BankLineOverdrawn, BankLineTaken, BankMatchUneven
from tandem.billing.reconciliation.schemas import (
    BankAllocationsSchema,
    BankAllocationsWishSchema,
    BankLineSchema,
    BankLinesQuery,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api
from tandem.kernel.jobs import enqueue
from tandem.kernel.tenancy import across_tenants

hospital_api = Api("bank_lines", audience="hospital", url_prefix="/bank_lines", tag="Reconciliation")
operator_api = Api("bank_lines", audience="operator", url_prefix="/bank_lines", tag="Reconciliation")
APIS: Final = [hospital_api, operator_api]
_READS: Final[dict[str, Any]] = {"allow": "reconciliation.read", "query": BankLinesQuery, "many": True}


@hospital_api.get("", gives=BankLineSchema, **_READS)
@operator_api.get("", gives=BankLineSchema, **_READS)
def list_bank_lines(query: dict[str, Any]) -> Page:
    """Lines of the caller's own accounts, the latest first."""
    return desk.bank_lines(**query)


@operator_api.post(
    "/<uuid:bank_line_id>/allocations",
    allow="payments.record",
    takes=BankAllocationsWishSchema,
    gives=BankAllocationsSchema,
    problems=(BankLineTaken, BankLineOverdrawn, BankMatchUneven, InvoiceNotOpen, InvoiceOverpaid),
)
def allocate_bank_line(bank_line_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Say which invoices a transfer pays, and how much of each; jobs record the payments."""
    wanted: dict[UUID, int] = {}
    for part in wish["allocations"]:
        wanted[part["invoice_id"]] = wanted.get(part["invoice_id"], 0) + part["amount_minor"]
    reference = commands.reference_of(bank_line_id)
    with across_tenants(reason="a bank line for invoices"):
        owed = {each.invoice_id: each for each in commands.invoices_owed(list(wanted))}
        recorded = commands.recorded_under(reference)
    for row in commands.allocate_line(bank_line_id, wanted, owed, recorded):
        enqueue(jobs.record_allocation, allocation_id=row.id)
    parts = commands.allocations_of(bank_line_id)
    return {
        "bank_line_id": bank_line_id,
        "left_minor": parts[-1].line_minor - parts[-1].taken_minor,
        "allocations": [{name: getattr(each, name) for name in _SHOWN} for each in parts],
    }


_SHOWN: Final = ("id", "customer_id", "invoice_id", "amount_minor", "rule", "allocated_at")
