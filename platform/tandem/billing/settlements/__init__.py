"""What hospital and operator owe each other: a fee per visit, taken back by refunds, settled by statements. 结算

And what an employer has prepaid and drawn, told it by statements in sums.
"""

from tandem.billing.settlements.commands import (
    accrue_missing,
    accrue_monthly_fee,
    accrue_usage,
    claim_visit,
    confirm_statement,
    document_of,
    employer_document_of,
    propose_employer_statement,
    propose_statement,
)
from tandem.billing.settlements.errors import NothingToSettle, PeriodAlreadySettled
from tandem.billing.settlements.events import (
    FeeAdjusted,
    FeeDecided,
    StatementConfirmed,
    StatementPaid,
    StatementParked,
    StatementProposed,
    TransferAsked,
    VisitBrought,
)
from tandem.billing.settlements.models import EmployerStatement, FeeAccrual, FeeReversal, SettlementStatement
from tandem.billing.settlements.queries import last_statement, unaccrued_usage

__all__ = [
    "EmployerStatement",
    "FeeAccrual",
    "FeeAdjusted",
    "FeeDecided",
    "FeeReversal",
    "NothingToSettle",
    "PeriodAlreadySettled",
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
    "claim_visit",
    "confirm_statement",
    "document_of",
    "employer_document_of",
    "last_statement",
    "propose_employer_statement",
    "propose_statement",
    "unaccrued_usage",
]
