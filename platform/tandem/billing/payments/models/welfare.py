"""Care that somebody else than the patient pays for: decided by people of the hospital, booked as what it is."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

BEARERS: Final = ("hospital_fund", "charity", "insurer")
"""Who bears what the patient does not pay: the hospital's own welfare fund, a charity or authority, an insurer."""
ALONE_UP_TO_MINOR: Final = 50_000
"""One person may decide alone up to this sum of an order, in minor units; above it a second person agrees."""
WAIVER_NEXT: Final = {
    "proposed": {"granted", "refused"},
    "granted": {"taken_back"},
    "refused": set[str](),
    "taken_back": set[str](),
}


class Waiver(TenantOwned, Model):
    """Part of an order's price that its patient does not pay: who bears it, who decided, why. 减免

    Never a name: `order_id` is what the hospital needs to know whom it concerns, and `bearer_name` an organisation.
    """

    __tablename__ = "waiver"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index("waiver_by_order_idx", "tenant_id", "order_type", "order_id"),
        Index("waiver_by_day_idx", "tenant_id", "proposed_at", "id"),
        one_of("currency", CURRENCIES),
        CheckConstraint("bearer IN ('hospital_fund', 'charity', 'insurer')", name="bearer"),
        CheckConstraint("(bearer = 'hospital_fund') = (bearer_name IS NULL)", name="bearer_named"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("status IN ('proposed', 'refused') OR decided_by IS NOT NULL", name="decided_by_somebody"),
        CheckConstraint("NOT needs_second OR decided_by <> proposed_by", name="four_eyes"),
        states(WAIVER_NEXT),
    )

    order_type: Mapped[str]
    order_id: Mapped[UUID]
    bearer: Mapped[str]
    bearer_name: Mapped[str | None]
    reason: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    needs_second: Mapped[bool]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]


class WaiverReceipt(TenantOwned, Model):
    """What a charity or an insurer paid of what it bears, once per bank reference. 减免承担方到账"""

    __tablename__ = "waiver_receipt"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "waiver_id"], ["waiver.tenant_id", "waiver.id"]),
        UniqueConstraint("tenant_id", "waiver_id", "reference"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        one_of("currency", CURRENCIES),
    )

    waiver_id: Mapped[UUID]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_on: Mapped[date]
    reference: Mapped[str]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
