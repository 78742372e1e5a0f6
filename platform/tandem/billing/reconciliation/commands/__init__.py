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
    left_of_line,
    propose_allocation,
)
from tandem.billing.reconciliation.commands.banking import (
    claim_transfers,
    invoices_owed,
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
from tandem.billing.reconciliation.commands.matching_by_hand import approve_match, propose_match
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
    "allocations_of",
    "approve_allocation",
    "approve_match",
    "approve_resolution",
    "bank_line_proposal",
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
    "propose_group_resolution",
    "propose_match",
    "propose_resolution",
    "proposed_parts",
    "recorded_under",
    "reference_of",
    "references_unspent",
    "refuse_bank_line_proposal",
    "reject_resolution",
    "release_comparison",
    "reopen",
    "request_day_close",
    "require_day_over",
    "set_rule",
    "spend_on_recorded",
    "spend_whole_lines",
    "take_in_bank_file",
    "transfers_for",
    "transfers_sent",
]
