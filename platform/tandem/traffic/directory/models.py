"""What the public sees of many hospitals: projections, without a wall and without a private column.

A practitioner's name and title are here because the law asks that patients see who practises (Medical Institutions
Regulations, article 26); everything else about people stays behind the hospital's wall.
"""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, Reference

_GRANTS = {"tandem_app": "SELECT, INSERT, UPDATE, DELETE", "tandem_operator": "SELECT"}


class DirectoryHospital(Reference, Model):
    """A hospital that is live and licensed, as the public sees it. 医院目录"""

    __tablename__ = "directory_hospital"
    __reason__ = "public projection of live, licensed hospitals; nothing private in it"
    __grants__: ClassVar[dict[str, str]] = _GRANTS
    __table_args__ = (
        # LIKE 'prefix%' uses an index under any collation only with these operator classes.
        Index(None, "name", postgresql_ops={"name": "text_pattern_ops"}),
        Index(None, "initials", postgresql_ops={"initials": "text_pattern_ops"}),
        Index(None, "name_sort", "id"),
        Index(None, "city", "name_sort"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    second_name: Mapped[str | None]
    name_sort: Mapped[str]
    initials: Mapped[str]
    province: Mapped[str | None]
    city: Mapped[str | None]
    level: Mapped[str | None]
    address: Mapped[str | None]
    phone: Mapped[str | None]
    website: Mapped[str | None]
    introduction: Mapped[str] = mapped_column(default="")
    licence_number: Mapped[str]
    licence_authority: Mapped[str]
    licence_valid_to: Mapped[date]
    specialties: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    specialty_codes: Mapped[list[str]]
    refreshed_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class DirectoryService(Reference, Model):
    """A published service with its price, as the public sees it. 服务目录"""

    __tablename__ = "directory_service"
    __reason__ = "public projection of published services; nothing private in it"
    __grants__: ClassVar[dict[str, str]] = _GRANTS
    __table_args__ = (
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        Index(None, "specialty", "price_minor", "id"),
        Index(None, "subject", "price_minor", "id"),
        Index(None, "price_minor", "id"),
    )

    hospital_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    specialty: Mapped[str]
    subject: Mapped[str]
    specialty_name_zh: Mapped[str]
    specialty_name_en: Mapped[str]
    mode: Mapped[str]
    care_type: Mapped[str]
    price_minor: Mapped[int]
    currency: Mapped[str]
    duration_minutes: Mapped[int]


class DirectoryPractitioner(Reference, Model):
    """Who practises in a hospital, as patients must be shown. 医务人员公示"""

    __tablename__ = "directory_practitioner"
    __reason__ = "names and titles that hospitals must display; nothing private in it"
    __grants__: ClassVar[dict[str, str]] = _GRANTS

    hospital_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_sort: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str]
    introduction: Mapped[str] = mapped_column(default="")
    specialties: Mapped[list[str]]
