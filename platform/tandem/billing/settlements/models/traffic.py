"""Who brought a patient: one claim for one visit, whoever else asks for it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.states import states

CLAIM_NEXT: Final = {"claimed": {"owed", "refused"}, "owed": set[str](), "refused": set[str]()}


class TrafficClaim(TenantOwned, Model):
    """A channel's claim to have brought the patient of a visit, and the fee that became of it. 引流认领

    The first claim of a visit is the only one, by constraint. It is owed once the visit is accrued, was not refunded
    and the agreement of its day asks for a traffic fee; refunds take their part of it back.
    """

    __tablename__ = "traffic_claim"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "usage_event_id"], ["usage_event.tenant_id", "usage_event.id"]),
        UniqueConstraint("tenant_id", "usage_event_id"),
        states(CLAIM_NEXT),
        CheckConstraint("status <> 'owed' OR fee_minor IS NOT NULL", name="fee"),
    )

    usage_event_id: Mapped[UUID]
    channel: Mapped[str]
    touchpoint_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(default="claimed")
    fee_minor: Mapped[int | None]
    refusal: Mapped[str | None]
    claimed_by: Mapped[UUID | None]
    claimed_at: Mapped[datetime] = mapped_column(default=clock.now)
