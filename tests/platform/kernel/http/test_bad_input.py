"""Whatever is sent, the answer is a typed problem that names the field, and nothing is half-written."""

import os
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm.exc import StaleDataError

from tandem.embedded.roles import with_database
from tests.hospitals import a_live_hospital, a_name
from tests.people import once, staff
from tests.platform.kernel.http.stories import Caller, fields_of, nothing_is_written, told_well

DEPARTMENTS = "/api/hospital/v1/departments"
SERVICES = "/api/hospital/v1/services"
GOOD = b'{"name": "\xe5\xbf\x83\xe5\x86\x85\xe7\xa7\x91", "specialty": "03.04"}'
MANY = "x" * 1_100_000


@pytest.fixture
def database(admin_url: str) -> str:
    return with_database(admin_url, f"tests_{os.getpid()}")


@pytest.fixture(scope="module")
def caller(app: Flask) -> Caller:
    """An administrator of one hospital, who sends all of this."""
    with app.app_context():
        headers = staff(a_live_hospital(), "hospital", "hospital_admin")
    return Caller(app.test_client(), headers | {"Accept-Language": "en"})


def a_department() -> bytes:
    """What the hospital accepts once."""
    return GOOD.replace("心内科".encode(), a_name("心内科").encode())


BODIES: dict[str, tuple[bytes, int, str, dict[str, str]]] = {
    "an unknown field": (b'{"name": "A", "specialty": "03.04", "colour": 1}', 422, "invalid", {"colour": "unknown"}),
    "a wrong type": (b'{"name": 5, "specialty": "03.04"}', 422, "invalid", {"name": "type"}),
    "nothing": (b"{}", 422, "invalid", {"name": "required", "specialty": "required"}),
    "null": (b'{"name": null, "specialty": "03.04"}', 422, "invalid", {"name": "null"}),
    "an escaped NUL": (b'{"name": "a\\u0000b", "specialty": "03.04"}', 422, "invalid", {"name": "nul"}),
    "a NUL in a list": (b'{"name": "a", "specialty": ["\\u0000"]}', 422, "invalid", {"specialty.0": "nul"}),
    "a NUL in a name": (b'{"na\\u0000me": "a"}', 422, "invalid", {"body": "nul"}),
    "a raw NUL": (b'{"name": "a\x00b"}', 400, "malformed", {}),
    "a lone surrogate": (b'{"name": "\\ud800", "specialty": "03.04"}', 400, "malformed", {}),
    "half a surrogate pair": (b'{"name": "\xed\xa0\x80", "specialty": "03.04"}', 400, "malformed", {}),
    "bytes that are no UTF-8": ('{"name": "心内科"}'.encode("gbk"), 400, "malformed", {}),
    "UTF-16": ('{"name": "A"}'.encode("utf-16"), 400, "malformed", {}),
    "not a number": (b'{"name": NaN}', 400, "malformed", {}),
    "an infinite number": (b'{"name": 1e309}', 400, "malformed", {}),
    "a name said twice": (b'{"name": "A", "specialty": "03.04", "name": "B"}', 400, "member-repeated", {}),
    "said twice with spaces": (b'{"name" :"A","name":"B","specialty":":"}', 400, "member-repeated", {}),
    "said twice in two spellings": (b'{"name":"A","n\\u0061me":"B","specialty":"03.04"}', 400, "member-repeated", {}),
    "a list": (b"[]", 400, "malformed", {}),
    "a word": (b'"name"', 400, "malformed", {}),
    "no body": (b"", 400, "malformed", {}),
    "half a body": (GOOD[:20], 400, "malformed", {}),
    "ten thousand floors": (b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, "malformed", {}),
    "ten thousand closed rooms": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "malformed", {}),
    "more than a megabyte": (f'{{"name": "{MANY}"}}'.encode(), 413, "body-too-large", {}),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_is_refused_with_its_reason(caller: Caller, database: str, what: str):
    body, status, slug, fields = BODIES[what]

    with nothing_is_written(database):
        problem = told_well(caller.send("POST", DEPARTMENTS, body))

    assert (problem["status"], problem["type"]) == (status, f"/problems/{slug}")
    assert fields_of(problem) == fields
    assert problem["mend"]


def test_backslashes_before_an_escape_are_text(caller: Caller):
    made = caller.send("POST", DEPARTMENTS, b'{"name": "a\\\\u0000b", "specialty": "03.04"}')

    assert (made.status_code, made.json["name"]) == (201, "a\\u0000b")


def test_a_name_inside_a_text_is_not_said_twice(caller: Caller):
    made = caller.send("POST", DEPARTMENTS, b'{"name": "{\\"name\\": \\"a\\"}", "specialty" : "03.04"}')

    assert (made.status_code, made.json["name"]) == (201, '{"name": "a"}')


NUMBERS = ["9223372036854775808", "1180591620717411303424", "1e300", "-1", "true", '"15"', "15.5", "[]", "{}"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_out_of_place_is_named(caller: Caller, database: str, number: str):
    wish = (
        '{"name": "复诊", "specialty": "03.04", "mode": "text", "care_type": "follow_up",'
        f' "price": {{"amount_minor": {number}, "currency": "CNY"}}, "duration_minutes": {number}}}'
    )

    with nothing_is_written(database):
        problem = told_well(caller.send("POST", SERVICES, wish.encode()))

    assert set(fields_of(problem)) >= {"price.amount_minor"}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx", "text/csv"],
)
def test_a_body_of_another_kind_is_refused(caller: Caller, content_type: str):
    problem = told_well(caller.send("POST", DEPARTMENTS, GOOD, **{"Content-Type": content_type}))

    assert (problem["status"], problem["takes"]) == (415, ["application/json"])


