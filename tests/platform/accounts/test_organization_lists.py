"""The operator's lists: filters, counts that obey the same filters, pages, and what nobody else may see."""

from uuid import UUID, uuid4

import pytest

from tandem.accounts.organizations.commands import create_organization
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.organizations import an_application, applied
from tests.people import a_key, once, operator_staff

LIST = "/api/operator/v1/organizations"


@pytest.fixture
def province(app):
    """A province in which three hospitals and an employer are known, in names whose order is their sound's."""
    name = f"省{uuid4().hex[:10]}"
    for kind, called in (
        ("hospital", "中山医院"),
        ("hospital", "安贞医院"),
        ("hospital", "华山医院"),
        ("employer", "宝钢"),
    ):
        tenant = new_id()
        with acting_for(tenant, operator=True), transaction():
            create_organization(kind=kind, name=called, province=name, city="市")
    return name


@pytest.fixture
def reader(app):
    return operator_staff("operator_finance")


def test_organisations_are_listed_by_the_sound_of_their_names(client, reader, province):
    listed = client.get(LIST, query_string={"province": province}, headers=reader).json

    assert [row["name"] for row in listed["data"]] == ["安贞医院", "宝钢", "华山医院", "中山医院"]
    assert (listed["has_more"], listed["next"]) == (False, None)


def test_pages_follow_one_another_without_gap_or_overlap(client, reader, province):
    names, after = [], None
    for _ in range(4):
        wanted = {"province": province, "limit": 1} | ({"after": after} if after else {})
        page = client.get(LIST, query_string=wanted, headers=reader).json
        names += [row["name"] for row in page["data"]]
        after = page["next"]

    assert names == ["安贞医院", "宝钢", "华山医院", "中山医院"]
    assert after is None


@pytest.mark.parametrize(
    ("chosen", "count"),
    [({}, 4), ({"kind": "hospital"}, 3), ({"name": "山"}, 2), ({"status": "live"}, 0), ({"name": "%"}, 0)],
)
def test_counts_obey_the_filters_of_the_list(client, reader, province, chosen, count):
    wanted = {"province": province} | chosen

    listed = client.get(LIST, query_string=wanted, headers=reader).json
    counted = client.get(f"{LIST}/counts", query_string=wanted, headers=reader).json

    assert len(listed["data"]) == counted["total"] == count
    assert sum(counted["by_kind"].values()) == sum(counted["by_status"].values()) == count


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"kind": "pharmacy"}, "kind"),
        ({"limit": "0"}, "limit"),
        ({"colour": "red"}, "colour"),
        ({"after": "x"}, "after"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(client, reader, wanted, field):
    refused = client.get(LIST, query_string=wanted, headers=reader)

    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == field


def test_a_fresh_application_waits_in_the_list_of_applications(client, reader):
    hospital, _ = applied(client, an_application())

    waiting, after = [], None
    while True:
        page = client.get(
            "/api/operator/v1/applications",
            query_string={"limit": 100} | ({"after": after} if after else {}),
            headers=reader,
        ).json
        waiting += [row["id"] for row in page["data"]]
        after = page["next"]
        if after is None:
            break

    assert hospital in waiting


def test_an_organisation_that_does_not_exist_and_one_of_another_kind_are_the_same_404(client, reader):
    employer, _ = applied(client, an_application("employer"))

    missing = client.get(f"{LIST}/{new_id()}", headers=reader)
    other_kind = client.get(f"/api/operator/v1/hospitals/{employer}/agreements", headers=reader)

    assert missing.status_code == other_kind.status_code == 404
    assert missing.json | {"request_id": ""} == other_kind.json | {"request_id": ""}


@pytest.mark.parametrize("path", [LIST, f"{LIST}/counts", f"{LIST}/{OPERATOR_ID}", "/api/operator/v1/dead_jobs"])
def test_a_hospitals_administrator_is_nobody_at_the_operators_door(client, path):
    _, theirs = applied(client, an_application())

    assert client.get(path, headers=theirs).status_code == 401


def test_a_hospital_sees_only_itself(client):
    first, theirs = applied(client, an_application())
    second, others = applied(client, an_application())

    assert client.get("/api/hospital/v1/organization", headers=theirs).json["id"] == first
    assert client.get("/api/hospital/v1/organization", headers=others).json["id"] == second


def test_a_key_of_one_hospital_reads_that_hospital(client):
    hospital, _ = applied(client, an_application())

    seen = client.get("/api/hospital/v1/organization", headers=a_key(UUID(hospital), "hospital", "hospital_admin"))

    assert (seen.status_code, seen.json["id"]) == (200, hospital)


def test_a_repeated_application_by_staff_answers_as_the_first_did(client):
    facts = an_application()
    facts.pop("applicant")
    headers = operator_staff("operator_staff") | once()

    first = client.post("/api/operator/v1/applications", json=facts, headers=headers)
    again = client.post("/api/operator/v1/applications", json=facts, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
