"""A doctor's time: cut into slots once, taken off offer and given back set by set."""

from collections.abc import Callable
from datetime import date, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.errors import Invalid, TransitionRefused
from tenants.hospitals import LicenceExpired
from tenants.practitioners.commands import resume_practitioner, stop_practitioner
from tenants.schedules import (
    NotYourSchedule,
    PractitionerLeave,
    ScheduleEmpty,
    ScheduleOverlaps,
    ScheduleTooLarge,
    Slot,
    lift_leave,
    publish_schedule,
    release_slots,
    take_leave,
    withdraw_schedule,
)
from tenants.schedules.commands import slot_starts
from tests.tenants.clinics import (
    Clinic,
    a_clinic,
    all_at_once,
    another_service,
    as_clinic,
    as_doctor,
    slot_start,
    slot_states,
    slots_tomorrow,
    tomorrow,
)

pytestmark = pytest.mark.usefixtures("app")


def test_a_morning_becomes_slots_of_the_services_length():
    clinic = a_clinic(minutes=15)

    slots = slots_tomorrow(clinic, opens="09:00", closes="10:10")

    starts = [slot_start(clinic, each).astimezone(clock.ZoneInfo("Asia/Shanghai")).time() for each in slots]
    assert starts == [time(9, 0), time(9, 15), time(9, 30), time(9, 45)]
    assert set(slot_states(clinic).values()) == {"free"}


def test_slots_are_only_cut_on_the_chosen_weekdays_and_in_the_future():
    monday = date(2030, 1, 7)

    starts = slot_starts(monday, monday + timedelta(days=13), [1, 3], opens_at=time(9), closes_at=time(10), minutes=30)

    assert len(starts) == 8
    assert {start.isoweekday() for start in starts} == {1, 3}
    assert not slot_starts(
        date(2020, 1, 1), date(2020, 1, 2), [1, 2, 3, 4, 5, 6, 7], opens_at=time(9), closes_at=time(10), minutes=30
    )


def test_a_doctor_is_never_in_two_places_even_with_slots_of_other_lengths():
    clinic = a_clinic(minutes=30)
    short = another_service(clinic, minutes=10)
    slots_tomorrow(clinic, opens="09:00", closes="10:00")

    with pytest.raises(ScheduleOverlaps):
        slots_tomorrow(clinic, opens="09:50", closes="11:00", service_id=short)

    assert len(slots_tomorrow(clinic, opens="10:00", closes="11:00", service_id=short)) == 6


def test_of_many_who_publish_the_same_hours_at_once_one_succeeds(app: Flask):
    clinic = a_clinic()

    def publish() -> bool:
        try:
            slots_tomorrow(clinic)
        except ScheduleOverlaps:
            return False
        return True

    outcomes = all_at_once(app, [publish] * 6)

    assert outcomes.count(True) == 1
    assert len(slot_states(clinic)) == 4


def test_no_slot_is_offered_beyond_the_licence():
    clinic = a_clinic(licensed_until=clock.today())

    with pytest.raises(LicenceExpired):
        slots_tomorrow(clinic)


@pytest.mark.parametrize(
    ("days", "hours", "refusal"),
    [
        ((1, 0), ("09:00", "10:00"), Invalid),
        ((-1, 1), ("09:00", "10:00"), Invalid),
        ((1, 400), ("09:00", "10:00"), Invalid),
        ((1, 1), ("10:00", "09:00"), Invalid),
        ((1, 1), ("09:00", "09:07"), Invalid),
        ((1, 1), ("09:00+08:00", "10:00"), Invalid),
        ((1, 1), ("09:00", "09:10"), ScheduleEmpty),
        ((1, 170), ("00:00", "23:55"), ScheduleTooLarge),
    ],
)
def test_hours_that_make_no_sense_are_refused(days, hours, refusal):
    clinic = a_clinic()
    first, last = (clock.today() + timedelta(days=offset) for offset in days)

    with pytest.raises(refusal), as_clinic(clinic):
        publish_schedule(
            practitioner_id=clinic.practitioner_id,
            service_id=clinic.service_id,
            first_on=first,
            last_on=last,
            opens_at=time.fromisoformat(hours[0]),
            closes_at=time.fromisoformat(hours[1]),
        )

    assert not slot_states(clinic)


