"""Giving money back: never more than was paid, once per key, whatever asks at the same time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.payments import queries
from tandem.billing.payments.commands.pay import KEY_LASTS
from tandem.billing.payments.errors import (
    BenefitRefundedWhole,
    PaymentNotSucceeded,
    RefundExceedsPayment,
    RefundKeyReused,
)
from tandem.billing.payments.events import RefundAsked, RefundFailed, RefundSucceeded
from tandem.billing.payments.models import REFUND_NEXT, Payment, Refund
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True)
class RefundWish:
    """What is to be given back outside."""

    refund_id: UUID
    payment_id: UUID
    intent_id: str | None
    account_id: str | None
    amount_minor: int
    programme_id: UUID | None
    entitlement_id: UUID | None


def refund_payment(payment_id: UUID, amount_minor: int, *, reason: str, key: str) -> Refund:
    """Promise to give back part or all of a payment; a job speaks to the provider after the commit.

    The same key is the same refund: the first one comes back. Raises NotFound, PaymentNotSucceeded,
    RefundExceedsPayment (with what is left), BenefitRefundedWhole, RefundKeyReused.
    """
    payment = queries.payment(payment_id)
    _check(payment, amount_minor)
    session.flush()
    refund_id = insert_refund(payment, amount_minor, reason=reason, key=key)
    if refund_id is None:
        first = queries.refund_by_key(payment_id, key)
        if first.amount_minor != amount_minor:
            raise RefundKeyReused(refund_id=str(first.id))
        return first
    _reserve(payment, amount_minor)
    audit.record(
        action="refund.created",
        object_type="refund",
        object_id=refund_id,
        details={"payment_id": str(payment_id), "amount_minor": amount_minor, "reason": reason},
    )
    outbox.add(RefundAsked(refund_id))
    return queries.refund(refund_id)


def begin_refund(refund_id: UUID) -> RefundWish | None:
    """Note that somebody outside is about to be asked; None when there is nothing to ask for (any more)."""
    refund = queries.refund_for_update(refund_id)
    if refund is None or refund.status != "created" or refund.provider_refund_id is not None:
        return None
    if refund.asked_at is not None and refund.asked_at + KEY_LASTS < clock.now():
        # Whether it was given back must be looked up now, not tried again: the sweeper does.
        return None
    refund.asked_at = refund.asked_at or clock.now()
    payment = queries.payment(refund.payment_id)
    return RefundWish(
        refund_id=refund.id,
        payment_id=payment.id,
        intent_id=payment.provider_intent_id,
        account_id=payment.provider_account_id,
        amount_minor=refund.amount_minor,
        programme_id=payment.programme_id,
        entitlement_id=payment.entitlement_id,
    )


def fail_refund(refund_id: UUID, code: str) -> None:
    """The provider will not give back; what was reserved is free again."""
    refund = queries.refund_for_update(refund_id)
    if refund is not None and refund.status == "created":
        end_failed(refund, queries.payment_for_update(refund.payment_id), code)


def succeed_benefit_refund(refund_id: UUID) -> None:
    """The benefit's unit was given back."""
    refund = queries.refund_for_update(refund_id)
    if refund is not None and refund.status == "created":
        end_succeeded(refund, queries.payment_for_update(refund.payment_id), clock.now())


def insert_refund(payment: Payment, amount_minor: int, *, reason: str, key: str) -> UUID | None:
    """A refund's row, once per payment and key; None when the key was used before."""
    row = {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "payment_id": payment.id,
        "key": key,
        "reason": reason,
        "amount_minor": amount_minor,
        "currency": payment.currency,
        "status": "created",
        "is_posted": False,
        "is_reversed": False,
        "created_at": clock.now(),
    }
    once = insert(Refund).values(row).on_conflict_do_nothing().returning(Refund.id)
    return session.execute(once).scalar_one_or_none()


def end_succeeded(refund: Refund, payment: Payment | None, at: datetime) -> None:
    """The money is back with the payer, since `at` as the provider says: when we hear of it must not matter."""
    move(refund, "succeeded", REFUND_NEXT)
    refund.succeeded_at = at
    if payment is not None:
        payment.refunded_minor += refund.amount_minor
    outbox.add(RefundSucceeded(refund.id))


def end_failed(refund: Refund, payment: Payment | None, code: str | None) -> None:
    """The money did not go back, or came back after it had: it can be refunded again."""
    had_succeeded = refund.status == "succeeded"
    refund.failure_code = code
    move(refund, "failed", REFUND_NEXT, because=code)
    if payment is not None:
        payment.refund_reserved_minor -= refund.amount_minor
        payment.refunded_minor -= refund.amount_minor if had_succeeded else 0
    outbox.add(RefundFailed(refund.id))


def _check(payment: Payment, amount_minor: int) -> None:
    if amount_minor <= 0:
        raise refused_field(
            "amount",
            Text("There is nothing to refund", "退款金额无效"),
            Text("Give an amount above zero.", "金额必须大于零。"),
        )
    if payment.method == "entitlement" and amount_minor != payment.amount_minor:
        raise BenefitRefundedWhole(amount_minor=payment.amount_minor)


def _reserve(payment: Payment, amount_minor: int) -> None:
    """The database decides whether so much is left, in one statement."""
    after = Payment.refund_reserved_minor + amount_minor
    reserve = (
        update(Payment)
        .where(Payment.tenant_id == tenant_id(), Payment.id == payment.id, Payment.status == "succeeded")
        .where(after <= Payment.amount_minor)
        .values(refund_reserved_minor=after)
        .returning(Payment.id)
        .execution_options(synchronize_session=False)
    )
    reserved = session.execute(reserve).scalar_one_or_none()
    session.refresh(payment)
    if reserved is not None:
        return
    if payment.status != "succeeded":
        raise PaymentNotSucceeded(payment_status=payment.status)
    raise RefundExceedsPayment(refundable_minor=max(0, payment.amount_minor - payment.refund_reserved_minor))
