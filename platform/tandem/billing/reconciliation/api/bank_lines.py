"""Files and lines of a bank over HTTP: what came in, what of it is still free, what it pays, and who agreed to that."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tandem.billing.invoices import InvoiceNotOpen, InvoiceOverpaid
from tandem.billing.reconciliation import commands, desk, jobs
from tandem.billing.reconciliation.errors import (
    BankFileElsewhere,
    BankFileRefused,
    BankFileUnreadable,
    BankLineNeedsSecond,
    BankLineOverdrawn,
    BankLineTaken,
    BankMatchUneven,
)
from tandem.billing.reconciliation.models import (
    BankAllocation,
    BankLineProposal,
    BankStatement,
)
from tandem.billing.reconciliation.schemas import (
    BankAllocationsSchema,
    BankAllocationsWishSchema,
    BankFileQuery,
    BankLineProposalSchema,
    BankLineProposalsQuery,
    BankLineRefusalSchema,
    BankLineSchema,
    BankLinesQuery,
    BankMatchWishSchema,
    BankStatementSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.jobs import enqueue
from tandem.kernel.sheets import SHEET_PROBLEMS
from tandem.kernel.tenancy import across_tenants

hospital_api = Api("bank_lines", audience="hospital", tag="Reconciliation")
operator_api = Api("bank_lines", audience="operator", tag="Reconciliation")
APIS: Final = [hospital_api, operator_api]
_ONE: Final = "/bank_lines/<uuid:bank_line_id>"
_PROPOSED: Final = "/bank_line_proposals/<uuid:proposal_id>"
_READS: Final[dict[str, Any]] = {"allow": "reconciliation.read", "many": True}
_REFUSING: Final[dict[str, Any]] = {"takes": BankLineRefusalSchema, "gives": BankLineProposalSchema}
_UNFIT: Final = (BankLineTaken, BankLineOverdrawn, BankMatchUneven, InvoiceNotOpen, InvoiceOverpaid)


_FILES: Final[dict[str, Any]] = {
    "allow": "reconciliation.resolve",
    "upload": ("text/csv", "application/xml", "application/octet-stream"),
    "query": BankFileQuery,
    "gives": BankStatementSchema,
    "problems": (BankFileUnreadable, BankFileElsewhere, BankFileRefused, *SHEET_PROBLEMS),
}


@hospital_api.post("/bank_statements", **_FILES)
@operator_api.post("/bank_statements", **_FILES)
def take_in_bank_statement(upload: bytes, query: dict[str, Any]) -> BankStatement:
    """Upload a bank's file (CSV by a profile, or CAMT.053) of the caller's own account; a job matches it."""
    statement = commands.take_in_bank_file(upload, **query)
    enqueue(jobs.match_bank_lines)
    return statement


@hospital_api.get("/bank_statements", gives=BankStatementSchema, query=PageQuery, **_READS)
@operator_api.get("/bank_statements", gives=BankStatementSchema, query=PageQuery, **_READS)
def list_bank_statements(query: dict[str, Any]) -> Page:
    """The caller's own bank files, the latest first."""
    return desk.bank_statements(**query)


@hospital_api.get("/bank_lines", gives=BankLineSchema, query=BankLinesQuery, **_READS)
@operator_api.get("/bank_lines", gives=BankLineSchema, query=BankLinesQuery, **_READS)
def list_bank_lines(query: dict[str, Any]) -> Page:
    """Lines of the caller's own accounts, the latest first."""
    return desk.bank_lines(**query)


@hospital_api.get("/bank_line_proposals", gives=BankLineProposalSchema, query=BankLineProposalsQuery, **_READS)
@operator_api.get("/bank_line_proposals", gives=BankLineProposalSchema, query=BankLineProposalsQuery, **_READS)
def list_bank_line_proposals(query: dict[str, Any]) -> Page:
    """What people say lines are for, newest first."""
    return desk.bank_line_proposals(**query)


