"""A hospital's licence, page and departments over HTTP."""

from datetime import timedelta

import pytest

from tandem.kernel import clock
from tests.hospitals import a_hospital, a_licence, a_name
from tests.people import once, operator_staff, staff

LICENCES = "/api/hospital/v1/licences"
DEPARTMENTS = "/api/hospital/v1/departments"


def a_wish(name, **changes):
    return {
        "number": "PDY330106000",
        "licensed_name": name,
        "second_name": f"{name}互联网医院",
        "issuing_authority": "浙江省卫生健康委员会",
        "valid_from": str(clock.today()),
        "valid_to": str(clock.today() + timedelta(days=900)),
        "registered_specialties": ["03.04", "07"],
    } | changes


@pytest.fixture
def hospital(app):
    """A hospital's id, its name, and its administrator's credential."""
    name = a_name()
    hospital_id = a_hospital(name=name)
    return hospital_id, name, staff(hospital_id, "hospital", "hospital_admin")


def test_a_licence_is_recorded_by_the_hospital_and_verified_by_the_operator(client, hospital):
    hospital_id, name, admin = hospital
    recorded = client.post(LICENCES, json=a_wish(name), headers=admin | once())
    address = f"/api/operator/v1/hospitals/{hospital_id}/licences/{recorded.json['id']}/verification"

    verified = client.post(
        address,
        json={"decision": "verified", "evidence": "provincial register 2026-11-21"},
        headers=operator_staff("operator_staff") | once(),
    )

    assert (recorded.status_code, recorded.json["status"]) == (201, "recorded")
    assert (verified.status_code, verified.json["status"]) == (201, "verified")
    assert client.get(f"{LICENCES}/{recorded.json['id']}", headers=admin).json["status"] == "verified"


def test_a_refused_licence_says_why_and_stays_refused(client, hospital):
    hospital_id, name, admin = hospital
    recorded = client.post(LICENCES, json=a_wish(name), headers=admin | once())
    address = f"/api/operator/v1/hospitals/{hospital_id}/licences/{recorded.json['id']}/verification"
    operator = operator_staff()
    client.post(address, json={"decision": "refused", "evidence": "not in the register"}, headers=operator | once())

    again = client.post(address, json={"decision": "verified", "evidence": "found"}, headers=operator | once())

    assert (again.status_code, again.json["current"], again.json["allowed"]) == (409, "refused", [])


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"registered_specialties": ["03.04", "99"]}, "registered_specialties.1", "specialty"),
        ({"registered_specialties": []}, "registered_specialties", "length"),
        ({"valid_to": "2026-13-01"}, "valid_to", "type"),
        ({"valid_to": "2000-01-01"}, "valid_to", "order"),
        ({"number": 7}, "number", "type"),
        ({"colour": "red"}, "colour", "unknown"),
        ({"issuing_authority": None}, "issuing_authority", "null"),
    ],
)
def test_a_wrong_licence_is_refused_naming_field_reason_and_mend(client, hospital, changes, field, code):
    _, name, admin = hospital

    refused = client.post(LICENCES, json=a_wish(name, **changes), headers=admin | once())

    problem = refused.json["errors"][0]
    assert (refused.status_code, problem["field"], problem["code"]) == (422, field, code)
    assert problem["reason"]
    assert problem["mend"]


def test_refusals_speak_the_callers_language(client, hospital):
    _, _, admin = hospital
    wish = a_wish("别的医院")

    zh = client.post(LICENCES, json=wish, headers=admin | once() | {"Accept-Language": "zh-CN"})
    en = client.post(LICENCES, json=wish, headers=admin | once() | {"Accept-Language": "en"})

    assert (zh.status_code, zh.json["title"]) == (409, "许可证上的机构名称与平台登记名称不一致")
    assert en.json["title"] == "The licence is in another name than the hospital's"


def test_another_hospitals_licence_is_worded_like_a_missing_one(client, hospital):
    _, _, admin = hospital
    theirs = a_licence(a_hospital())

    foreign = client.get(f"{LICENCES}/{theirs}", headers=admin)
    missing = client.get(f"{LICENCES}/01890000-0000-7000-8000-000000000000", headers=admin)

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert {k: v for k, v in foreign.json.items() if k != "request_id"} == {
        k: v for k, v in missing.json.items() if k != "request_id"
    }


