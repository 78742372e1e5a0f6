"""What a hospital may offer, and what the public then finds."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event

from tandem.accounts import OrganizationNotLive, suspend_organization
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.errors import Invalid, NotFound, TransitionRefused
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import acting_for, in_public, transaction
from tandem.traffic.directory import queries as directory
from tenants.healthcare_services import ServiceNotOffered, bookable_service, commands, queries
from tenants.healthcare_services.errors import ServiceIsPublished, ServiceNameTaken
from tenants.hospitals import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered, licence_at
from tenants.hospitals import commands as hospitals
from tenants.practitioners import commands as practitioners
from tests.hospitals import CARDIOLOGY, a_doctor, a_hospital, a_licence, a_live_hospital, a_service, hand, service_facts

pytestmark = pytest.mark.usefixtures("app")
NOWHERE = {"specialty": None, "province": None, "city": None, "q": None, "limit": 100, "after": None}


def shown_services(hospital: UUID) -> list[UUID]:
    with in_public():
        found = directory.services(**NOWHERE, hospital_id=hospital, mode=None, care_type=None)
    return [row["id"] for row in found.rows]


def is_shown(hospital: UUID) -> bool:
    try:
        with in_public():
            directory.hospital(hospital)
    except NotFound:
        return False
    return True


def test_a_service_outside_the_licence_cannot_be_written():
    with acting_for(a_live_hospital("03.04")), pytest.raises(SpecialtyNotRegistered):
        commands.write_service(service_facts(specialty="05.02"))


def test_nothing_is_offered_without_a_licence():
    with acting_for(a_hospital()), pytest.raises(LicenceNotValid) as refused:
        commands.write_service(service_facts())

    assert refused.value.facts["licence_status"] == "missing"


def test_a_licence_that_lapsed_since_stops_publication(at):
    hospital = a_live_hospital()
    with acting_for(hospital), transaction():
        draft = commands.write_service(service_facts()).id
    at(clock.now() + timedelta(days=186))

    with acting_for(hospital), pytest.raises(LicenceExpired):
        commands.publish_service(draft)


def test_a_published_service_is_bookable_and_a_draft_or_retired_one_is_not():
    hospital = a_live_hospital()
    service = a_service(hospital)
    with acting_for(hospital), transaction():
        draft = commands.write_service(service_facts()).id

    with acting_for(hospital):
        assert bookable_service(service).price_minor == 7200
        with pytest.raises(ServiceNotOffered):
            bookable_service(draft)
        with pytest.raises(NotFound):
            bookable_service(new_id())
    with acting_for(hospital), transaction():
        commands.retire_service(service, because="no longer")
        with pytest.raises(ServiceNotOffered):
            bookable_service(service)


def test_a_suspended_hospital_offers_nothing():
    hospital = a_live_hospital()
    service = a_service(hospital)
    with acting_for(hospital, operator=True), transaction():
        suspend_organization(because="inspection")

    with acting_for(hospital), pytest.raises(OrganizationNotLive):
        bookable_service(service)


def test_booking_stops_the_moment_the_licence_leaves_validity(at):
    hospital = a_live_hospital()
    service = a_service(hospital)
    at(clock.now() + timedelta(days=186))

    with acting_for(hospital), pytest.raises(LicenceExpired):
        bookable_service(service)


def test_what_patients_were_shown_keeps_its_nature_but_may_change_its_price():
    hospital = a_live_hospital()
    service = a_service(hospital)

    with acting_for(hospital), transaction():
        revised = commands.revise_service(queries.service_for_update(service), {"price": Money(8000)})
        with pytest.raises(ServiceIsPublished) as refused:
            commands.revise_service(revised, {"mode": "text", "price": Money(1)})

    assert (revised.price_minor, refused.value.facts["fields_fixed"]) == (8000, ["mode"])


def test_a_retired_service_does_not_come_back():
    hospital = a_live_hospital()
    service = a_service(hospital)
    with acting_for(hospital), transaction():
        commands.retire_service(service, because="no longer")

    with acting_for(hospital), pytest.raises(TransitionRefused):
        commands.publish_service(service)


def test_names_are_used_once_within_a_hospital_and_freely_between_them():
    first, second = a_live_hospital(), a_live_hospital()
    facts = service_facts()
    with acting_for(first), transaction():
        commands.write_service(facts)
    with acting_for(second), transaction():
        commands.write_service(facts)

    with acting_for(first), pytest.raises(ServiceNameTaken):
        commands.write_service(facts)


def test_another_hospitals_department_is_no_department():
    mine, theirs = a_live_hospital(), a_live_hospital()
    with acting_for(theirs), transaction():
        department = hospitals.open_department({"name": "心内科", "name_en": None, "specialty": CARDIOLOGY}).id

    with acting_for(mine), pytest.raises(Invalid) as refused:
        commands.write_service(service_facts(department_id=department))

    assert refused.value.fields[0].field == "department_id"


def test_the_directory_shows_licence_prices_and_staff_once_the_news_is_worked(work):
    hospital = a_live_hospital("03.04")
    doctor, _ = a_doctor(hospital, "03.04")
    service = a_service(hospital)

    work(hospital)

    with in_public():
        card = directory.hospital(hospital)
        staff = directory.practitioners(hospital, limit=10, after=None).rows
        shown = directory.service(service)
    assert card["specialties"] == [{"code": "03.04", "zh": "心血管内科专业", "en": "Cardiology"}]
    assert card["licence_number"].startswith("PDY")
    assert [(row["id"], row["name"]) for row in staff] == [(doctor, "张伟")]
    assert (shown["price_minor"], shown["hospital_name"]) == (7200, card["name"])


def test_a_suspended_hospital_vanishes_and_comes_back_with_everything(work):
    hospital = a_live_hospital()
    service = a_service(hospital)
    with acting_for(hospital, operator=True), transaction():
        licence = licence_at(clock.now()).id
        hospitals.suspend_licence(licence, because="inspection")
    work(hospital)
    while_suspended = is_shown(hospital), shown_services(hospital)
    with acting_for(hospital, operator=True), transaction():
        hospitals.reinstate_licence(licence, because="mended")

    work(hospital)

    assert while_suspended == (False, [])
    assert (is_shown(hospital), shown_services(hospital)) == (True, [service])


def test_a_lapsed_hospital_vanishes_at_midnight_before_any_job_runs(work, at):
    hospital = a_live_hospital()
    service = a_service(hospital)
    work(hospital)
    with acting_for(hospital):
        last = licence_at(clock.now()).valid_to
    start_of_last_day, end_of_last_day = clock.day_bounds(last)
    at(end_of_last_day - timedelta(seconds=1))
    on_the_last_day = is_shown(hospital), shown_services(hospital)

    at(end_of_last_day)

    assert start_of_last_day < end_of_last_day
    assert on_the_last_day == (True, [service])
    assert (is_shown(hospital), shown_services(hospital)) == (False, [])


def test_a_renewal_without_a_specialty_takes_its_services_off(work, at):
    hospital = a_live_hospital("03.04", "07")
    children = a_service(hospital, specialty="07")
    heart = a_service(hospital, specialty="03.04")
    a_licence(hospital, "03.04", valid_from=clock.today(), valid_to=clock.today() + timedelta(days=900))

    work(hospital)

    assert shown_services(hospital) == [heart]
    with acting_for(hospital), pytest.raises(SpecialtyNotRegistered):
        bookable_service(children)


def test_retired_services_and_departed_doctors_leave_the_directory(work):
    hospital = a_live_hospital()
    service = a_service(hospital)
    doctor, _ = a_doctor(hospital)
    work(hospital)
    with acting_for(hospital), hand("hospital", hospital), transaction():
        commands.retire_service(service, because="no longer")
        practitioners.stop_practitioner(doctor, to="ended", because="moved")

    work(hospital)

    with in_public():
        staff = directory.practitioners(hospital, limit=10, after=None).rows
    assert (shown_services(hospital), list(staff)) == ([], [])


def test_a_visit_after_the_licences_last_day_cannot_be_booked_today():
    hospital = a_live_hospital()
    service = a_service(hospital)

    with acting_for(hospital):
        last = clock.day_bounds(licence_at(clock.now()).valid_to)[1]

        assert bookable_service(service, at=last - timedelta(seconds=1)).id == service
        with pytest.raises(LicenceExpired):
            bookable_service(service, at=last)


def test_the_question_whether_a_service_can_be_booked_is_one_round_trip():
    hospital = a_live_hospital()
    service = a_service(hospital)
    asked: list[str] = []

    with acting_for(hospital):
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda _c, _cur, statement, *_: asked.append(statement))
        bookable_service(service, at=clock.now() + timedelta(days=1))

    assert len(asked) == 1
