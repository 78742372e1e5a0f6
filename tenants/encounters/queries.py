"""Reads about consultations. A patient's reads carry the person, so that nobody reads another's record."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id
from tenants.encounters.models import Encounter, EncounterAddendum, EncounterNote

_CARD: Final = (
    Encounter.id,
    Encounter.appointment_id,
    Encounter.patient_id,
    Encounter.practitioner_id,
    Encounter.service_id,
    Encounter.specialty,
    Encounter.status,
    Encounter.evidence_path,
    Encounter.evidence_id,
    Encounter.created_at,
    Encounter.started_at,
    Encounter.finished_at,
)


def encounters(query: dict[str, Any]) -> Page:
    """The hospital's consultations, newest first, without their notes. [hospital]"""
    statement = select(*_CARD).where(Encounter.tenant_id == tenant_id())
    for name, column in {"practitioner_id": Encounter.practitioner_id, "status": Encounter.status}.items():
        if query.get(name) is not None:
            statement = statement.where(column == query[name])
    return _newest_first(statement, query)


def encounters_of_person(person_id: UUID, query: dict[str, Any]) -> Page:
    """A person's own consultations here, and their wards', newest first. [hospital]"""
    statement = select(*_CARD).where(
        Encounter.tenant_id == tenant_id(), Encounter.person_id == person_id, Encounter.status != "planned"
    )
    return _newest_first(statement, query)


def encounter(encounter_id: UUID) -> Encounter:
    """One consultation, for the hospital's staff. [hospital] Raises NotFound."""
    return _one(_by_id(encounter_id))


def encounter_for_update(encounter_id: UUID) -> Encounter:
    """One consultation, locked. [hospital] Raises NotFound."""
    return _one(_by_id(encounter_id).with_for_update().execution_options(populate_existing=True))


def own_encounter(person_id: UUID, encounter_id: UUID) -> Encounter:
    """One consultation of this person or their ward. [hospital] Raises NotFound, also for somebody else's."""
    return _one(_by_id(encounter_id).where(Encounter.person_id == person_id))


def note_of(encounter_id: UUID, *, for_update: bool = False) -> EncounterNote | None:
    """A consultation's note, if one was begun. [hospital]"""
    statement = select(EncounterNote).where(
        EncounterNote.tenant_id == tenant_id(), EncounterNote.encounter_id == encounter_id
    )
    if for_update:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def addenda_of(encounter_id: UUID) -> Sequence[EncounterAddendum]:
    """What was added to the note, in order. [hospital]"""
    statement = (
        select(EncounterAddendum)
        .where(EncounterAddendum.tenant_id == tenant_id(), EncounterAddendum.encounter_id == encounter_id)
        .order_by(EncounterAddendum.number)
    )
    return session.scalars(statement).all()


def _by_id(encounter_id: UUID) -> Select[Encounter]:
    return select(Encounter).where(Encounter.tenant_id == tenant_id(), Encounter.id == encounter_id)


def _one(statement: Select[Encounter]) -> Encounter:
    found = session.scalar(statement)
    if found is None:
        raise NotFound
    return found


def _newest_first(statement: Select[*tuple[Any, ...]], query: dict[str, Any]) -> Page:
    return page(
        statement,
        by=[Encounter.created_at, Encounter.id],
        limit=query["limit"],
        after=query["after"],
        newest_first=True,
    )
