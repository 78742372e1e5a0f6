"""Booking decided by the database: one slot, one winner; what was paid for nothing goes back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from tandem.accounts import Organization, OrganizationNotLive
from tandem.billing import payments
from tandem.billing.payments.models import Refund
from tandem.kernel import clock, outbox
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound, Problem, TransitionRefused
from tandem.kernel.tenancy import acting_for
from tenants.appointments import (
    AdviceOnlyNotAccepted,
    Appointment,
    NotYourAppointment,
    SlotTaken,
    TooEarly,
    commands,
)
from tenants.appointments.errors import HoldLapsed, NothingToPay, SlotInThePast, TooLateToCancel
from tenants.appointments.jobs import confirm_appointment
from tenants.appointments.models import HOLD
from tenants.healthcare_services import HealthcareService, ServiceNotOffered
from tenants.hospitals import Licence, LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.patients import ConsentMissing, decide_consent, patient
from tenants.practitioners import Credential, Practitioner, PractitionerNotCleared
from tenants.schedules import take_leave
from tests import hospitals
from tests.tenants.clinics import (
    Booker,
    Clinic,
    a_clinic,
    a_patient,
    all_at_once,
    as_clinic,
    as_doctor,
    as_patient,
    money_arrives,
    slot_start,
    slot_states,
    slots_tomorrow,
)

pytestmark = pytest.mark.usefixtures("app")
Move = Callable[[datetime], None]


def test_a_held_slot_is_booked_when_its_payment_succeeds():
    clinic = a_clinic(price_minor=5_000)
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)

    held = hold(clinic, booker, slot)
    money_arrives(clinic, pay(clinic, booker, held))

    assert status_of(clinic, held) == "booked"
    assert slot_states(clinic)[slot] == "busy"


def test_a_visit_free_of_charge_is_booked_at_once():
    clinic = a_clinic(price_minor=0)
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)

    held = hold(clinic, booker, slot)

    assert status_of(clinic, held) == "booked"
    assert slot_states(clinic)[slot] == "busy"
    with pytest.raises(NothingToPay):
        pay(clinic, booker, held)


def test_a_slot_that_somebody_holds_is_taken():
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    hold(clinic, a_patient(clinic), slot)

    with pytest.raises(SlotTaken):
        hold(clinic, a_patient(clinic), slot)


def test_a_slot_of_another_hospital_is_not_found():
    clinic, elsewhere = a_clinic(), a_clinic()
    foreign = slots_tomorrow(elsewhere)[0]

    with pytest.raises(NotFound):
        hold(clinic, a_patient(clinic), foreign)


def test_a_slot_in_the_past_cannot_be_booked(at: Move):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)

    at(slot_start(clinic, slot))

    with pytest.raises(SlotInThePast):
        hold(clinic, booker, slot)


def test_without_evidence_the_patient_must_accept_advice_only_before_being_charged():
    clinic = a_clinic()
    slots = slots_tomorrow(clinic)
    stranger, known = a_patient(clinic), a_patient(clinic, has_evidence=True)

    with pytest.raises(AdviceOnlyNotAccepted):
        hold(clinic, stranger, slots[0], accepts_advice_only=False)

    assert slot_states(clinic)[slots[0]] == "free"
    assert status_of(clinic, hold(clinic, known, slots[0], accepts_advice_only=False)) == "pending"
    assert status_of(clinic, hold(clinic, stranger, slots[1], accepts_advice_only=True)) == "pending"


def test_nobody_books_without_the_consent_in_force():
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)
    with as_clinic(clinic):
        record = patient(booker.patient_id)
        decide_consent(record, by=booker.person_id, purpose="internet_care", version=1, decision="withdrawn")

    with pytest.raises(ConsentMissing):
        hold(clinic, booker, slot)

    assert slot_states(clinic)[slot] == "free"


@pytest.mark.parametrize(
    ("row", "change", "refusal"),
    [
        (Organization, {"status": "suspended"}, OrganizationNotLive),
        (HealthcareService, {"status": "retired"}, ServiceNotOffered),
        (Licence, {"status": "suspended"}, LicenceNotValid),
        (Licence, {"registered_specialties": ["07"]}, SpecialtyNotRegistered),
        (Practitioner, {"status": "paused"}, PractitionerNotCleared),
        (Credential, {"status": "superseded"}, PractitionerNotCleared),
        (Credential, {"registered_specialties": ["07"]}, PractitionerNotCleared),
    ],
)
def test_what_changed_since_the_slot_was_published_stops_new_bookings(row, change, refusal):
    clinic = a_clinic()
    slot, booker = slots_tomorrow(clinic)[0], a_patient(clinic)
    with as_clinic(clinic):
        session.execute(update(row).where(row.tenant_id == clinic.id).values(**change))

    with pytest.raises(refusal):
        hold(clinic, booker, slot)

    assert slot_states(clinic)[slot] == "free"


def test_the_licence_must_cover_the_day_of_the_visit_too():
    clinic = a_clinic()
    slot, booker = slots_tomorrow(clinic)[0], a_patient(clinic)
    with as_clinic(clinic):
        session.execute(update(Licence).where(Licence.tenant_id == clinic.id).values(valid_to=clock.today()))

    with pytest.raises(LicenceExpired):
        hold(clinic, booker, slot)


def test_a_guardian_books_for_a_child_and_nobody_for_a_stranger():
    clinic = a_clinic()
    slots, guardian, stranger = slots_tomorrow(clinic), a_patient(clinic), a_patient(clinic)
    child, _ = hospitals.a_patient(
        clinic.id,
        person_id=guardian.person_id,
        relationship="child",
        id_number=hospitals.an_id_number(clock.today() - timedelta(days=3_000)),
    )

    with as_patient(clinic, guardian):
        held = commands.hold_slot(slot_id=slots[0], patient_id=child, accepts_advice_only=True)

    assert held["patient_id"] == child
    with pytest.raises(NotFound), as_patient(clinic, stranger):
        commands.hold_slot(slot_id=slots[1], patient_id=child, accepts_advice_only=True)


def test_a_hold_runs_out_and_the_slot_is_offered_again(at: Move):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    held = hold(clinic, a_patient(clinic), slot)

    at(clock.now() + HOLD)
    with as_clinic(clinic):
        released = commands.release_expired_holds()

    assert released == 1
    assert status_of(clinic, held) == "lapsed"
    assert slot_states(clinic)[slot] == "free"


def test_a_hold_that_ran_out_makes_way_before_the_sweep_comes(at: Move):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    first = hold(clinic, a_patient(clinic), slot)

    at(clock.now() + HOLD)
    second = hold(clinic, a_patient(clinic), slot)

    assert status_of(clinic, first) == "lapsed"
    assert status_of(clinic, second) == "pending"


def test_a_hold_that_ran_out_cannot_be_paid_any_more(at: Move):
    clinic = a_clinic()
    booker = a_patient(clinic)
    held = hold(clinic, booker, slots_tomorrow(clinic)[0])

    at(clock.now() + HOLD)

    with pytest.raises(HoldLapsed):
        pay(clinic, booker, held)


def test_a_payment_that_comes_late_books_the_slot_if_it_is_still_free(at: Move):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)
    held = hold(clinic, booker, slot)
    payment_id = pay(clinic, booker, held)

    at(clock.now() + HOLD)
    sweep(clinic)
    money_arrives(clinic, payment_id)

    assert status_of(clinic, held) == "booked"
    assert slot_states(clinic)[slot] == "busy"
    assert refunds(clinic, payment_id) == []


def test_a_payment_that_comes_too_late_is_refunded_in_full(at: Move):
    clinic = a_clinic(price_minor=5_000)
    slot = slots_tomorrow(clinic)[0]
    late = a_patient(clinic)
    held = hold(clinic, late, slot)
    payment_id = pay(clinic, late, held)
    at(clock.now() + HOLD)
    winner = hold(clinic, a_patient(clinic), slot)

    money_arrives(clinic, payment_id)
    money_arrives(clinic, payment_id)

    assert status_of(clinic, held) == "lapsed"
    assert status_of(clinic, winner) == "pending"
    assert refunds(clinic, payment_id) == [("slot-lost", 5_000)]


def test_a_patient_who_cancels_before_the_start_gets_everything_back():
    clinic = a_clinic(price_minor=5_000)
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)
    held = hold(clinic, booker, slot)
    payment_id = pay(clinic, booker, held)
    money_arrives(clinic, payment_id)

    cancel_own(clinic, booker, held)

    assert status_of(clinic, held) == "cancelled"
    assert slot_states(clinic)[slot] == "free"
    assert refunds(clinic, payment_id) == [("cancelled", 5_000)]
    with pytest.raises(TransitionRefused):
        cancel_own(clinic, booker, held)


def test_a_payment_that_succeeds_after_the_cancellation_is_refunded():
    clinic = a_clinic(price_minor=5_000)
    booker = a_patient(clinic)
    held = hold(clinic, booker, slots_tomorrow(clinic)[0])
    payment_id = pay(clinic, booker, held)
    cancel_own(clinic, booker, held)

    money_arrives(clinic, payment_id)

    assert status_of(clinic, held) == "cancelled"
    assert refunds(clinic, payment_id) == [("slot-lost", 5_000)]


def test_nobody_cancels_another_persons_visit():
    clinic = a_clinic()
    held = hold(clinic, a_patient(clinic), slots_tomorrow(clinic)[0])

    with pytest.raises(NotFound):
        cancel_own(clinic, a_patient(clinic), held)


def test_after_the_start_only_the_hospital_can_call_it_off(at: Move):
    clinic = a_clinic(price_minor=5_000)
    slot = slots_tomorrow(clinic)[0]
    booker = a_patient(clinic)
    held, payment_id = booked(clinic, booker, slot)

    at(slot_start(clinic, slot))
    with pytest.raises(TooLateToCancel):
        cancel_own(clinic, booker, held)
    with as_clinic(clinic):
        commands.cancel_appointment(held, because="doctor_unavailable")

    assert slot_states(clinic)[slot] == "busy-unavailable"
    assert refunds(clinic, payment_id) == [("cancelled", 5_000)]


def test_a_doctor_calls_off_the_own_visits_only():
    clinic = a_clinic()
    held, _ = booked(clinic, a_patient(clinic), slots_tomorrow(clinic)[0])

    with pytest.raises(NotYourAppointment), as_doctor(clinic, a_clinic().doctor_id):
        commands.cancel_appointment(held, because="other")
    with as_doctor(clinic):
        commands.cancel_appointment(held, because="other")

    assert status_of(clinic, held) == "cancelled"


def test_whoever_waits_too_long_for_a_slot_is_told_that_it_is_taken():
    clinic = a_clinic()
    slot, first, second = slots_tomorrow(clinic)[0], a_patient(clinic), a_patient(clinic)

    with as_patient(clinic, first):
        commands.hold_slot(slot_id=slot, accepts_advice_only=True)
        with pytest.raises(SlotTaken), as_patient(clinic, second):
            commands.hold_slot(slot_id=slot, accepts_advice_only=True)

    assert slot_states(clinic)[slot] == "busy-tentative"


def test_a_success_of_a_payment_is_heard():
    assert confirm_appointment in outbox.subscribers(payments.PaymentSucceeded)


def test_a_leave_calls_off_what_was_booked_in_it():
    clinic = a_clinic(price_minor=5_000)
    slots = slots_tomorrow(clinic)
    held, payment_id = booked(clinic, a_patient(clinic), slots[0])
    outside, _ = booked(clinic, a_patient(clinic), slots[3])
    start = slot_start(clinic, slots[0])

    with as_clinic(clinic):
        leave = take_leave(
            practitioner_id=clinic.practitioner_id,
            start_at=start,
            end_at=start + timedelta(minutes=20),
            because="illness",
        )
    for _ in range(2):
        with as_clinic(clinic):
            commands.cancel_for_leave(leave.id)

    assert status_of(clinic, held) == "cancelled"
    assert status_of(clinic, outside) == "booked"
    assert slot_states(clinic)[slots[0]] == "busy-unavailable"
    assert refunds(clinic, payment_id) == [("cancelled", 5_000)]


def test_a_patient_who_does_not_come_is_waited_for_and_then_refunded(at: Move):
    clinic = a_clinic(price_minor=5_000)
    slot = slots_tomorrow(clinic)[0]
    held, payment_id = booked(clinic, a_patient(clinic), slot)
    start = slot_start(clinic, slot)

    at(start + timedelta(minutes=14))
    with pytest.raises(TooEarly), as_doctor(clinic):
        commands.mark_no_show(held)
    at(start + timedelta(minutes=15))
    with as_doctor(clinic):
        commands.mark_no_show(held)

    assert status_of(clinic, held) == "noshow"
    assert refunds(clinic, payment_id) == [("noshow", 5_000)]


def test_many_buyers_race_for_few_slots_and_each_slot_has_one_winner(app: Flask):
    clinic = a_clinic()
    slots = slots_tomorrow(clinic)
    buyers = [a_patient(clinic) for _ in range(8)]

    outcomes = all_at_once(app, [buying(clinic, buyer, slots[place % 4]) for place, buyer in enumerate(buyers)], 8)

    assert sorted(outcomes) == ["held"] * 4 + ["slot-taken"] * 4
    assert set(slot_states(clinic).values()) == {"busy-tentative"}


@pytest.mark.slow
def test_two_hundred_buyers_race_for_twenty_slots_and_no_payment_is_orphaned(app: Flask):
    clinic = a_clinic(price_minor=5_000)
    slots = slots_tomorrow(clinic, opens="08:00", closes="13:00")
    buyers = [a_patient(clinic) for _ in range(200)]

    def buy(buyer: Booker, slot: UUID) -> str:
        outcome = buying(clinic, buyer, slot)()
        if outcome == "held":
            held = held_by(clinic, buyer)
            money_arrives(clinic, pay(clinic, buyer, held))
        return outcome

    outcomes = all_at_once(
        app, [lambda buyer=buyer, place=place: buy(buyer, slots[place % 20]) for place, buyer in enumerate(buyers)]
    )

    assert (outcomes.count("held"), outcomes.count("slot-taken")) == (20, 180)
    assert set(slot_states(clinic).values()) == {"busy"}
    with acting_for(clinic.id):
        paid = session.scalars(select(payments.Payment.order_id)).all()
        visits = session.scalars(select(Appointment.id).where(Appointment.status == "booked")).all()
    assert sorted(paid) == sorted(visits)
    assert len(visits) == 20


def hold(clinic: Clinic, booker: Booker, slot_id: UUID, *, accepts_advice_only: bool = True) -> UUID:
    with as_patient(clinic, booker):
        held: UUID = commands.hold_slot(slot_id=slot_id, accepts_advice_only=accepts_advice_only)["id"]
        return held


def buying(clinic: Clinic, booker: Booker, slot_id: UUID) -> Callable[[], str]:
    def buy() -> str:
        try:
            hold(clinic, booker, slot_id)
        except Problem as refused:
            return refused.slug
        return "held"

    return buy


def held_by(clinic: Clinic, booker: Booker) -> UUID:
    with acting_for(clinic.id):
        return session.scalars(select(Appointment.id).where(Appointment.person_id == booker.person_id)).one()


def pay(clinic: Clinic, booker: Booker, held: UUID) -> UUID:
    with as_patient(clinic, booker):
        return commands.pay_appointment(held, method="wechat_pay").id


def booked(clinic: Clinic, booker: Booker, slot_id: UUID) -> tuple[UUID, UUID]:
    held = hold(clinic, booker, slot_id)
    payment_id = pay(clinic, booker, held)
    money_arrives(clinic, payment_id)
    return held, payment_id


def cancel_own(clinic: Clinic, booker: Booker, held: UUID) -> None:
    with as_patient(clinic, booker):
        commands.cancel_own_appointment(held, because="changed_plans")


def sweep(clinic: Clinic) -> None:
    with as_clinic(clinic):
        commands.release_expired_holds()


def status_of(clinic: Clinic, held: UUID) -> str:
    with acting_for(clinic.id):
        return session.scalars(select(Appointment.status).where(Appointment.id == held)).one()


def refunds(clinic: Clinic, payment_id: UUID) -> list[tuple[str, int]]:
    with acting_for(clinic.id):
        found = select(Refund.reason, Refund.amount_minor).where(Refund.payment_id == payment_id)
        return [(reason, amount_minor) for reason, amount_minor in session.execute(found)]
