"""A credential that has ended opens nothing from the next request on, and none opens another audience's door."""

import json
import os
import time
from base64 import b32encode
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tandem.embedded.roles import with_database
from tandem.kernel import clock, identity
from tandem.kernel.crypto import encrypt
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for, as_person, transaction
from tenants.hospitals.models import Department
from tests.hospitals import a_live_hospital, a_patient
from tests.people import a_key, a_person, a_place, once, signed_in, staff
from tests.platform.kernel.http.stories import Caller, fields_of, nothing_is_written, told_well
from tests.tenants.clinics import all_at_once

DEPARTMENTS = "/api/hospital/v1/departments"
GOOD = b'{"name": "A", "specialty": "03.04"}'


@pytest.fixture
def hospital(app: Flask):
    return a_live_hospital()


@pytest.fixture
def database(admin_url: str) -> str:
    return with_database(admin_url, f"tests_{os.getpid()}")


def test_a_keys_last_moment_is_its_last(client: FlaskClient, hospital, at):
    caller = Caller(client, a_key(hospital, "hospital", "hospital_admin"))
    now = clock.now()

    at(now + timedelta(hours=23, minutes=59))
    before = caller.send("GET", DEPARTMENTS)
    at(now + timedelta(days=1, seconds=1))
    after = told_well(caller.send("GET", DEPARTMENTS))

    assert before.status_code == 200
    assert after["type"] == "/problems/unauthenticated"


def test_a_revoked_key_opens_nothing(client: FlaskClient, hospital):
    admin = Caller(client, staff(hospital, "hospital", "hospital_admin"))
    wish = b'{"name": "machine", "roles": ["hospital_admin"], "days": 30}'
    issued = admin.send("POST", "/api/hospital/v1/api_keys", wish).json
    machine = Caller(client, {"Authorization": f"Bearer {issued['token']}"})
    assert machine.send("GET", DEPARTMENTS).status_code == 200

    admin.send("DELETE", f"/api/hospital/v1/api_keys/{issued['id']}")

    assert told_well(machine.send("GET", DEPARTMENTS))["status"] == 401


def test_a_hospitals_key_carries_no_role_of_the_operator(client: FlaskClient, hospital, database):
    admin = Caller(client, staff(hospital, "hospital", "hospital_admin"))
    wish = b'{"name": "machine", "roles": ["operator_admin"], "days": 30}'

    with nothing_is_written(database):
        refused = told_well(admin.send("POST", "/api/hospital/v1/api_keys", wish))

    assert refused["status"] == 422
    assert set(fields_of(refused)) <= {"roles", "roles.0"}


def test_a_row_that_calls_itself_the_operators_opens_nothing(client: FlaskClient, hospital):
    person = a_person()
    a_place(person, hospital, "operator", "operator_admin")
    forged = [a_key(hospital, "operator", "operator_admin"), signed_in(person, "operator", hospital)]

    for path in ("organizations", f"organizations/{hospital}", "staff", "me", "audit_events"):
        for headers in forged:
            assert told_well(Caller(client, headers).send("GET", f"/api/operator/v1/{path}"))["status"] == 401


def test_a_key_is_no_patient(client: FlaskClient, hospital):
    key = Caller(client, a_key(hospital, "patient", "patient"))

    for path in ("me", "benefits", f"hospitals/{hospital}/patients", f"hospitals/{hospital}/appointments"):
        assert told_well(key.send("GET", f"/api/patient/v1/{path}"))["status"] == 401


def test_a_patient_who_left_finds_nothing_at_the_next_request(client: FlaskClient, hospital):
    _, person = a_patient(hospital)
    caller, path = Caller(client, signed_in(person, "patient")), f"/api/patient/v1/hospitals/{hospital}/patients"
    assert caller.send("GET", path).status_code == 200

    with acting_for(hospital), transaction():
        here = identity.Membership.tenant_id == hospital, identity.Membership.person_id == person
        session.execute(update(identity.Membership).where(*here).values(status="ended", ended_at=clock.now()))

    assert told_well(caller.send("GET", path))["type"] == "/problems/not-found"


def test_nobody_gives_what_they_do_not_hold(client: FlaskClient, hospital, database):
    finance = Caller(client, staff(hospital, "hospital", "hospital_finance"))

    with nothing_is_written(database):
        refused = told_well(
            finance.send("POST", "/api/hospital/v1/api_keys", b'{"name": "m", "roles": ["hospital_admin"], "days": 1}')
        )

    assert (refused["status"], refused["permission"]) == (403, "api_keys.write")


def test_a_session_ends_when_its_person_signs_out(client: FlaskClient, hospital):
    caller = Caller(client, staff(hospital, "hospital", "hospital_admin"))
    assert caller.send("GET", DEPARTMENTS).status_code == 200

    assert caller.send("DELETE", "/api/hospital/v1/sessions/current").status_code == 204

    assert told_well(caller.send("GET", DEPARTMENTS))["status"] == 401


def test_a_session_ends_by_itself(client: FlaskClient, hospital, at):
    caller = Caller(client, staff(hospital, "hospital", "hospital_admin"))

    at(clock.now() + timedelta(hours=identity.SESSION_HOURS, seconds=1))

    assert told_well(caller.send("GET", DEPARTMENTS))["status"] == 401


def test_an_ended_place_is_ended_at_the_next_request(client: FlaskClient, hospital):
    person = a_person()
    a_place(person, hospital, "hospital", "hospital_admin")
    caller = Caller(client, signed_in(person, "hospital", hospital))
    assert caller.send("GET", DEPARTMENTS).status_code == 200

    with acting_for(hospital), transaction():
        session.execute(
            update(identity.Membership)
            .where(identity.Membership.tenant_id == hospital, identity.Membership.person_id == person)
            .values(status="ended", ended_at=clock.now())
        )

    assert told_well(caller.send("GET", DEPARTMENTS))["status"] == 401


