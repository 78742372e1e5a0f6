"""A patient registers, consents, shows evidence and reads the record, over HTTP."""

import pytest

from tandem.kernel import clock
from tests.hospitals import a_hospital, a_live_hospital, a_patient, all_consents, an_id_number
from tests.people import a_person, once, operator_staff, signed_in, staff


def a_wish(**changes):
    return {
        "name": "李明",
        "id_number": an_id_number(),
        "phone": "13800138000",
        "consents": all_consents(),
    } | changes


def an_evidence(**changes):
    return {
        "specialty": "03.04",
        "diagnosis_code": "I10.x00",
        "diagnosis_name": "高血压病",
        "hospital_name": "北京大学第三医院",
        "diagnosed_on": "2026-01-15",
        "document_kind": "outpatient_record",
        "document_sha256": "cd" * 32,
    } | changes


def patients_of(hospital):
    return f"/api/patient/v1/hospitals/{hospital}/patients"


@pytest.fixture
def hospital(app):
    """A hospital that takes patients."""
    return a_live_hospital()


@pytest.fixture
def me(app):
    """Somebody signed in as a patient, registered nowhere."""
    return signed_in(a_person(), "patient")


def test_a_patient_registers_files_evidence_and_reads_the_record(client, hospital, me):
    wish = a_wish()

    registered = client.post(patients_of(hospital), json=wish, headers=me | once())
    one = f"{patients_of(hospital)}/{registered.json['id']}"
    filed = client.post(f"{one}/prior_diagnoses", json=an_evidence(), headers=me | once())
    record = client.get(f"{one}/record", headers=me)

    assert (registered.status_code, filed.status_code, record.status_code) == (201, 201, 200)
    assert registered.json["id_number"] == wish["id_number"][:3] + "*" * 11 + wish["id_number"][-4:]
    assert record.json["patient"]["name"] == "李明"
    assert sorted(each["purpose"] for each in record.json["consents"]) == ["health_data", "internet_care"]
    assert record.json["prior_diagnoses"][0]["diagnosis_code"] == "I10.x00"
    assert wish["id_number"] not in registered.text + record.text


def test_a_repeated_registration_with_the_same_key_is_one_patient(client, hospital, me):
    wish, key = a_wish(), once()

    first = client.post(patients_of(hospital), json=wish, headers=me | key)
    again = client.post(patients_of(hospital), json=wish, headers=me | key)

    assert (again.status_code, again.json["id"]) == (first.status_code, first.json["id"])
    assert len(client.get(patients_of(hospital), headers=me).json["data"]) == 1


def test_before_registering_a_hospitals_patient_routes_are_not_there(client, hospital, me):
    assert client.get(patients_of(hospital), headers=me).status_code == 404


def test_a_hospital_that_does_not_exist_registers_nobody(client, me):
    missing = client.post(patients_of("01890000-0000-7000-8000-000000000000"), json=a_wish(), headers=me | once())
    draft = client.post(patients_of(a_hospital()), json=a_wish(), headers=me | once())

    assert (missing.status_code, draft.status_code) == (404, 404)
    assert {**missing.json, "request_id": ""} == {**draft.json, "request_id": ""}


def test_somebody_elses_record_is_worded_like_a_missing_one(client, hospital, me):
    client.post(patients_of(hospital), json=a_wish(), headers=me | once())
    theirs, _ = a_patient(hospital)
    routes = ("", "/record", "/consents", "/prior_diagnoses")

    foreign = [client.get(f"{patients_of(hospital)}/{theirs}{route}", headers=me) for route in routes]
    written = client.post(f"{patients_of(hospital)}/{theirs}/prior_diagnoses", json=an_evidence(), headers=me | once())

    assert [each.status_code for each in (*foreign, written)] == [404] * 5
    assert {each.json["title"] for each in (*foreign, written)} == {"未找到所请求的内容"}


def test_consent_is_withdrawn_as_easily_as_it_is_given(client, hospital, me):
    registered = client.post(patients_of(hospital), json=a_wish(), headers=me | once())
    address = f"{patients_of(hospital)}/{registered.json['id']}/consents"
    texts = client.get("/api/public/v1/consent_texts").json["data"]
    text = next(each for each in texts if each["purpose"] == "internet_care")
    decision = {"purpose": "internet_care", "version": text["version"]}

    withdrawn = client.post(address, json=decision | {"decision": "withdrawn"}, headers=me | once())
    given = client.post(address, json=decision, headers=me | once())

    history = [each["decision"] for each in client.get(address, headers=me).json["data"]]
    assert (withdrawn.status_code, given.status_code, given.json["text_sha256"]) == (201, 201, text["sha256"])
    assert history[:2] == ["given", "withdrawn"]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"id_number": "123"}, "id_number", "id_number"),
        ({"phone": "0"}, "phone", "phone"),
        ({"name": ""}, "name", "length"),
        ({"relationship": "friend"}, "relationship", "choice"),
        ({"consents": [{"purpose": "marketing", "version": 1}]}, "consents.0.purpose", "choice"),
        ({"is_vip": True}, "is_vip", "unknown"),
    ],
)
def test_a_wrong_registration_is_refused_by_field_and_writes_nothing(client, hospital, me, changes, field, code):
    refused = client.post(patients_of(hospital), json=a_wish(**changes), headers=me | once())

    assert refused.status_code == 422
    assert [(each["field"], each["code"]) for each in refused.json["errors"]] == [(field, code)]
    assert client.get(patients_of(hospital), headers=me).status_code == 404


def test_an_outdated_consent_registers_nobody(client, hospital, me):
    wish = a_wish(consents=[{"purpose": "internet_care", "version": 2}])

    refused = client.post(patients_of(hospital), json=wish, headers=me | once())

    assert (refused.status_code, refused.json["version_in_force"]) == (409, 1)
    assert client.get(patients_of(hospital), headers=me).status_code == 404


def test_evidence_of_a_day_to_come_is_refused_by_field(client, hospital, me):
    registered = client.post(patients_of(hospital), json=a_wish(), headers=me | once())
    tomorrow = str(clock.today().replace(year=clock.today().year + 1))

    refused = client.post(
        f"{patients_of(hospital)}/{registered.json['id']}/prior_diagnoses",
        json=an_evidence(diagnosed_on=tomorrow),
        headers=me | once(),
    )

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "diagnosed_on")


def test_a_doctor_reads_the_record_of_the_hospitals_own_patient_and_of_no_other(client, hospital):
    doctor = staff(hospital, "hospital", "doctor")
    own, _ = a_patient(hospital)
    elsewhere, _ = a_patient(a_live_hospital())

    read = client.get(f"/api/hospital/v1/patients/{own}/record", headers=doctor)
    foreign = client.get(f"/api/hospital/v1/patients/{elsewhere}/record", headers=doctor)

    assert (read.status_code, read.json["patient"]["name"], foreign.status_code) == (200, "李明", 404)


def test_neither_administrators_nor_the_operator_read_a_record(client, hospital):
    own, _ = a_patient(hospital)
    address = f"/api/hospital/v1/patients/{own}/record"

    by_admin = client.get(address, headers=staff(hospital, "hospital", "hospital_admin"))
    by_operator = client.get(address, headers=operator_staff())

    assert (by_admin.status_code, by_operator.status_code) == (403, 401)
