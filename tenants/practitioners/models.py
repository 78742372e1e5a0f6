"""Who practises here, on what credentials, and that it was really they."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.states import StateTable, states

KINDS: Final = ("doctor", "pharmacist")

DOCTOR_TITLES: Final = ("chief_physician", "associate_chief_physician", "attending_physician", "resident_physician")
PHARMACIST_TITLES: Final = ("chief_pharmacist", "associate_chief_pharmacist", "pharmacist_in_charge", "pharmacist")

INDEPENDENT_YEARS_REQUIRED: Final = 3
"""Years of independent clinical practice a doctor needs online. Internet Diagnosis and Treatment Measures 2018, 14."""

TITLES: Final = {"doctor": DOCTOR_TITLES, "pharmacist": PHARMACIST_TITLES}

CHECK_METHODS: Final = ("id_card", "face")

PLACES_MAX: Final = 3
"""Places of practice on one certificate here; more need a new multi-site filing."""

CLEARED: Final = frozenset({"verified", "active"})

NEXT: Final[StateTable] = {
    "invited": {"credentials_submitted", "ended"},
    "credentials_submitted": {"verified", "invited", "ended"},
    "verified": {"active", "paused", "suspended", "ended"},
    "active": {"paused", "suspended", "ended"},
    "paused": {"verified", "suspended", "ended"},
    "suspended": {"verified", "ended"},
    "ended": set(),
}

CREDENTIAL_NEXT: Final[StateTable] = {
    "submitted": {"verified", "rejected"},
    "verified": {"superseded", "revoked"},
    "rejected": set(),
    "superseded": set(),
    "revoked": set(),
}


class Practitioner(TenantOwned, Versioned, Model):
    """A doctor or pharmacist in this hospital. 医务人员

    Encrypted here; the name and title that patients must see (I-5) are told to the directory when cleared.
    """

    __tablename__ = "practitioner"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "department_id"], ["department.tenant_id", "department.id"]),
        UniqueConstraint("tenant_id", "person_id"),
        UniqueConstraint("tenant_id", "id_number_index"),
        CheckConstraint("kind IN ('doctor', 'pharmacist')", name="kind"),
        states(NEXT),
        Index(None, "tenant_id", "created_at"),
    )

    person_id: Mapped[UUID]
    department_id: Mapped[UUID | None]
    kind: Mapped[str]
    title: Mapped[str]
    name: Mapped[str] = mapped_column(EncryptedText("practitioner.name"))
    id_number: Mapped[str] = mapped_column(EncryptedText("practitioner.id_number"))
    id_number_index: Mapped[bytes]
    phone: Mapped[str] = mapped_column(EncryptedText("practitioner.phone"))
    introduction: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="invited")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Credential(TenantOwned, Model):
    """What a practitioner is qualified and registered for. 执业资质

    A qualification number carries the holder's identity number, so it is encrypted; a practice certificate's is public.
    """

    __tablename__ = "credential"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "practitioner_id"], ["practitioner.tenant_id", "practitioner.id"]),
        CheckConstraint("cardinality(places) BETWEEN 1 AND 3", name="places"),
        CheckConstraint("decided_by <> submitted_by", name="four_eyes"),
        states(CREDENTIAL_NEXT),
        Index(None, "tenant_id", "practitioner_id", "submitted_at"),
        Index(
            "credential_in_force_key",
            "tenant_id",
            "practitioner_id",
            unique=True,
            postgresql_where=text("status = 'verified'"),
        ),
    )

    practitioner_id: Mapped[UUID]
    qualification_number: Mapped[str] = mapped_column(EncryptedText("credential.qualification_number"))
    practice_certificate_number: Mapped[str]
    places: Mapped[list[str]]
    is_main_place: Mapped[bool]
    multi_site_filing: Mapped[str | None]
    main_employer_agrees: Mapped[bool]
    independent_practice_since: Mapped[date | None]
    registered_specialties: Mapped[list[str]]
    valid_to: Mapped[date | None]
    document_sha256: Mapped[str]
    status: Mapped[str] = mapped_column(default="submitted")
    submitted_by: Mapped[UUID | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime] = mapped_column(default=clock.now)


class RealNameCheck(TenantOwned, Model):
    """That the practitioner in person was at the other end on a day; one a day is enough. 实名核验"""

    __tablename__ = "real_name_check"
    __wall__ = Wall(operator="none", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "practitioner_id"], ["practitioner.tenant_id", "practitioner.id"]),
        UniqueConstraint("tenant_id", "practitioner_id", "checked_on"),
    )

    practitioner_id: Mapped[UUID]
    checked_on: Mapped[date]
    checked_at: Mapped[datetime] = mapped_column(default=clock.now)
    method: Mapped[str]
