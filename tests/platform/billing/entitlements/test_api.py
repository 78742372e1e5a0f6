"""A member sees their own benefits over HTTP and accepts them; nobody else sees anything."""

import pytest

from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID
from tests.people import a_key, a_person, once, signed_in
from tests.programmes import Programme, a_mobile

BENEFITS = "/api/patient/v1/benefits"
CONSENT = {"consent_version": "2026-01", "accepts": True}


@pytest.fixture
def programme(app) -> Programme:
    return Programme()


def test_a_member_finds_the_offer_accepts_it_and_sees_what_is_left(client, programme):
    phone = a_mobile()
    programme.grant(new_id(), phone, units=3)
    me = signed_in(a_person(login=phone), "patient")

    offered = client.get(BENEFITS, headers=me).json["data"]
    accepted = client.post(f"{BENEFITS}/{programme.id}/activations", json=CONSENT, headers=me | once())

    assert [(each["status"], each["units_left"]) for each in offered] == [("granted", 3)]
    assert accepted.status_code == 201, accepted.json
    assert (accepted.json["status"], accepted.json["units_left"]) == ("activated", 3)
    assert accepted.json["hospital_ids"] == [str(programme.hospital_id)]
    assert accepted.json["programme_id"] == str(programme.id)


def test_units_left_are_what_is_neither_booked_nor_used(client, programme):
    member = programme.member(units=3)
    programme.consume(member, programme.reserve(member))
    programme.reserve(member)

    [benefit] = client.get(BENEFITS, headers=signed_in(member.person_id, "patient")).json["data"]

    assert (benefit["units_reserved"], benefit["units_consumed"], benefit["units_left"]) == (1, 1, 1)


def test_benefits_of_several_employers_stand_side_by_side(client, programme):
    phone, other = a_mobile(), Programme()
    programme.grant(new_id(), phone)
    other.grant(new_id(), phone)

    shown = client.get(BENEFITS, headers=signed_in(a_person(login=phone), "patient")).json["data"]

    assert {each["programme_id"] for each in shown} == {str(programme.id), str(other.id)}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"consent_version": "2026-01", "accepts": False}, "accepts"),
        ({"accepts": True}, "consent_version"),
        ({**CONSENT, "person_id": str(new_id())}, "person_id"),
    ],
)
def test_nobody_takes_part_without_their_own_consent(client, programme, body, field):
    phone = a_mobile()
    programme.grant(new_id(), phone)
    me = signed_in(a_person(login=phone), "patient")

    reply = client.post(f"{BENEFITS}/{programme.id}/activations", json=body, headers=me | once())

    assert reply.status_code == 422
    assert [each["field"] for each in reply.json["errors"]] == [field]


def test_a_programme_that_does_not_wait_for_me_is_as_unknown_as_one_that_does_not_exist(client, programme):
    programme.member()
    me = signed_in(a_person(), "patient")

    replies = [
        client.post(f"{BENEFITS}/{each}/activations", json=CONSENT, headers=me | once())
        for each in (programme.id, new_id())
    ]

    assert [each.status_code for each in replies] == [404, 404]
    assert len({(each.json["type"], each.json["title"]) for each in replies}) == 1


def test_the_next_owner_of_a_number_does_not_see_what_the_former_one_accepted(client, programme):
    member = programme.member()
    newcomer = a_person(login=a_mobile())
    programme.grant(new_id(), member.phone)

    shown = client.get(BENEFITS, headers=signed_in(newcomer, "patient")).json["data"]

    assert shown == []


@pytest.mark.parametrize("audience", ["operator", "employer"])
def test_no_operator_and_no_employer_asks_for_benefits(client, programme, audience):
    tenant = OPERATOR_ID if audience == "operator" else new_id()
    role = {"operator": "operator_admin", "employer": "employer_admin"}[audience]

    reply = client.get(BENEFITS, headers=a_key(tenant, audience, role))

    assert reply.status_code in {401, 403}
