"""Schedules, the slots they are cut into, and a doctor's leave.

No doctor can be in two places: every slot takes its five-minute cells, and a cell is taken once (a unique
constraint). Slots of different lengths can stand side by side and never overlap, with no exclusion constraint,
which neither a distributed database nor a server without btree_gist could keep.
"""

from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.states import states

CELL_MINUTES: Final = 5

SCHEDULE_NEXT: Final = {"published": {"withdrawn"}, "withdrawn": set[str]()}

SLOT_NEXT: Final = {
    "free": {"busy-tentative", "busy", "busy-unavailable", "entered-in-error"},
    "busy-tentative": {"free", "busy", "busy-unavailable"},
    "busy": {"free", "busy-unavailable"},
    "busy-unavailable": {"free", "entered-in-error"},
    "entered-in-error": set[str](),
}
"""FHIR R4 slot status: tentative = held for a payment, busy = booked, unavailable = the doctor is away."""


class Schedule(TenantOwned, Model):
    """A doctor's hours for one service over some days. 排班"""

    __tablename__ = "schedule"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "practitioner_id"], ["practitioner.tenant_id", "practitioner.id"]),
        ForeignKeyConstraint(["tenant_id", "service_id"], ["healthcare_service.tenant_id", "healthcare_service.id"]),
        states(SCHEDULE_NEXT),
        CheckConstraint("first_on <= last_on", name="days_in_order"),
        CheckConstraint("opens_at < closes_at", name="hours_in_order"),
        CheckConstraint(f"slot_minutes > 0 AND slot_minutes % {CELL_MINUTES} = 0", name="on_the_grid"),
        Index(None, "tenant_id", "practitioner_id", "first_on"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID]
    first_on: Mapped[date]
    last_on: Mapped[date]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    opens_at: Mapped[time] = mapped_column(Time)
    closes_at: Mapped[time] = mapped_column(Time)
    slot_minutes: Mapped[int]
    status: Mapped[str] = mapped_column(default="published")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    created_by: Mapped[UUID | None]


class Slot(TenantOwned, Model):
    """One bookable time of a doctor for a service. 号源"""

    __tablename__ = "slot"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "schedule_id"], ["schedule.tenant_id", "schedule.id"]),
        states(SLOT_NEXT),
        CheckConstraint("start_at < end_at", name="times_in_order"),
        # The list of free slots is what patients read most: this index is exactly its order, and as short as possible.
        Index("slot_free_idx", "tenant_id", "service_id", "start_at", "id", postgresql_where=text("status = 'free'")),
        Index(
            "slot_once_key",
            "tenant_id",
            "practitioner_id",
            "start_at",
            unique=True,
            postgresql_where=text("status <> 'entered-in-error'"),
        ),
        Index(None, "tenant_id", "schedule_id"),
    )

    schedule_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(default="free")


class SlotCell(TenantOwned, Model):
    """Five minutes of a doctor's time that belong to one slot. 号源时间格"""

    __tablename__ = "slot_cell"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "slot_id"], ["slot.tenant_id", "slot.id"]),
        UniqueConstraint("tenant_id", "practitioner_id", "cell_at", name="slot_cell_taken_once"),
        Index(None, "tenant_id", "slot_id"),
    )

    slot_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    cell_at: Mapped[datetime]


class PractitionerLeave(TenantOwned, Model):
    """A time in which a doctor is away: free slots are taken off offer, booked visits are cancelled. 停诊"""

    __tablename__ = "practitioner_leave"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "practitioner_id"], ["practitioner.tenant_id", "practitioner.id"]),
        CheckConstraint("start_at < end_at", name="times_in_order"),
        CheckConstraint("because IN ('vacation', 'illness', 'training', 'duty', 'other')", name="because"),
        Index(None, "tenant_id", "practitioner_id", "start_at"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    practitioner_id: Mapped[UUID]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    because: Mapped[str]
    lifted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
