"""Consultations and their notes. A signed note cannot be changed: the row itself refuses.

Sources: Internet Diagnosis and Treatment Measures 16 (no diagnosis at a first visit), Doctors Law 24 (records never
altered), E-signature Law 13 to 16 (signer's exclusive control, change detectable).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.states import states

NEXT: Final = {
    "planned": {"in-progress", "cancelled"},
    "in-progress": {"finished", "cancelled"},
    "finished": set[str](),
    "cancelled": set[str](),
}
"""FHIR R4 encounter status: planned = evidence checked, in-progress = the doctor receives."""

EVIDENCE_PATHS: Final = ("follow_up", "advice_only")
NOTE_PARTS: Final = ("complaint", "findings", "advice")
METER: Final = "visit"
SOURCE_TYPE: Final = "encounter"


class Encounter(TenantOwned, Model):
    """A consultation: one doctor, one patient, one appointment. 接诊"""

    __tablename__ = "encounter"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "appointment_id"], ["appointment.tenant_id", "appointment.id"]),
        ForeignKeyConstraint(["tenant_id", "patient_id"], ["patient.tenant_id", "patient.id"]),
        ForeignKeyConstraint(["tenant_id", "practitioner_id"], ["practitioner.tenant_id", "practitioner.id"]),
        ForeignKeyConstraint(["tenant_id", "evidence_id"], ["prior_diagnosis.tenant_id", "prior_diagnosis.id"]),
        UniqueConstraint("tenant_id", "appointment_id"),
        states(NEXT),
        CheckConstraint("evidence_path IN ('follow_up', 'advice_only')", name="evidence_path"),
        CheckConstraint("(evidence_path = 'follow_up') = (evidence_id IS NOT NULL)", name="follow_up_has_evidence"),
        CheckConstraint("status <> 'finished' OR finished_at IS NOT NULL", name="finished_has_time"),
        Index(None, "tenant_id", "person_id", "created_at"),
        Index(None, "tenant_id", "practitioner_id", "created_at"),
        Index(None, "tenant_id", "created_at", "id"),
    )

    appointment_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    person_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    service_id: Mapped[UUID]
    specialty: Mapped[str]
    status: Mapped[str] = mapped_column(Text, default="planned")
    evidence_path: Mapped[str]
    evidence_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(EncryptedText("encounter.ended_because"))

    @property
    def may_prescribe(self) -> bool:
        """Whether a prescription may be written in it: follow-up care on evidence, received in person."""
        return self.evidence_path == "follow_up" and self.status in {"in-progress", "finished"}


class EncounterNote(TenantOwned, Model):
    """What the doctor wrote. Once signed, the row refuses every change. 病历

    `content_sha256` covers the text and its circumstances (see signing.py), so a change outside the database shows.
    """

    __tablename__ = "encounter_note"
    __wall__ = Wall(operator="none")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "encounter_id"], ["encounter.tenant_id", "encounter.id"]),
        UniqueConstraint("tenant_id", "encounter_id"),
        CheckConstraint(
            "(signed_at IS NULL) = (content_sha256 IS NULL) AND (signed_at IS NULL) = (signed_by IS NULL)",
            name="signature_is_whole",
        ),
    )

    encounter_id: Mapped[UUID]
    complaint: Mapped[str | None] = mapped_column(EncryptedText("encounter_note.complaint"))
    findings: Mapped[str | None] = mapped_column(EncryptedText("encounter_note.findings"))
    advice: Mapped[str | None] = mapped_column(EncryptedText("encounter_note.advice"))
    diagnosis_code: Mapped[str | None] = mapped_column(EncryptedText("encounter_note.diagnosis_code"))
    written_at: Mapped[datetime] = mapped_column(default=clock.now)
    content_sha256: Mapped[str | None]
    signed_by: Mapped[UUID | None]
    signed_at: Mapped[datetime | None]


class EncounterAddendum(TenantOwned, Model):
    """What was added to a signed note, chained to it and to the addendum before. 病历补记"""

    __tablename__ = "encounter_addendum"
    __wall__ = Wall(operator="none", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "encounter_id"], ["encounter.tenant_id", "encounter.id"]),
        UniqueConstraint("tenant_id", "encounter_id", "number"),
        CheckConstraint("number > 0", name="number"),
    )

    encounter_id: Mapped[UUID]
    number: Mapped[int]
    text: Mapped[str] = mapped_column(EncryptedText("encounter_addendum.text"))
    content_sha256: Mapped[str]
    signed_by: Mapped[UUID]
    signed_at: Mapped[datetime]
