"""Payments over HTTP: the payer's look, and the hospital's and the operator's lists."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from flask import request

from tandem.billing.payments import commands, queries
from tandem.billing.payments.errors import BenefitRefundedWhole, PaymentNotSucceeded, RefundExceedsPayment
from tandem.billing.payments.models import Payment, Refund
from tandem.billing.payments.queries import payouts
from tandem.billing.payments.schemas import (
    DisputeSchema,
    ParkedFactSchema,
    PayerPaymentSchema,
    PaymentSchema,
    PaymentsQuery,
    PayoutPartSchema,
    PayoutSchema,
    ProviderEventSchema,
    RefundSchema,
    RefundWishSchema,
)
from tandem.kernel import clock
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound, refused_field
from tandem.kernel.http import Api
from tandem.kernel.i18n import Text
from tandem.kernel.identity import current_actor

STUCK_AFTER: Final = timedelta(minutes=10)

patient_api = Api("payments", audience="patient", url_prefix="/hospitals/<uuid:hospital_id>/payments", tag="Payments")
hospital_api = Api("payments", audience="hospital", tag="Payments")
operator_api = Api("payments", audience="operator", tag="Payments")
APIS: Final = [patient_api, hospital_api, operator_api]


@patient_api.get("/<uuid:payment_id>", allow="payments.read", gives=PayerPaymentSchema)
def show_own_payment(hospital_id: UUID, payment_id: UUID) -> Payment:
    """A payment of the signed-in person, with the next step to take."""
    person_id = current_actor().person_id
    if person_id is None:
        raise NotFound
    return queries.payment_of_payer(payment_id, person_id)


@hospital_api.get("/payments", allow="payments.read", gives=PaymentSchema, many=True, query=PaymentsQuery)
def list_payments(query: dict[str, Any]) -> Page:
    """The hospital's payments, newest first."""
    return queries.payments_page(**query)


@hospital_api.get("/payments/<uuid:payment_id>", allow="payments.read", gives=PaymentSchema)
def show_payment(payment_id: UUID) -> Payment:
    """One payment of the hospital."""
    return queries.payment(payment_id)


@hospital_api.get("/payments/<uuid:payment_id>/refunds", allow="payments.read", gives=RefundSchema, many=True)
def list_refunds_of_payment(payment_id: UUID, query: dict[str, Any]) -> Page:
    """The refunds of one payment, newest first."""
    queries.payment(payment_id)
    return queries.refunds_page(payment_id=payment_id, **query)


@hospital_api.post(
    "/payments/<uuid:payment_id>/refunds",
    allow="payments.refund",
    takes=RefundWishSchema,
    gives=RefundSchema,
    problems=(RefundExceedsPayment, PaymentNotSucceeded, BenefitRefundedWhole),
)
def refund_payment(payment_id: UUID, wish: dict[str, Any]) -> Refund:
    """Give back part or all of a payment. The payer has the money when the refund has succeeded."""
    amount = wish["amount"]
    if queries.payment(payment_id).currency != amount.currency:
        raise refused_field(
            "amount.currency",
            Text("The payment was made in another currency", "币种与原支付不一致"),
            Text("Use the payment's currency.", "请使用原支付币种。"),
        )
    key = f"api:{request.headers['Idempotency-Key']}"
    return commands.refund_payment(payment_id, amount.amount_minor, reason=wish["reason"], key=key)


@hospital_api.get("/refunds", allow="payments.read", gives=RefundSchema, many=True)
def list_refunds(query: dict[str, Any]) -> Page:
    """The hospital's refunds, newest first."""
    return queries.refunds_page(**query)


@hospital_api.get("/disputes", allow="payments.read", gives=DisputeSchema, many=True)
def list_disputes(query: dict[str, Any]) -> Page:
    """The hospital's disputes, newest first."""
    return queries.disputes_page(**query)


@hospital_api.get("/payouts", allow="payments.read", gives=PayoutSchema, many=True)
def list_payouts(query: dict[str, Any]) -> Page:
    """What the provider sent to the hospital's bank account, newest first."""
    return queries.payouts_page(**query)


@hospital_api.get("/payouts/<uuid:payout_id>/parts", allow="payments.read", gives=PayoutPartSchema, many=True)
def list_payout_parts(payout_id: UUID, query: dict[str, Any]) -> Page:
    """Which movements a payout paid out, in the order the money came."""
    payouts.payout(payout_id)
    return payouts.payout_parts_page(payout_id, **query)


@operator_api.get(
    "/hospitals/<uuid:hospital_id>/payments",
    allow="payments.read",
    gives=PaymentSchema,
    many=True,
    query=PaymentsQuery,
)
def list_payments_of_hospital(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """One hospital's payments, newest first: sums and states, never who paid."""
    return queries.payments_page(**query)


@operator_api.get("/provider-events", allow="payments.read", gives=ProviderEventSchema, many=True, across=True)
def list_troubled_events(query: dict[str, Any]) -> Page:
    """Provider events that belong to no hospital we know, or that lie unworked, newest first."""
    return queries.troubled_events_page(stuck_before=clock.now() - STUCK_AFTER, **query)


@operator_api.get("/parked-facts", allow="payments.read", gives=ParkedFactSchema, many=True, across=True)
def list_parked_facts(query: dict[str, Any]) -> Page:
    """Facts of the provider that no book can take, newest first; each is tried again with every reading."""
    return queries.parked_facts_page(**query)
