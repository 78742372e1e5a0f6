"""Signing in, being oneself, and signing out; guessing is bounded and tells nobody who is known here."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pyotp
import pytest
from sqlalchemy import func, select

from tandem.accounts.people.commands import count_attempt, forget_old_attempts
from tandem.accounts.people.models import FAILURES_ALLOWED, LOCK_MINUTES, LoginThrottle
from tandem.accounts.people.queries import login_index
from tandem.kernel import clock
from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, as_login, in_public, transaction
from tests.organizations import PASSWORD, an_application, applied, signed_in_at
from tests.people import once, operator_staff

DOOR = "/api/patient/v1/sessions"


@pytest.fixture
def patient(client):
    """Somebody who has signed up with a telephone number."""
    who = {"login": f"139{uuid4().int % 10**8:08d}", "password": PASSWORD}
    reply = client.post("/api/patient/v1/persons", json=who | {"name": "李明"})
    assert reply.status_code == 201, reply.json
    return who


def test_a_patient_signs_up_signs_in_and_sees_oneself(client, patient):
    me = client.get("/api/patient/v1/me", headers=signed_in_at(client, DOOR, patient))

    assert me.status_code == 200
    assert (me.json["person"]["name"], me.json["person"]["login"]) == ("李明", patient["login"])
    assert (me.json["roles"], me.json["organization"]) == (["patient"], None)


@pytest.mark.parametrize("spelled", ["+86{}", "86{}", "0086{}"])
def test_a_telephone_number_is_the_same_however_it_is_spelled(client, patient, spelled):
    again = client.post(DOOR, json=patient | {"login": spelled.format(patient["login"])})

    assert again.status_code == 201


def test_a_login_is_nobody_elses(client, patient):
    taken = client.post("/api/patient/v1/persons", json=patient | {"name": "张三", "password": "another password"})

    assert (taken.status_code, taken.json["type"]) == (409, "/problems/login-taken")


def test_signing_out_ends_this_session_and_leaves_the_other(client, patient):
    here, there = signed_in_at(client, DOOR, patient), signed_in_at(client, DOOR, patient)

    left = client.delete(f"{DOOR}/current", headers=here)

    assert left.status_code == 204
    assert client.get("/api/patient/v1/me", headers=here).status_code == 401
    assert len(client.get(DOOR, headers=there).json["data"]) == 1


def test_signing_out_everywhere_and_changing_the_password_end_every_session(client, patient):
    here, there = signed_in_at(client, DOOR, patient), signed_in_at(client, DOOR, patient)
    change = {"password": PASSWORD, "new_password": "a better password"}

    wrong = client.put("/api/patient/v1/me/password", json=change | {"password": "guessed wrongly"}, headers=here)
    changed = client.put("/api/patient/v1/me/password", json=change, headers=here)

    assert (wrong.status_code, changed.status_code) == (403, 204)
    assert [client.get("/api/patient/v1/me", headers=each).status_code for each in (here, there)] == [401, 401]
    assert client.post(DOOR, json=patient).status_code == 401
    fresh = signed_in_at(client, DOOR, patient | {"password": "a better password"})
    assert client.delete(DOOR, headers=fresh).status_code == 204
    assert client.get("/api/patient/v1/me", headers=fresh).status_code == 401


def test_a_known_login_and_an_unknown_one_are_refused_in_the_same_words_and_locked_alike(client, patient):
    known = patient | {"password": "guessed wrongly"}
    unknown = known | {"login": f"138{uuid4().int % 10**8:08d}"}

    answers = [[client.post(DOOR, json=who) for _ in range(FAILURES_ALLOWED + 1)] for who in (known, unknown)]

    told = [[(reply.status_code, reply.json["type"], reply.json["title"]) for reply in each] for each in answers]
    assert told[0] == told[1]
    assert [status for status, *_ in told[0]] == [401] * FAILURES_ALLOWED + [429]
    assert answers[0][-1].json["locked_until"]


def test_guesses_made_at_once_are_bounded_like_guesses_made_in_turn(app, patient):
    def guess(_: int) -> int:
        return app.test_client().post(DOOR, json=patient | {"password": "guessed wrongly"}).status_code

    with ThreadPoolExecutor(10) as at_once:
        answers = Counter(at_once.map(guess, range(25)))

    assert answers == {401: FAILURES_ALLOWED, 429: 25 - FAILURES_ALLOWED}


def test_a_locked_login_rests_even_for_the_right_password_and_its_owner_is_told_afterwards(client, patient, at):
    for _ in range(FAILURES_ALLOWED + 1):
        client.post(DOOR, json=patient | {"password": "guessed wrongly"})

    locked = client.post(DOOR, json=patient)
    at(clock.now() + timedelta(minutes=LOCK_MINUTES, seconds=1))
    me = client.get("/api/patient/v1/me", headers=signed_in_at(client, DOOR, patient)).json

    assert (locked.status_code, int(locked.headers["Retry-After"]) > 60 * (LOCK_MINUTES - 2)) == (429, True)
    assert me["person"]["failed_sign_ins"] == FAILURES_ALLOWED + 2
    assert me["person"]["was_locked_until"] is not None


def test_a_lock_is_told_to_the_operator_once_and_names_nobody(client, patient):
    for _ in range(FAILURES_ALLOWED + 4):
        client.post(DOOR, json=patient | {"password": "guessed wrongly"})

    digest = login_index(patient["login"]).hex()[:16]
    with acting_for(OPERATOR_ID):
        told = session.scalars(select(AuditEvent.action).where(AuditEvent.object_id == digest)).all()
    assert told == ["login.locked"]


def test_failures_long_ago_are_not_held_against_anybody(client, patient, at):
    for _ in range(FAILURES_ALLOWED):
        client.post(DOOR, json=patient | {"password": "guessed wrongly"})
    at(clock.now() + timedelta(minutes=16))

    once_more = client.post(DOOR, json=patient | {"password": "guessed wrongly"})
    right = client.post(DOOR, json=patient)

    assert (once_more.status_code, right.status_code) == (401, 201)


def test_counts_of_guessed_logins_do_not_pile_up(app, at):
    index = login_index(f"nobody.{uuid4().hex}")
    with as_login(index), transaction():
        count_attempt(index)
    at(clock.now() + timedelta(days=1))

    with in_public(), transaction():
        forget_old_attempts()

    with in_public():
        left = session.scalar(select(func.count()).where(LoginThrottle.login_index == index))
    assert left == 0


def test_a_second_factor_is_enrolled_by_a_code_and_each_code_counts_once(client, patient, at):
    at(clock.now())
    headers = signed_in_at(client, DOOR, patient)
    secret = client.post("/api/patient/v1/me/totp_secrets", headers=headers).json["secret"]
    code = pyotp.TOTP(secret).at(clock.now())
    proof = {"secret": secret, "code": code, "password": PASSWORD}

    wrong = client.put(
        "/api/patient/v1/me/totp", json=proof | {"code": f"{(int(code) + 1) % 10**6:06d}"}, headers=headers
    )
    enrolled = client.put("/api/patient/v1/me/totp", json=proof, headers=headers)
    without = client.post(DOOR, json=patient)
    replayed = client.post(DOOR, json=patient | {"totp": code})
    at(clock.now() + timedelta(seconds=60))
    fresh = client.post(DOOR, json=patient | {"totp": pyotp.TOTP(secret).at(clock.now())})

    assert (wrong.status_code, wrong.json["type"]) == (422, "/problems/code-wrong")
    assert enrolled.status_code == 204
    assert {reply.json["type"] for reply in (without, replayed)} == {"/problems/second-factor-needed"}
    assert fresh.status_code == 201


def test_guessing_the_second_factor_is_bounded_like_the_password(client, patient, at):
    at(clock.now())
    headers = signed_in_at(client, DOOR, patient)
    secret = client.post("/api/patient/v1/me/totp_secrets", headers=headers).json["secret"]
    proof = {"secret": secret, "code": pyotp.TOTP(secret).at(clock.now()), "password": PASSWORD}
    client.put("/api/patient/v1/me/totp", json=proof, headers=headers)

    guesses = [client.post(DOOR, json=patient | {"totp": "000000"}).status_code for _ in range(FAILURES_ALLOWED + 1)]

    assert guesses == [401] * FAILURES_ALLOWED + [429]


def test_a_machines_key_has_no_password_to_change(client):
    hospital, admin = applied(client, an_application())
    wish = {"name": "HIS export", "roles": ["hospital_admin"]}
    issued = client.post("/api/hospital/v1/api_keys", json=wish, headers=admin | once()).json
    machine = {"Authorization": f"Bearer {issued['token']}"}

    refused = client.put(
        "/api/hospital/v1/me/password",
        json={"password": PASSWORD, "new_password": "a better password"},
        headers=machine,
    )

    assert hospital
    assert (refused.status_code, refused.json["type"]) == (403, "/problems/person-needed")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"login": "a"}, "login"),
        ({"login": "white space"}, "login"),
        ({"password": None}, "password"),
        ({"totp": "12345"}, "totp"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_sign_in_that_makes_no_sense_is_named(client, patient, wrong, field):
    refused = client.post(DOOR, json=patient | wrong)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == [field]


def test_the_clock_of_a_test_platform_is_moved_by_those_who_may(client, settings):
    url = "/api/operator/v1/test_clock"
    supervisor = operator_staff("operator_supervisor")
    try:
        moved = client.put(url, json={"now": "2031-05-01T00:00:00+08:00"}, headers=supervisor)
        seen = clock.now()
    finally:
        settings.clock_file.unlink(missing_ok=True)

    refused = client.put(url, json={"now": "2031-05-01T00:00:00Z"}, headers=operator_staff("operator_staff"))

    assert moved.status_code == 200, moved.json
    assert moved.json["is_movable"] is True
    assert (seen.year, seen.month) == (2031, 4)
    assert refused.status_code == 403
    assert client.put(url, json={"now": "0001-01-01T00:00:00Z"}, headers=supervisor).status_code == 422