def test_a_role_taken_away_is_gone_at_the_next_request(client: FlaskClient, hospital):
    person = a_person()
    a_place(person, hospital, "hospital", "hospital_admin")
    caller = Caller(client, signed_in(person, "hospital", hospital))

    with acting_for(hospital), transaction():
        session.execute(
            update(identity.Membership)
            .where(identity.Membership.tenant_id == hospital, identity.Membership.person_id == person)
            .values(roles=["pharmacist"])
        )

    assert told_well(caller.send("POST", DEPARTMENTS, GOOD))["permission"] == "departments.write"


TOKENS = [
    "",
    "x",
    "tdm_test_",
    "tdm_live_" + "a" * 77,
    "tds_" + b32encode(bytes(48)).decode().lower(),
    "tdm_test_" + b32encode(bytes(48)).decode().lower(),
    "tdi_" + b32encode(bytes(48)).decode().lower(),
    "tds_" + "é" * 77,
    "tds_" + "=" * 77,
    "' OR 1=1 --",
    "x" * 7_000,
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_of_nobody_opens_nothing(client: FlaskClient, hospital, token: str):
    for scheme in ("Bearer", "bearer", "Basic", "Token", ""):
        answer = Caller(client, {"Authorization": f"{scheme} {token}".encode().decode("latin-1")}).send(
            "GET", DEPARTMENTS
        )

        assert told_well(answer)["status"] == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_secret_of_one_hospital_is_none_of_another(client: FlaskClient, hospital):
    token = a_key(hospital, "hospital", "hospital_admin")["Authorization"].removeprefix("Bearer ")
    kind, _, rest = token.rpartition("_")
    other = b32encode(a_live_hospital().bytes).decode().lower()[:25]

    moved = Caller(client, {"Authorization": f"Bearer {kind}_{other}{rest[25:]}"})

    assert told_well(moved.send("GET", DEPARTMENTS))["status"] == 401


def test_a_patients_session_reads_no_other_hospital(client: FlaskClient, hospital):
    _, person = a_patient(hospital)
    elsewhere = a_live_hospital()
    caller = Caller(client, signed_in(person, "patient"))

    foreign = caller.send("GET", f"/api/patient/v1/hospitals/{elsewhere}/patients")
    missing = caller.send("GET", f"/api/patient/v1/hospitals/{a_person()}/patients")

    assert caller.send("GET", f"/api/patient/v1/hospitals/{hospital}/patients").status_code == 200
    assert {**told_well(foreign), "request_id": ""} == {**told_well(missing), "request_id": ""}


def test_a_cookie_changes_nothing_without_its_token(client: FlaskClient, hospital, database):
    person = a_person()
    a_place(person, hospital, "hospital", "hospital_admin")
    with as_person(person), transaction():
        token, opened = identity.open_session(session.get_one(identity.Person, person), "hospital", hospital)
        csrf = opened.csrf_token
    client.set_cookie("tandem_session", token)
    caller = Caller(client, {})

    read = caller.send("GET", DEPARTMENTS)
    with nothing_is_written(database):
        refused = [
            told_well(caller.send("POST", DEPARTMENTS, GOOD, **headers))
            for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": csrf[:-1]}, {"Origin": "https://evil.example"})
        ]
    made = caller.send("POST", DEPARTMENTS, GOOD, **{"X-CSRF-Token": csrf})

    assert (read.status_code, made.status_code) == (200, 201)
    assert {(each["status"], each["permission"]) for each in refused} == {(403, "csrf")}


def test_an_empty_authorization_does_not_stand_in_for_a_token_of_the_form(client: FlaskClient, hospital, database):
    person = a_person()
    a_place(person, hospital, "hospital", "hospital_admin")
    with as_person(person), transaction():
        token, _ = identity.open_session(session.get_one(identity.Person, person), "hospital", hospital)
    client.set_cookie("tandem_session", token)

    with nothing_is_written(database):
        refused = [
            told_well(Caller(client, {"Authorization": said}).send("POST", DEPARTMENTS, GOOD))
            for said in ("", "Bearer", "Basic dTpw")
        ]

    assert {each["status"] for each in refused} <= {401, 403}


def test_a_hundred_threads_with_one_key_have_one_effect(app: Flask, hospital):
    headers = staff(hospital, "hospital", "hospital_admin") | once()
    with acting_for(hospital):
        # A hospital's very first answer also makes its key, on a second connection: a hundred threads that share sixteen
        # would wait for that in turns of two seconds, which gunicorn's eight never do.
        encrypt("ready", "idempotency_key.body")

    def post() -> tuple[int, bytes]:
        caller = Caller(app.test_client(), headers)
        answer = caller.send("POST", DEPARTMENTS, GOOD, **headers)
        while answer.status_code == 503 or answer.json.get("type") == "/problems/still-running":
            time.sleep(0.1)
            answer = caller.send("POST", DEPARTMENTS, GOOD, **headers)
        return answer.status_code, answer.get_data()

    answers = all_at_once(app, [post] * 100, threads=100)

    with acting_for(hospital):
        made = session.scalars(select(Department.id).where(Department.tenant_id == hospital)).all()
    assert len(made) == 1
    assert {(status, json.loads(body)["id"]) for status, body in answers} == {(201, str(made[0]))}
    assert len(set(answers)) == 1
