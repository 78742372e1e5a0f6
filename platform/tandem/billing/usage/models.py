"""Usage events: one per thing delivered, written once."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES


class UsageEvent(TenantOwned, Model):
    """One use: what was metered, where it came from, when, how much, what it was sold for. 用量事件

    `programme_id` names the benefit plan that pays, None when the patient paid. It names no patient.
    """

    __tablename__ = "usage_event"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "source_type", "source_id", "meter"),
        ForeignKeyConstraint(["tenant_id", "voids_id"], ["usage_event.tenant_id", "usage_event.id"]),
        Index("usage_event_by_time", "tenant_id", "at", "id"),
        Index("usage_event_by_payment", "tenant_id", "payment_id"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        CheckConstraint("currency IN ({})".format(", ".join(f"'{each}'" for each in CURRENCIES)), name="currency"),
    )

    meter: Mapped[str]
    source_type: Mapped[str]
    source_id: Mapped[UUID]
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    quantity: Mapped[Decimal]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    service_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    programme_id: Mapped[UUID | None]
    voids_id: Mapped[UUID | None]
