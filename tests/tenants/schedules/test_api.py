"""Planning and finding a time, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tenants.healthcare_services import HealthcareService
from tests.people import once, staff
from tests.tenants.clinics import Clinic, a_clinic, a_patient, as_clinic, slots_tomorrow


def test_a_doctor_publishes_hours_and_visitors_find_them(client: FlaskClient):
    clinic = a_clinic()

    published = client.post("/api/hospital/v1/schedules", json=hours(clinic), headers=clinic.doctor | once())
    found = client.get(public(clinic))

    assert published.status_code == 201, published.json
    assert published.json["slot_minutes"] == 15
    assert [slot["practitioner_id"] for slot in found.json["data"]] == [str(clinic.practitioner_id)] * 4
    assert set(found.json["data"][0]) == {"id", "service_id", "practitioner_id", "start_at", "end_at"}


def test_publishing_again_with_the_same_key_makes_no_second_schedule(client: FlaskClient):
    clinic, key = a_clinic(), once()

    first = client.post("/api/hospital/v1/schedules", json=hours(clinic), headers=clinic.doctor | key)
    again = client.post("/api/hospital/v1/schedules", json=hours(clinic), headers=clinic.doctor | key)
    other = client.post("/api/hospital/v1/schedules", json=hours(clinic), headers=clinic.doctor | once())

    assert again.json == first.json
    assert (other.status_code, other.json["type"]) == (409, "/problems/schedule-overlaps")


def test_free_times_come_in_pages_without_gap_or_double(client: FlaskClient):
    clinic = a_clinic()
    expected = [str(each) for each in slots_tomorrow(clinic, opens="09:00", closes="11:00")]

    seen, after = [], ""
    while after is not None:
        page = client.get(f"{public(clinic)}?limit=3{after and f'&after={after}'}").json
        seen += [slot["id"] for slot in page["data"]]
        after = page["next"]

    assert seen == expected


@pytest.mark.parametrize(
    "query", ["after=nonsense", "limit=0", "limit=101", "from_at=tomorrow", "colour=red", "limit=1&limit=2"]
)
def test_a_query_that_makes_no_sense_is_explained(client: FlaskClient, query: str):
    answer = client.get(f"{public(a_clinic())}?{query}")

    assert (answer.status_code, answer.json["type"]) == (422, "/problems/invalid")
    assert answer.json["errors"][0]["mend"]


def test_free_times_can_be_narrowed_to_a_doctor_and_a_stretch_of_time(client: FlaskClient):
    clinic = a_clinic()
    slots_tomorrow(clinic)
    begins = client.get(public(clinic)).json["data"][1]["start_at"]

    one = client.get(public(clinic), query_string={"from_at": begins, "limit": "1"}).json["data"]
    none = client.get(public(clinic), query_string={"until_at": clock.now().isoformat()}).json["data"]
    nobodys = client.get(public(clinic), query_string={"practitioner_id": str(new_id())}).json["data"]

    assert [slot["start_at"] for slot in one] == [begins]
    assert none == nobodys == []


def test_a_missing_service_and_another_hospitals_are_the_same_404(client: FlaskClient):
    clinic, elsewhere = a_clinic(), a_clinic()

    missing = client.get(f"/api/public/v1/hospitals/{clinic.id}/services/{new_id()}/slots")
    foreign = client.get(f"/api/public/v1/hospitals/{clinic.id}/services/{elsewhere.service_id}/slots")
    nowhere = client.get(f"/api/public/v1/hospitals/{new_id()}/services/{clinic.service_id}/slots")

    assert {each.status_code for each in (missing, foreign, nowhere)} == {404}
    assert {each.json["type"] for each in (missing, foreign, nowhere)} == {"/problems/not-found"}


def test_a_service_that_is_retired_has_no_free_times_and_a_draft_is_not_shown(client: FlaskClient):
    clinic = a_clinic()

    answers = {}
    for status in ("retired", "draft"):
        with as_clinic(clinic):
            session.execute(
                update(HealthcareService).where(HealthcareService.tenant_id == clinic.id).values(status=status)
            )
        answers[status] = client.get(public(clinic)).status_code

    assert answers == {"retired": 200, "draft": 404}


def test_a_patient_finds_the_same_times_before_registering(client: FlaskClient):
    clinic = a_clinic()
    slots_tomorrow(clinic)
    stranger = a_patient(a_clinic())

    found = client.get(
        f"/api/patient/v1/hospitals/{clinic.id}/services/{clinic.service_id}/slots", headers=stranger.headers
    )

    assert found.json == client.get(public(clinic)).json


def test_a_hospital_sees_its_slots_schedules_and_leaves_and_nobody_elses(client: FlaskClient):
    clinic, elsewhere = a_clinic(), a_clinic()
    slots_tomorrow(clinic)
    desk, other_desk = (staff(each.id, "hospital", "hospital_admin") for each in (clinic, elsewhere))
    day = clock.day_bounds(clock.today() + timedelta(days=1))
    leave = {
        "practitioner_id": str(clinic.practitioner_id),
        "start_at": day[0].isoformat(),
        "end_at": day[1].isoformat(),
        "because": "vacation",
    }

    taken = client.post("/api/hospital/v1/leaves", json=leave, headers=desk | once())
    foreign = client.post("/api/hospital/v1/leaves", json=leave, headers=other_desk | once())

    assert taken.status_code == 201, taken.json
    assert foreign.status_code == 404
    for path in ("slots", "schedules", "leaves"):
        assert client.get(f"/api/hospital/v1/{path}", headers=desk).json["data"]
        assert client.get(f"/api/hospital/v1/{path}", headers=other_desk).json["data"] == []
    lifted = client.post(f"/api/hospital/v1/leaves/{taken.json['id']}/lifting", headers=desk | once())
    assert lifted.json["lifted_at"] is not None
    assert {slot["status"] for slot in client.get("/api/hospital/v1/slots", headers=desk).json["data"]} == {"free"}


def test_a_schedule_is_withdrawn_over_http(client: FlaskClient):
    clinic = a_clinic()
    published = client.post("/api/hospital/v1/schedules", json=hours(clinic), headers=clinic.doctor | once()).json

    withdrawn = client.post(f"/api/hospital/v1/schedules/{published['id']}/withdrawal", headers=clinic.doctor | once())

    assert (withdrawn.status_code, withdrawn.json["status"]) == (201, "withdrawn")
    assert client.get(public(clinic)).json["data"] == []


def hours(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    day = (clock.today() + timedelta(days=1)).isoformat()
    return {
        "practitioner_id": str(clinic.practitioner_id),
        "service_id": str(clinic.service_id),
        "first_on": day,
        "last_on": day,
        "opens_at": "09:00",
        "closes_at": "10:00",
    } | changes


def public(clinic: Clinic) -> str:
    return f"/api/public/v1/hospitals/{clinic.id}/services/{clinic.service_id}/slots"
