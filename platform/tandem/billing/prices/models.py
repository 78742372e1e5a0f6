"""Dated data that bounds sums: what public circulars allow to charge, and what the guard on bills calls in line."""

from datetime import date, datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, Reference
from tandem.kernel.ids import new_id
from tandem.kernel.money import CURRENCIES


class PriceCeiling(Reference, Model):
    """The most that may be charged for one item by hospitals of one grade in one region, from a day on. 限价"""

    __tablename__ = "price_ceiling"
    __reason__ = "price circulars are public and bind every hospital of a region alike"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        UniqueConstraint("region", "grade", "item", "effective_from"),
        CheckConstraint("ceiling_minor >= 0", name="ceiling"),
        CheckConstraint("effective_to IS NULL OR effective_to > effective_from", name="dates"),
        one_of("currency", CURRENCIES),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    region: Mapped[str]
    grade: Mapped[str]
    item: Mapped[str]
    ceiling_minor: Mapped[int]
    currency: Mapped[str]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    circular: Mapped[str]


GUARD_LIMITS: Final = (
    "invoice.history_periods",
    "invoice.history_least",
    "invoice.times_median",
    "invoice.amount_floor_minor",
    "invoice.lines_per_day",
    "statement.history_periods",
    "statement.history_least",
    "statement.times_median",
    "statement.amount_floor_minor",
    "statement.quiet_days",
)
AS_BUILT: Final = date(2020, 1, 1)
"""The day of the first value of each limit, which nobody proposed."""


class GuardLimit(Reference, Model):
    """What is still in line for the guard on runaway bills, from a day on; a change is a new row. 异常限额"""

    __tablename__ = "guard_limit"
    __reason__ = "one guard watches every customer's bills alike"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        one_of("name", GUARD_LIMITS),
        CheckConstraint("value > 0", name="value"),
        CheckConstraint(
            f"effective_from = DATE '{AS_BUILT}' "
            "OR (proposed_by IS NOT NULL AND approved_by IS NOT NULL AND approved_by <> proposed_by)",
            name="four_eyes",
        ),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[int]
    because: Mapped[str]
    proposed_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime] = mapped_column(default=clock.now)


class GuardLimitProposal(Reference, Model):
    """Somebody of the operator wants another limit; a second person puts it in force. 异常限额提案"""

    __tablename__ = "guard_limit_proposal"
    __reason__ = "one guard watches every customer's bills alike"
    __grants__: ClassVar[dict[str, str]] = {"tandem_operator": "SELECT, INSERT"}
    __table_args__ = (one_of("name", GUARD_LIMITS), CheckConstraint("value > 0", name="value"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    effective_from: Mapped[date]
    value: Mapped[int]
    because: Mapped[str]
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
