"""A consultation: evidence decides what it may be, delivery is metered, a signed note cannot be changed."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from tandem.billing.payments.models import Payment, Refund
from tandem.billing.usage import UsageEvent
from tandem.embedded.roles import DatabaseUrls
from tandem.kernel import crypto
from tandem.kernel.database import session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.tenancy import acting_for
from tenants.appointments import Appointment, NotYourAppointment, TooEarly
from tenants.appointments.models import EARLY_START
from tenants.encounters import commands, records
from tenants.encounters.errors import (
    AdviceNotAccepted,
    DiagnosisNotAllowed,
    EvidenceMissing,
    NoteIncomplete,
    NoteLocked,
    NoteNotSigned,
)
from tenants.encounters.models import EncounterAddendum
from tenants.hospitals import LicenceNotValid
from tenants.hospitals.models import Licence
from tenants.practitioners import RealNameCheckDue
from tests.tenants.clinics import (
    Clinic,
    a_booked_visit,
    a_clinic,
    a_patient,
    as_clinic,
    as_doctor,
    check_real_name,
    slot_start,
    slots_tomorrow,
)

pytestmark = pytest.mark.usefixtures("app")
Move = Callable[[datetime], None]
NOTE = {"complaint": "头晕三天", "findings": "血压 150/95", "advice": "低盐饮食，监测血压"}


def test_evidence_of_an_earlier_diagnosis_opens_the_prescribing_path(at: Move):
    clinic, visit = a_visit(at, has_evidence=True)

    with as_doctor(clinic):
        opened = commands.open_encounter(visit)
        path = opened.evidence_path
        started = commands.start_encounter(opened.id)

    assert path == "follow_up"
    assert started.may_prescribe
    assert status_of(clinic, visit) == "arrived"


def test_without_evidence_it_is_advice_only_and_makes_no_diagnosis(at: Move):
    clinic, visit = a_visit(at)
    encounter = opened_and_started(clinic, visit)

    with pytest.raises(DiagnosisNotAllowed), as_doctor(clinic):
        commands.write_note(encounter, **NOTE, diagnosis_code="I10.x00")

    with as_doctor(clinic):
        commands.write_note(encounter, **NOTE)
        assert not commands.queries.encounter(encounter).may_prescribe


def test_a_doctor_cannot_declare_a_follow_up_without_evidence(at: Move):
    clinic, visit = a_visit(at)

    with pytest.raises(EvidenceMissing), as_doctor(clinic):
        commands.open_encounter(visit, evidence_path="follow_up")


def test_who_did_not_accept_advice_only_is_not_given_it(at: Move):
    clinic, visit = a_visit(at, has_evidence=True, accepts_advice_only=False)

    with pytest.raises(AdviceNotAccepted), as_doctor(clinic):
        commands.open_encounter(visit, evidence_path="advice_only")

    assert status_of(clinic, visit) == "booked"


def test_nobody_receives_without_the_real_name_check_of_the_day(at: Move):
    clinic, visit = a_visit(at, is_checked=False)

    with pytest.raises(RealNameCheckDue), as_doctor(clinic):
        commands.open_encounter(visit)

    assert status_of(clinic, visit) == "booked"


def test_no_other_doctor_stands_in(at: Move):
    clinic, visit = a_visit(at)
    stranger = a_clinic().doctor_id

    with pytest.raises(NotYourAppointment), as_doctor(clinic, stranger):
        commands.open_encounter(visit)
    with pytest.raises(NotYourAppointment), as_clinic(clinic):
        commands.open_encounter(visit)


def test_nobody_receives_hours_before_the_time(at: Move):
    clinic, visit = a_visit(at)

    at(start_of(clinic, visit) - EARLY_START * 2)

    with pytest.raises(TooEarly), as_doctor(clinic):
        commands.open_encounter(visit)


def test_a_licence_that_was_suspended_after_the_booking_stops_the_visit(at: Move):
    clinic, visit = a_visit(at)
    with as_clinic(clinic):
        session.execute(update(Licence).where(Licence.tenant_id == clinic.id).values(status="suspended"))

    with pytest.raises(LicenceNotValid), as_doctor(clinic):
        commands.open_encounter(visit)


def test_a_finished_visit_is_metered_once_and_its_payment_is_complete(at: Move):
    clinic, visit = a_visit(at, price_minor=5_000)
    encounter = opened_and_started(clinic, visit)

    with pytest.raises(NoteIncomplete), as_doctor(clinic):
        commands.finish_encounter(encounter)
    finish(clinic, encounter)
    with pytest.raises(TransitionRefused), as_doctor(clinic):
        commands.finish_encounter(encounter)

    assert status_of(clinic, visit) == "fulfilled"
    with acting_for(clinic.id):
        metered = session.scalars(select(UsageEvent)).one()
        payment = session.scalars(select(Payment)).one()
    assert (metered.source_id, metered.amount_minor, metered.payment_id) == (encounter, 5_000, payment.id)
    assert payment.completed_at is not None


def test_a_visit_free_of_charge_is_metered_without_a_payment(at: Move):
    clinic, visit = a_visit(at, price_minor=0)

    finish(clinic, opened_and_started(clinic, visit))

    with acting_for(clinic.id):
        metered = session.scalars(select(UsageEvent)).one()
    assert (metered.amount_minor, metered.payment_id) == (0, None)


@pytest.mark.parametrize("is_started", [False, True])
def test_a_patient_who_must_be_seen_in_a_hospital_is_refunded_in_full(at: Move, is_started: bool):
    clinic, visit = a_visit(at, price_minor=5_000)
    with as_doctor(clinic):
        encounter = commands.open_encounter(visit).id
        if is_started:
            commands.start_encounter(encounter)

    with as_doctor(clinic):
        commands.refer_encounter_offline(encounter, because="血压急剧升高")

    assert status_of(clinic, visit) == "cancelled"
    with acting_for(clinic.id):
        refund = session.scalars(select(Refund)).one()
        assert commands.queries.encounter(encounter).ended_because == "血压急剧升高"
        assert session.scalars(select(UsageEvent)).all() == []
    assert (refund.amount_minor, refund.reason) == (5_000, "referred-offline")


def test_a_signed_note_is_never_altered_not_even_by_the_databases_owner(at: Move, database_urls: DatabaseUrls):
    clinic, visit = a_visit(at)
    encounter = opened_and_started(clinic, visit)
    finish(clinic, encounter)

    with as_doctor(clinic):
        signed = commands.sign_note(encounter)

    assert len(signed.content_sha256) == 64
    with pytest.raises(NoteLocked), as_doctor(clinic):
        commands.write_note(encounter, complaint="另一份")
    with pytest.raises(NoteLocked), as_doctor(clinic):
        commands.sign_note(encounter)
    for change in ("UPDATE encounter_note SET written_at = now()", "DELETE FROM encounter_note"):
        with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(f"{change} WHERE encounter_id = %s", [encounter])


def test_a_note_is_signed_only_when_the_visit_is_finished(at: Move):
    clinic, visit = a_visit(at)
    encounter = opened_and_started(clinic, visit)
    with as_doctor(clinic):
        commands.write_note(encounter, **NOTE)

    with pytest.raises(NoteIncomplete), as_doctor(clinic):
        commands.sign_note(encounter)


def test_addenda_follow_the_signed_note_and_are_kept_for_good(at: Move):
    clinic, visit = a_visit(at)
    encounter = opened_and_started(clinic, visit)
    with pytest.raises(NoteNotSigned), as_doctor(clinic):
        commands.add_addendum(encounter, text="补充")
    finish(clinic, encounter)
    with as_doctor(clinic):
        commands.sign_note(encounter)

    for words in ("补充一", "补充二"):
        with as_doctor(clinic):
            commands.add_addendum(encounter, text=words)

    with as_doctor(clinic):
        whole = records.record(encounter)
    assert [(each.number, each.text) for each in whole["addenda"]] == [(1, "补充一"), (2, "补充二")]
    assert whole["is_intact"]
    with pytest.raises(DBAPIError, match="permission denied"), as_clinic(clinic):
        session.execute(update(EncounterAddendum).where(EncounterAddendum.tenant_id == clinic.id).values(number=9))


def test_a_record_that_was_changed_behind_the_databases_back_says_so(at: Move, database_urls: DatabaseUrls):
    clinic, visit = a_visit(at)
    encounter = opened_and_started(clinic, visit)
    finish(clinic, encounter)
    with as_doctor(clinic):
        commands.sign_note(encounter)
        forged = crypto.encrypt("改写", "encounter_note.complaint")

    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("ALTER TABLE encounter_note DISABLE TRIGGER encounter_note_stays_signed")
        owner.execute("UPDATE encounter_note SET complaint = %s WHERE encounter_id = %s", [forged, encounter])
        owner.execute("ALTER TABLE encounter_note ENABLE TRIGGER encounter_note_stays_signed")

    with as_doctor(clinic):
        assert records.record(encounter)["is_intact"] is False


def a_visit(
    at: Move,
    *,
    price_minor: int = 5_000,
    has_evidence: bool = False,
    accepts_advice_only: bool = True,
    is_checked: bool = True,
) -> tuple[Clinic, UUID]:
    """A booked visit whose time has come."""
    clinic = a_clinic(price_minor=price_minor)
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic, has_evidence=has_evidence)
    visit = a_booked_visit(clinic, booker, slot, accepts_advice_only=accepts_advice_only)
    at(slot_start(clinic, slot))
    if is_checked:
        check_real_name(clinic)
    return clinic, visit


def opened_and_started(clinic: Clinic, visit: UUID) -> UUID:
    with as_doctor(clinic):
        encounter = commands.open_encounter(visit).id
        commands.start_encounter(encounter)
    return encounter


def finish(clinic: Clinic, encounter: UUID) -> None:
    with as_doctor(clinic):
        commands.write_note(encounter, **NOTE)
    with as_doctor(clinic):
        commands.finish_encounter(encounter)


def status_of(clinic: Clinic, visit: UUID) -> str:
    with acting_for(clinic.id):
        return session.scalars(select(Appointment.status).where(Appointment.id == visit)).one()


def start_of(clinic: Clinic, visit: UUID) -> datetime:
    with acting_for(clinic.id):
        return session.scalars(select(Appointment.start_at).where(Appointment.id == visit)).one()