def test_the_operator_reaches_a_licence_only_under_its_own_hospital(client, hospital):
    hospital_id, _, _ = hospital
    theirs = a_licence(a_hospital())

    wrong = client.post(
        f"/api/operator/v1/hospitals/{hospital_id}/licences/{theirs}/suspension",
        json={"because": "inspection"},
        headers=operator_staff() | once(),
    )

    assert wrong.status_code == 404


def test_staff_of_the_operator_without_the_permission_suspend_nothing(client, hospital):
    hospital_id, _, _ = hospital
    licence = a_licence(hospital_id)
    address = f"/api/operator/v1/hospitals/{hospital_id}/licences/{licence}/suspension"

    refused = client.post(address, json={"because": "notice"}, headers=operator_staff("operator_staff") | once())
    suspended = client.post(address, json={"because": "notice"}, headers=operator_staff() | once())

    assert (refused.status_code, refused.json["permission"]) == (403, "organizations.suspend")
    assert (suspended.status_code, suspended.json["status"]) == (201, "suspended")


def test_the_page_is_written_once_and_rewritten_only_from_what_was_read(client, hospital):
    _, _, admin = hospital
    page = {"level": "3A", "address": "杭州市上城区浣纱路261号"}
    nothing = client.get("/api/hospital/v1/profile", headers=admin)
    without = client.put("/api/hospital/v1/profile", json=page, headers=admin)
    first = client.put("/api/hospital/v1/profile", json=page, headers=admin | {"If-Match": '"0"'})

    stale = client.put("/api/hospital/v1/profile", json=page, headers=admin | {"If-Match": '"0"'})
    fresh = client.put(
        "/api/hospital/v1/profile", json=page | {"level": "3B"}, headers=admin | {"If-Match": first.headers["ETag"]}
    )

    assert (nothing.status_code, without.status_code, first.status_code) == (404, 428, 200)
    assert (stale.status_code, stale.json["type"]) == (412, "/problems/version-conflict")
    assert (fresh.status_code, fresh.json["level"], fresh.json["version"]) == (200, "3B", 2)


def test_departments_are_opened_reworded_listed_and_closed(client, hospital):
    _, _, admin = hospital
    opened = client.post(DEPARTMENTS, json={"name": "心内科", "specialty": "03.04"}, headers=admin | once())
    one = f"{DEPARTMENTS}/{opened.json['id']}"
    twice = client.post(DEPARTMENTS, json={"name": "心内科", "specialty": "03.04"}, headers=admin | once())
    reworded = client.patch(one, json={"name": "心血管内科"}, headers=admin | {"If-Match": opened.headers["ETag"]})

    closed = client.post(f"{one}/closure", headers=admin | once())

    assert (opened.status_code, twice.status_code, twice.json["type"]) == (
        201,
        409,
        "/problems/department-name-taken",
    )
    assert (reworded.status_code, reworded.json["name"]) == (200, "心血管内科")
    assert (closed.status_code, closed.json["status"]) == (201, "closed")
    assert [row["name"] for row in client.get(DEPARTMENTS, headers=admin).json["data"]] == ["心血管内科"]


def test_a_doctor_records_no_licence(client, hospital):
    hospital_id, name, _ = hospital

    refused = client.post(LICENCES, json=a_wish(name), headers=staff(hospital_id, "hospital", "doctor") | once())

    assert refused.status_code == 403


def test_the_catalogue_is_public_and_pages_by_code(client):
    first = client.get("/api/public/v1/specialties?limit=100").json
    second = client.get(f"/api/public/v1/specialties?limit=100&after={first['next']}").json
    heart = client.get("/api/public/v1/specialties?subject=03").json["data"]

    assert (first["has_more"], second["has_more"]) == (True, False)
    assert len(first["data"]) + len(second["data"]) == 176
    assert heart[4] == {
        "code": "03.04",
        "subject": "03",
        "name": {"en": "Cardiology", "zh": "心血管内科专业"},
    }
