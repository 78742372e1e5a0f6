"""Decisions in a consultation: evidence first, then the visit, the note, the signature."""

from uuid import UUID

from tandem.billing import payments, usage
from tandem.kernel import audit, clock, identity, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id
from tenants.appointments import Appointment, NotYourAppointment, begin_visit, end_visit, refer_offline
from tenants.encounters import queries
from tenants.encounters.errors import (
    AdviceNotAccepted,
    DiagnosisNotAllowed,
    EvidenceMissing,
    NoteIncomplete,
    NoteLocked,
    NoteNotSigned,
)
from tenants.encounters.events import EncounterFinished, EncounterSigned
from tenants.encounters.models import (
    METER,
    NEXT,
    NOTE_PARTS,
    SOURCE_TYPE,
    Encounter,
    EncounterAddendum,
    EncounterNote,
)
from tenants.encounters.signing import addendum_fingerprint, note_fingerprint
from tenants.healthcare_services import basis_of_service
from tenants.hospitals import require_licence
from tenants.patients import patient, prior_diagnosis_for, require_fit_for_service
from tenants.practitioners import practitioner_of_person, require_practitioner, require_real_name_check


def open_encounter(appointment_id: UUID, *, evidence_path: str | None = None) -> Encounter:
    """The booked doctor, in person, receives the patient and checks the evidence. [hospital]

    With evidence of an earlier diagnosis in the specialty it is a follow-up, otherwise advice only; a doctor may ask
    for advice only although there is evidence, never the other way round. Raises NotFound, NotYourAppointment,
    TooEarly, RealNameCheckDue, EvidenceMissing, AdviceNotAccepted, what licence, practitioner and patient refuse, and
    TransitionRefused.
    """
    booked = begin_visit(appointment_id)
    now = clock.now()
    require_real_name_check(booked.practitioner_id, now)
    require_licence(booked.specialty, now)
    require_practitioner(booked.practitioner_id, booked.specialty, now)
    require_fit_for_service(patient(booked.patient_id), booked.specialty, now)
    path, evidence_id = _evidence_path(booked, evidence_path)
    encounter = Encounter(
        tenant_id=tenant_id(),
        id=new_id(),
        appointment_id=booked.id,
        patient_id=booked.patient_id,
        person_id=booked.person_id,
        practitioner_id=booked.practitioner_id,
        service_id=booked.service_id,
        specialty=booked.specialty,
        evidence_path=path,
        evidence_id=evidence_id,
    )
    session.add(encounter)
    session.flush()
    audit.record(
        action="encounter.planned",
        object_type="encounter",
        object_id=encounter.id,
        details={"from": None, "evidence_path": path},
    )
    return encounter


def start_encounter(encounter_id: UUID) -> Encounter:
    """The doctor begins to consult, real-name checked that day (I-9). [hospital]

    Raises NotFound, NotYourAppointment, RealNameCheckDue, TransitionRefused.
    """
    encounter = _own_for_update(encounter_id)
    require_real_name_check(encounter.practitioner_id)
    move(encounter, "in-progress", NEXT)
    encounter.started_at = clock.now()
    return encounter


def write_note(
    encounter_id: UUID,
    *,
    complaint: str | None = None,
    findings: str | None = None,
    advice: str | None = None,
    diagnosis_code: str | None = None,
) -> EncounterNote:
    """Write the note, or write it anew, until it is signed. [hospital]

    Raises NotFound, NotYourAppointment, NoteLocked, DiagnosisNotAllowed.
    """
    encounter = _own_for_update(encounter_id)
    note = queries.note_of(encounter_id, for_update=True)
    if note is not None and note.signed_at is not None:
        raise NoteLocked
    if diagnosis_code is not None and encounter.evidence_path != "follow_up":
        raise DiagnosisNotAllowed
    if note is None:
        note = EncounterNote(tenant_id=tenant_id(), id=new_id(), encounter_id=encounter_id)
        session.add(note)
    note.complaint, note.findings, note.advice, note.diagnosis_code = complaint, findings, advice, diagnosis_code
    note.written_at = clock.now()
    audit.record(action="encounter_note.written", object_type="encounter", object_id=encounter_id, details={})
    return note


def finish_encounter(encounter_id: UUID) -> Encounter:
    """The visit was delivered: it is metered, and what paid for it is complete. [hospital]

    Raises NotFound, NotYourAppointment, NoteIncomplete, TransitionRefused.
    """
    encounter = _own_for_update(encounter_id)
    note = queries.note_of(encounter_id)
    missing = [part for part in NOTE_PARTS if note is None or not getattr(note, part)]
    if encounter.status == "in-progress" and missing:
        raise NoteIncomplete(missing=missing)
    move(encounter, "finished", NEXT)
    encounter.finished_at = clock.now()
    _meter(encounter, end_visit(encounter.appointment_id))
    outbox.add(EncounterFinished(encounter.id))
    return encounter


