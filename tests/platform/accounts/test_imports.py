"""Hospitals of a register are listed set by set, and a second run changes only what differs."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tandem.accounts.imports.commands import import_hospitals
from tandem.accounts.imports.reading import read_hospitals
from tandem.accounts.organizations.models import Organization, OrganizationStep
from tandem.accounts.organizations.queries import natural_id
from tandem.kernel.database import session
from tandem.kernel.tenancy import across_tenants, transaction
from tests.people import once, operator_staff

HEADER = "province_code,province,city_code,city,name,address,phone,tags\n"


@pytest.fixture
def city() -> str:
    return f"市{uuid4().hex[:12]}"


def a_register(city: str, count: int, *, phone: str = "") -> bytes:
    rows = "".join(f"350000,福建省,350500,{city},第{n}医院,,{phone},\n" for n in range(count))
    return (HEADER + rows).encode()


def imported(content: bytes, *, dry_run: bool = False):
    with across_tenants(reason="story"), transaction():
        return import_hospitals(read_hospitals(content), content, dry_run=dry_run)


def listed_in(city: str) -> int:
    with across_tenants(reason="story"):
        return session.scalar(select(func.count()).where(Organization.city == city)) or 0


def test_hospitals_are_listed_once_however_often_the_file_comes(app, city):
    first = imported(a_register(city, 1_201))
    second = imported(a_register(city, 1_201))

    assert (first.created, first.updated, first.unchanged) == (1_201, 0, 0)
    assert (second.created, second.updated, second.unchanged) == (0, 0, 1_201)
    assert listed_in(city) == 1_201


def test_a_changed_telephone_number_refreshes_a_listed_hospital(app, city):
    imported(a_register(city, 3))

    again = imported(a_register(city, 3, phone="0595-22770000"))

    assert (again.created, again.updated, again.unchanged) == (0, 3, 0)


def test_a_dry_run_counts_and_keeps_nothing(app, city):
    counts = imported(a_register(city, 7), dry_run=True)

    assert counts.created == 7
    assert listed_in(city) == 0


def test_a_hospital_that_speaks_for_itself_is_never_overwritten(client, city):
    imported(a_register(city, 1))
    application = {"kind": "hospital", "name": "第0医院", "province": "福建省", "city": city, "phone": "0595-1"}
    client.post("/api/operator/v1/applications", json=application, headers=operator_staff() | once())

    again = imported(a_register(city, 1, phone="0595-22770000"))

    assert (again.updated, again.unchanged) == (0, 1)


def test_a_listed_hospital_has_a_timeline_and_waits_for_an_application(client, city):
    imported(a_register(city, 1))
    hospital = natural_id("hospital", name="第0医院", city=city)

    shown = client.get(f"/api/operator/v1/organizations/{hospital}", headers=operator_staff())

    assert (shown.json["status"], shown.json["source"], shown.json["allowed"]) == ("listed", "import", ["draft"])
    with across_tenants(reason="story"):
        steps = session.scalars(select(OrganizationStep.to_status).where(OrganizationStep.tenant_id == hospital))
        assert list(steps) == ["listed"]


def test_the_operator_imports_over_http_and_reads_what_was_wrong_in_chinese(client, city):
    content = a_register(city, 2) + f"350000,福建省,3505,{city},坏行医院,,,\n".encode()
    headers = operator_staff() | once() | {"Content-Type": "text/csv", "Accept-Language": "zh-CN"}

    reply = client.post("/api/operator/v1/hospital_imports", data=content, headers=headers)

    assert reply.status_code == 201, reply.json
    assert (reply.json["created"], reply.json["errors"]) == (2, 1)
    assert reply.json["problems"][0] | {"mend": ""} == {
        "row": 4,
        "field": "city_code",
        "code": "code",
        "kind": "error",
        "reason": "行政区划代码应为六位数字",
        "mend": "",
    }


def test_a_picture_is_no_register(client):
    headers = operator_staff() | once() | {"Content-Type": "text/csv"}

    reply = client.post("/api/operator/v1/hospital_imports", data=b"\x89PNG\xff", headers=headers)

    assert (reply.status_code, reply.json["type"]) == (422, "/problems/file-unreadable")


def test_only_the_operator_imports(client):
    headers = operator_staff("operator_finance") | once() | {"Content-Type": "text/csv"}

    reply = client.post("/api/operator/v1/hospital_imports", data=HEADER.encode(), headers=headers)

    assert (reply.status_code, reply.json["permission"]) == (403, "imports.write")
