"""Tables of settlements: statements and their lines, fees, disputes, carries, traffic. 结算"""

from tandem.billing.settlements.models.disputes import ADJUSTMENT_NEXT, LINE_DISPUTE_NEXT, FeeAdjustment, LineDispute
from tandem.billing.settlements.models.employers import (
    CORRECTION_KINDS,
    EMPLOYER_LAYOUT,
    EMPLOYER_NEXT,
    FIGURES,
    EmployerStatement,
    EmployerStatementLine,
)
from tandem.billing.settlements.models.returns import RETURN_NEXT, TransferReturn
from tandem.billing.settlements.models.statements import (
    LAYOUT,
    NEXT,
    TRANSFER_NEXT,
    FeeAccrual,
    FeeDecision,
    FeeReversal,
    ProviderLimit,
    SettlementCarry,
    SettlementLine,
    SettlementStatement,
    SettlementTransfer,
)
from tandem.billing.settlements.models.traffic import CLAIM_NEXT, TrafficClaim

__all__ = [
    "ADJUSTMENT_NEXT",
    "CLAIM_NEXT",
    "CORRECTION_KINDS",
    "EMPLOYER_LAYOUT",
    "EMPLOYER_NEXT",
    "FIGURES",
    "LAYOUT",
    "LINE_DISPUTE_NEXT",
    "NEXT",
    "RETURN_NEXT",
    "TRANSFER_NEXT",
    "EmployerStatement",
    "EmployerStatementLine",
    "FeeAccrual",
    "FeeAdjustment",
    "FeeDecision",
    "FeeReversal",
    "LineDispute",
    "ProviderLimit",
    "SettlementCarry",
    "SettlementLine",
    "SettlementStatement",
    "SettlementTransfer",
    "TrafficClaim",
    "TransferReturn",
]
