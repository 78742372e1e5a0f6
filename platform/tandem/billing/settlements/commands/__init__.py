"""What is decided about settlements: accruals, and statements."""

from tandem.billing.settlements.commands.accruals import (
    accrue_missing,
    accrue_monthly_fee,
    accrue_usage,
    reverse_refund,
)
from tandem.billing.settlements.commands.statements import (
    book_payment,
    confirm_statement,
    cut_of_statement,
    dispute_statement,
    document_of,
    propose_statement,
    record_payment,
)

__all__ = [
    "accrue_missing",
    "accrue_monthly_fee",
    "accrue_usage",
    "book_payment",
    "confirm_statement",
    "cut_of_statement",
    "dispute_statement",
    "document_of",
    "propose_statement",
    "record_payment",
    "reverse_refund",
]