QUERIES = {
    "limit=1&limit=2": {"limit": "type"},
    "limit=0": {"limit": "range"},
    "limit=101": {"limit": "range"},
    "limit=99999999999999999999999": {"limit": "range"},
    "limit=1e309": {"limit": "type"},
    "limit=NaN": {"limit": "type"},
    "limit=": {"limit": "type"},
    "limit=%F0%9F%A9%BA": {"limit": "type"},
    "colour=red": {"colour": "unknown"},
    "after=%00": {"after": "nul"},
    "after=": {"after": "length"},
    "after=nonsense": {"after": "invalid"},
    "after=%ff%fe": {"after": "invalid"},
    "after=bnVsbA": {"after": "invalid"},
    "after=e30": {"after": "invalid"},
    "after=W10": {"after": "invalid"},
    "after=WzEsMl0": {"after": "invalid"},
    "after=WyIyMDI2LTExLTIxIiwiMjAyNi0xMS0yMSJd": {"after": "invalid"},
    "after=" + "A" * 401: {"after": "length"},
}


@pytest.mark.parametrize("path", [DEPARTMENTS, "/api/hospital/v1/audit_events", "/api/hospital/v1/payments"])
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_refused_with_its_reason(caller: Caller, path: str, query: str):
    problem = told_well(caller.send("GET", f"{path}?{query}"))

    assert problem["status"] == 422
    assert fields_of(problem) == QUERIES[query]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DELETE", "PUT"])
def test_a_method_that_is_not_taken_is_told_with_those_that_are(caller: Caller, method: str):
    answer = caller.send(method, DEPARTMENTS)

    assert told_well(answer)["status"] == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/api/hospital/v1/departments/1",
        "/api/hospital/v1/departments/%00",
        "/nowhere",
        "/api",
        "/%ff",
        "//",
        "/api/hospital/v1/departments/",
    ],
)
def test_an_address_that_is_none_is_missing(caller: Caller, path: str):
    assert told_well(caller.send("GET", path))["type"] == "/problems/not-found"


def test_both_languages_are_spoken(caller: Caller):
    body = BODIES["an unknown field"][0]

    said = {
        language: caller.send("POST", DEPARTMENTS, body, **{"Accept-Language": language}).json
        for language in ("zh-CN", "en", "fr;q=0.9, zh;q=0.5", "-;;q=", "*", "x" * 5_000, "en_US.UTF-8@\x7f")
    }

    assert said["zh-CN"]["errors"][0]["reason"] == "不存在此字段"
    assert said["en"]["errors"][0]["reason"] == "There is no such field"
    assert said["fr;q=0.9, zh;q=0.5"]["title"] == said["zh-CN"]["title"]
    assert {each["status"] for each in said.values()} == {422}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80@localhost", "[::1", "a b", "localhost\t"])
def test_a_host_header_is_never_believed(caller: Caller, host: str):
    forged = {
        "Host": host,
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "1.1.1.1",
        "Forwarded": "host=evil.example",
    }

    answers = [
        caller.send("GET", DEPARTMENTS, **forged),
        caller.client.post("/preferences", data={"theme": "dark", "back": "//evil.example"}, headers=forged),
        caller.client.get("/", headers=forged),
    ]

    assert all(answer.status_code < 500 for answer in answers)
    assert not any("evil" in answer.get_data(as_text=True) + answer.headers.get("Location", "") for answer in answers)


def test_a_change_needs_the_version_it_changes(caller: Caller, database: str):
    department = caller.send("POST", DEPARTMENTS, a_department())
    one, body = f"{DEPARTMENTS}/{department.json['id']}", a_department()

    with nothing_is_written(database):
        without = told_well(caller.send("PATCH", one, body))
        stale = [
            told_well(caller.send("PATCH", one, body, **{"If-Match": tag}))
            for tag in ('"7"', "*", "", '"', "x" * 9_000)
        ]

    assert without["type"] == "/problems/precondition-required"
    assert {each["type"] for each in stale} == {"/problems/version-conflict"}
    assert caller.send("PATCH", one, body, **{"If-Match": department.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\x7f", "钥匙".encode().decode("latin-1")])
def test_a_key_that_is_none_is_refused(caller: Caller, database: str, key: str):
    with nothing_is_written(database):
        problem = told_well(caller.send("POST", DEPARTMENTS, GOOD, **{"Idempotency-Key": key}))

    assert problem["type"] == "/problems/idempotency-key-required"


def test_a_key_is_good_for_one_body(caller: Caller, database: str):
    key, department = once(), a_department()
    first = caller.send("POST", DEPARTMENTS, department, **key)

    with nothing_is_written(database):
        again = caller.send("POST", DEPARTMENTS, department, **key)
        other = told_well(caller.send("POST", DEPARTMENTS, department.replace(b"03.04", b"03.07"), **key))

    assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other["type"] == "/problems/idempotency-key-reused"


def test_a_refused_request_leaves_its_key_free(caller: Caller):
    key = once()
    told_well(caller.send("POST", DEPARTMENTS, b"{}", **key))

    mended: Any = caller.send("POST", DEPARTMENTS, a_department(), **key)

    assert mended.status_code == 201


def test_who_writes_a_row_that_another_has_changed_meanwhile_is_told_to_read_it_again(app: Flask):
    with app.test_request_context(DEPARTMENTS, headers={"Accept-Language": "en"}):
        answered: Any = app.handle_user_exception(StaleDataError("UPDATE matched no row"))
        problem = app.make_response(answered)

    assert (problem.status_code, answered.json["type"]) == (409, "/problems/conflict")
    assert "matched" not in problem.get_data(as_text=True)
