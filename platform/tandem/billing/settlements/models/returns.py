"""What comes back of a transfer: asked for by the operator, agreed to by the hospital, told by the provider."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

RETURN_NEXT: Final = {
    "proposed": {"approved", "declined", "withdrawn"},
    "approved": {"returned", "failed"},
    "declined": set[str](),
    "withdrawn": set[str](),
    # The provider's word counts: what it refused us and did after all has come back.
    "failed": {"returned"},
    "returned": set[str](),
}


class TransferReturn(TenantOwned, Versioned, Model):
    """A part of a transfer that goes back to the operator, who owes it again. 分账回退

    Its id is the key under which the provider is asked. One that nobody proposed was made at the provider itself.
    """

    __tablename__ = "transfer_return"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "transfer_id"], ["settlement_transfer.tenant_id", "settlement_transfer.id"]),
        states(RETURN_NEXT),
        UniqueConstraint("tenant_id", "provider_reversal_id"),
        Index(
            "transfer_return_live_key",
            "tenant_id",
            "transfer_id",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'approved')"),
        ),
        Index("transfer_return_by_transfer", "tenant_id", "transfer_id"),
        Index("transfer_return_by_time", "tenant_id", "proposed_at", "id"),
        Index("transfer_return_waiting", "tenant_id", "decided_at", postgresql_where=text("status = 'approved'")),
        one_of("currency", CURRENCIES),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(status = 'returned') = (provider_reversal_id IS NOT NULL)", name="told_by_provider"),
        CheckConstraint("(provider_reversal_id IS NULL) = (returned_at IS NULL)", name="returned_at"),
        CheckConstraint("proposed_by IS NOT NULL OR status = 'returned'", name="proposed_by"),
        CheckConstraint("(proposed_by IS NULL) = (because IS NULL)", name="because"),
        # Four eyes across parties: no operator takes back alone what a hospital was sent.
        CheckConstraint(
            "proposed_by IS NULL OR status IN ('proposed', 'withdrawn') "
            "OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
            name="four_eyes",
        ),
    )

    transfer_id: Mapped[UUID]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    because: Mapped[str | None]
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    declined_because: Mapped[str | None]
    asked_at: Mapped[datetime | None]
    provider_reversal_id: Mapped[str | None]
    returned_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
