"""Transfers of what the operator owes on a statement, over HTTP, what comes back of them, and the provider's limits."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.settlements import commands, queries
from tandem.billing.settlements.errors import (
    HospitalHasNoAccount,
    NothingToTransfer,
    ReturnUnderWay,
    SplitRefused,
    TransferNotSent,
    TransferOnItsWay,
    TransferUnderWay,
)
from tandem.billing.settlements.models import SettlementTransfer, TransferReturn
from tandem.billing.settlements.schemas import (
    ProviderLimitSchema,
    ReasonWishSchema,
    ReturnWishSchema,
    TransferReturnSchema,
    TransferSchema,
)
from tandem.billing.stripe_gateway import is_live
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

hospital_api = Api("settlement_transfers", audience="hospital", tag="Settlement")
operator_api = Api("settlement_transfers", audience="operator", tag="Settlement")
APIS: Final = [hospital_api, operator_api]
_ONE: Final = "/settlement_statements/<uuid:statement_id>"
_OF: Final = "/hospitals/<uuid:hospital_id>"


@hospital_api.get(f"{_ONE}/transfers", allow="settlements.read", gives=TransferSchema, many=True, query=PageQuery)
def list_transfers(statement_id: UUID, query: dict[str, Any]) -> Page:
    """What the operator sent for this statement, and what became of it."""
    return queries.transfers(statement_id, **query)


@operator_api.get(f"{_OF}{_ONE}/transfers", allow="settlements.read", gives=TransferSchema, many=True, query=PageQuery)
def list_transfers_to_hospital(hospital_id: UUID, statement_id: UUID, query: dict[str, Any]) -> Page:
    """What was sent for this statement, and what became of it."""
    return queries.transfers(statement_id, **query)


@operator_api.post(
    f"{_OF}{_ONE}/transfers",
    allow="payments.record",
    gives=TransferSchema,
    problems=(NothingToTransfer, TransferUnderWay, HospitalHasNoAccount, SplitRefused),
)
def send_transfer(hospital_id: UUID, statement_id: UUID) -> SettlementTransfer:
    """Send what the operator owes to the hospital's provider account: a job does, the oldest wish first."""
    return commands.ask_transfer(statement_id, is_live=is_live())


@operator_api.post(
    f"{_OF}/settlement_transfers/<uuid:transfer_id>/withdrawal",
    allow="payments.record",
    takes=ReasonWishSchema,
    gives=TransferSchema,
    problems=(TransferOnItsWay,),
)
def withdraw_transfer(hospital_id: UUID, transfer_id: UUID, wish: dict[str, Any]) -> SettlementTransfer:
    """Take back a transfer that waits and was not put to the provider; the statement is paid in another way."""
    return commands.withdraw_transfer(transfer_id, because=wish["because"])


@operator_api.post(
    f"{_OF}/settlement_transfers/<uuid:transfer_id>/returns",
    allow="payments.record",
    takes=ReturnWishSchema,
    gives=TransferReturnSchema,
    problems=(TransferNotSent, ReturnUnderWay, SplitRefused),
)
def propose_return(hospital_id: UUID, transfer_id: UUID, wish: dict[str, Any]) -> TransferReturn:
    """Ask the hospital to agree that (a part of) a transfer be taken back; the operator owes it again then."""
    return commands.propose_return(transfer_id, **wish)


@operator_api.post(
    f"{_OF}/transfer_returns/<uuid:return_id>/withdrawal", allow="payments.record", gives=TransferReturnSchema
)
def withdraw_return(hospital_id: UUID, return_id: UUID) -> TransferReturn:
    """Do not ask for a return any more, as long as the hospital has not decided."""
    return commands.withdraw_return(return_id)


@operator_api.get(
    f"{_OF}/transfer_returns", allow="settlements.read", gives=TransferReturnSchema, many=True, query=PageQuery
)
def list_returns_of_hospital(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """What comes back of the hospital's transfers, newest first."""
    return queries.transfer_returns(**query)


@hospital_api.get("/transfer_returns", allow="settlements.read", gives=TransferReturnSchema, many=True, query=PageQuery)
def list_returns(query: dict[str, Any]) -> Page:
    """What the operator asks back of its transfers, what we decided, and what the provider took; newest first."""
    return queries.transfer_returns(**query)


@hospital_api.post(
    "/transfer_returns/<uuid:return_id>/approval",
    allow="settlements.confirm",
    gives=TransferReturnSchema,
    problems=(SplitRefused,),
)
def approve_return(return_id: UUID) -> TransferReturn:
    """Agree: the provider takes it back, and the next statement says that the operator owes it again."""
    return commands.approve_return(return_id)


@hospital_api.post(
    "/transfer_returns/<uuid:return_id>/refusal",
    allow="settlements.confirm",
    takes=ReasonWishSchema,
    gives=TransferReturnSchema,
)
def decline_return(return_id: UUID, wish: dict[str, Any]) -> TransferReturn:
    """Keep what was sent, and say why."""
    return commands.decline_return(return_id, because=wish["because"])


@operator_api.get("/provider_limits", allow="settlements.read", gives=ProviderLimitSchema, many=True, query=PageQuery)
def list_provider_limits(query: dict[str, Any]) -> Page:
    """What payment providers allow of splits and returns, each with its day and source."""
    return queries.provider_limits(**query)
