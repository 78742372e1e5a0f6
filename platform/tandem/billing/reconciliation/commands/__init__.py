"""What is decided about reconciliation: runs, differences, rules."""

from tandem.billing.reconciliation.commands.agreeing import (
    bank_line_proposal,
    proposed_parts,
    refuse_bank_line_proposal,
)
from tandem.billing.reconciliation.commands.allocating import (
    allocations_of,
    approve_allocation,
    claim_allocated,
    propose_allocation,
)
from tandem.billing.reconciliation.commands.banking import (
    claim_transfers,
    invoices_owed,
    references_sent,
    said_by_line,
    spend_whole_lines,
    take_in_bank_file,
    transfers_for,
    transfers_sent,
)
from tandem.billing.reconciliation.commands.booking import post_members, post_resolution
from tandem.billing.reconciliation.commands.deciding import (
    approve_resolution,
    explain,
    propose_group_resolution,
    propose_resolution,
    reject_resolution,
    release_comparison,
    reopen,
)
from tandem.billing.reconciliation.commands.exiting import (
    SaidElsewhere,
    approve_exit,
    approve_undoing,
    bank_line_exit,
    book_exit,
    propose_exit,
    propose_undoing,
    refuse_exit,
    refuse_undoing,
    settle_returns,
)
from tandem.billing.reconciliation.commands.matching_by_hand import approve_match, propose_match
from tandem.billing.reconciliation.commands.parts import left_of_line
from tandem.billing.reconciliation.commands.recorded import (
    known_transfer_of_operator,
    recorded_under,
    reference_of,
    references_unspent,
    spend_on_recorded,
)
from tandem.billing.reconciliation.commands.ruling import set_rule
from tandem.billing.reconciliation.commands.running import (
    COMPARISONS,
    compare,
    is_latest_day,
    keep,
    note_run,
    request_day_close,
    require_day_over,
)

__all__ = [
    "COMPARISONS",
    "SaidElsewhere",
    "allocations_of",
    "approve_allocation",
    "approve_exit",
    "approve_match",
    "approve_resolution",
    "approve_undoing",
    "bank_line_exit",
    "bank_line_proposal",
    "book_exit",
    "claim_allocated",
    "claim_transfers",
    "compare",
    "explain",
    "invoices_owed",
    "is_latest_day",
    "keep",
    "known_transfer_of_operator",
    "left_of_line",
    "note_run",
    "post_members",
    "post_resolution",
    "propose_allocation",
    "propose_exit",
    "propose_group_resolution",
    "propose_match",
    "propose_resolution",
    "propose_undoing",
    "proposed_parts",
    "recorded_under",
    "reference_of",
    "references_sent",
    "references_unspent",
    "refuse_bank_line_proposal",
    "refuse_exit",
    "refuse_undoing",
    "reject_resolution",
    "release_comparison",
    "reopen",
    "request_day_close",
    "require_day_over",
    "said_by_line",
    "set_rule",
    "settle_returns",
    "spend_on_recorded",
    "spend_whole_lines",
    "take_in_bank_file",
    "transfers_for",
    "transfers_sent",
]
