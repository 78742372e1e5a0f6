"""A licence comes into force and leaves it, and what that does."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import ProgrammingError

from tandem.accounts.organizations.queries import missing_requirements
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.errors import Invalid, NotFound, TransitionRefused
from tandem.kernel.tenancy import acting_for, transaction
from tenants.hospitals import (
    LicenceExpired,
    LicenceNotValid,
    SpecialtyNotRegistered,
    commands,
    licence_at,
    queries,
    require_licence,
)
from tenants.hospitals.errors import LicenceAlreadyRecorded, LicenceNameMismatch, LicenceSettled
from tenants.hospitals.jobs import expire_licences_by_date
from tests.hospitals import CARDIOLOGY, a_hospital, a_licence, a_live_hospital

SHANGHAI = ZoneInfo("Asia/Shanghai")
pytestmark = pytest.mark.usefixtures("app")


def the_facts(**changes):
    facts = {
        "number": "PDY000001000",
        "licensed_name": commands.own_organization().name,
        "second_name": None,
        "issuing_authority": "浙江省卫生健康委员会",
        "valid_from": clock.today(),
        "valid_to": clock.today() + timedelta(days=365),
        "registered_specialties": [CARDIOLOGY],
        "verification_due_on": None,
    }
    return facts | changes


def test_a_verified_licence_meets_the_requirement_of_admission():
    hospital = a_hospital()

    a_licence(hospital)

    with acting_for(hospital):
        assert missing_requirements("approval") == []
        assert licence_at(clock.now()).status == "verified"


def test_a_licence_counts_to_the_last_minute_of_its_last_day_where_the_hospital_is():
    hospital = a_hospital()
    a_licence(hospital)

    with acting_for(hospital):
        last = licence_at(clock.now()).valid_to
        until = datetime(last.year, last.month, last.day, 23, 59, tzinfo=SHANGHAI)

        assert require_licence(CARDIOLOGY, until).valid_to == last
        with pytest.raises(LicenceExpired) as refused:
            require_licence(CARDIOLOGY, until + timedelta(minutes=1))
        assert refused.value.facts["valid_to"] == last


def test_a_specialty_outside_the_licence_is_refused_with_those_inside():
    hospital = a_hospital()
    a_licence(hospital, "03.04", "07")

    with acting_for(hospital), pytest.raises(SpecialtyNotRegistered) as refused:
        require_licence("05.02", clock.now())

    assert refused.value.facts["registered"] == ["03.04", "07"]


@pytest.mark.parametrize("leave", [commands.suspend_licence, commands.revoke_licence])
def test_a_licence_that_the_authority_takes_away_allows_nothing_from_that_moment(leave):
    hospital = a_live_hospital()

    with acting_for(hospital, operator=True), transaction():
        leave(licence_at(clock.now()).id, because="notice 2026-17")

    with acting_for(hospital), pytest.raises(LicenceNotValid):
        require_licence(CARDIOLOGY, clock.now())


def test_a_suspension_is_lifted_but_a_revocation_is_not():
    hospital = a_live_hospital()
    with acting_for(hospital, operator=True), transaction():
        licence = licence_at(clock.now())
        commands.suspend_licence(licence.id, because="inspection")
        commands.reinstate_licence(licence.id, because="mended")
        commands.revoke_licence(licence.id, because="again")

    with acting_for(hospital, operator=True), pytest.raises(TransitionRefused) as refused:
        commands.reinstate_licence(licence.id, because="please")

    assert refused.value.facts["allowed"] == []


def test_the_nightly_job_moves_what_ran_out_and_leaves_the_rest(at):
    hospital = a_hospital()
    old = a_licence(hospital, valid_to=clock.today() + timedelta(days=3))
    renewed = a_licence(hospital, valid_to=clock.today() + timedelta(days=400))
    at(clock.now() + timedelta(days=4))

    with acting_for(hospital), transaction():
        expire_licences_by_date()
        expire_licences_by_date()

    with acting_for(hospital):
        assert (queries.licence(old).status, queries.licence(renewed).status) == ("expired", "verified")
        assert licence_at(clock.now()).id == renewed


def test_booking_does_not_wait_for_the_nightly_job(at):
    hospital = a_hospital()
    a_licence(hospital, valid_to=clock.today() + timedelta(days=3))
    at(clock.now() + timedelta(days=4))

    with acting_for(hospital), pytest.raises(LicenceExpired):
        require_licence(CARDIOLOGY, clock.now())


def test_a_licence_in_another_name_is_refused():
    hospital = a_hospital()

    with acting_for(hospital), pytest.raises(LicenceNameMismatch):
        commands.record_licence(the_facts(licensed_name="杭州第二人民医院"))


def test_a_licence_whose_days_are_the_wrong_way_round_is_refused():
    hospital = a_hospital()

    with acting_for(hospital), pytest.raises(Invalid) as refused:
        commands.record_licence(the_facts(valid_to=clock.today() - timedelta(days=1)))

    assert refused.value.fields[0].field == "valid_to"


def test_the_same_licence_is_recorded_once():
    hospital = a_hospital()
    with acting_for(hospital), transaction():
        commands.record_licence(the_facts())

    with acting_for(hospital), pytest.raises(LicenceAlreadyRecorded):
        commands.record_licence(the_facts())


def test_a_licence_is_corrected_only_until_the_operator_has_looked():
    hospital = a_hospital()
    with acting_for(hospital), transaction():
        licence = commands.record_licence(the_facts())
        commands.correct_licence(licence, {"number": "PDY000001001"})
    with acting_for(hospital, operator=True), transaction():
        commands.verify_licence(licence.id, evidence="register")

    with acting_for(hospital), pytest.raises(LicenceSettled):
        commands.correct_licence(queries.licence(licence.id), {"number": "PDY000001002"})


def test_a_licence_that_is_over_cannot_be_verified(at):
    hospital = a_hospital()
    with acting_for(hospital), transaction():
        licence_id = commands.record_licence(the_facts()).id
    at(clock.now() + timedelta(days=366))

    with acting_for(hospital, operator=True), pytest.raises(LicenceExpired):
        commands.verify_licence(licence_id, evidence="register")


def test_another_hospitals_licence_is_not_there():
    mine, theirs = a_hospital(), a_hospital()
    licence_id = a_licence(theirs)

    with acting_for(mine), pytest.raises(NotFound):
        queries.licence(licence_id)


def test_the_operator_verifies_but_cannot_read_who_practises_or_is_treated():
    hospital = a_live_hospital()

    for table in ("practitioner", "credential", "patient", "consent", "prior_diagnosis", "real_name_check"):
        with acting_for(hospital, operator=True), pytest.raises(ProgrammingError, match="permission denied"):
            session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}")
