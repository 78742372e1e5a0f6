"""From a free slot to a signed record that the patient reads, over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask.testing import FlaskClient

from tests.people import once, signed_in, staff
from tests.tenants.clinics import (
    Booker,
    Clinic,
    a_booked_visit,
    a_clinic,
    a_patient,
    check_real_name,
    slot_start,
    slots_tomorrow,
)

Move = Callable[[datetime], None]
NOTE = {"complaint": "头晕三天", "findings": "血压 150/95", "advice": "低盐饮食，监测血压", "diagnosis_code": "I10.x00"}


def test_a_visit_is_delivered_signed_and_read_by_its_patient(client: FlaskClient, at: Move):
    clinic, booker, visit = a_visit(at)
    encounter = ask(client, clinic, "", {"appointment_id": visit})["id"]

    ask(client, clinic, f"/{encounter}/start")
    client.put(f"/api/hospital/v1/encounters/{encounter}/note", json=NOTE, headers=clinic.doctor)
    ask(client, clinic, f"/{encounter}/completion")
    before = client.get(f"{records(clinic)}/{encounter}", headers=booker.headers).json
    signed = ask(client, clinic, f"/{encounter}/signature")
    ask(client, clinic, f"/{encounter}/addenda", {"text": "复诊两周后"})
    after = client.get(f"{records(clinic)}/{encounter}", headers=booker.headers).json

    assert before["note"] is None
    assert {part: after["note"][part] for part in NOTE} == NOTE
    assert after["note"]["content_sha256"] == signed["content_sha256"]
    assert [each["text"] for each in after["addenda"]] == ["复诊两周后"]
    assert (after["is_intact"], after["evidence_path"], after["status"]) == (True, "follow_up", "finished")
    assert [each["id"] for each in client.get(records(clinic), headers=booker.headers).json["data"]] == [encounter]


def test_a_record_is_read_by_its_patient_and_its_hospitals_doctors_only(client: FlaskClient, at: Move):
    clinic, booker, visit = a_visit(at)
    neighbour, elsewhere = a_patient(clinic), a_clinic()
    encounter = ask(client, clinic, "", {"appointment_id": visit})["id"]
    path = f"/api/hospital/v1/encounters/{encounter}"

    assert client.get(path, headers=clinic.doctor).status_code == 200
    assert client.get(path, headers=elsewhere.doctor).status_code == 404
    assert client.get(path, headers=staff(clinic.id, "hospital", "hospital_finance")).status_code == 403
    assert client.get(f"{records(clinic)}/{encounter}", headers=neighbour.headers).status_code == 404
    assert client.get(records(clinic), headers=neighbour.headers).json["data"] == []
    assert client.get(path, headers=booker.headers).status_code == 401


def test_a_step_out_of_turn_is_refused_with_the_steps_that_are_possible(client: FlaskClient, at: Move):
    clinic, _, visit = a_visit(at)
    encounter = ask(client, clinic, "", {"appointment_id": visit})["id"]

    answer = client.post(f"/api/hospital/v1/encounters/{encounter}/completion", headers=clinic.doctor | once())

    assert (answer.status_code, answer.json["type"]) == (409, "/problems/transition-refused")
    assert answer.json["allowed"] == ["cancelled", "in-progress"]


def test_a_referral_offline_is_kept_with_its_reason(client: FlaskClient, at: Move):
    clinic, booker, visit = a_visit(at)
    encounter = ask(client, clinic, "", {"appointment_id": visit})["id"]

    ended = ask(client, clinic, f"/{encounter}/referral", {"because": "血压急剧升高"})

    assert ended["status"] == "cancelled"
    record = client.get(f"/api/hospital/v1/encounters/{encounter}", headers=clinic.doctor).json
    assert record["ended_because"] == "血压急剧升高"
    appointment = client.get(f"/api/patient/v1/hospitals/{clinic.id}/appointments/{visit}", headers=booker.headers).json
    assert (appointment["status"], appointment["ended_because"]) == ("cancelled", "referred_offline")


def a_visit(at: Move) -> tuple[Clinic, Booker, str]:
    """A booked follow-up visit whose time has come."""
    clinic = a_clinic()
    slot, booker = slots_tomorrow(clinic)[0], a_patient(clinic, has_evidence=True)
    visit = a_booked_visit(clinic, booker, slot)
    at(slot_start(clinic, slot))
    check_real_name(clinic)
    # The sessions of the day before have ended.
    clinic = replace(clinic, doctor=signed_in(clinic.doctor_id, "hospital", clinic.id))
    booker = replace(booker, headers=signed_in(booker.person_id, "patient"))
    return clinic, booker, str(visit)


def ask(client: FlaskClient, clinic: Clinic, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = client.post(f"/api/hospital/v1/encounters{path}", json=body, headers=clinic.doctor | once())
    assert answer.status_code == 201, answer.json
    told: dict[str, Any] = answer.json
    return told


def records(clinic: Clinic) -> str:
    return f"/api/patient/v1/hospitals/{clinic.id}/records"
