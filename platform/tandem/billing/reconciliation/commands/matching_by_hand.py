"""Which payouts a bank's line is the sum of, where the ladder does not say: two people's word. [hospital]"""

from collections.abc import Collection
from uuid import UUID

from tandem.billing.reconciliation.bank_matching import claim_by_hand, payouts_of_line, take_turn
from tandem.billing.reconciliation.commands.agreeing import approved_proposal, kept_proposal, proposed_parts
from tandem.billing.reconciliation.models import BankLineProposal


def propose_match(line_id: UUID, payout_ids: Collection[UUID], *, because: str) -> BankLineProposal:
    """Say which payouts a line is the sum of; another person agrees.

    Raises BankLineTaken, BankMatchUneven where they do not add up to it, NotFound.
    """
    return kept_proposal(line_id, "payout", payouts_of_line(line_id, payout_ids), because)


def approve_match(proposal_id: UUID) -> BankLineProposal:
    """The second person agrees: the line and its payouts are claimed for each other.

    What the ladder took meanwhile is refused and stays proposed. Raises BankLineNeedsSecond, BankLineTaken,
    BankMatchUneven, TransitionRefused, NotFound.
    """
    take_turn()
    proposal = approved_proposal(proposal_id)
    claim_by_hand(proposal.id, proposal.bank_line_id, proposed_parts(proposal))
    return proposal
