"""An employee uses a company benefit instead of a card: from HR's file to the visit, and what goes wrong on the way."""

from collections.abc import Callable
from uuid import UUID

import pytest

from tandem.billing import payments
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for
from tenants.appointments import commands as appointments
from tests import hospitals
from tests.employers import Employee, Employer, employees
from tests.people import a_person, once, signed_in
from tests.tenants.clinics import Booker, Clinic, a_clinic, as_patient, slot_states, slots_tomorrow

BENEFITS = "/api/patient/v1/benefits"


@pytest.fixture
def clinic(app) -> Clinic:
    return a_clinic()


@pytest.fixture
def employer(clinic, work) -> Employer:
    return Employer(work, package={"units_per_member": 1}, hospital_ids=[clinic.id])


def an_employee(clinic: Clinic, who: Employee) -> Booker:
    """Somebody who signs in with the number HR wrote down, and is a patient of the clinic."""
    patient_id, person_id = hospitals.a_patient(clinic.id, person_id=a_person(login=who.phone))
    return Booker(person_id, patient_id, signed_in(person_id, "patient"))


def accepts(client, booker: Booker, employer: Employer) -> UUID:
    consent = {"consent_version": "2026-01", "accepts": True}
    path = f"{BENEFITS}/{employer.programme_id}/activations"
    return UUID(client.post(path, json=consent, headers=booker.headers | once()).json["id"])


def left(client, booker: Booker) -> list[tuple[int, int]]:
    """Units left and booked, as the employee sees them."""
    shown = client.get(BENEFITS, headers=booker.headers).json["data"]
    return [(each["units_left"], each["units_reserved"]) for each in shown]


def books(clinic: Clinic, booker: Booker, slot_id: UUID, programme_id: UUID, entitlement_id: UUID) -> tuple[UUID, UUID]:
    """Hold a slot and pay with a benefit; the appointment's and the payment's ids."""
    with as_patient(clinic, booker):
        held = appointments.hold_slot(slot_id=slot_id, accepts_advice_only=True)
    with as_patient(clinic, booker):
        paid = appointments.pay_appointment(
            held["id"], method="entitlement", programme_id=programme_id, entitlement_id=entitlement_id
        )
    return held["id"], paid.id


def outcome(clinic: Clinic, payment_id: UUID) -> tuple[str, str | None]:
    with acting_for(clinic.id):
        payment = payments.payment(payment_id)
        return payment.status, payment.failure_code


def test_an_employee_books_with_the_benefit_and_gets_it_back_when_they_cancel(client, clinic, employer, work):
    [who] = staff = employees(1)
    employer.upload(staff)
    booker = an_employee(clinic, who)
    entitlement_id = accepts(client, booker, employer)
    [slot_id, *_] = slots_tomorrow(clinic)

    appointment_id, payment_id = books(clinic, booker, slot_id, employer.programme_id, entitlement_id)
    work(clinic.id, employer.programme_id)
    booked = outcome(clinic, payment_id), slot_states(clinic)[slot_id], left(client, booker)
    with as_patient(clinic, booker):
        appointments.cancel_own_appointment(appointment_id, because="no time")
    work(clinic.id, employer.programme_id)

    assert booked == (("succeeded", None), "busy", [(0, 1)])
    assert (slot_states(clinic)[slot_id], left(client, booker)) == ("free", [(1, 0)])


def test_the_last_unit_books_one_of_two_slots(client, clinic, employer, work):
    [who] = staff = employees(1)
    employer.upload(staff)
    booker = an_employee(clinic, who)
    entitlement_id = accepts(client, booker, employer)
    first, second, *_ = slots_tomorrow(clinic)

    ids = [books(clinic, booker, slot, employer.programme_id, entitlement_id)[1] for slot in (first, second)]
    work(clinic.id, employer.programme_id)

    assert sorted(outcome(clinic, each) for each in ids) == [("failed", "entitlement-spent"), ("succeeded", None)]
    assert left(client, booker) == [(0, 1)]


@pytest.mark.parametrize(
    ("whose", "code"),
    [
        ("a colleague's", "no-such-benefit"),
        ("an invented", "no-such-benefit"),
        ("another programme's", "no-such-benefit"),
    ],
)
def test_a_benefit_that_is_not_mine_pays_for_nothing(client, clinic, employer, work, whose, code):
    mine, theirs = staff = employees(2)
    employer.upload(staff)
    me, colleague = an_employee(clinic, mine), an_employee(clinic, theirs)
    own, foreign = accepts(client, me, employer), accepts(client, colleague, employer)
    named: dict[str, Callable[[], tuple[UUID, UUID]]] = {
        "a colleague's": lambda: (employer.programme_id, foreign),
        "an invented": lambda: (employer.programme_id, new_id()),
        "another programme's": lambda: (employer.id, own),
    }
    [slot_id, *_] = slots_tomorrow(clinic)

    _, payment_id = books(clinic, me, slot_id, *named[whose]())
    work(clinic.id, employer.programme_id, employer.id)

    assert outcome(clinic, payment_id) == ("failed", code)
    assert left(client, colleague) == left(client, me) == [(1, 0)]


def test_a_hospital_outside_the_programme_is_refused(client, clinic, employer, work):
    [who] = staff = employees(1)
    employer.upload(staff)
    booker, elsewhere = an_employee(clinic, who), a_clinic()
    entitlement_id = accepts(client, booker, employer)
    hospitals.a_patient(elsewhere.id, person_id=booker.person_id)
    [slot_id, *_] = slots_tomorrow(elsewhere)

    _, payment_id = books(elsewhere, booker, slot_id, employer.programme_id, entitlement_id)
    work(elsewhere.id, employer.programme_id)

    assert outcome(elsewhere, payment_id) == ("failed", "hospital-outside-programme")
    assert left(client, booker) == [(1, 0)]


def test_a_contract_that_ended_pays_for_no_new_visit_and_still_for_the_booked_one(client, clinic, work):
    employer = Employer(work, package={"units_per_member": 2}, hospital_ids=[clinic.id])
    [who] = staff = employees(1)
    employer.upload(staff)
    booker = an_employee(clinic, who)
    entitlement_id = accepts(client, booker, employer)
    first, second, *_ = slots_tomorrow(clinic)
    _, booked = books(clinic, booker, first, employer.programme_id, entitlement_id)
    work(clinic.id, employer.programme_id)

    employer.terminate()
    _, late = books(clinic, booker, second, employer.programme_id, entitlement_id)
    work(clinic.id, employer.programme_id)

    assert outcome(clinic, booked) == ("succeeded", None)
    assert outcome(clinic, late) == ("failed", "entitlement-not-valid")
    assert slot_states(clinic)[first] == "busy"
