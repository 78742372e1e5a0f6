"""People take seats by invitation, change roles and leave; an organisation never loses its last administrator."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tandem.accounts import create_organization
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.organizations import PASSWORD, an_application, applied, signed_in_at
from tests.people import a_person, a_place, once, operator_staff

ACCEPT = "/api/public/v1/invitation_acceptances"


@pytest.fixture
def hospital(client):
    """A hospital's id and its administrator's headers."""
    return applied(client, an_application())


def invited(client, headers, *roles, audience="hospital"):
    wish = {"addressee": "李主任", "roles": list(roles)}
    return client.post(f"/api/{audience}/v1/invitations", json=wish, headers=headers | once())


def a_seat(token, **changes):
    mark = uuid4().hex[:12]
    return {"token": token, "login": f"li.{mark}@example.org", "password": PASSWORD, "name": "李明"} | changes


def test_a_doctor_takes_the_seat_offered_and_signs_in_with_its_roles(client, hospital):
    _, admin = hospital
    invitation = invited(client, admin, "doctor").json
    seat = a_seat(invitation["token"])

    taken = client.post(ACCEPT, json=seat)
    doctor = signed_in_at(client, "/api/hospital/v1/sessions", seat)
    me = client.get("/api/hospital/v1/me", headers=doctor).json

    assert (taken.status_code, taken.json["roles"]) == (201, ["doctor"])
    assert (me["roles"], me["person"]["name"], me["organization"]["id"]) == (["doctor"], "李明", hospital[0])
    assert "encounters.sign" in me["permissions"]


def test_colleagues_read_each_others_names_and_an_invitation_is_shown_without_its_token(client, hospital):
    _, admin = hospital
    client.post(ACCEPT, json=a_seat(invited(client, admin, "pharmacist").json["token"]))

    staff = client.get("/api/hospital/v1/staff", headers=admin).json["data"]
    offers = client.get("/api/hospital/v1/invitations", headers=admin).json["data"]

    assert [(each["name"], each["roles"]) for each in staff] == [("王芳", ["hospital_admin"]), ("李明", ["pharmacist"])]
    assert [(each["addressee"], each["status"]) for each in offers] == [("李主任", "accepted")]
    assert "token" not in offers[0]


def test_an_invitation_is_taken_up_once(client, hospital):
    token = invited(client, hospital[1], "doctor").json["token"]
    client.post(ACCEPT, json=a_seat(token))

    again = client.post(ACCEPT, json=a_seat(token))

    assert again.status_code == 404


def test_an_invitation_expires(client, hospital, at):
    token = invited(client, hospital[1], "doctor").json["token"]
    at(clock.now() + timedelta(days=14, seconds=1))

    assert client.post(ACCEPT, json=a_seat(token)).status_code == 404


def test_an_invitation_taken_back_is_worth_nothing(client, hospital):
    _, admin = hospital
    invitation = invited(client, admin, "doctor").json

    revoked = client.delete(f"/api/hospital/v1/invitations/{invitation['id']}", headers=admin)
    taken = client.post(ACCEPT, json=a_seat(invitation["token"]))

    assert (revoked.status_code, taken.status_code) == (204, 404)


@pytest.mark.parametrize("token", ["tdi_nonsense", "not-a-token", "x" * 200])
def test_a_token_of_nobody_is_the_same_404(client, token):
    assert client.post(ACCEPT, json=a_seat(token)).status_code == 404


@pytest.mark.parametrize("roles", [["surgeon"], ["operator_admin"], ["doctor", "patient"]])
def test_only_roles_of_ones_own_audience_can_be_given(client, hospital, roles):
    refused = invited(client, hospital[1], *roles)

    assert (refused.status_code, refused.json["type"]) == (422, "/problems/role-unknown")
    assert "doctor" in refused.json["roles"]


def test_the_last_administrator_can_neither_leave_nor_step_down(client, hospital):
    _, admin = hospital
    [seat] = client.get("/api/hospital/v1/staff", headers=admin).json["data"]
    url = f"/api/hospital/v1/staff/{seat['id']}"

    left = client.delete(url, headers=admin)
    stepped_down = client.put(f"{url}/roles", json={"roles": ["hospital_finance"]}, headers=admin)

    assert left.json["type"] == stepped_down.json["type"] == "/problems/last-administrator"


def test_an_administrator_leaves_once_there_is_another_and_is_signed_out_at_once(client, hospital):
    _, admin = hospital
    seat = a_seat(invited(client, admin, "hospital_admin").json["token"])
    client.post(ACCEPT, json=seat)
    successor = signed_in_at(client, "/api/hospital/v1/sessions", seat)
    first = client.get("/api/hospital/v1/staff", headers=successor).json["data"][0]

    left = client.delete(f"/api/hospital/v1/staff/{first['id']}", headers=successor)

    assert left.status_code == 204
    assert client.get("/api/hospital/v1/me", headers=admin).status_code == 401
    assert client.get("/api/hospital/v1/staff", headers=successor).json["data"][0]["status"] == "ended"


def test_who_left_can_be_invited_back(client, hospital):
    _, admin = hospital
    seat = a_seat(invited(client, admin, "doctor").json["token"])
    taken = client.post(ACCEPT, json=seat).json
    client.delete(f"/api/hospital/v1/staff/{taken['id']}", headers=admin)

    back = client.post(ACCEPT, json=seat | {"token": invited(client, admin, "pharmacist").json["token"]})

    assert (back.status_code, back.json["id"], back.json["roles"]) == (201, taken["id"], ["pharmacist"])


def test_a_licence_is_never_lent_to_the_operators_people(client, hospital):
    login = f"op.{uuid4().hex[:10]}@example.org"
    person = a_person(login=login, password=PASSWORD)
    a_place(person, OPERATOR_ID, "operator", "operator_staff")
    _, admin = hospital

    doctor = client.post(ACCEPT, json=a_seat(invited(client, admin, "doctor").json["token"], login=login))
    finance = client.post(ACCEPT, json=a_seat(invited(client, admin, "hospital_finance").json["token"], login=login))

    promoted = client.put(
        f"/api/hospital/v1/staff/{finance.json['id']}/roles", json={"roles": ["doctor"]}, headers=admin
    )

    assert (doctor.status_code, doctor.json["type"]) == (409, "/problems/licence-may-not-be-lent")
    assert finance.status_code == 201
    assert (promoted.status_code, promoted.json["type"]) == (409, "/problems/licence-may-not-be-lent")


def test_a_hospitals_seat_is_somebody_elses_404(client, hospital):
    _, others = applied(client, an_application())
    [seat] = client.get("/api/hospital/v1/staff", headers=others).json["data"]

    left = client.delete(f"/api/hospital/v1/staff/{seat['id']}", headers=hospital[1])

    assert left.status_code == 404


def test_the_operator_offers_an_organisation_its_first_seat_and_no_clinical_one(client):
    facts = an_application()
    facts.pop("applicant")
    desk = operator_staff("operator_admin")
    hospital = client.post("/api/operator/v1/applications", json=facts, headers=desk | once()).json["id"]
    url = f"/api/operator/v1/organizations/{hospital}/invitations"

    offered = client.post(url, json={"addressee": "王芳"}, headers=desk | once())
    clinical = client.post(url, json={"addressee": "王芳", "roles": ["doctor"]}, headers=desk | once())
    taken = client.post(ACCEPT, json=a_seat(offered.json["token"]))

    assert (taken.status_code, taken.json["tenant_id"]) == (201, hospital)
    assert taken.json["roles"] == ["hospital_admin"]
    assert (clinical.status_code, clinical.json["errors"][0]["field"]) == (422, "roles")


def test_a_programme_is_a_wall_and_not_a_workplace(client):
    programme = new_id()
    with acting_for(programme), transaction():
        create_organization(kind="programme", name="宝钢健康计划")

    refused = client.post(
        f"/api/operator/v1/organizations/{programme}/invitations",
        json={"addressee": "王芳"},
        headers=operator_staff() | once(),
    )

    assert (refused.status_code, refused.json["roles"]) == (422, [])


def test_every_role_and_what_it_allows_can_be_read(client):
    roles = client.get("/api/operator/v1/roles", headers=operator_staff()).json["data"]

    by_name = {each["role"]: each for each in roles}
    assert by_name["doctor"]["audience"] == "hospital"
    assert not {"records.read", "encounters.read"} & set(by_name["operator_admin"]["permissions"])


def test_a_key_never_does_more_than_who_issued_it(client, hospital):
    _, admin = hospital
    wish = {"name": "HIS export", "days": 30}

    clinical = client.post("/api/hospital/v1/api_keys", json=wish | {"roles": ["doctor"]}, headers=admin | once())
    finance = client.post(
        "/api/hospital/v1/api_keys", json=wish | {"roles": ["hospital_admin"]}, headers=admin | once()
    )

    assert (clinical.status_code, clinical.json["type"]) == (403, "/problems/role-too-high")
    assert "records.read" in clinical.json["beyond"]
    assert finance.status_code == 201


def test_who_lost_the_role_before_confirming_confirms_nothing_and_neither_does_a_key_of_theirs(client, hospital):
    _, admin = hospital
    seat = a_seat(invited(client, admin, "hospital_admin").json["token"])
    client.post(ACCEPT, json=seat)
    second = signed_in_at(client, "/api/hospital/v1/sessions", seat)
    keys = [
        client.post("/api/hospital/v1/api_keys", json={"name": role, "roles": [role]}, headers=second | once()).json
        for role in ("hospital_finance", "pharmacist")
    ]
    finance, desk = ({"Authorization": f"Bearer {each['token']}"} for each in keys)
    wish = {"order_type": "appointment", "order_id": str(new_id()), "bearer": "hospital_fund", "reason": "hardship"}
    amount = {"amount_minor": 9_000_000, "currency": "CNY"}
    made = client.post("/api/hospital/v1/waivers", json=wish | {"amount": amount}, headers=admin | once()).json
    approval, staff = f"/api/hospital/v1/waivers/{made['id']}/approval", "/api/hospital/v1/staff"
    place = f"{staff}/{client.get(staff, headers=admin).json['data'][1]['id']}"

    moved = client.put(f"{place}/roles", json={"roles": ["pharmacist"]}, headers=admin)
    after_roles = [client.post(approval, headers=who | once()).status_code for who in (second, finance, desk)]
    left = client.delete(place, headers=admin)
    after_seat = [client.get("/api/hospital/v1/me", headers=who).status_code for who in (second, finance, desk)]
    [waiver] = client.get("/api/hospital/v1/waivers", headers=admin).json["data"]

    assert (moved.status_code, left.status_code, waiver["status"]) == (200, 204, "proposed")
    assert (after_roles, after_seat) == ([403, 401, 403], [401, 401, 401])


def test_a_key_is_shown_once_works_and_dies_when_revoked(client, hospital):
    _, admin = hospital
    wish = {"name": "HIS export", "roles": ["hospital_admin"]}
    issued = client.post("/api/hospital/v1/api_keys", json=wish, headers=admin | once()).json
    machine = {"Authorization": f"Bearer {issued['token']}"}

    me = client.get("/api/hospital/v1/me", headers=machine).json
    listed = client.get("/api/hospital/v1/api_keys", headers=machine).json["data"]
    revoked = client.delete(f"/api/hospital/v1/api_keys/{issued['id']}", headers=admin)

    assert issued["token"].startswith("tdm_test_")
    assert (me["kind"], me["person"], me["organization"]["id"]) == ("api_key", None, hospital[0])
    assert (listed[0]["hint"], listed[0]["last_used_at"] is not None) == (issued["token"][-4:], True)
    assert not {"token", "secret_hash"} & listed[0].keys()
    assert revoked.status_code == 204
    assert client.get("/api/hospital/v1/me", headers=machine).status_code == 401


def test_a_key_expires(client, hospital, at):
    wish = {"name": "HIS export", "roles": ["hospital_admin"], "days": 1}
    issued = client.post("/api/hospital/v1/api_keys", json=wish, headers=hospital[1] | once()).json
    at(clock.now() + timedelta(days=1, seconds=1))

    gone = client.get("/api/hospital/v1/me", headers={"Authorization": f"Bearer {issued['token']}"})

    assert gone.status_code == 401


def test_what_was_done_to_a_hospital_can_be_read_by_it_and_by_the_operator(client, hospital):
    tenant, admin = hospital
    invited(client, admin, "doctor")

    own = client.get("/api/hospital/v1/audit_events", query_string={"action": "invitation.made"}, headers=admin)
    seen = client.get(
        f"/api/operator/v1/organizations/{UUID(tenant)}/audit_events",
        query_string={"object_type": "invitation"},
        headers=operator_staff("operator_finance"),
    )

    assert [event["details"] for event in own.json["data"]] == [{"roles": ["doctor"]}]
    assert seen.json["data"] == own.json["data"]
