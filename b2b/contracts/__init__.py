"""What an employer and the operator agreed: package, serving hospitals, dates and price. 企业合同"""

from b2b.contracts.events import ContractEnded, ContractTookEffect, ProgrammeOpened
from b2b.contracts.models import Contract
from b2b.contracts.queries import contract, effective_contracts, signed_contract

__all__ = [
    "Contract",
    "ContractEnded",
    "ContractTookEffect",
    "ProgrammeOpened",
    "contract",
    "effective_contracts",
    "signed_contract",
]
