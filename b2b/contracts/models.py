"""A contract, and the states it passes. State names follow openIMIS's contract where it has them (domain.md 3.3)."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.states import states

NEXT: Final = {
    "draft": {"negotiable", "cancelled"},
    "negotiable": {"executable", "cancelled"},
    "executable": {"effective", "cancelled"},
    "effective": {"terminated", "executed"},
    "terminated": set[str](),
    "executed": set[str](),
    "cancelled": set[str](),
}

SIGNED: Final = ("executable", "effective", "terminated", "executed")
"""States of a contract that both parties have put their hands to."""


class Contract(TenantOwned, Versioned, Model):
    """An employer's contract, with the package's terms as they were: the catalogue may move on. 企业合同"""

    __tablename__ = "contract"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "programme_id"),
        Index(None, "tenant_id", "created_at"),
        CheckConstraint("starts_on <= ends_on", name="dates_in_order"),
        CheckConstraint("units_per_member > 0 AND price_per_member_minor >= 0", name="terms"),
        CheckConstraint("heads_billed >= 0", name="heads_not_negative"),
        CheckConstraint("approved_by <> proposed_by AND approved_by <> drafted_by", name="two_hands"),
    )

    package_id: Mapped[UUID]
    package_code: Mapped[str]
    units_per_member: Mapped[int]
    price_per_member_minor: Mapped[int]
    currency: Mapped[str]
    hospital_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    programme_id: Mapped[UUID]
    heads_billed: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(default="draft")
    drafted_by: Mapped[UUID | None]
    proposed_by: Mapped[UUID | None]
    signed_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    effective_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
