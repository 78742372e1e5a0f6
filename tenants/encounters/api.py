"""Consultations over HTTP: doctors receive, write and sign; patients read what is theirs."""

from typing import Any
from uuid import UUID

from tandem.kernel import identity
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api
from tenants.appointments import NotYourAppointment, TooEarly
from tenants.encounters import commands, queries, records
from tenants.encounters.errors import (
    AdviceNotAccepted,
    DiagnosisNotAllowed,
    EvidenceMissing,
    NoteIncomplete,
    NoteLocked,
    NoteNotSigned,
)
from tenants.encounters.models import Encounter, EncounterAddendum, EncounterNote
from tenants.encounters.schemas import (
    AddAddendum,
    AddendumOut,
    EncounterOut,
    EncounterQuery,
    NoteOut,
    OpenEncounter,
    RecordOut,
    Referral,
    WriteNote,
)
from tenants.hospitals import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.patients import ChildNeedsPaediatrics, ConsentMissing, GuardianRequired
from tenants.practitioners import PractitionerNotCleared, RealNameCheckDue

hospital = Api("encounters", audience="hospital", url_prefix="/encounters", tag="Encounters")
patient = Api("records", audience="patient", url_prefix="/hospitals/<uuid:hospital_id>/records", tag="Records")


@hospital.post(
    "",
    allow="encounters.write",
    takes=OpenEncounter,
    gives=EncounterOut,
    status=201,
    problems=(
        NotYourAppointment,
        TooEarly,
        RealNameCheckDue,
        EvidenceMissing,
        AdviceNotAccepted,
        LicenceNotValid,
        LicenceExpired,
        SpecialtyNotRegistered,
        PractitionerNotCleared,
        ConsentMissing,
        GuardianRequired,
        ChildNeedsPaediatrics,
    ),
)
def open_encounter(wish: dict[str, Any]) -> Encounter:
    """Receive the patient: the evidence is checked, and decides between follow-up and advice only."""
    return commands.open_encounter(**wish)


@hospital.get("", allow="encounters.read", gives=EncounterOut, many=True, query=EncounterQuery)
def list_encounters(query: dict[str, Any]) -> Page:
    """The hospital's consultations, newest first."""
    return queries.encounters(query)


@hospital.get("/<uuid:encounter_id>", allow="records.read", gives=RecordOut)
def read_record(encounter_id: UUID) -> dict[str, Any]:
    """The whole record. Who reads it is audited."""
    return records.record(encounter_id)


@hospital.post(
    "/<uuid:encounter_id>/start",
    allow="encounters.write",
    gives=EncounterOut,
    status=201,
    problems=(NotYourAppointment, RealNameCheckDue),
)
def start(encounter_id: UUID) -> Encounter:
    """Begin to consult."""
    return commands.start_encounter(encounter_id)


@hospital.put(
    "/<uuid:encounter_id>/note",
    allow="encounters.write",
    takes=WriteNote,
    gives=NoteOut,
    problems=(NotYourAppointment, NoteLocked, DiagnosisNotAllowed),
)
def write_note(encounter_id: UUID, wish: dict[str, Any]) -> EncounterNote:
    """Write the note, or write it anew, until it is signed."""
    return commands.write_note(encounter_id, **wish)


@hospital.post(
    "/<uuid:encounter_id>/completion",
    allow="encounters.write",
    gives=EncounterOut,
    status=201,
    problems=(NotYourAppointment, NoteIncomplete),
)
def finish(encounter_id: UUID) -> Encounter:
    """The visit was delivered; it is metered."""
    return commands.finish_encounter(encounter_id)


@hospital.post(
    "/<uuid:encounter_id>/signature",
    allow="encounters.sign",
    gives=NoteOut,
    status=201,
    problems=(NotYourAppointment, NoteLocked, NoteIncomplete, RealNameCheckDue),
)
def sign(encounter_id: UUID) -> EncounterNote:
    """Sign the note; it is never altered after that."""
    return commands.sign_note(encounter_id)


@hospital.post(
    "/<uuid:encounter_id>/addenda",
    allow="encounters.sign",
    takes=AddAddendum,
    gives=AddendumOut,
    status=201,
    problems=(NotYourAppointment, NoteNotSigned, RealNameCheckDue),
)
def add_addendum(encounter_id: UUID, wish: dict[str, Any]) -> EncounterAddendum:
    """Add to a signed note."""
    return commands.add_addendum(encounter_id, text=wish["text"])


@hospital.post(
    "/<uuid:encounter_id>/referral",
    allow="encounters.write",
    takes=Referral,
    gives=EncounterOut,
    status=201,
    problems=(NotYourAppointment,),
)
def refer_offline(encounter_id: UUID, wish: dict[str, Any]) -> Encounter:
    """End it and send the patient to a hospital visit; everything is refunded."""
    return commands.refer_encounter_offline(encounter_id, because=wish["because"])


@patient.get("", allow="records.read", gives=EncounterOut, many=True)
def list_own_records(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """One's consultations at this hospital, newest first."""
    return queries.encounters_of_person(_person(), query)


@patient.get("/<uuid:encounter_id>", allow="records.read", gives=RecordOut)
def read_own_record(hospital_id: UUID, encounter_id: UUID) -> dict[str, Any]:
    """One's own record, to read and to copy; the note once it is signed."""
    return records.own_record(_person(), encounter_id)


def _person() -> UUID:
    person_id = identity.current_actor().person_id
    if person_id is None:
        raise NotFound
    return person_id


APIS = [hospital, patient]
