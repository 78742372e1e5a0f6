"""The catalogue: the operator keeps it, employers choose from it, and a sold package is never edited."""

import pytest

from tandem.kernel.ids import new_id
from tests.employers import a_package, an_employer
from tests.people import once, operator_staff, staff

DESK = "/api/operator/v1/packages"
CHOICE = "/api/employer/v1/packages"


def a_wish(**changes):
    return {
        "code": f"care-{new_id().hex[-12:]}",
        "name_zh": "职工健康咨询",
        "name_en": "Employee care",
        "units_per_member": 4,
        "price_per_member": {"amount_minor": 12_000, "currency": "CNY"},
        "valid_days": 365,
    } | changes


def all_codes(client, path, who) -> set[str]:
    codes, after = set(), None
    while True:
        page = client.get(path, query_string={"limit": 100} | ({"after": after} if after else {}), headers=who).json
        codes |= {each["code"] for each in page["data"]}
        after = page["next"]
        if after is None:
            return codes


def test_a_package_is_drafted_put_on_sale_and_retired(client):
    clerk = operator_staff("operator_staff")

    drafted = client.post(DESK, json=a_wish(), headers=clerk | once())
    moves = [
        client.post(f"{DESK}/{drafted.json['id']}/moves", json={"status": status}, headers=clerk | once())
        for status in ("on_sale", "retired")
    ]

    assert (drafted.status_code, drafted.json["status"]) == (201, "draft")
    assert [(each.status_code, each.json["status"]) for each in moves] == [(201, "on_sale"), (201, "retired")]
    read = client.get(f"{DESK}/{drafted.json['id']}", headers=clerk).json
    assert (read["price_per_member"], read["units_per_member"]) == ({"amount_minor": 12_000, "currency": "CNY"}, 4)


@pytest.mark.parametrize("path", [["retired"], ["on_sale", "on_sale"], ["on_sale", "retired", "on_sale"]])
def test_a_package_goes_no_way_that_is_not_listed(client, path):
    clerk = operator_staff("operator_staff")
    package_id = client.post(DESK, json=a_wish(), headers=clerk | once()).json["id"]

    for status in path:
        last = client.post(f"{DESK}/{package_id}/moves", json={"status": status}, headers=clerk | once())

    assert (last.status_code, last.json["type"]) == (409, "/problems/transition-refused")
    assert last.json["wanted"] == path[-1]


def test_a_code_names_one_package(client):
    clerk, wish = operator_staff("operator_staff"), a_wish()
    client.post(DESK, json=wish, headers=clerk | once())

    again = client.post(DESK, json=wish, headers=clerk | once())

    assert (again.status_code, again.json["type"]) == (409, "/problems/package-code-taken")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"units_per_member": 0}, "units_per_member"),
        ({"units_per_member": "4"}, "units_per_member"),
        ({"valid_days": 3_661}, "valid_days"),
        ({"code": "Care 1"}, "code"),
        ({"name_zh": ""}, "name_zh"),
        ({"price_per_member": {"amount_minor": -1, "currency": "CNY"}}, "price_per_member"),
        ({"price_per_member": {"amount_minor": 10**9 + 1, "currency": "CNY"}}, "price_per_member"),
        ({"price_per_member": {"amount_minor": 1, "currency": "XXX"}}, "price_per_member"),
        ({"price_per_member": 12_000}, "price_per_member"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_package_that_cannot_be_is_refused_by_field(client, changes, field):
    reply = client.post(DESK, json=a_wish(**changes), headers=operator_staff("operator_staff") | once())

    assert reply.status_code == 422, reply.json
    assert {each["field"].split(".")[0] for each in reply.json["errors"]} == {field}


def test_employers_see_what_is_on_sale_only(client):
    clerk, hr = operator_staff("operator_staff"), staff(an_employer(), "employer", "employer_admin")
    draft = client.post(DESK, json=a_wish(), headers=clerk | once()).json["code"]
    a_package(code=(on_sale := f"care-{new_id().hex[-12:]}"))

    offered, kept = all_codes(client, CHOICE, hr), all_codes(client, DESK, clerk)

    assert (on_sale in offered, draft in offered) == (True, False)
    assert {on_sale, draft} <= kept


def test_an_employer_cannot_write_a_package(client):
    hr = staff(an_employer(), "employer", "employer_admin")

    replies = [client.post(path, json=a_wish(), headers=hr | once()).status_code for path in (DESK, CHOICE)]

    assert replies[0] in {401, 403}
    assert replies[1] == 405


def test_a_package_that_does_not_exist_is_not_found(client):
    clerk = operator_staff("operator_staff")

    replies = [
        client.get(f"{DESK}/{new_id()}", headers=clerk),
        client.post(f"{DESK}/{new_id()}/moves", json={"status": "on_sale"}, headers=clerk | once()),
    ]

    assert [each.status_code for each in replies] == [404, 404]
