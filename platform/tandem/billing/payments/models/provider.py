"""What the provider tells of a hospital's account: disputes, payouts, movements, events, and how far it was read."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, Reference, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

DISPUTE_NEXT: Final = {"open": {"won", "lost", "closed"}, "won": set[str](), "lost": set[str](), "closed": set[str]()}
PAYOUT_NEXT: Final = {"sent": {"paid", "failed"}, "paid": {"failed"}, "failed": set[str]()}
PROVIDER_EVENT_NEXT: Final = {
    "received": {"folded"},
    "folded": set[str](),
    "ignored": set[str](),
    "unroutable": set[str](),
}


class Dispute(TenantOwned, Changing, Model):
    """A payer's bank asking for the money back. `closed`: an inquiry that ended without money moving. 争议"""

    __tablename__ = "dispute"
    __wall__ = Wall(operator="read", deletable=False)
    __table_args__ = (
        Index("dispute_by_change_idx", "tenant_id", "changed_xid"),
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"]),
        UniqueConstraint("tenant_id", "provider_dispute_id"),
        Index("dispute_by_day_idx", "tenant_id", "opened_at", "id"),
        one_of("currency", CURRENCIES),
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
    # What the provider keeps for the case, whoever wins; its journals are those of the movements.
    fee_minor: Mapped[int] = mapped_column(default=0)
    is_withdrawn: Mapped[bool] = mapped_column(default=False)
    is_reinstated: Mapped[bool] = mapped_column(default=False)
    is_written_off: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Payout(TenantOwned, Changing, Model):
    """Money the provider sent to the hospital's bank account. 出款"""

    __tablename__ = "payout"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index("payout_by_change_idx", "tenant_id", "changed_xid"),
        UniqueConstraint("tenant_id", "provider_payout_id"),
        Index("payout_by_day_idx", "tenant_id", "sent_at", "id"),
        CheckConstraint("composition IN ('unknown', 'told', 'assumed')", name="composition"),
        one_of("currency", CURRENCIES),
        states(PAYOUT_NEXT),
    )

    provider_payout_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="sent")
    is_automatic: Mapped[bool]
    is_composed: Mapped[bool] = mapped_column(default=False)
    # Which movements it paid out: not known yet, told by the provider, or assumed, the oldest money first.
    composition: Mapped[str] = mapped_column(default="unknown")
    unallocated_minor: Mapped[int] = mapped_column(default=0)
    failure_code: Mapped[str | None]
    is_posted: Mapped[bool] = mapped_column(default=False)
    is_reversed: Mapped[bool] = mapped_column(default=False)
    sent_at: Mapped[datetime]
    arrives_at: Mapped[datetime]


class BalanceTransaction(TenantOwned, Changing, Model):
    """One movement of the hospital's balance at the provider, as the provider told it. 资金流水

    `posted_as` names the journal that carries its gross amount: the fact's own, or the suspense account's when no
    row of ours explains it. Until it is known what a movement is about, it is empty.
    """

    __tablename__ = "balance_transaction"
    __wall__ = Wall(operator="read", deletable=False)
    __table_args__ = (
        Index("balance_transaction_by_change_idx", "tenant_id", "changed_xid"),
        UniqueConstraint("tenant_id", "provider_id"),
        Index("balance_transaction_by_day_idx", "tenant_id", "provider_created_at", "id"),
        Index("balance_transaction_by_source_idx", "tenant_id", "source_id"),
        Index("balance_transaction_open_idx", "tenant_id", "provider_id", postgresql_where=text("posted_as IS NULL")),
        Index(
            "balance_transaction_unpaid_idx",
            "tenant_id",
            "available_at",
            postgresql_where=text("paid_out_minor <> net_minor"),
        ),
        one_of("currency", CURRENCIES),
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
    # How much of its net sum has left with payouts: the sum of its payout parts.
    paid_out_minor: Mapped[int] = mapped_column(default=0)
    provider_created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    fetched_at: Mapped[datetime] = mapped_column(default=clock.now)


class PayoutPart(TenantOwned, Model):
    """One movement's share in a payout. 出款构成

    `is_assumed`: the provider does not say so; the oldest money went first.
    """

    __tablename__ = "payout_part"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payout_id"], ["payout.tenant_id", "payout.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "balance_transaction_id"], ["balance_transaction.tenant_id", "balance_transaction.id"]
        ),
        UniqueConstraint("tenant_id", "payout_id", "balance_transaction_id"),
        Index("payout_part_by_movement_idx", "tenant_id", "balance_transaction_id"),
        CheckConstraint("amount_minor <> 0", name="amount"),
    )

    payout_id: Mapped[UUID]
    balance_transaction_id: Mapped[UUID]
    amount_minor: Mapped[int]
    is_assumed: Mapped[bool]


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


class ParkedFact(TenantOwned, Model):
    """A fact of the provider that cannot be booked, e.g. in a currency no book is kept in. 挂起的事实

    It is looked at again with every reading, and released when it folds; until then people see it. The others go on.
    """

    __tablename__ = "parked_fact"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id", "object_kind", "object_id"),
        Index("parked_fact_open_idx", "tenant_id", "last_tried_at", postgresql_where=text("released_at IS NULL")),
        Index("parked_fact_by_day_idx", "first_seen_at", "id"),
        CheckConstraint("attempts > 0", name="attempts"),
    )

    object_kind: Mapped[str]
    object_id: Mapped[str]
    reason: Mapped[str]
    amount_minor: Mapped[int | None]
    # As the provider writes it: that no book knows it may be the very reason.
    currency: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=1)
    first_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_tried_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_at: Mapped[datetime | None]
