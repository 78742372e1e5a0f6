"""Tables of a programme. All but the totals are out of the operator's reach; all are out of the employer's."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, Reference, TenantOwned, Wall
from tandem.kernel.states import states

NEXT: Final = {"granted": {"activated", "revoked"}, "activated": {"revoked"}, "revoked": {"granted"}}
MOVEMENTS: Final = ("grant", "reserve", "release", "consume", "revoke")


@dataclass(frozen=True)
class Grant:
    """What one member is owed: by which roster row, to whom (blind index of the login), how much, and when."""

    source_id: UUID
    login_index: bytes
    units: int
    valid_from: date
    valid_to: date


class Entitlement(TenantOwned, Model):
    """A member's units in a programme. 权益"""

    __tablename__ = "entitlement"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "source_id"),
        Index(None, "tenant_id", "login_index"),
        CheckConstraint("units_reserved >= 0 AND units_consumed >= 0", name="units_not_negative"),
        CheckConstraint("units_reserved + units_consumed <= units_granted", name="never_more_than_granted"),
        CheckConstraint("valid_from <= valid_to", name="dates_in_order"),
    )

    source_id: Mapped[UUID]
    login_index: Mapped[bytes]
    person_id: Mapped[UUID | None]
    units_granted: Mapped[int]
    units_reserved: Mapped[int] = mapped_column(default=0)
    units_consumed: Mapped[int] = mapped_column(default=0)
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    status: Mapped[str] = mapped_column(default="granted")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    activated_at: Mapped[datetime | None]


class EntitlementMovement(TenantOwned, Model):
    """One step of one unit, written once; an entitlement's counters are their sums. 权益流水

    `key` is the payment's id, or the roster row's for the first grant; other grants and withdrawals have their own.
    """

    __tablename__ = "entitlement_movement"
    __wall__ = Wall(operator="none", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "entitlement_id"], ["entitlement.tenant_id", "entitlement.id"]),
        UniqueConstraint("tenant_id", "key", "kind"),
        one_of("kind", MOVEMENTS),
        CheckConstraint("units > 0", name="units_positive"),
        Index(None, "tenant_id", "entitlement_id"),
        Index(None, "tenant_id", "hospital_id", "at"),
    )

    entitlement_id: Mapped[UUID]
    kind: Mapped[str]
    units: Mapped[int]
    key: Mapped[UUID]
    hospital_id: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(default=clock.now)


class ProgrammeHospital(TenantOwned, Model):
    """A hospital that serves a programme; `id` is the hospital's. 计划医院"""

    __tablename__ = "programme_hospital"
    __wall__ = Wall(operator="write")

    admitted_at: Mapped[datetime] = mapped_column(default=clock.now)


class ProgrammeTotal(TenantOwned, Model):
    """What a programme granted and used: sums only, for the operator's billing. `id` is the programme's. 计划合计

    Members and active members are all there ever were: who left is not taken off, who comes back is not added.
    """

    __tablename__ = "programme_total"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        CheckConstraint("tenant_id = id", name="one_per_programme"),
        CheckConstraint("members >= 0 AND units_granted >= 0 AND units_consumed >= 0", name="not_negative"),
    )

    closed_at: Mapped[datetime | None]
    members: Mapped[int] = mapped_column(default=0)
    members_active: Mapped[int] = mapped_column(default=0)
    units_granted: Mapped[int] = mapped_column(default=0)
    units_consumed: Mapped[int] = mapped_column(default=0)


class BenefitInvitation(Reference, Model):
    """A programme waiting for whoever signs in with that login. 权益邀请"""

    __tablename__ = "benefit_invitation"
    __reason__ = "the way from a login to programmes; found by the exact login only, carries nothing else"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT, INSERT"}
    __person_column__ = "login_index"

    login_index: Mapped[bytes] = mapped_column(primary_key=True)
    programme_id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
