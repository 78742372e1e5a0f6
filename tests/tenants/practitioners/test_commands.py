"""Who may practise here, and who may not."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.errors import Invalid, TransitionRefused
from tandem.kernel.identity import Membership
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tenants.practitioners import (
    PractitionerNotCleared,
    RealNameCheckDue,
    commands,
    practitioner,
    practitioner_of_person,
    require_practitioner,
    require_real_name_check,
)
from tenants.practitioners.errors import (
    CredentialInsufficient,
    NotOnTheStaff,
    OperatorMayNotPractise,
    PractitionerAlreadyHere,
    RealNameCheckFailed,
    SubmitterMayNotVerify,
)
from tests.hospitals import CARDIOLOGY, a_doctor, a_hospital, credential_facts, hand, practitioner_facts
from tests.people import a_person, a_place

pytestmark = pytest.mark.usefixtures("app")


def a_member_of_staff(hospital):
    person_id = a_person(name="张伟")
    a_place(person_id, hospital, "hospital")
    return person_id


def a_submitted_credential(hospital, **changes):
    with acting_for(hospital), hand("hospital", hospital), transaction():
        taken_on = commands.take_on_practitioner(practitioner_facts(a_member_of_staff(hospital))).id
        return taken_on, commands.submit_credential(taken_on, credential_facts(**changes)).id


def roles_of_person(hospital, person_id):
    with acting_for(hospital):
        return session.scalar(select(Membership.roles).where(Membership.person_id == person_id))


def test_a_verified_doctor_is_cleared_for_the_registered_specialties_and_gets_the_role():
    hospital = a_hospital()

    doctor, person_id = a_doctor(hospital, CARDIOLOGY)

    with acting_for(hospital):
        assert require_practitioner(doctor, CARDIOLOGY, clock.now()).id == doctor
        assert practitioner_of_person(person_id).id == doctor
    assert roles_of_person(hospital, person_id) == ["doctor"]


def test_a_doctor_is_not_cleared_for_another_specialty():
    hospital = a_hospital()
    doctor, _ = a_doctor(hospital, CARDIOLOGY)

    with acting_for(hospital), pytest.raises(PractitionerNotCleared) as refused:
        require_practitioner(doctor, "05.01", clock.now())

    assert refused.value.facts["because"] == ["specialty-not-registered"]


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"independent_practice_since": clock.today() - timedelta(days=365)}, "independent-practice-under-3-years"),
        ({"independent_practice_since": None}, "independent-practice-under-3-years"),
        ({"main_employer_agrees": False}, "employer-does-not-agree"),
        ({"is_main_place": False}, "multi-site-filing-missing"),
        ({"valid_to": clock.today() - timedelta(days=1)}, "credential-expired"),
    ],
)
def test_a_credential_that_falls_short_of_the_rules_is_not_verified(changes, lacking):
    hospital = a_hospital()
    doctor, credential = a_submitted_credential(hospital, **changes)

    with acting_for(hospital), hand("hospital", hospital), pytest.raises(CredentialInsufficient) as refused:
        commands.verify_credential(doctor, credential, note="looked")

    assert refused.value.facts["because"] == [lacking]


def test_a_certificate_that_runs_out_ends_the_clearance_by_itself(at):
    hospital = a_hospital()
    doctor, credential = a_submitted_credential(hospital, valid_to=clock.today() + timedelta(days=10))
    with acting_for(hospital), hand("hospital", hospital), transaction():
        commands.verify_credential(doctor, credential, note="looked")

    with acting_for(hospital):
        require_practitioner(doctor, CARDIOLOGY, clock.now() + timedelta(days=10))
        with pytest.raises(PractitionerNotCleared):
            require_practitioner(doctor, CARDIOLOGY, clock.now() + timedelta(days=11))


def test_nobody_verifies_what_they_submitted():
    hospital, admin = a_hospital(), a_person()
    with acting_for(hospital), hand("hospital", hospital, admin), transaction():
        doctor = commands.take_on_practitioner(practitioner_facts(a_member_of_staff(hospital))).id
        credential = commands.submit_credential(doctor, credential_facts()).id

    with acting_for(hospital), hand("hospital", hospital, admin), pytest.raises(SubmitterMayNotVerify):
        commands.verify_credential(doctor, credential, note="looked")


def test_a_licence_is_not_lent_to_the_operators_staff():
    hospital, person_id = a_hospital(), a_person()
    a_place(person_id, OPERATOR_ID, "operator", "operator_staff")
    a_place(person_id, hospital, "hospital")

    with acting_for(hospital), pytest.raises(OperatorMayNotPractise):
        commands.take_on_practitioner(practitioner_facts(person_id))


def test_somebody_who_joined_the_operator_meanwhile_is_not_verified():
    hospital = a_hospital()
    doctor, credential = a_submitted_credential(hospital)
    with acting_for(hospital):
        person_id = practitioner(doctor).person_id
    a_place(person_id, OPERATOR_ID, "operator", "operator_staff")

    with acting_for(hospital), hand("hospital", hospital), pytest.raises(OperatorMayNotPractise):
        commands.verify_credential(doctor, credential, note="looked")


def test_only_staff_is_taken_on_and_only_once():
    hospital = a_hospital()
    person_id = a_member_of_staff(hospital)
    facts = practitioner_facts(person_id)
    with acting_for(hospital), transaction():
        commands.take_on_practitioner(facts)

    with acting_for(hospital), pytest.raises(NotOnTheStaff):
        commands.take_on_practitioner(practitioner_facts(a_person()))
    with acting_for(hospital), pytest.raises(PractitionerAlreadyHere):
        commands.take_on_practitioner(facts)
    with acting_for(hospital), pytest.raises(PractitionerAlreadyHere):
        other = practitioner_facts(a_member_of_staff(hospital), id_number=facts["id_number"])
        commands.take_on_practitioner(other)


def test_a_doctor_has_no_pharmacists_title():
    hospital = a_hospital()

    with acting_for(hospital), pytest.raises(Invalid) as refused:
        commands.take_on_practitioner(practitioner_facts(a_member_of_staff(hospital), title="chief_pharmacist"))

    assert refused.value.fields[0].field == "title"


def test_the_real_name_check_holds_for_the_business_day_and_no_longer(at):
    hospital = a_hospital()
    doctor, _ = a_doctor(hospital)

    with acting_for(hospital):
        require_real_name_check(doctor)
        with pytest.raises(RealNameCheckDue):
            require_real_name_check(doctor, clock.now() + timedelta(days=1))


def test_nobody_stands_in_for_the_doctor():
    hospital = a_hospital()
    doctor, person_id = a_doctor(hospital, checked_today=False)
    with acting_for(hospital):
        own_number = practitioner(doctor).id_number

    for somebody, number in ((a_person(), own_number), (None, own_number), (person_id, "11010519491231002X")):
        with acting_for(hospital), pytest.raises(RealNameCheckFailed):
            commands.pass_real_name_check(doctor, person_id=somebody, id_number=number, method="face")


def test_the_first_check_makes_a_verified_doctor_active():
    hospital = a_hospital()
    doctor, person_id = a_doctor(hospital, checked_today=False)
    with acting_for(hospital):
        before, number = practitioner(doctor).status, practitioner(doctor).id_number

    with acting_for(hospital), transaction():
        first = commands.pass_real_name_check(doctor, person_id=person_id, id_number=number, method="face")
        second = commands.pass_real_name_check(doctor, person_id=person_id, id_number=number, method="face")

    with acting_for(hospital):
        assert (before, practitioner(doctor).status, first.id) == ("verified", "active", second.id)


def test_a_suspended_doctor_loses_role_and_clearance_until_resumed():
    hospital = a_hospital()
    doctor, person_id = a_doctor(hospital)

    with acting_for(hospital), transaction():
        commands.stop_practitioner(doctor, to="suspended", because="complaint")
    suspended = roles_of_person(hospital, person_id)
    with acting_for(hospital), pytest.raises(PractitionerNotCleared) as refused:
        require_practitioner(doctor, CARDIOLOGY, clock.now())
    with acting_for(hospital), transaction():
        commands.resume_practitioner(doctor, because="unfounded")

    assert (suspended, refused.value.facts["because"]) == ([], ["status-suspended"])
    assert roles_of_person(hospital, person_id) == ["doctor"]
    with acting_for(hospital):
        assert require_practitioner(doctor, CARDIOLOGY, clock.now()).status == "verified"


def test_a_new_credential_takes_the_place_of_the_old_one():
    hospital = a_hospital()
    doctor, _ = a_doctor(hospital, CARDIOLOGY)

    with acting_for(hospital), hand("hospital", hospital), transaction():
        wider = commands.submit_credential(doctor, credential_facts(CARDIOLOGY, "07")).id
    with acting_for(hospital), hand("hospital", hospital), transaction():
        commands.verify_credential(doctor, wider, note="looked")

    with acting_for(hospital):
        assert require_practitioner(doctor, "07", clock.now()).id == doctor


def test_a_rejected_credential_sends_the_practitioner_back_and_is_not_verified_later():
    hospital = a_hospital()
    doctor, credential = a_submitted_credential(hospital)
    with acting_for(hospital), hand("hospital", hospital), transaction():
        commands.reject_credential(doctor, credential, note="unreadable")

    with acting_for(hospital), hand("hospital", hospital), pytest.raises(TransitionRefused):
        commands.verify_credential(doctor, credential, note="looked")
    with acting_for(hospital):
        assert practitioner(doctor).status == "invited"


def test_numbers_of_a_practitioner_are_never_stored_in_clear():
    hospital = a_hospital()
    doctor, _ = a_doctor(hospital)
    with acting_for(hospital):
        kept = practitioner(doctor)
        stored = session.connection().exec_driver_sql(
            "SELECT id_number, phone, name FROM practitioner WHERE tenant_id = %s AND id = %s", (hospital, doctor)
        )

        clear = (kept.id_number, kept.phone, kept.name)
        assert all(each.encode() not in bytes(raw) for each, raw in zip(clear, stored.one(), strict=True))
