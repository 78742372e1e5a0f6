"""Files as people really send them: a typed answer, rows told one by one, and nothing half-written."""

import os
from typing import Any

import pytest
from flask import Flask

from tandem.embedded.roles import with_database
from tests.employers import an_employer
from tests.people import operator_staff, staff
from tests.platform.kernel.http.stories import Caller, nothing_is_written, told_well
from tests.programmes import a_mobile

ROSTERS = "/api/employer/v1/rosters"
IMPORTS = "/api/operator/v1/hospital_imports"
ROSTER = "工号,姓名,手机号,入职日期,离职日期\n"
REGISTER = "province_code,province,city_code,city,name,address,phone,tags\n"


@pytest.fixture
def database(admin_url: str) -> str:
    return with_database(admin_url, f"tests_{os.getpid()}")


@pytest.fixture
def hr(app: Flask, client) -> Caller:
    return Caller(client, staff(an_employer(), "employer", "employer_admin") | {"Accept-Language": "en"})


@pytest.fixture
def desk(app: Flask, client) -> Caller:
    return Caller(client, operator_staff() | {"Accept-Language": "en"})


def an_employee(number: str, name: str = "李明") -> str:
    return f"{number},{name},{a_mobile()},2024-03-01,\n"


def upload(caller: Caller, path: str, content: bytes, **headers: str) -> Any:
    return caller.send("POST", path, content, **{"Content-Type": "text/csv"} | headers)


UNREADABLE = {
    "nothing": b"",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "only NULs": b"\x00" * 4_096,
    "a sheet of another program": b"PK\x03\x04" + b"\x00\xff" * 200,
    "half a character": "工号,姓".encode()[:-1],
    "another table": b"colour,size\nred,1\n",
    "a header named twice": (ROSTER.strip() + ",手机\n").encode(),
    "one endless quote": (ROSTER + '"').encode() + b"x" * 200_000,
    "a cell of a megabyte": (ROSTER + "1," + "x" * 1_000_000 + ",,,\n").encode(),
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("audience", ["employer", "operator"])
def test_a_file_that_is_no_such_table_is_refused_whole(hr, desk, database, audience: str, what: str):
    caller, path = (hr, ROSTERS) if audience == "employer" else (desk, IMPORTS)
    content = UNREADABLE[what].replace(
        ROSTER.encode(), ROSTER.encode() if audience == "employer" else REGISTER.encode()
    )

    with nothing_is_written(database):
        problem = told_well(upload(caller, path, content))

    assert problem["status"] == 422
    assert problem["mend"]


def test_a_file_of_more_than_twenty_megabytes_is_refused(hr, desk, database):
    content = b"x" * (21 << 20)

    with nothing_is_written(database):
        problems = [told_well(upload(hr, ROSTERS, content)), told_well(upload(desk, IMPORTS, content))]

    assert {each["type"] for each in problems} == {"/problems/body-too-large"}


@pytest.mark.parametrize("kind", ["application/json", "text/html", "multipart/form-data; boundary=x", ""])
def test_a_file_of_another_kind_is_refused(hr, desk, kind: str):
    answers = [
        upload(hr, ROSTERS, b"{}", **{"Content-Type": kind}),
        upload(desk, IMPORTS, b"{}", **{"Content-Type": kind}),
    ]

    assert [told_well(answer)["status"] for answer in answers] == [415, 415]
    assert all("text/csv" in answer.json["takes"] for answer in answers)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_roster_is_read_in_the_encoding_it_was_saved_in(hr, encoding: str):
    answer = upload(hr, ROSTERS, (ROSTER + an_employee("A1", "欧阳娜娜")).encode(encoding))

    assert (answer.status_code, answer.json["rows_added"], answer.json["rows_refused"]) == (201, 1, 0), answer.json
    assert hr.send("GET", "/api/employer/v1/members").json["data"][0]["name"] == "欧阳娜娜"


BAD_ROWS = {
    "a formula": "A1,=HYPERLINK(1),13800138000,2024-03-01,\n",
    "a formula after a blank": "A1, +cmd,13800138000,2024-03-01,\n",
    "a full-width formula": "A1,＝1,13800138000,2024-03-01,\n",
    "a NUL": "A1,李\x00明,13800138000,2024-03-01,\n",
    "a bell": "A1,李\x07明,13800138000,2024-03-01,\n",
    "a rounded number": "A1,李明,1.38E+10,2024-03-01,\n",
    "a cell too few": "A1,李明\n",
    "a cell too many": "A1,李明,13800138000,2024-03-01,,x\n",
    "no name": "A1,,13800138000,2024-03-01,\n",
    "a day that never was": "A1,李明,13800138000,2024-02-30,\n",
    "a year far off": "A1,李明,13800138000,9999-12-31,\n",
    "left before joining": "A1,李明,13800138000,2024-03-01,2023-03-01\n",
    "a long name": f"A1,{'李' * 3_000},13800138000,2024-03-01,\n",
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_bad_row_is_told_and_the_others_are_taken(hr, what: str):
    answer = upload(hr, ROSTERS, (ROSTER + BAD_ROWS[what] + an_employee("B2")).encode())

    assert (answer.status_code, answer.json["rows_added"], answer.json["rows_refused"]) == (201, 1, 1), answer.json
    told = answer.json["errors"][0]
    assert told["row"] == 2
    assert told["reason"]
    assert told["mend"]
    assert [each["staff_number"] for each in hr.send("GET", "/api/employer/v1/members").json["data"]] == ["B2"]


def test_an_employee_named_twice_is_taken_once(hr):
    one = an_employee("A1")

    answer = upload(hr, ROSTERS, (ROSTER + one + one).encode())

    assert (answer.json["rows_added"], answer.json["rows_refused"]) == (1, 1)


def test_the_same_file_again_is_the_same_import(hr, database):
    content = (ROSTER + an_employee("A1")).encode()
    first = upload(hr, ROSTERS, content)

    with nothing_is_written(database, but={"idempotency_key"}):
        again = upload(hr, ROSTERS, content)

    assert again.json["id"] == first.json["id"]


def test_a_dry_run_writes_nothing_but_its_key(hr, desk, database):
    register = REGISTER + "350000,福建省,350500,泉州市,干跑医院,,,\n"

    # A first secret makes its tenant's key whatever becomes of it, and looking across tenants leaves a trace.
    with nothing_is_written(database, but={"idempotency_key", "tenant_key", "audit_event", "audit_pending"}):
        roster = upload(hr, f"{ROSTERS}?dry_run=true", (ROSTER + an_employee("A1")).encode())
        listed = upload(desk, f"{IMPORTS}?dry_run=true", register.encode())

    assert (roster.status_code, listed.status_code) == (201, 201)
    assert listed.json["created"] == 1


def test_a_register_row_with_a_formula_is_made_harmless_and_told(desk):
    city = f"市{os.urandom(6).hex()}"

    answer = upload(desk, IMPORTS, (REGISTER + f"350000,福建省,350500,{city},第一医院,=1+1,,\n").encode())

    assert (answer.status_code, answer.json["created"], answer.json["notices"]) == (201, 1, 1), answer.json
