"""Payments and refunds of a hospital: what our side wished for, and what became of it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

METHODS: Final = ("card", "alipay", "wechat_pay", "entitlement")
WAITING: Final = frozenset({"created", "requires_action", "processing"})

PAYMENT_NEXT: Final = {
    "created": {"requires_action", "processing", "succeeded", "failed", "cancelled"},
    "requires_action": {"processing", "succeeded", "failed", "cancelled"},
    "processing": {"succeeded", "failed", "cancelled"},
    # The provider's word is the fact: money that arrives after we gave up is booked, and given back.
    "failed": {"succeeded"},
    "cancelled": {"succeeded"},
    "succeeded": set[str](),
}
REFUND_NEXT: Final = {
    "created": {"pending", "succeeded", "failed"},
    "pending": {"succeeded", "failed"},
    # A refund may come back after it succeeded: the card was closed, the bank returned it.
    "succeeded": {"failed"},
    "failed": set[str](),
}


class Payment(TenantOwned, Changing, Model):
    """One wish to be paid for one order, by one method. 支付

    `claims_order` is true while it is under way or has succeeded: at most one payment of an order may claim it.
    `refund_reserved_minor` counts every refund asked for and not failed, so that no two of ours exceed the payment;
    only one made at the provider itself can push it further.
    """

    __tablename__ = "payment"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index("payment_by_change_idx", "tenant_id", "changed_xid"),
        Index(
            "payment_claims_order_key",
            "tenant_id",
            "order_type",
            "order_id",
            unique=True,
            postgresql_where=text("claims_order"),
        ),
        UniqueConstraint("tenant_id", "provider_intent_id"),
        # Its own id last: another row of the same charge is found without looking at what this one said before.
        Index("payment_by_charge_idx", "tenant_id", "provider_charge_id", "id"),
        Index("payment_by_day_idx", "tenant_id", "created_at", "id"),
        Index(
            "payment_waiting_idx",
            "tenant_id",
            "created_at",
            postgresql_where=text("status IN ('created', 'requires_action', 'processing')"),
        ),
        one_of("currency", CURRENCIES),
        one_of("method", METHODS),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("refund_reserved_minor >= 0 AND refunded_minor >= 0", name="refunds_not_negative"),
        CheckConstraint("(method = 'entitlement') = (entitlement_id IS NOT NULL)", name="entitlement_named"),
        CheckConstraint("(entitlement_id IS NULL) = (programme_id IS NULL)", name="programme_named"),
        states(PAYMENT_NEXT),
    )

    order_type: Mapped[str]
    order_id: Mapped[UUID]
    method: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="created")
    claims_order: Mapped[bool] = mapped_column(default=True)
    programme_id: Mapped[UUID | None]
    entitlement_id: Mapped[UUID | None]
    payment_method: Mapped[str | None]
    return_url: Mapped[str | None]
    provider_account_id: Mapped[str | None]
    provider_intent_id: Mapped[str | None]
    provider_charge_id: Mapped[str | None]
    client_secret: Mapped[str | None]
    next_action: Mapped[str | None]
    failure_code: Mapped[str | None]
    fee_minor: Mapped[int | None]
    refund_reserved_minor: Mapped[int] = mapped_column(default=0)
    refunded_minor: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    captured_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class Payer(TenantOwned, Model):
    """Who pays: kept apart from the payment, because the operator may see sums and states, never people. 付款人"""

    __tablename__ = "payer"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["payment.tenant_id", "payment.id"]),
        Index("payer_by_person_idx", "tenant_id", "person_id"),
    )

    person_id: Mapped[UUID]


class Refund(TenantOwned, Changing, Model):
    """Money given back, whole or in part, once per key. 退款"""

    __tablename__ = "refund"
    __wall__ = Wall(operator="read", deletable=False)
    __table_args__ = (
        Index("refund_by_change_idx", "tenant_id", "changed_xid"),
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"]),
        UniqueConstraint("tenant_id", "payment_id", "key"),
        UniqueConstraint("tenant_id", "provider_refund_id"),
        Index("refund_by_day_idx", "tenant_id", "created_at", "id"),
        Index(
            "refund_waiting_idx",
            "tenant_id",
            "created_at",
            postgresql_where=text("status IN ('created', 'pending')"),
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        one_of("currency", CURRENCIES),
        states(REFUND_NEXT),
    )

    payment_id: Mapped[UUID]
    key: Mapped[str]
    reason: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="created")
    provider_refund_id: Mapped[str | None]
    failure_code: Mapped[str | None]
    is_posted: Mapped[bool] = mapped_column(default=False)
    is_reversed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    asked_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
