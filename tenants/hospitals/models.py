"""What a hospital is allowed to do, and how it is built."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.states import StateTable, states
from tenants.hospitals.specialties import covers

LEVELS: Final = ("3A", "3B", "3C", "2A", "2B", "2C", "1A", "1B", "1C", "ungraded")
"""Grade and class of a hospital (三级甲等 = 3A), by the hospital accreditation rules."""

LICENCE_NEXT: Final[StateTable] = {
    "recorded": {"verified", "refused"},
    "verified": {"suspended", "revoked", "expired"},
    "suspended": {"verified", "revoked", "expired"},
    "refused": set(),
    "revoked": set(),
    "expired": set(),
}

DEPARTMENT_NEXT: Final[StateTable] = {"active": {"closed"}, "closed": {"active"}}


class HospitalProfile(TenantOwned, Versioned, Model):
    """What a hospital says about itself, one row a hospital. 医院简介"""

    __tablename__ = "hospital_profile"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id"),
        one_of("level", LEVELS),
    )

    level: Mapped[str]
    institution_code: Mapped[str | None]
    insurance_code: Mapped[str | None]
    address: Mapped[str]
    phone: Mapped[str | None]
    website: Mapped[str | None]
    introduction: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Licence(TenantOwned, Versioned, Model):
    """A medical institution practice licence (with an Internet hospital as second name). 医疗机构执业许可证

    The days are inclusive and the hospital's own. A renewal is a new row; what was valid when stays readable.
    """

    __tablename__ = "licence"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        UniqueConstraint("tenant_id", "number", "valid_from"),
        CheckConstraint("valid_from <= valid_to", name="dates_in_order"),
        CheckConstraint("cardinality(registered_specialties) > 0", name="specialties_not_empty"),
        states(LICENCE_NEXT),
        Index(None, "tenant_id", "status", "valid_to"),
    )

    number: Mapped[str]
    licensed_name: Mapped[str]
    second_name: Mapped[str | None]
    issuing_authority: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    registered_specialties: Mapped[list[str]]
    verification_due_on: Mapped[date | None]
    status: Mapped[str] = mapped_column(default="recorded")
    evidence: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)

    def is_valid_on(self, day: date) -> bool:
        """Verified, and the day is within its dates."""
        return self.status == "verified" and self.valid_from <= day <= self.valid_to

    def registers(self, specialty: str) -> bool:
        """Whether it allows work in that specialty."""
        return covers(self.registered_specialties, specialty)


class Department(TenantOwned, Versioned, Model):
    """A department as the hospital names it, under a subject of the catalogue. 科室"""

    __tablename__ = "department"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        states(DEPARTMENT_NEXT),
    )

    name: Mapped[str]
    name_en: Mapped[str | None]
    specialty: Mapped[str]
    status: Mapped[str] = mapped_column(default="active")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


def licence_day(at: datetime) -> date:
    """The calendar day of a moment where licences are dated, which is the hospitals' zone."""
    return at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
