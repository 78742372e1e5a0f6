"""What a signature covers. The same content always gives the same fingerprint, on any machine, at any time.

E-signature Law, articles 13 to 16: a change after signing must be detectable. The content is UTF-8 JSON with sorted
keys and no spaces; times are UTC in ISO 8601; a missing part is null.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from tenants.encounters.models import Encounter, EncounterAddendum, EncounterNote


def note_fingerprint(encounter: Encounter, note: EncounterNote, *, signed_by: UUID, signed_at: datetime) -> str:
    """The SHA-256 of a note with the circumstances it was written in, and its signature."""
    return _fingerprint(
        {
            "advice": note.advice,
            "appointment_id": encounter.appointment_id,
            "complaint": note.complaint,
            "diagnosis_code": note.diagnosis_code,
            "encounter_id": encounter.id,
            "evidence_id": encounter.evidence_id,
            "evidence_path": encounter.evidence_path,
            "findings": note.findings,
            "finished_at": encounter.finished_at,
            "patient_id": encounter.patient_id,
            "practitioner_id": encounter.practitioner_id,
            "signed_at": signed_at,
            "signed_by": signed_by,
            "specialty": encounter.specialty,
            "started_at": encounter.started_at,
        }
    )


def addendum_fingerprint(before: str, number: int, text: str, *, signed_by: UUID, signed_at: datetime) -> str:
    """The SHA-256 of an addendum, chained to what it follows."""
    return _fingerprint(
        {"before": before, "number": number, "signed_at": signed_at, "signed_by": signed_by, "text": text}
    )


def is_intact(encounter: Encounter, note: EncounterNote, addenda: list[EncounterAddendum]) -> bool:
    """Whether a signed note and everything added to it are still what was signed."""
    if note.signed_by is None or note.signed_at is None or note.content_sha256 is None:
        return False
    before = note_fingerprint(encounter, note, signed_by=note.signed_by, signed_at=note.signed_at)
    if before != note.content_sha256:
        return False
    for number, each in enumerate(addenda, start=1):
        before = addendum_fingerprint(before, number, each.text, signed_by=each.signed_by, signed_at=each.signed_at)
        if (number, before) != (each.number, each.content_sha256):
            return False
    return True


def _fingerprint(content: dict[str, object]) -> str:
    plain = {name: _plain(value) for name, value in content.items()}
    text = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int) else str(value)
