"""Giving back what customers are owed, over HTTP: one of the operator's people asks, another decides."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.payments import commands
from tandem.billing.payments.commands import Payee
from tandem.billing.payments.errors import (
    NothingOwedBack,
    PayeeNeeded,
    ReceiptKeyReused,
    RepaymentNeedsSecond,
    RepaymentNotByBank,
)
from tandem.billing.payments.models import Repayment
from tandem.billing.payments.queries import repayments
from tandem.billing.payments.schemas import RepaymentSchema, RepaymentWishSchema, TransferMadeSchema
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

operator_api = Api(
    "repayments", audience="operator", url_prefix="/organizations/<uuid:organization_id>/repayments", tag="Invoices"
)
employer_api = Api("repayments", audience="employer", url_prefix="/repayments", tag="Invoices")
hospital_api = Api("repayments", audience="hospital", url_prefix="/repayments", tag="Invoices")
APIS: Final = [operator_api, employer_api, hospital_api]


@operator_api.get("", allow="invoices.read", gives=RepaymentSchema, many=True, query=PageQuery)
def list_repayments_of_customer(organization_id: UUID, query: dict[str, Any]) -> Page:
    """What a customer gets back, newest first; an approved bank transfer is the instruction to make it."""
    return repayments.repayments_page(**query)


@operator_api.post(
    "",
    allow="payments.record",
    takes=RepaymentWishSchema,
    gives=RepaymentSchema,
    problems=(NothingOwedBack, PayeeNeeded),
)
def propose_repayment(organization_id: UUID, wish: dict[str, Any]) -> Repayment:
    """Ask to give back what a customer is owed: by refund where one online payment covers it, else by transfer."""
    payee = wish.pop("payee")
    return commands.propose_repayment(payee=None if payee is None else Payee(**payee), **wish)


@operator_api.post(
    "/<uuid:repayment_id>/approval",
    allow="settlements.release",
    gives=RepaymentSchema,
    problems=(RepaymentNeedsSecond, NothingOwedBack),
)
def approve_repayment(organization_id: UUID, repayment_id: UUID) -> Repayment:
    """Agree to a colleague's proposal: the provider is asked, or the transfer is to be made."""
    return commands.approve_repayment(repayment_id)


@operator_api.post("/<uuid:repayment_id>/refusal", allow="payments.record", gives=RepaymentSchema)
def refuse_repayment(organization_id: UUID, repayment_id: UUID) -> Repayment:
    """Say no to a proposal, or withdraw one's own."""
    return commands.refuse_repayment(repayment_id)


@operator_api.post(
    "/<uuid:repayment_id>/transfers",
    allow="payments.record",
    takes=TransferMadeSchema,
    gives=RepaymentSchema,
    problems=(RepaymentNotByBank, ReceiptKeyReused),
)
def record_transfer(organization_id: UUID, repayment_id: UUID, wish: dict[str, Any]) -> Repayment:
    """Record that an approved transfer left the bank; the bank's file says the same."""
    return commands.record_transfer(repayment_id, **wish)


@employer_api.get("", allow="invoices.read", gives=RepaymentSchema, many=True, query=PageQuery)
@hospital_api.get("", allow="invoices.read", gives=RepaymentSchema, many=True, query=PageQuery)
def list_repayments(query: dict[str, Any]) -> Page:
    """What we get back of what we paid, newest first."""
    return repayments.repayments_page(**query)
