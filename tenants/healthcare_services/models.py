"""What a hospital offers: inside its licence, at a displayed price."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import StateTable, states

MODES: Final = ("text", "video", "phone")
CARE_TYPES: Final = ("follow_up", "advice", "family_doctor")
DURATION_MINUTES_MAX: Final = 240
PRICE_MINOR_MAX: Final = 10_000_000
"""A hundred thousand yuan: above it, somebody typed fen for yuan."""

NEXT: Final[StateTable] = {"draft": {"active", "retired"}, "active": {"retired"}, "retired": set()}


class HealthcareService(TenantOwned, Versioned, Model):
    """One thing a patient can book: a specialty, a mode, a price, a length. 医疗服务"""

    __tablename__ = "healthcare_service"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "department_id"], ["department.tenant_id", "department.id"]),
        UniqueConstraint("tenant_id", "name"),
        one_of("mode", MODES),
        one_of("care_type", CARE_TYPES),
        one_of("currency", CURRENCIES),
        CheckConstraint(f"price_minor BETWEEN 0 AND {PRICE_MINOR_MAX}", name="price"),
        CheckConstraint(f"duration_minutes BETWEEN 5 AND {DURATION_MINUTES_MAX}", name="duration"),
        states(NEXT),
        Index(None, "tenant_id", "created_at"),
    )

    department_id: Mapped[UUID | None]
    name: Mapped[str]
    name_en: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    specialty: Mapped[str]
    mode: Mapped[str]
    care_type: Mapped[str]
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    duration_minutes: Mapped[int]
    status: Mapped[str] = mapped_column(default="draft")
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
