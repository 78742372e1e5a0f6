"""Payments over HTTP: the payer's look, the hospital's and the operator's lists, and the provider's webhooks."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from flask import request

from tandem.billing.invoices import InvoiceNotOpen
from tandem.billing.payments import commands, queries
from tandem.billing.payments.errors import (
    BearerOwesLess,
    BenefitRefundedWhole,
    InvoiceBeingPaid,
    NobodyOwesThis,
    PaymentNotSucceeded,
    ReceiptKeyReused,
    RefundExceedsPayment,
    WaiverNeedsSecond,
    WaiverPaid,
    WebhookDisabled,
    WebhookForged,
    WebhookOutOfTime,
    WebhookUnreadable,
    WebhookWrongMode,
)
from tandem.billing.payments.models import InvoiceIntent, Payment, Refund, Waiver, WaiverReceipt
from tandem.billing.payments.queries import invoice_intents, payouts, waivers
from tandem.billing.payments.schemas import (
    DisputeSchema,
    InvoiceIntentSchema,
    InvoiceIntentWishSchema,
    ParkedFactSchema,
    PayerPaymentSchema,
    PaymentSchema,
    PaymentsQuery,
    PayoutPartSchema,
    PayoutSchema,
    ProviderEventSchema,
    ReceivedSchema,
    RefundSchema,
    RefundWishSchema,
    WaiverReasonSchema,
    WaiverReceiptSchema,
    WaiverReceiptWishSchema,
    WaiverSchema,
    WaiversQuery,
    WaiverWishSchema,
)
from tandem.kernel import clock, telemetry
from tandem.kernel.access import PUBLIC
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound, Unauthenticated, refused_field
from tandem.kernel.http import Api
from tandem.kernel.i18n import Text
from tandem.kernel.identity import current_actor
from tandem.kernel.tenancy import OPERATOR_ID, acting_for

STUCK_AFTER: Final = timedelta(minutes=10)
_INTENTS: Final = "/invoices/<uuid:invoice_id>/payment_intents"

patient_api = Api("payments", audience="patient", url_prefix="/hospitals/<uuid:hospital_id>/payments", tag="Payments")
hospital_api = Api("payments", audience="hospital", tag="Payments")
waivers_api = Api("waivers", audience="hospital", url_prefix="/waivers", tag="Payments")
invoices_of_employer = Api("invoice_payments", audience="employer", url_prefix=_INTENTS, tag="Invoices")
invoices_of_hospital = Api("invoice_payments", audience="hospital", url_prefix=_INTENTS, tag="Invoices")
operator_api = Api("payments", audience="operator", tag="Payments")
webhooks = Api("webhooks", audience="public", url_prefix="/webhooks", tag="Webhooks", root="")
APIS: Final = [
    patient_api, hospital_api, waivers_api, invoices_of_employer, invoices_of_hospital, operator_api, webhooks
]  # fmt: skip


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


@waivers_api.get("", allow="payments.read", gives=WaiverSchema, many=True, query=WaiversQuery)
def list_waivers(query: dict[str, Any]) -> Page:
    """What patients did not have to pay, who bears it and who decided; newest first."""
    return waivers.waivers_page(**query)


@waivers_api.post("", allow="payments.waive", takes=WaiverWishSchema, gives=WaiverSchema)
def waive(wish: dict[str, Any]) -> Waiver:
    """Take part of an order's price off its patient. Above the limit it waits for a second person."""
    return commands.waive(**wish, by=_who())


@waivers_api.post(
    "/<uuid:waiver_id>/approval", allow="payments.waive", gives=WaiverSchema, problems=(WaiverNeedsSecond,)
)
def approve_waiver(waiver_id: UUID) -> Waiver:
    """Agree to a colleague's proposal; it is booked."""
    return commands.approve_waiver(waiver_id, by=_who())


