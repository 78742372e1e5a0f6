"""The record of a consultation as it is read: circumstances, note, addenda, and whether they are what was signed."""

from typing import Any
from uuid import UUID

from tandem.kernel import audit
from tenants.appointments import appointment
from tenants.encounters import queries
from tenants.encounters.models import Encounter
from tenants.encounters.signing import is_intact


def record(encounter_id: UUID) -> dict[str, Any]:
    """A consultation's record, for the hospital's staff; who reads it is audited. [hospital] Raises NotFound."""
    found = queries.encounter(encounter_id)
    audit.record(action="record.read", object_type="encounter", object_id=found.id, details={})
    return _whole(found, with_draft=True)


def own_record(person_id: UUID, encounter_id: UUID) -> dict[str, Any]:
    """A person's own record, or their ward's; its note once it is signed (I-22). [hospital] Raises NotFound."""
    found = queries.own_encounter(person_id, encounter_id)
    return _whole(found, with_draft=False)


def _whole(encounter: Encounter, *, with_draft: bool) -> dict[str, Any]:
    note = queries.note_of(encounter.id)
    is_signed = note is not None and note.signed_at is not None
    addenda = list(queries.addenda_of(encounter.id)) if is_signed else []
    columns = {each.key: getattr(encounter, each.key) for each in Encounter.__table__.columns}
    return columns | {
        "may_prescribe": encounter.may_prescribe,
        "reason": appointment(encounter.appointment_id).reason,
        "note": note if is_signed or with_draft else None,
        "addenda": addenda,
        "is_intact": is_intact(encounter, note, addenda) if note is not None and is_signed else None,
    }
