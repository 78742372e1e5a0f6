"""Registering at a hospital, consenting, and showing what was diagnosed before."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from tandem.accounts import OrganizationNotLive
from tandem.kernel import clock
from tandem.kernel.crypto import blind_index
from tandem.kernel.database import session
from tandem.kernel.errors import Invalid, NotFound
from tandem.kernel.identity import Affiliation, Membership
from tandem.kernel.tenancy import acting_for, as_person, transaction
from tenants.patients import (
    ChildNeedsPaediatrics,
    ConsentMissing,
    GuardianRequired,
    PatientNotRegistered,
    commands,
    patient_for,
    patient_of,
    prior_diagnosis_for,
    require_fit_for_service,
    require_patient,
)
from tenants.patients.errors import ConsentTextOutdated, EvidenceAlreadyFiled, PatientAlreadyRegistered
from tenants.patients.models import Patient
from tests.hospitals import (
    CARDIOLOGY,
    PAEDIATRICS,
    a_hospital,
    a_live_hospital,
    a_patient,
    a_prior_diagnosis,
    all_consents,
    an_id_number,
    evidence_facts,
)
from tests.people import a_person

pytestmark = pytest.mark.usefixtures("app")


def born(years_ago, days=0):
    today = clock.today()
    return today.replace(year=today.year - years_ago, day=min(today.day, 28)) + timedelta(days=days)


def a_child(hospital, guardian, years):
    patient_id, _ = a_patient(
        hospital, person_id=guardian, name="李小明", relationship="child", id_number=an_id_number(born(years, -1))
    )
    return patient_id


def test_a_registered_patient_is_found_by_number_but_the_number_is_not_stored_in_clear():
    hospital, number = a_live_hospital(), an_id_number()

    patient_id, person_id = a_patient(hospital, id_number=number)

    with acting_for(hospital):
        by_number = select(Patient.id).where(Patient.id_number_index == blind_index(number, "id_number"))
        raw = session.connection().exec_driver_sql(
            "SELECT id_number, name FROM patient WHERE tenant_id = %s AND id = %s", (hospital, patient_id)
        )
        stored = b"".join(bytes(each) for each in raw.one())
        assert session.scalar(by_number) == patient_id
        assert number.encode() not in stored
        assert "李明".encode() not in stored
        assert patient_of(person_id).id == patient_id


def test_registering_opens_the_door_to_the_hospital_for_that_person_alone():
    hospital = a_live_hospital()

    _, person_id = a_patient(hospital)

    with as_person(person_id):
        places = session.execute(select(Affiliation.tenant_id, Affiliation.audience)).all()
    with acting_for(hospital):
        roles = session.scalar(select(Membership.roles).where(Membership.person_id == person_id))
    assert (places, roles) == ([(hospital, "patient")], ["patient"])


def test_a_hospital_that_is_not_live_registers_nobody():
    with pytest.raises(OrganizationNotLive):
        a_patient(a_hospital())


def test_one_person_and_one_identity_number_have_one_record_each():
    hospital, number = a_live_hospital(), an_id_number()
    _, person_id = a_patient(hospital, id_number=number)

    with pytest.raises(PatientAlreadyRegistered):
        a_patient(hospital, person_id=person_id)
    with pytest.raises(PatientAlreadyRegistered):
        a_patient(hospital, id_number=number)


def test_the_same_person_has_a_record_of_their_own_at_each_hospital():
    first, second = a_live_hospital(), a_live_hospital()
    number = an_id_number()
    here, person_id = a_patient(first, id_number=number)

    there, _ = a_patient(second, person_id=person_id, id_number=number)

    with acting_for(first), pytest.raises(NotFound):
        patient_for(person_id, there)
    assert here != there


def test_somebody_without_a_record_is_told_to_register():
    with acting_for(a_live_hospital()), pytest.raises(PatientNotRegistered):
        require_patient(a_person())


def test_a_record_is_found_only_by_the_person_who_signs_in_for_it():
    hospital = a_live_hospital()
    theirs, _ = a_patient(hospital)
    _, me = a_patient(hospital)

    with acting_for(hospital), pytest.raises(NotFound):
        require_patient(me, theirs)


def test_a_child_under_14_does_not_register_alone():
    with pytest.raises(GuardianRequired):
        a_patient(a_live_hospital(), id_number=an_id_number(born(14, 1)))


def test_a_ward_needs_a_guardian_who_is_an_adult_with_a_record_here():
    hospital = a_live_hospital()
    _, teenager = a_patient(hospital, id_number=an_id_number(born(17)))

    with pytest.raises(GuardianRequired):
        a_child(hospital, a_person(), 5)
    with pytest.raises(GuardianRequired):
        a_child(hospital, teenager, 5)


def test_a_child_under_six_sees_a_specialist_for_children():
    hospital = a_live_hospital()
    _, guardian = a_patient(hospital)
    five, six = a_child(hospital, guardian, 5), a_child(hospital, guardian, 6)

    with acting_for(hospital):
        require_fit_for_service(require_patient(guardian, five), PAEDIATRICS, clock.now())
        require_fit_for_service(require_patient(guardian, six), CARDIOLOGY, clock.now())
        with pytest.raises(ChildNeedsPaediatrics):
            require_fit_for_service(require_patient(guardian, five), CARDIOLOGY, clock.now())


def test_no_service_before_every_required_consent():
    hospital = a_live_hospital()
    _, person_id = a_patient(hospital, consents=all_consents()[:1])

    with acting_for(hospital), pytest.raises(ConsentMissing) as refused:
        require_fit_for_service(patient_of(person_id), CARDIOLOGY, clock.now())

    assert refused.value.facts["missing"] == all_consents()[1:]


def test_a_withdrawn_consent_stops_service_and_a_new_one_opens_it():
    hospital = a_live_hospital()
    _, person_id = a_patient(hospital)
    wish = all_consents()[0]

    with acting_for(hospital), transaction():
        commands.decide_consent(patient_of(person_id), by=person_id, decision="withdrawn", **wish)
    with acting_for(hospital), pytest.raises(ConsentMissing):
        require_fit_for_service(patient_of(person_id), CARDIOLOGY, clock.now())
    with acting_for(hospital), transaction():
        commands.decide_consent(patient_of(person_id), by=person_id, decision="given", **wish)

    with acting_for(hospital):
        require_fit_for_service(patient_of(person_id), CARDIOLOGY, clock.now())


def test_consent_is_given_to_the_version_in_force_only():
    hospital = a_live_hospital()

    with pytest.raises(ConsentTextOutdated) as refused:
        a_patient(hospital, consents=[all_consents()[0] | {"version": 99}])

    assert refused.value.facts["version_in_force"] == 1


def test_evidence_of_an_earlier_diagnosis_counts_in_its_specialty_only():
    hospital = a_live_hospital()
    patient_id, person_id = a_patient(hospital)

    filed = a_prior_diagnosis(hospital, patient_id, person_id, specialty="03.04")

    with acting_for(hospital):
        assert prior_diagnosis_for(patient_id, "03.04").id == filed
        assert prior_diagnosis_for(patient_id, "07") is None
        assert prior_diagnosis_for(patient_id, "03.01") is None


@pytest.mark.parametrize("day", [timedelta(days=1), timedelta(days=-365 * 80)])
def test_nobody_was_diagnosed_tomorrow_or_before_birth(day):
    hospital = a_live_hospital()
    _, person_id = a_patient(hospital)
    facts = evidence_facts(diagnosed_on=clock.today() + day)

    with acting_for(hospital), pytest.raises(Invalid) as refused:
        commands.file_prior_diagnosis(patient_of(person_id), by=person_id, facts=facts)

    assert refused.value.fields[0].field == "diagnosed_on"


def test_the_same_document_is_filed_once_for_a_diagnosis():
    hospital = a_live_hospital()
    patient_id, person_id = a_patient(hospital)
    same = evidence_facts()["document_sha256"]
    a_prior_diagnosis(hospital, patient_id, person_id, document_sha256=same)

    with pytest.raises(EvidenceAlreadyFiled):
        a_prior_diagnosis(hospital, patient_id, person_id, document_sha256=same)


@pytest.mark.parametrize("table", ["consent", "prior_diagnosis", "real_name_check"])
def test_consents_evidence_and_checks_are_never_rewritten(table):
    with acting_for(a_live_hospital()), pytest.raises(ProgrammingError, match="permission denied"):
        session.connection().exec_driver_sql(f"DELETE FROM {table}")
