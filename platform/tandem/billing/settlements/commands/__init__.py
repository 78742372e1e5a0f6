"""What is decided about settlements: accruals and what takes them back, statements, disputes, payments."""

from tandem.billing.settlements.commands.accruals import accrue_missing, accrue_usage
from tandem.billing.settlements.commands.agreed import (
    Agreed,
    adjustments_agreed,
    journal_of_adjustment,
    keep_adjustments,
    statements_of_days,
)
from tandem.billing.settlements.commands.decisions import book_decision, grant_excess, waive_excess
from tandem.billing.settlements.commands.disputes import (
    agree_by_document,
    book_adjustment,
    decide_adjustment,
    dispute_line,
    dispute_programme,
    move_dispute,
    propose_adjustment,
    withdraw_dispute,
)
from tandem.billing.settlements.commands.employers import (
    close_employer_statement,
    confirm_employer_statement,
    corrections_of,
    cut_of_employer_statement,
    draft_employer_statement,
    employer_document_of,
    propose_employer_draft,
    propose_employer_statement,
    settle_employer_statements,
)
from tandem.billing.settlements.commands.months import accrue_monthly_fee
from tandem.billing.settlements.commands.paying import book_payment, carry_forward, record_payment
from tandem.billing.settlements.commands.reversals import reverse_lost_dispute, reverse_refund
from tandem.billing.settlements.commands.statements import (
    confirm_statement,
    cut_of_statement,
    dispute_statement,
    document_of,
    draft_statement,
    propose_draft,
    propose_statement,
    release_statement,
)
from tandem.billing.settlements.commands.traffic import book_traffic_fee, claim_visit
from tandem.billing.settlements.commands.transfers import ask_transfer, begin_transfer, fail_transfer, fold_transfer

__all__ = [
    "Agreed",
    "accrue_missing",
    "accrue_monthly_fee",
    "accrue_usage",
    "adjustments_agreed",
    "agree_by_document",
    "ask_transfer",
    "begin_transfer",
    "book_adjustment",
    "book_decision",
    "book_payment",
    "book_traffic_fee",
    "carry_forward",
    "claim_visit",
    "close_employer_statement",
    "confirm_employer_statement",
    "confirm_statement",
    "corrections_of",
    "cut_of_employer_statement",
    "cut_of_statement",
    "decide_adjustment",
    "dispute_line",
    "dispute_programme",
    "dispute_statement",
    "document_of",
    "draft_employer_statement",
    "draft_statement",
    "employer_document_of",
    "fail_transfer",
    "fold_transfer",
    "grant_excess",
    "journal_of_adjustment",
    "keep_adjustments",
    "move_dispute",
    "propose_adjustment",
    "propose_draft",
    "propose_employer_draft",
    "propose_employer_statement",
    "propose_statement",
    "record_payment",
    "release_statement",
    "reverse_lost_dispute",
    "reverse_refund",
    "settle_employer_statements",
    "statements_of_days",
    "waive_excess",
    "withdraw_dispute",
]
