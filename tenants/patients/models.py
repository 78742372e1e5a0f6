"""One hospital's record of a person, what they consented to, and what was diagnosed before."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall

RELATIONSHIPS: Final = ("self", "child", "ward")
"""Whose record it is, seen from the person who signs in."""

DOCUMENT_KINDS: Final = ("outpatient_record", "discharge_summary", "diagnosis_certificate", "prescription", "report")

GUARDED_BELOW_YEARS: Final = 14
PAEDIATRIC_BELOW_YEARS: Final = 6
ADULT_FROM_YEARS: Final = 18


def whole_years(born_on: str, day: date) -> int:
    """The age on a day of somebody born on an ISO date."""
    born = date.fromisoformat(born_on)
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True, slots=True)
class PatientInBrief:
    """What of a patient decides whether a service is for them, for whoever has read it together with something else."""

    id: UUID
    born_on: str = field(repr=False)
    guardian_patient_id: UUID | None

    def age_on(self, day: date) -> int:
        """Whole years on a day."""
        return whole_years(self.born_on, day)


class Patient(TenantOwned, Versioned, Model):
    """A hospital's record of a person, or of a child whose guardian signs in. 患者

    `person_id` is whoever signs in for it; one such person has one record of their own here and any number of wards.
    """

    __tablename__ = "patient"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "guardian_patient_id"], ["patient.tenant_id", "patient.id"]),
        UniqueConstraint("tenant_id", "id_number_index"),
        CheckConstraint("relationship IN ('self', 'child', 'ward')", name="relationship"),
        CheckConstraint("(relationship = 'self') = (guardian_patient_id IS NULL)", name="wards_have_guardians"),
        CheckConstraint("sex IN ('female', 'male')", name="sex"),
        Index("patient_own_record_key", "tenant_id", "person_id", unique=True,
              postgresql_where=text("relationship = 'self'")),
        Index(None, "tenant_id", "person_id"),
        Index(None, "tenant_id", "phone_index"),
    )  # fmt: skip

    person_id: Mapped[UUID]
    relationship: Mapped[str] = mapped_column(default="self")
    guardian_patient_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(EncryptedText("patient.name"))
    id_number: Mapped[str] = mapped_column(EncryptedText("patient.id_number"))
    id_number_index: Mapped[bytes]
    phone: Mapped[str] = mapped_column(EncryptedText("patient.phone"))
    phone_index: Mapped[bytes]
    born_on: Mapped[str] = mapped_column(EncryptedText("patient.born_on"))
    sex: Mapped[str]
    registered_at: Mapped[datetime] = mapped_column(default=clock.now)

    def age_on(self, day: date) -> int:
        """Whole years on a day."""
        return whole_years(self.born_on, day)


class Consent(TenantOwned, Model):
    """One decision about one version of one text; the latest of a purpose counts. 知情同意"""

    __tablename__ = "consent"
    __wall__ = Wall(operator="none", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"]),
        CheckConstraint("decision IN ('given', 'withdrawn')", name="decision"),
        Index(None, "tenant_id", "patient_id", "purpose", "decided_at"),
    )

    patient_id: Mapped[UUID]
    purpose: Mapped[str]
    text_version: Mapped[int]
    text_sha256: Mapped[str]
    decision: Mapped[str]
    decided_by: Mapped[UUID]
    decided_at: Mapped[datetime] = mapped_column(default=clock.now)


class PriorDiagnosis(TenantOwned, Model):
    """Evidence of a definite diagnosis made in a hospital before: what a follow-up rests on (I-10). 既往诊断依据"""

    __tablename__ = "prior_diagnosis"
    __wall__ = Wall(operator="none", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"]),
        UniqueConstraint(
            "tenant_id", "patient_id", "document_sha256", "diagnosis_code", name="prior_diagnosis_document_key"
        ),
        one_of("document_kind", DOCUMENT_KINDS),
        CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name="document_sha256"),
        Index(None, "tenant_id", "patient_id", "diagnosed_on"),
    )

    patient_id: Mapped[UUID]
    specialty: Mapped[str]
    diagnosis_code: Mapped[str]
    diagnosis_name: Mapped[str]
    hospital_name: Mapped[str]
    diagnosed_on: Mapped[date]
    document_kind: Mapped[str]
    document_sha256: Mapped[str]
    filed_by: Mapped[UUID]
    filed_at: Mapped[datetime] = mapped_column(default=clock.now)
