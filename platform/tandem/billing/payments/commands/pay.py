"""Asking for a payment, and what becomes of it before and after the provider is spoken to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tandem.billing.payments import queries
from tandem.billing.payments.errors import AlreadyBeingPaid
from tandem.billing.payments.events import (
    PaymentAsked,
    PaymentCompleted,
    PaymentFailed,
    PaymentLapsed,
    PaymentSucceeded,
)
from tandem.billing.payments.models import METHODS, PAYMENT_NEXT, WAITING, Payer, Payment
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

# The provider forgets an idempotency key after a day; asking again later than this could charge twice.
KEY_LASTS: Final = timedelta(hours=23)


@dataclass(frozen=True)
class Wish:
    """What is to be asked for outside, read in one transaction and used after it."""

    payment_id: UUID
    payer_person_id: UUID
    method: str
    amount_minor: int
    currency: str
    payment_method: str | None
    return_url: str | None
    programme_id: UUID | None
    entitlement_id: UUID | None


def create_payment(
    *,
    order_type: str,
    order_id: UUID,
    payer_person_id: UUID,
    amount: Money,
    method: str,
    payment_method: str | None = None,
    programme_id: UUID | None = None,
    entitlement_id: UUID | None = None,
    return_url: str | None = None,
    expires_at: datetime | None = None,
) -> Payment:
    """Write down a payment of an order; a job speaks to the provider (or to the programme) after the commit.

    `payment_method` is the provider's token of a card. Nobody waits for the payment after `expires_at`: its intent
    is given up then. Raises AlreadyBeingPaid when another payment claims the order, Invalid for a bad combination.
    """
    _check(amount, method, payment_method, programme_id, entitlement_id)
    payment = Payment(
        tenant_id=tenant_id(),
        id=new_id(),
        order_type=order_type,
        order_id=order_id,
        method=method,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        payment_method=payment_method,
        programme_id=programme_id,
        entitlement_id=entitlement_id,
        return_url=return_url,
        expires_at=expires_at,
    )
    with refusing(payment_claims_order_key=AlreadyBeingPaid):
        session.add(payment)
    session.add(Payer(tenant_id=tenant_id(), id=payment.id, person_id=payer_person_id))
    audit.record(
        action="payment.created",
        object_type="payment",
        object_id=payment.id,
        details={"order_type": order_type, "order_id": str(order_id), "method": method},
    )
    outbox.add(PaymentAsked(payment.id))
    return payment


def cancel_payment(payment_id: UUID) -> None:
    """Nobody waits for this payment any more: give it up, unless its money has arrived. Raises NotFound."""
    payment = queries.payment(payment_id)
    if payment.status in WAITING:
        outbox.add(PaymentLapsed(payment.id))


def complete_payment(payment_id: UUID) -> None:
    """What was paid for has been delivered; a benefit's unit is consumed after the commit. Raises NotFound."""
    payment = queries.payment_for_update(payment_id) or queries.payment(payment_id)
    if payment.completed_at is None:
        payment.completed_at = clock.now()
        outbox.add(PaymentCompleted(payment.id))


def begin_payment(payment_id: UUID, account_id: str | None) -> Wish | None:
    """Note that somebody outside is about to be asked; None when there is nothing to ask for (any more).

    A payment that nobody waits for and that was never asked for is cancelled on the spot.
    """
    payment = queries.payment_for_update(payment_id)
    if payment is None or payment.status != "created":
        return None
    now = clock.now()
    if payment.asked_at is None and is_over(payment):
        end_payment(payment, "cancelled", "hold-lapsed")
        return None
    if payment.asked_at is not None and (is_over(payment) or payment.asked_at + KEY_LASTS < now):
        # Whether it was charged must be looked up now, not tried again: the sweeper does.
        return None
    payment.asked_at = payment.asked_at or now
    payment.provider_account_id = account_id
    return Wish(
        payment_id=payment.id,
        payer_person_id=queries.payer_of(payment.id),
        method=payment.method,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        payment_method=payment.payment_method,
        return_url=payment.return_url,
        programme_id=payment.programme_id,
        entitlement_id=payment.entitlement_id,
    )


def is_over(payment: Payment) -> bool:
    """Whether nobody waits for it any more."""
    return payment.expires_at is not None and payment.expires_at <= clock.now()


def fail_payment(payment_id: UUID, code: str, *, status: str = "failed") -> None:
    """Whoever was asked said no for good, or was never asked: nothing was made that could still succeed."""
    payment = queries.payment_for_update(payment_id)
    if payment is not None and payment.status in WAITING:
        end_payment(payment, status, code)


def end_payment(payment: Payment, status: str, code: str | None) -> None:
    """Failed or cancelled: the order is free to be paid again. An intent that was made is given up as well."""
    move(payment, status, PAYMENT_NEXT, because=code)
    payment.failure_code = code
    payment.claims_order = False
    payment.next_action = None
    outbox.add(PaymentFailed(payment.id))
    if status == "failed" and payment.provider_intent_id is not None:
        outbox.add(PaymentLapsed(payment.id))


def succeed_payment(payment: Payment, at: datetime) -> bool:
    """The money is there. False when nobody waits for it: the order was given up, so the caller gives it back."""
    is_wanted = payment.claims_order
    move(payment, "succeeded", PAYMENT_NEXT)
    payment.succeeded_at = at
    payment.next_action = None
    payment.failure_code = None
    if is_wanted:
        outbox.add(PaymentSucceeded(payment.id))
    return is_wanted


def succeed_by_benefit(payment_id: UUID) -> bool:
    """A benefit's unit was reserved for this payment. False when the payment ended before; the unit goes back."""
    payment = queries.payment_for_update(payment_id)
    if payment is None or payment.status in {"failed", "cancelled"}:
        return False
    if payment.status != "succeeded":
        succeed_payment(payment, clock.now())
    return True


def require_way_to_pay(method: str, payment_method: str | None, *, among: Sequence[str]) -> None:
    """Raises Invalid for a method that is not among these, a card without its token, a token without a card."""
    if method not in among:
        raise refused_field(
            "method",
            Text("This is no way to pay here", "不支持此支付方式"),
            Text(f"Choose one of: {', '.join(among)}.", f"请选择：{'、'.join(among)}。"),
            "choice",
        )
    if (method == "card") != (payment_method is not None):
        raise refused_field(
            "payment_method",
            Text("A card, and only a card, is named by the provider's token", "仅银行卡支付需要提供卡令牌"),
            Text(
                "Send payment_method with method card, and leave it out otherwise.",
                "仅在以银行卡支付（method 为 card）时填写。",
            ),
        )


def _check(
    amount: Money, method: str, payment_method: str | None, programme_id: UUID | None, entitlement_id: UUID | None
) -> None:
    if amount.amount_minor <= 0:
        raise refused_field(
            "amount",
            Text("There is nothing to pay", "无需支付"),
            Text("Give an amount above zero.", "金额必须大于零。"),
        )
    require_way_to_pay(method, payment_method, among=METHODS)
    has_benefit = programme_id is not None and entitlement_id is not None
    if (method == "entitlement") != has_benefit or (programme_id is None) != (entitlement_id is None):
        raise refused_field(
            "entitlement_id",
            Text("A benefit is named by its entitlement and its programme", "权益支付须同时指明权益与健康计划"),
            Text(
                "Send both with method entitlement, and neither otherwise.",
                "仅在使用权益支付（method 为 entitlement）时填写。",
            ),
        )