def test_a_withdrawn_schedule_gives_the_doctors_time_back():
    clinic = a_clinic()
    with as_clinic(clinic):
        schedule = tomorrow(clinic, opens="09:00", closes="10:00")

    with as_clinic(clinic):
        withdraw_schedule(schedule.id)

    assert set(slot_states(clinic).values()) == {"entered-in-error"}
    assert len(slots_tomorrow(clinic)) == 4
    with pytest.raises(TransitionRefused), as_clinic(clinic):
        withdraw_schedule(schedule.id)


def test_a_leave_takes_free_slots_off_offer_and_lifting_it_offers_them_again():
    clinic = a_clinic()
    slots = slots_tomorrow(clinic)

    leave = _leave_over(clinic, slots[1], slots[2])

    assert [slot_states(clinic)[each] for each in slots] == ["free", "busy-unavailable", "busy-unavailable", "free"]
    with as_clinic(clinic):
        lift_leave(leave.id)
        lift_leave(leave.id)
    assert set(slot_states(clinic).values()) == {"free"}


def test_lifting_one_of_two_leaves_offers_nothing_that_the_other_covers():
    clinic = a_clinic()
    slots = slots_tomorrow(clinic)
    _leave_over(clinic, slots[0], slots[1])
    second = _leave_over(clinic, slots[1], slots[2])

    with as_clinic(clinic):
        lift_leave(second.id)

    assert [slot_states(clinic)[each] for each in slots] == ["busy-unavailable", "busy-unavailable", "free", "free"]


def test_a_stopped_doctors_time_is_off_offer_and_comes_back_when_the_stop_ends(work: Callable[..., int]):
    clinic = a_clinic()
    slots = slots_tomorrow(clinic)
    leave = _leave_over(clinic, slots[0], slots[0])

    with as_clinic(clinic):
        stop_practitioner(clinic.practitioner_id, to="suspended", because="an inquiry")
    work(clinic.id)
    stopped = set(slot_states(clinic).values())
    with as_clinic(clinic):
        lift_leave(leave.id)
    lifted = set(slot_states(clinic).values())
    with as_clinic(clinic):
        resume_practitioner(clinic.practitioner_id, because="cleared of it")
    work(clinic.id)

    assert stopped == lifted == {"busy-unavailable"}
    assert set(slot_states(clinic).values()) == {"free"}


def test_what_a_stopped_doctors_visitor_gives_back_is_not_offered(work: Callable[..., int]):
    clinic = a_clinic()
    slots = slots_tomorrow(clinic)
    with as_clinic(clinic):
        session.execute(update(Slot).where(Slot.id == slots[0]).values(status="busy"))
        stop_practitioner(clinic.practitioner_id, to="ended", because="retired")
    work(clinic.id)

    with as_clinic(clinic):
        release_slots([slots[0]])

    assert slot_states(clinic)[slots[0]] == "busy-unavailable"


def test_hours_published_inside_a_leave_are_not_offered():
    clinic = a_clinic()
    day = clock.day_bounds(clock.today() + timedelta(days=1))
    with as_clinic(clinic):
        take_leave(practitioner_id=clinic.practitioner_id, start_at=day[0], end_at=day[1], because="training")

    slots = slots_tomorrow(clinic)

    assert [slot_states(clinic)[each] for each in slots] == ["busy-unavailable"] * 4


def test_a_doctor_plans_only_the_own_time():
    clinic, elsewhere = a_clinic(), a_clinic()

    with as_doctor(clinic):
        tomorrow(clinic, opens="09:00", closes="10:00")

    with pytest.raises(NotYourSchedule), as_doctor(clinic, elsewhere.doctor_id):
        tomorrow(clinic, opens="11:00", closes="12:00")
    assert len(slot_states(clinic)) == 4


def _leave_over(clinic: Clinic, first: object, last: object) -> PractitionerLeave:
    with as_clinic(clinic):
        starts = session.scalar(select(Slot.start_at).where(Slot.id == first))
        ends = session.scalar(select(Slot.end_at).where(Slot.id == last))
        assert starts is not None and ends is not None
        return take_leave(practitioner_id=clinic.practitioner_id, start_at=starts, end_at=ends, because="vacation")
