"""What a bank's line pays: by its number where it names one invoice; by two people's word where it names none.

The line is spent first, in the operator's tenant, where the database keeps it from being spent twice; the payment is
recorded by a job, once for each line and invoice, under the bank's own reference.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, select, text

from tandem.billing.invoices import InvoiceNotOpen, InvoiceOverpaid
from tandem.billing.reconciliation.bank_matching import take_turn
from tandem.billing.reconciliation.commands.agreeing import approved_proposal, kept_proposal, proposed_parts
from tandem.billing.reconciliation.commands.banking import Owed
from tandem.billing.reconciliation.commands.parts import FreeLine, Last, free_line
from tandem.billing.reconciliation.commands.recorded import Recorded, spend_on_recorded
from tandem.billing.reconciliation.errors import BankLineNeedsSecond, BankLineOverdrawn, BankLineTaken, BankMatchUneven
from tandem.billing.reconciliation.models import BankAllocation, BankLineProposal
from tandem.kernel import audit, clock
from tandem.kernel.audit import actor_name
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import NotFound
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id


def propose_allocation(
    line_id: UUID,
    wanted: Mapping[UUID, int],
    owed: Mapping[UUID, Owed],
    recorded: Sequence[Recorded] = (),
    *,
    because: str,
) -> tuple[BankLineProposal, Sequence[BankAllocation]]:
    """Say which invoices a line pays, and how much of each, of what is owed; another person agrees. [operator]

    What people `recorded` under its reference before the bank's file came is paid by it first; those parts come back
    with the proposal, for jobs to record.

    Raises BankLineTaken for a line that is matched with something else or pays one of them already,
    BankLineOverdrawn, BankMatchUneven for another currency, InvoiceNotOpen, InvoiceOverpaid, NotFound.
    """
    take_turn()
    _, spent = _fitting(line_id, wanted, owed, recorded)
    return kept_proposal(line_id, "invoice", wanted, because), spent


def approve_allocation(
    proposal_id: UUID, owed: Mapping[UUID, Owed], recorded: Sequence[Recorded] = ()
) -> tuple[BankLineProposal, Sequence[BankAllocation]]:
    """The second person agrees: the line is spent, all of it or nothing. [operator]

    `owed` and `recorded` as they are by now; what no longer fits is refused as it would be when it is proposed, and
    stays proposed. Raises BankLineNeedsSecond and TransitionRefused besides.
    """
    take_turn()
    proposal = approved_proposal(proposal_id)
    wanted = proposed_parts(proposal)
    line, spent = _fitting(proposal.bank_line_id, wanted, owed, recorded)
    rows, last = list[BankAllocation](), Last(line.place, line.taken_minor)
    for invoice_id, amount_minor in wanted.items():
        rows.append(_part(line, owed[invoice_id], amount_minor, last, proposal))
        last = Last(rows[-1].place, rows[-1].taken_minor)
    with refusing(
        bank_allocation_invoice_key=BankLineTaken,
        bank_allocation_place_key=BankLineTaken,
        bank_allocation_within_the_line_check=BankLineOverdrawn,
        bank_allocation_four_eyes_check=BankLineNeedsSecond,
    ):
        session.add_all(rows)
    audit.record(
        action="bank_line.allocated", object_type="bank_line", object_id=proposal.bank_line_id,
        details={"invoices": len(rows), "amount_minor": proposal.amount_minor, "proposal_id": str(proposal.id)},
    )  # fmt: skip
    return proposal, [*spent, *rows]


def claim_allocated(allocation_id: UUID) -> RowMapping:
    """Mark the part's line as matched; returns what its payment is recorded by. [the operator's own job]

    No role of the operator's people writes claims. Raises NotFound.
    """
    found = session.execute(_ALLOCATION, {"tenant": tenant_id(), "id": allocation_id}).mappings().one_or_none()
    if found is None:
        raise NotFound
    session.execute(_CLAIM_LINE, {"tenant": tenant_id(), "line": found["bank_line_id"], "now": clock.now()})
    return found


def allocations_of(line_id: UUID) -> Sequence[BankAllocation]:
    """What a line pays and what left it, in order."""
    mine = select(BankAllocation).where(BankAllocation.tenant_id == tenant_id(), BankAllocation.bank_line_id == line_id)
    return session.scalars(mine.order_by(BankAllocation.place)).all()


def _fitting(
    line_id: UUID, wanted: Mapping[UUID, int], owed: Mapping[UUID, Owed], recorded: Sequence[Recorded]
) -> tuple[FreeLine, Sequence[BankAllocation]]:
    """The line as it is now, and what of it was spent on what is recorded; the caller has the turn."""
    spent = spend_on_recorded(recorded)
    line = free_line(line_id, recorded)
    if line.amount_minor < 0:
        raise NotFound
    if any(part.invoice_id in wanted for part in allocations_of(line_id)):
        raise BankLineTaken
    # Whether the line has so much comes first: what the automatic matcher paid with it is no longer owed, either.
    if sum(wanted.values()) > line.left_minor:
        raise BankLineOverdrawn(line_minor=line.amount_minor, left_minor=line.left_minor)
    _require_owed(wanted, owed, line.currency)
    return line, spent


def _require_owed(wanted: Mapping[UUID, int], owed: Mapping[UUID, Owed], currency: str) -> None:
    for invoice_id, amount_minor in wanted.items():
        found = owed.get(invoice_id)
        if found is None:
            raise InvoiceNotOpen(invoice_id=str(invoice_id))
        if found.currency != currency:
            raise BankMatchUneven(line_currency=currency, invoice_currency=found.currency)
        if amount_minor > found.open_minor:
            raise InvoiceOverpaid(invoice_id=str(invoice_id), open_minor=found.open_minor)


def _part(line: FreeLine, invoice: Owed, amount_minor: int, last: Last, proposal: BankLineProposal) -> BankAllocation:
    return BankAllocation(
        tenant_id=tenant_id(), id=new_id(), bank_line_id=line.id, line_minor=line.amount_minor,
        customer_id=invoice.tenant_id, invoice_id=invoice.invoice_id, amount_minor=amount_minor,
        **last.before(amount_minor), rule="manual", proposal_id=proposal.id, proposed_by=proposal.proposed_by,
        approved_by=proposal.decided_by, allocated_by=actor_name(), allocated_at=clock.now(),
    )  # fmt: skip


_CLAIM_LINE: Final = text(
    "INSERT INTO recon_claim (tenant_id, side, claimed_id, match_id, rule, amount_minor, claimed_at) "
    "SELECT l.tenant_id, 'bank', l.id, l.id, 'manual', l.amount_minor, CAST(:now AS timestamptz) FROM bank_line l "
    "WHERE l.tenant_id = :tenant AND l.id = :line ON CONFLICT (tenant_id, side, claimed_id) DO NOTHING"
)
_ALLOCATION: Final = text(
    "SELECT a.bank_line_id, a.customer_id, a.invoice_id, a.amount_minor, l.booked_on, "
    "coalesce(nullif(l.bank_reference, ''), l.id::text) AS reference FROM bank_allocation a JOIN bank_line l "
    "ON l.tenant_id = a.tenant_id AND l.id = a.bank_line_id WHERE a.tenant_id = :tenant AND l.tenant_id = :tenant "
    "AND a.id = :id AND a.invoice_id IS NOT NULL"
)
