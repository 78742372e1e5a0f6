"""What is decided about reconciliation: runs, differences, rules."""

from tandem.billing.reconciliation.commands.banking import (
    claim_transfers,
    invoices_owed,
    take_in_bank_file,
    transfers_for,
    transfers_sent,
)
from tandem.billing.reconciliation.commands.deciding import (
    approve_resolution,
    explain,
    post_resolution,
    propose_group_resolution,
    propose_resolution,
    reject_resolution,
    release_comparison,
    reopen,
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
    "approve_resolution",
    "claim_transfers",
    "compare",
    "explain",
    "invoices_owed",
    "is_latest_day",
    "keep",
    "note_run",
    "post_resolution",
    "propose_group_resolution",
    "propose_resolution",
    "reject_resolution",
    "release_comparison",
    "reopen",
    "request_day_close",
    "require_day_over",
    "set_rule",
    "take_in_bank_file",
    "transfers_for",
    "transfers_sent",
]
