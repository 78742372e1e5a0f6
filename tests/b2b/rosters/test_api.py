"""HR uploads over HTTP: any encoding, typed problems, nothing half-written, nobody else's people."""

from datetime import date

import pytest

from tandem.kernel.ids import new_id
from tests.employers import HEADER, a_roster, an_employer, employees
from tests.people import once, operator_staff, staff

ROSTERS = "/api/employer/v1/rosters"
MEMBERS = "/api/employer/v1/members"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def hr(app) -> dict[str, str]:
    return staff(an_employer(), "employer", "employer_admin")


def uploaded(client, who, content: bytes, **query):
    return client.post(ROSTERS, data=content, query_string=query, headers=who | CSV | once())


def people_of(client, who) -> list[dict]:
    return client.get(MEMBERS, headers=who).json["data"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_a_roster_is_taken_in_whatever_encoding_it_was_saved(client, hr, encoding):
    reply = uploaded(client, hr, a_roster(employees(2)).decode().encode(encoding))

    assert (reply.status_code, reply.json["rows_added"], reply.json["errors"]) == (201, 2, []), reply.json
    assert [each["name"] for each in people_of(client, hr)] == ["王芳", "王芳"]


def test_bad_rows_are_told_by_row_column_and_mend_and_read_again_later(client, hr):
    content = (
        a_roster(employees(1))
        + "E2,=cmd|' /C calc'!A0,13800138000,2020-01-01,\nE3,李明,1.38E+10,2020-01-01,\n".encode()
    )

    reply = uploaded(client, hr, content)

    told = [(each["row"], each["column"], each["code"]) for each in reply.json["errors"]]
    assert told == [(3, "name", "formula"), (4, "phone", "rounded")]
    assert all(each["mend"]["zh"] and each["reason"]["en"] for each in reply.json["errors"])
    assert "calc" not in reply.text
    assert client.get(f"{ROSTERS}/{reply.json['id']}", headers=hr).json == reply.json
    [listed] = client.get(ROSTERS, headers=hr).json["data"]
    assert (listed["rows_refused"], "errors" in listed) == (2, False)


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"", "columns-missing"),
        ("工号,姓名\nE1,王芳\n".encode(), "columns-missing"),
        ((HEADER.strip() + ",phone\n").encode(), "columns-repeated"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\xfd", "file-unreadable"),
        ((HEADER + '"E1,王芳\n').encode(), "file-unreadable"),
        ((HEADER + "E1,王芳,13800138000,2020-01-01,\n" * 20_001).encode(), "file-too-long"),
    ],
)
def test_what_is_no_roster_is_refused_with_a_type_and_writes_nothing(client, hr, content, slug):
    reply = uploaded(client, hr, content)

    assert (reply.status_code, reply.json["type"]) == (422, f"/problems/{slug}")
    assert reply.json["mend"]
    assert people_of(client, hr) == client.get(ROSTERS, headers=hr).json["data"] == []


def test_a_picture_is_not_even_read(client, hr):
    reply = client.post(ROSTERS, data=b"x", headers=hr | once() | {"Content-Type": "image/png"})

    assert reply.status_code == 415


def test_a_dry_run_keeps_nothing_and_has_no_id(client, hr):
    reply = uploaded(client, hr, a_roster(employees(3)), dry_run="true")

    assert (reply.status_code, reply.json["id"], reply.json["rows_added"]) == (201, None, 3), reply.json
    assert people_of(client, hr) == client.get(ROSTERS, headers=hr).json["data"] == []


def test_a_double_click_with_two_keys_answers_the_same(client, hr):
    content = a_roster(employees(2))

    first, second = uploaded(client, hr, content), uploaded(client, hr, content)

    assert first.json == second.json
    assert len(people_of(client, hr)) == 2


def test_the_roster_is_read_page_by_page(client, hr):
    uploaded(client, hr, a_roster(employees(7)))

    numbers, after = [], None
    for _ in range(3):
        query = {"limit": 3} | ({"after": after} if after else {})
        page = client.get(MEMBERS, query_string=query, headers=hr).json
        numbers += [each["staff_number"] for each in page["data"]]
        after = page["next"]

    assert numbers == [f"E0000{n}" for n in range(1, 8)]
    assert after is None


@pytest.mark.parametrize(
    ("left_on", "status"), [("2020-03-02", 201), ("2020-03-01", 422), ("soon", 422), (str(date.max), 201)]
)
def test_somebody_leaves_on_a_day_that_can_be(client, hr, left_on, status):
    uploaded(client, hr, a_roster(employees(1)))
    [member] = people_of(client, hr)

    reply = client.post(f"{MEMBERS}/{member['id']}/departures", json={"left_on": left_on}, headers=hr | once())

    assert reply.status_code == status, reply.json
    assert people_of(client, hr)[0]["left_on"] == (left_on if status == 201 else None)


def test_nobody_leaves_twice(client, hr):
    uploaded(client, hr, a_roster(employees(1)))
    path = f"{MEMBERS}/{people_of(client, hr)[0]['id']}/departures"

    replies = [client.post(path, json={"left_on": "2026-01-01"}, headers=hr | once()) for _ in range(2)]

    assert [each.status_code for each in replies] == [201, 409]
    assert replies[1].json["type"] == "/problems/member-left"


def test_another_employers_people_and_files_are_as_unknown_as_none(client, hr):
    other = staff(an_employer(), "employer", "employer_admin")
    file_id = uploaded(client, other, a_roster(employees(1))).json["id"]
    [stranger] = people_of(client, other)

    for member_id, import_id in ((stranger["id"], file_id), (new_id(), new_id())):
        leaves = client.post(f"{MEMBERS}/{member_id}/departures", json={"left_on": "2026-01-01"}, headers=hr | once())
        reads = client.get(f"{ROSTERS}/{import_id}", headers=hr)
        assert {(each.status_code, each.json["type"]) for each in (leaves, reads)} == {(404, "/problems/not-found")}
    assert people_of(client, hr) == client.get(ROSTERS, headers=hr).json["data"] == []
    assert people_of(client, other)[0]["left_on"] is None


def test_the_operators_people_read_no_roster(client, hr):
    uploaded(client, hr, a_roster(employees(1)))

    replies = [client.get(path, headers=operator_staff()) for path in (MEMBERS, ROSTERS)]

    assert {each.status_code for each in replies} <= {401, 403}