@waivers_api.post("/<uuid:waiver_id>/refusal", allow="payments.waive", takes=WaiverReasonSchema, gives=WaiverSchema)
def refuse_waiver(waiver_id: UUID, wish: dict[str, Any]) -> Waiver:
    """Say no to a proposal, or withdraw one's own."""
    return commands.refuse_waiver(waiver_id, by=_who(), because=wish["because"])


@waivers_api.post(
    "/<uuid:waiver_id>/taking_back",
    allow="payments.waive",
    takes=WaiverReasonSchema,
    gives=WaiverSchema,
    problems=(WaiverNeedsSecond, WaiverPaid),
)
def take_back_waiver(waiver_id: UUID, wish: dict[str, Any]) -> Waiver:
    """Undo a granted waiver by a journal of its own."""
    return commands.take_back_waiver(waiver_id, by=_who(), because=wish["because"])


@waivers_api.get("/<uuid:waiver_id>/receipts", allow="payments.read", gives=WaiverReceiptSchema, many=True)
def list_waiver_receipts(waiver_id: UUID, query: dict[str, Any]) -> Page:
    """What its bearer has paid of a waiver, oldest first."""
    return waivers.receipts_page(waiver_id, **query)


@waivers_api.post(
    "/<uuid:waiver_id>/receipts",
    allow="payments.waive",
    takes=WaiverReceiptWishSchema,
    gives=WaiverReceiptSchema,
    problems=(NobodyOwesThis, BearerOwesLess, ReceiptKeyReused),
)
def record_bearer_payment(waiver_id: UUID, wish: dict[str, Any]) -> WaiverReceipt:
    """Record money of the charity or the insurer at the hospital's bank, once per bank reference."""
    return commands.record_bearer_payment(waiver_id, **wish, by=_who())


@invoices_of_hospital.post(
    "",
    allow="invoices.pay",
    takes=InvoiceIntentWishSchema,
    gives=InvoiceIntentSchema,
    problems=(InvoiceBeingPaid, InvoiceNotOpen),
)
@invoices_of_employer.post(
    "",
    allow="invoices.pay",
    takes=InvoiceIntentWishSchema,
    gives=InvoiceIntentSchema,
    problems=(InvoiceBeingPaid, InvoiceNotOpen),
)
def pay_invoice(invoice_id: UUID, wish: dict[str, Any]) -> InvoiceIntent:
    """Begin to pay what is open of an invoice; look again for the address or the secret of the next step."""
    return commands.pay_invoice(invoice_id, **wish)


@invoices_of_hospital.get("/<uuid:intent_id>", allow="invoices.read", gives=InvoiceIntentSchema)
@invoices_of_employer.get("/<uuid:intent_id>", allow="invoices.read", gives=InvoiceIntentSchema)
def show_invoice_payment(invoice_id: UUID, intent_id: UUID) -> InvoiceIntent:
    """One attempt to pay an invoice, with the next step to take."""
    return invoice_intents.intent(invoice_id, intent_id)


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


@webhooks.post(
    "/stripe",
    allow=PUBLIC,
    idempotent=False,
    raw=True,
    status=200,
    gives=ReceivedSchema,
    problems=(WebhookForged, WebhookOutOfTime, WebhookWrongMode, WebhookUnreadable, WebhookDisabled),
)
def receive_stripe_event(raw: bytes) -> dict[str, bool]:
    """Store a signed event of the provider. A repetition is welcome and changes nothing."""
    hint = commands.read_webhook(raw, request.headers.get("Stripe-Signature", ""))
    try:
        # Without an account it is news of the operator's own.
        tenant, is_routable = OPERATOR_ID if hint.account_id is None else commands.owner_of(hint.account_id), True
    except LookupError:
        tenant, is_routable = OPERATOR_ID, False
    with acting_for(tenant):
        stored = commands.receive_event(hint, raw, is_routable=is_routable)
    telemetry.count("webhooks", outcome="stored" if stored else "repeated")
    return {"received": True}


def _who() -> UUID:
    """The person or the key that decides."""
    actor = current_actor()
    if actor.id is None:
        raise Unauthenticated
    return actor.id
