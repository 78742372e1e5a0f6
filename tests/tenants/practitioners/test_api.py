"""Taking a doctor on, over HTTP."""

from datetime import timedelta

import pytest

from tandem.kernel import clock
from tests.hospitals import a_doctor, a_hospital, an_id_number
from tests.people import a_key, a_person, a_place, once, signed_in, staff

PRACTITIONERS = "/api/hospital/v1/practitioners"


def a_wish(person_id, **changes):
    return {
        "person_id": str(person_id),
        "kind": "doctor",
        "title": "chief_physician",
        "name": "张伟",
        "id_number": an_id_number(),
        "phone": "139 0013 9000",
    } | changes


def a_credential_wish(**changes):
    return {
        "qualification_number": "20103311033010619790302",
        "practice_certificate_number": "110330000012345",
        "places": ["杭州第一人民医院"],
        "is_main_place": True,
        "main_employer_agrees": True,
        "independent_practice_since": str(clock.today() - timedelta(days=3000)),
        "registered_specialties": ["03.04"],
        "document_sha256": "ab" * 32,
    } | changes


@pytest.fixture
def hospital(app):
    """A hospital, its administrator, its medical affairs, and somebody on the staff."""
    hospital_id = a_hospital()
    person_id = a_person(name="张伟")
    a_place(person_id, hospital_id, "hospital")
    return (
        hospital_id,
        staff(hospital_id, "hospital", "hospital_admin"),
        staff(hospital_id, "hospital", "medical_affairs"),
        person_id,
    )


def test_a_doctor_is_taken_on_verified_and_passes_the_daily_check(client, hospital):
    hospital_id, admin, affairs, person_id = hospital
    wish = a_wish(person_id)

    taken_on = client.post(PRACTITIONERS, json=wish, headers=admin | once())
    one = f"{PRACTITIONERS}/{taken_on.json['id']}"
    submitted = client.post(f"{one}/credentials", json=a_credential_wish(), headers=admin | once())
    verified = client.post(
        f"{one}/credentials/{submitted.json['id']}/verification",
        json={"decision": "verified", "note": "register checked"},
        headers=affairs | once(),
    )
    doctor = signed_in(person_id, "hospital", hospital_id)
    checked = client.post(
        f"{one}/real_name_checks",
        json={"id_number": wish["id_number"], "method": "id_card"},
        headers=doctor | once(),
    )

    assert [each.status_code for each in (taken_on, submitted, verified, checked)] == [201, 201, 201, 201]
    assert checked.json["checked_on"] == str(clock.today())
    assert client.get(one, headers=doctor).json["status"] == "active"


def test_numbers_come_in_and_never_go_out(client, hospital):
    _, admin, _, person_id = hospital
    wish = a_wish(person_id)

    taken_on = client.post(PRACTITIONERS, json=wish, headers=admin | once())
    client.post(f"{PRACTITIONERS}/{taken_on.json['id']}/credentials", json=a_credential_wish(), headers=admin | once())
    listed = client.get(PRACTITIONERS, headers=admin)
    credentials = client.get(f"{PRACTITIONERS}/{taken_on.json['id']}/credentials", headers=admin)

    for reply in (taken_on, listed, credentials):
        assert wish["id_number"] not in reply.text
        assert "13900139000" not in reply.text
        assert "qualification_number" not in reply.text
    assert listed.json["data"][0]["name"] == "张伟"


def test_an_administrator_does_not_verify(client, hospital):
    _, admin, _, person_id = hospital
    taken_on = client.post(PRACTITIONERS, json=a_wish(person_id), headers=admin | once())
    one = f"{PRACTITIONERS}/{taken_on.json['id']}"
    submitted = client.post(f"{one}/credentials", json=a_credential_wish(), headers=admin | once())

    refused = client.post(
        f"{one}/credentials/{submitted.json['id']}/verification",
        json={"decision": "verified", "note": "looks fine"},
        headers=admin | once(),
    )

    assert (refused.status_code, refused.json["permission"]) == (403, "practitioners.verify")


def test_a_machine_does_not_stand_in_for_a_doctor(client, hospital):
    hospital_id, _, _, _ = hospital
    doctor, _ = a_doctor(hospital_id, checked_today=False)

    refused = client.post(
        f"{PRACTITIONERS}/{doctor}/real_name_checks",
        json={"id_number": an_id_number(), "method": "face"},
        headers=a_key(hospital_id, "hospital", "doctor") | once(),
    )

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/real-name-check-failed")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"id_number": "110105194912310021"}, "id_number", "id_number"),
        ({"phone": "call me"}, "phone", "phone"),
        ({"kind": "surgeon"}, "kind", "choice"),
        ({"title": "pharmacist"}, "title", "choice"),
        ({"person_id": "me"}, "person_id", "type"),
    ],
)
def test_a_wrong_practitioner_is_refused_by_field(client, hospital, changes, field, code):
    _, admin, _, person_id = hospital

    refused = client.post(PRACTITIONERS, json=a_wish(person_id) | changes, headers=admin | once())

    assert refused.status_code == 422
    assert [(each["field"], each["code"]) for each in refused.json["errors"]] == [(field, code)]


def test_another_hospitals_practitioner_is_not_there_on_any_route(client, hospital):
    _, admin, affairs, _ = hospital
    theirs, _ = a_doctor(a_hospital())
    one = f"{PRACTITIONERS}/{theirs}"

    replies = [
        client.get(one, headers=admin),
        client.get(f"{one}/credentials", headers=admin),
        client.patch(one, json={"introduction": "x"}, headers=admin | {"If-Match": '"1"'}),
        client.post(f"{one}/credentials", json=a_credential_wish(), headers=admin | once()),
        client.post(f"{one}/suspension", json={"because": "x"}, headers=affairs | once()),
        client.post(
            f"{one}/real_name_checks",
            json={"id_number": an_id_number(), "method": "face"},
            headers=admin | once(),
        ),
    ]

    assert [each.status_code for each in replies] == [404] * 6
    assert str(theirs) not in client.get(PRACTITIONERS, headers=admin).text
