"""What hospital and operator owe each other: a fee per visit, taken back by refunds, settled by statements. 结算

And what an employer has prepaid and drawn, told it by statements in sums.
"""

from tandem.billing.settlements.commands import (
    Agreed,
    accrue_missing,
    accrue_monthly_fee,
    accrue_usage,
    adjustments_agreed,
    claim_visit,
    confirm_statement,
    document_of,
    employer_document_of,
    journal_of_adjustment,
    keep_adjustments,
    propose_employer_statement,
    propose_statement,
    statements_of_days,
)
from tandem.billing.settlements.errors import NothingToSettle, PeriodAlreadySettled
from tandem.billing.settlements.events import (
    FeeAdjusted,
    FeeDecided,
    ReturnApproved,
    StatementConfirmed,
    StatementPaid,
    StatementParked,
    StatementProposed,
    TransferAsked,
    VisitBrought,
)
from tandem.billing.settlements.models import (
    EmployerStatement,
    FeeAccrual,
    FeeAdjustment,
    FeeReversal,
    SettlementStatement,
)
from tandem.billing.settlements.queries import last_statement, unaccrued_usage

__all__ = [
    "Agreed",
    "EmployerStatement",
    "FeeAccrual",
    "FeeAdjusted",
    "FeeAdjustment",
    "FeeDecided",
    "FeeReversal",
    "NothingToSettle",
    "PeriodAlreadySettled",
    "ReturnApproved",
    "SettlementStatement",
    "StatementConfirmed",
    "StatementPaid",
    "StatementParked",
    "StatementProposed",
    "TransferAsked",
    "VisitBrought",
    "accrue_missing",
    "accrue_monthly_fee",
    "accrue_usage",
    "adjustments_agreed",
    "claim_visit",
    "confirm_statement",
    "document_of",
    "employer_document_of",
    "journal_of_adjustment",
    "keep_adjustments",
    "last_statement",
    "propose_employer_statement",
    "propose_statement",
    "statements_of_days",
    "unaccrued_usage",
]
