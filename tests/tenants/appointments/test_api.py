"""Booking, paying and cancelling, over HTTP."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tenants.appointments.models import HOLD
from tests.people import once, operator_staff, staff
from tests.tenants.clinics import Booker, Clinic, a_clinic, a_patient, slot_states, slots_tomorrow


def test_a_patient_books_and_sees_the_price_and_until_when_the_slot_is_held(client: FlaskClient):
    clinic = a_clinic(price_minor=5_000)
    slot, booker = slots_tomorrow(clinic)[0], a_patient(clinic)

    answer = book(client, clinic, booker, slot)

    assert answer.status_code == 201, answer.json
    assert answer.json["price"] == {"amount_minor": 5_000, "currency": "CNY"}
    assert answer.json["status"] == "pending"
    assert datetime.fromisoformat(answer.json["held_until"]) - datetime.fromisoformat(answer.json["created_at"]) == HOLD
    read = client.get(f"{own(clinic)}/{answer.json['id']}", headers=booker.headers)
    assert read.json == answer.json


def test_who_comes_second_is_told_that_the_slot_is_taken(client: FlaskClient):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    book(client, clinic, a_patient(clinic), slot)

    second = book(client, clinic, a_patient(clinic), slot)

    assert (second.status_code, second.json["type"]) == (409, "/problems/slot-taken")
    assert second.json["mend"]


def test_a_repeated_request_books_once(client: FlaskClient):
    clinic = a_clinic()
    slots, booker, key = slots_tomorrow(clinic), a_patient(clinic), once()

    first = book(client, clinic, booker, slots[0], key)
    again = book(client, clinic, booker, slots[0], key)
    other = book(client, clinic, booker, slots[1], key)

    assert again.json == first.json
    assert (other.status_code, other.json["type"]) == (409, "/problems/idempotency-key-reused")
    assert slot_states(clinic)[slots[1]] == "free"


def test_nobody_books_where_they_are_not_registered(client: FlaskClient):
    clinic, elsewhere = a_clinic(), a_clinic()
    slot = slots_tomorrow(clinic)[0]

    answer = book(client, clinic, a_patient(elsewhere), slot)

    assert answer.status_code == 404
    assert slot_states(clinic)[slot] == "free"


@pytest.mark.parametrize(
    "change",
    [
        {"slot_id": "one"},
        {"slot_id": None},
        {"colour": "red"},
        {"reason": ""},
        {"reason": "x" * 501},
        {"accepts_advice_only": 3},
    ],
)
def test_a_wish_that_makes_no_sense_is_explained_field_by_field(client: FlaskClient, change: dict[str, object]):
    clinic = a_clinic()
    slot, booker = slots_tomorrow(clinic)[0], a_patient(clinic)
    wish = {"slot_id": str(slot), "accepts_advice_only": True} | change

    answer = client.post(own(clinic), json=wish, headers=booker.headers | once())

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, next(iter(change)))
    assert slot_states(clinic)[slot] == "free"


def test_paying_asks_for_a_payment_once(client: FlaskClient):
    clinic = a_clinic()
    booker = a_patient(clinic)
    held = book(client, clinic, booker, slots_tomorrow(clinic)[0]).json

    first = client.post(payments(clinic, held), json={"method": "alipay"}, headers=booker.headers | once())
    second = client.post(payments(clinic, held), json={"method": "wechat_pay"}, headers=booker.headers | once())

    assert first.status_code == 201, first.json
    assert first.json["amount"] == held["price"]
    assert (second.status_code, second.json["type"]) == (409, "/problems/already-being-paid")
    assert client.get(payments(clinic, held), headers=booker.headers).json["id"] == first.json["id"]


def test_cancelling_gives_the_slot_back(client: FlaskClient):
    clinic = a_clinic()
    slot, booker = slots_tomorrow(clinic)[0], a_patient(clinic)
    held = book(client, clinic, booker, slot).json

    answer = client.post(
        f"{own(clinic)}/{held['id']}/cancellation", json={"because": "changed_plans"}, headers=booker.headers | once()
    )

    assert (answer.status_code, answer.json["status"], answer.json["ended_by"]) == (201, "cancelled", "patient")
    assert slot_states(clinic)[slot] == "free"


def test_nobody_else_sees_an_appointment(client: FlaskClient):
    clinic, elsewhere = a_clinic(), a_clinic()
    booker, neighbour = a_patient(clinic), a_patient(clinic)
    held = book(client, clinic, booker, slots_tomorrow(clinic)[0]).json

    as_neighbour = client.get(f"{own(clinic)}/{held['id']}", headers=neighbour.headers)
    by_other_hospital = client.get(f"/api/hospital/v1/appointments/{held['id']}", headers=elsewhere.doctor)
    missing = client.get(f"/api/hospital/v1/appointments/{new_id()}", headers=elsewhere.doctor)

    assert {each.status_code for each in (as_neighbour, by_other_hospital, missing)} == {404}
    assert client.get(own(clinic), headers=neighbour.headers).json["data"] == []
    assert client.get("/api/hospital/v1/appointments", headers=elsewhere.doctor).json["data"] == []


def test_a_hospital_sees_its_day_and_calls_a_visit_off(client: FlaskClient):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    held = book(client, clinic, a_patient(clinic), slot).json
    desk = staff(clinic.id, "hospital", "hospital_admin")

    day = client.get("/api/hospital/v1/appointments?status=pending", headers=desk).json["data"]
    answer = client.post(
        f"/api/hospital/v1/appointments/{held['id']}/cancellation",
        json={"because": "doctor_unavailable"},
        headers=desk | once(),
    )

    assert [each["id"] for each in day] == [held["id"]]
    assert (answer.status_code, answer.json["ended_because"]) == (201, "doctor_unavailable")
    assert slot_states(clinic)[slot] == "busy-unavailable"


def test_the_operator_has_no_way_to_an_appointment(client: FlaskClient):
    clinic = a_clinic()
    held = book(client, clinic, a_patient(clinic), slots_tomorrow(clinic)[0]).json

    answer = client.get(f"/api/hospital/v1/appointments/{held['id']}", headers=operator_staff())

    assert answer.status_code == 401


def test_a_hold_is_swept_by_the_job_that_the_booking_asked_for(
    client: FlaskClient, at: Callable[[datetime], None], work: Callable[..., int]
):
    clinic = a_clinic()
    slot = slots_tomorrow(clinic)[0]
    book(client, clinic, a_patient(clinic), slot)

    work(clinic.id)
    before = slot_states(clinic)[slot]
    at(clock.now() + HOLD + HOLD)
    work(clinic.id)

    assert (before, slot_states(clinic)[slot]) == ("busy-tentative", "free")


def book(client: FlaskClient, clinic: Clinic, booker: Booker, slot: UUID, key: dict[str, str] | None = None):
    wish = {"slot_id": str(slot), "reason": "血压偏高", "accepts_advice_only": True}
    return client.post(own(clinic), json=wish, headers=booker.headers | (key or once()))


def own(clinic: Clinic) -> str:
    return f"/api/patient/v1/hospitals/{clinic.id}/appointments"


def payments(clinic: Clinic, held: dict[str, object]) -> str:
    return f"{own(clinic)}/{held['id']}/payments"