@operator_api.get(f"{_ONE}/allocations", allow="reconciliation.read", gives=BankAllocationsSchema)
def show_allocations(bank_line_id: UUID) -> dict[str, Any]:
    """All that a line pays and all that left it, and what of it is left."""
    left_minor = commands.left_of_line(bank_line_id)
    parts = [{name: getattr(each, name) for name in _SHOWN} for each in commands.allocations_of(bank_line_id)]
    return {"bank_line_id": bank_line_id, "left_minor": left_minor, "allocations": parts}


@operator_api.post(
    f"{_ONE}/allocation_proposals",
    allow="payments.record",
    takes=BankAllocationsWishSchema,
    gives=BankLineProposalSchema,
    problems=_UNFIT,
)
def propose_allocation(bank_line_id: UUID, wish: dict[str, Any]) -> BankLineProposal:
    """Say which invoices a transfer pays, and how much of each; a colleague agrees before anything is paid."""
    wanted: dict[UUID, int] = {}
    for part in wish["allocations"]:
        wanted[part["invoice_id"]] = wanted.get(part["invoice_id"], 0) + part["amount_minor"]
    told = _told_of(bank_line_id, wanted)
    proposal, spent = commands.propose_allocation(bank_line_id, wanted, **told, because=wish["because"])
    _record(spent)
    return proposal


@operator_api.post(
    f"{_PROPOSED}/approval",
    allow="settlements.release",
    gives=BankLineProposalSchema,
    problems=(BankLineNeedsSecond, *_UNFIT),
)
def approve_allocation(proposal_id: UUID) -> BankLineProposal:
    """Agree to what a colleague says a transfer pays: the line is spent, and jobs record the payments."""
    asked = commands.bank_line_proposal(proposal_id)
    told = _told_of(asked.bank_line_id, commands.proposed_parts(asked))
    proposal, parts = commands.approve_allocation(proposal_id, **told)
    _record(parts)
    return proposal


@operator_api.post(f"{_PROPOSED}/refusal", allow="payments.record", **_REFUSING)
def refuse_allocation(proposal_id: UUID, wish: dict[str, Any]) -> BankLineProposal:
    """Say no to a proposal, or withdraw one's own; nothing is spent."""
    return commands.refuse_bank_line_proposal(proposal_id, because=wish["because"])


@hospital_api.post(
    f"{_ONE}/match_proposals",
    allow="reconciliation.resolve",
    takes=BankMatchWishSchema,
    gives=BankLineProposalSchema,
    problems=(BankLineTaken, BankMatchUneven),
)
def propose_match(bank_line_id: UUID, wish: dict[str, Any]) -> BankLineProposal:
    """Say which payouts a line is the sum of; a colleague agrees before they count as arrived."""
    return commands.propose_match(bank_line_id, wish["payout_ids"], because=wish["because"])


@hospital_api.post(
    f"{_PROPOSED}/approval",
    allow="reconciliation.resolve",
    gives=BankLineProposalSchema,
    problems=(BankLineNeedsSecond, BankLineTaken, BankMatchUneven),
)
def approve_match(proposal_id: UUID) -> BankLineProposal:
    """Agree to what a colleague says a line is: the line and its payouts are matched."""
    return commands.approve_match(proposal_id)


@hospital_api.post(f"{_PROPOSED}/refusal", allow="reconciliation.resolve", **_REFUSING)
def refuse_match(proposal_id: UUID, wish: dict[str, Any]) -> BankLineProposal:
    """Say no to a proposal, or withdraw one's own; nothing is matched."""
    return commands.refuse_bank_line_proposal(proposal_id, because=wish["because"])


def _told_of(bank_line_id: UUID, wanted: dict[UUID, int]) -> dict[str, Any]:
    """What is owed on these invoices by now, and what people recorded under the line's reference."""
    reference = commands.reference_of(bank_line_id)
    with across_tenants(reason="a bank line for invoices"):
        owed = {each.invoice_id: each for each in commands.invoices_owed(list(wanted))}
        return {"owed": owed, "recorded": commands.recorded_under(reference)}


def _record(parts: Sequence[BankAllocation]) -> None:
    for part in parts:
        enqueue(jobs.record_allocation, allocation_id=part.id)


_SHOWN: Final = ("id", "customer_id", "invoice_id", "bank_line_exit_id", "amount_minor", "rule", "allocated_at")
