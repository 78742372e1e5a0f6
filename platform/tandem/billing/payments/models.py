"""Payments, refunds and disputes of a hospital, and what the provider tells about its account."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, Reference, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

METHODS: Final = ("card", "alipay", "wechat_pay", "entitlement")
WAITING: Final = frozenset({"created", "requires_action", "processing"})
_CURRENCY_LISTED: Final = "currency IN ({})".format(", ".join(f"'{each}'" for each in CURRENCIES))
_METHOD_LISTED: Final = "method IN ({})".format(", ".join(f"'{each}'" for each in METHODS))

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
DISPUTE_NEXT: Final = {"open": {"won", "lost", "closed"}, "won": set[str](), "lost": set[str](), "closed": set[str]()}
PAYOUT_NEXT: Final = {"sent": {"paid", "failed"}, "paid": {"failed"}, "failed": set[str]()}
PROVIDER_EVENT_NEXT: Final = {
    "received": {"folded"},
    "folded": set[str](),
    "ignored": set[str](),
    "unroutable": set[str](),
}


class Payment(TenantOwned, Model):
    """One wish to be paid for one order, by one method. 支付

    `claims_order` is true while it is under way or has succeeded: at most one payment of an order may claim it.
    `refund_reserved_minor` counts every refund asked for and not failed, so that no two of ours exceed the payment;
    only one made at the provider itself can push it further.
    """

    __tablename__ = "payment"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index(
            "payment_claims_order_key",
            "tenant_id",
            "order_type",
            "order_id",
            unique=True,
            postgresql_where=text("claims_order"),
        ),
        UniqueConstraint("tenant_id", "provider_intent_id"),
        Index("payment_by_charge_idx", "tenant_id", "provider_charge_id"),
        Index("payment_by_day_idx", "tenant_id", "created_at", "id"),
        Index(
            "payment_waiting_idx",
            "tenant_id",
            "created_at",
            postgresql_where=text("status IN ('created', 'requires_action', 'processing')"),
        ),
        CheckConstraint(_CURRENCY_LISTED, name="currency"),
        CheckConstraint(_METHOD_LISTED, name="method"),
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


class Refund(TenantOwned, Model):
    """Money given back, whole or in part, once per key. 退款"""

    __tablename__ = "refund"
    __wall__ = Wall(operator="read")
    __table_args__ = (
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
        CheckConstraint(_CURRENCY_LISTED, name="currency"),
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


class Dispute(TenantOwned, Model):
    """A payer's bank asking for the money back. `closed`: an inquiry that ended without money moving. 争议"""

    __tablename__ = "dispute"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"]),
        UniqueConstraint("tenant_id", "provider_dispute_id"),
        Index("dispute_by_day_idx", "tenant_id", "opened_at", "id"),
        CheckConstraint(_CURRENCY_LISTED, name="currency"),
        states(DISPUTE_NEXT),
    )

    payment_id: Mapped[UUID | None]
    provider_dispute_id: Mapped[str]
    provider_charge_id: Mapped[str]
    provider_status: Mapped[str]
    reason: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    is_withdrawn: Mapped[bool] = mapped_column(default=False)
    is_reinstated: Mapped[bool] = mapped_column(default=False)
    is_written_off: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Payout(TenantOwned, Model):
    """Money the provider sent to the hospital's bank account. 出款"""

    __tablename__ = "payout"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider_payout_id"),
        Index("payout_by_day_idx", "tenant_id", "sent_at", "id"),
        CheckConstraint(_CURRENCY_LISTED, name="currency"),
        states(PAYOUT_NEXT),
    )

    provider_payout_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="sent")
    is_automatic: Mapped[bool]
    failure_code: Mapped[str | None]
    is_posted: Mapped[bool] = mapped_column(default=False)
    is_reversed: Mapped[bool] = mapped_column(default=False)
    sent_at: Mapped[datetime]
    arrives_at: Mapped[datetime]


class BalanceTransaction(TenantOwned, Model):
    """One movement of the hospital's balance at the provider, as the provider told it. 资金流水

    `posted_as` names the journal that carries its gross amount: the fact's own, or the suspense account's when no
    row of ours explains it. Until it is known what a movement is about, it is empty.
    """

    __tablename__ = "balance_transaction"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider_id"),
        Index("balance_transaction_by_day_idx", "tenant_id", "provider_created_at", "id"),
        Index("balance_transaction_by_source_idx", "tenant_id", "source_id"),
        Index("balance_transaction_open_idx", "tenant_id", "provider_id", postgresql_where=text("posted_as IS NULL")),
        CheckConstraint(_CURRENCY_LISTED, name="currency"),
        CheckConstraint("net_minor = amount_minor - fee_minor", name="net"),
    )

    provider_id: Mapped[str]
    kind: Mapped[str]
    reporting_category: Mapped[str]
    amount_minor: Mapped[int]
    fee_minor: Mapped[int]
    net_minor: Mapped[int]
    currency: Mapped[str]
    source_id: Mapped[str | None]
    posted_as: Mapped[str | None]
    provider_created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    fetched_at: Mapped[datetime] = mapped_column(default=clock.now)


class ProviderEvent(TenantOwned, Model):
    """An event of the provider, stored before it is worked. Of unknown accounts: the operator's. 回调"""

    __tablename__ = "provider_event"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id", "provider_event_id"),
        Index("provider_event_open_idx", "tenant_id", "received_at", postgresql_where=text("status = 'received'")),
        Index("provider_event_by_status_idx", "tenant_id", "status", "received_at", "id"),
        states(PROVIDER_EVENT_NEXT),
    )

    provider_event_id: Mapped[str]
    provider_account_id: Mapped[str | None]
    kind: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str | None]
    api_version: Mapped[str | None]
    status: Mapped[str]
    provider_created_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    folded_at: Mapped[datetime | None]


class ProviderEventBody(TenantOwned, Model):
    """The bytes of an event, kept for ever; they may name a payer, so the operator has no grant. 回调原文"""

    __tablename__ = "provider_event_body"
    __wall__ = Wall(operator="none", append_only=True)
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "id"], ["provider_event.tenant_id", "provider_event.id"]),)

    raw: Mapped[bytes]


class ProviderReading(TenantOwned, Model):
    """Up to when a hospital's account has been read whole at the provider. One row per hospital. 拉取进度"""

    __tablename__ = "provider_reading"
    __wall__ = Wall(operator="read")

    read_until: Mapped[datetime]


class ProviderAccount(Reference, Model):
    """Which hospital a connected account belongs to: a webhook names the account, not the tenant. 支付账户"""

    __tablename__ = "provider_account"
    __reason__ = "a webhook names an account, and its tenant must be found before any tenant is chosen"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT, INSERT", "tandem_operator": "SELECT"}
    __on_coordinator__ = True
    __table_args__ = (UniqueConstraint("tenant_id", "is_live"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    is_live: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