def sign_note(encounter_id: UUID) -> EncounterNote:
    """The doctor signs the note of a finished visit; from then on nobody can change it (I-22, I-34). [hospital]

    Raises NotFound, NotYourAppointment, NoteLocked, NoteIncomplete, RealNameCheckDue.
    """
    encounter = _own_for_update(encounter_id)
    require_real_name_check(encounter.practitioner_id)
    note = queries.note_of(encounter_id, for_update=True)
    if note is None or encounter.status != "finished":
        raise NoteIncomplete(missing=["completion"])
    if note.signed_at is not None:
        raise NoteLocked
    signed_at = clock.now()
    note.content_sha256 = note_fingerprint(encounter, note, signed_by=encounter.practitioner_id, signed_at=signed_at)
    note.signed_by, note.signed_at = encounter.practitioner_id, signed_at
    audit.record(
        action="encounter_note.signed",
        object_type="encounter",
        object_id=encounter_id,
        details={"content_sha256": note.content_sha256},
    )
    outbox.add(EncounterSigned(encounter_id))
    return note


def add_addendum(encounter_id: UUID, *, text: str) -> EncounterAddendum:
    """Add to a signed note; the note itself stays as it is. [hospital]

    Raises NotFound, NotYourAppointment, NoteNotSigned, RealNameCheckDue.
    """
    encounter = _own_for_update(encounter_id)
    require_real_name_check(encounter.practitioner_id)
    note = queries.note_of(encounter_id, for_update=True)
    if note is None or note.content_sha256 is None:
        raise NoteNotSigned
    earlier = queries.addenda_of(encounter_id)
    before = earlier[-1].content_sha256 if earlier else note.content_sha256
    number, signed_by, signed_at = len(earlier) + 1, encounter.practitioner_id, clock.now()
    addendum = EncounterAddendum(
        tenant_id=tenant_id(),
        id=new_id(),
        encounter_id=encounter_id,
        number=number,
        text=text,
        content_sha256=addendum_fingerprint(before, number, text, signed_by=signed_by, signed_at=signed_at),
        signed_by=signed_by,
        signed_at=signed_at,
    )
    session.add(addendum)
    audit.record(
        action="encounter_addendum.signed",
        object_type="encounter",
        object_id=encounter_id,
        details={"number": number, "content_sha256": addendum.content_sha256},
    )
    return addendum


def refer_encounter_offline(encounter_id: UUID, *, because: str) -> Encounter:
    """The doctor judges this a first visit, or the condition has changed: end it and send the patient to a hospital,
    with the reason kept and everything refunded (I-11). [hospital]

    Raises NotFound, NotYourAppointment, TransitionRefused.
    """
    encounter = _own_for_update(encounter_id)
    move(encounter, "cancelled", NEXT)
    encounter.ended_because = because
    refer_offline(encounter.appointment_id)
    return encounter


def _evidence_path(booked: Appointment, wanted: str | None) -> tuple[str, UUID | None]:
    evidence = prior_diagnosis_for(booked.patient_id, booked.specialty)
    if evidence is not None and wanted != "advice_only":
        return "follow_up", evidence.id
    if wanted == "follow_up":
        raise EvidenceMissing
    if not booked.accepts_advice_only:
        raise AdviceNotAccepted
    return "advice_only", None


def _own_for_update(encounter_id: UUID) -> Encounter:
    # Nobody, and no program, stands in for the doctor (I-9).
    encounter = queries.encounter_for_update(encounter_id)
    person_id = identity.current_actor().person_id
    doctor = practitioner_of_person(person_id) if person_id is not None else None
    if doctor is None or doctor.id != encounter.practitioner_id:
        raise NotYourAppointment
    return encounter


def _meter(encounter: Encounter, delivered: Appointment) -> None:
    payment = payments.payment(delivered.payment_id) if delivered.payment_id is not None else None
    usage.record_usage(
        meter=METER,
        source_type=SOURCE_TYPE,
        source_id=encounter.id,
        at=clock.now(),
        payment_id=delivered.payment_id,
        amount_minor=delivered.price_minor,
        currency=delivered.currency,
        service_id=encounter.service_id,
        programme_id=payment.programme_id if payment is not None else None,
        priced_as=basis_of_service(encounter.service_id),
    )
    if payment is not None:
        payments.complete_payment(payment.id)
