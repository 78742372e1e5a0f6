"""Two people for a bank's line: one proposes what it is for, another agrees or refuses, whoever they work for."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from tandem.accounts import deciding_hand
from tandem.billing.reconciliation.errors import BankLineNeedsSecond
from tandem.billing.reconciliation.models import PROPOSAL_NEXT, BankLineProposal
from tandem.kernel import audit, clock
from tandem.kernel.database import own_row, refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

Target = Literal["invoice", "payout"]


def kept_proposal(line_id: UUID, target: Target, parts: Mapping[UUID, int], because: str) -> BankLineProposal:
    """Keep what somebody says a line is for: how much of it, for which invoices or payouts."""
    row = BankLineProposal(
        tenant_id=tenant_id(), id=new_id(), bank_line_id=line_id, target=target,
        parts={str(each): amount_minor for each, amount_minor in parts.items()}, amount_minor=sum(parts.values()),
        because=because, proposed_by=deciding_hand(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        action="bank_line_proposal.proposed", object_type="bank_line_proposal", object_id=row.id,
        details={"bank_line_id": str(line_id), "target": target, "amount_minor": row.amount_minor},
    )  # fmt: skip
    return row


def approved_proposal(proposal_id: UUID) -> BankLineProposal:
    """The second person agrees; the caller does what was agreed in the same transaction, or nothing is.

    Raises BankLineNeedsSecond, TransitionRefused, NotFound.
    """
    row, decider = own_row(BankLineProposal, proposal_id, for_update=True), deciding_hand()
    if row.proposed_by == decider:
        raise BankLineNeedsSecond
    _decide(row, "approved", decider)
    with refusing(bank_line_proposal_four_eyes_check=BankLineNeedsSecond):
        session.flush()
    return row


def refuse_bank_line_proposal(proposal_id: UUID, *, because: str) -> BankLineProposal:
    """It is not so, or not like this; who proposed it takes it back like this, too. Nothing is spent or matched.

    Raises TransitionRefused, NotFound.
    """
    row = own_row(BankLineProposal, proposal_id, for_update=True)
    row.refused_because = because
    _decide(row, "refused", deciding_hand(), because)
    return row


def proposed_parts(proposal: BankLineProposal) -> dict[UUID, int]:
    """How much is for what."""
    return {UUID(each): int(amount_minor) for each, amount_minor in proposal.parts.items()}


def bank_line_proposal(proposal_id: UUID) -> BankLineProposal:
    """A proposal of the scope. Raises NotFound."""
    return own_row(BankLineProposal, proposal_id)


def _decide(row: BankLineProposal, verdict: str, decider: UUID, because: str | None = None) -> None:
    move(row, verdict, PROPOSAL_NEXT, because=because)
    row.decided_by, row.decided_at = decider, clock.now()
