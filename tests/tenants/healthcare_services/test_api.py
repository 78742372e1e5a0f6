"""Writing, publishing and finding a service, over HTTP."""

import pytest

from tests.hospitals import a_live_hospital, a_service
from tests.people import once, staff

SERVICES = "/api/hospital/v1/services"


def a_wish(**changes):
    return {
        "name": "心血管内科图文复诊",
        "specialty": "03.04",
        "mode": "text",
        "care_type": "follow_up",
        "price": {"amount_minor": 2500, "currency": "CNY"},
        "duration_minutes": 15,
    } | changes


@pytest.fixture
def hospital(app):
    """A live hospital and its administrator's credential."""
    hospital_id = a_live_hospital("03.04")
    return hospital_id, staff(hospital_id, "hospital", "hospital_admin")


def test_a_service_is_written_published_found_by_the_public_and_retired(client, hospital, work):
    hospital_id, admin = hospital
    written = client.post(SERVICES, json=a_wish(), headers=admin | once())
    one = f"{SERVICES}/{written.json['id']}"
    published = client.post(f"{one}/publication", headers=admin | once())
    work(hospital_id)
    public = f"/api/public/v1/services?hospital_id={hospital_id}&specialty=03.04&mode=text"
    shown = client.get(public).json["data"]

    retired = client.post(f"{one}/retirement", json={"because": "no doctor"}, headers=admin | once())
    work(hospital_id)

    assert [each.status_code for each in (written, published, retired)] == [201, 201, 201]
    assert [(each["id"], each["price"]) for each in shown] == [
        (written.json["id"], {"amount_minor": 2500, "currency": "CNY"})
    ]
    assert client.get(public).json == {"data": [], "has_more": False, "next": None}


def test_the_public_reads_what_the_law_displays(client, hospital, work):
    hospital_id, _ = hospital
    work(hospital_id)

    card = client.get(f"/api/public/v1/hospitals/{hospital_id}").json

    assert card["licence_number"].startswith("PDY")
    assert card["specialties"] == [{"code": "03.04", "zh": "心血管内科专业", "en": "Cardiology"}]
    assert client.get(f"/api/public/v1/hospitals?q={card['name']}").json["data"][0]["id"] == str(hospital_id)


def test_a_specialty_outside_the_licence_is_409_with_the_registered_ones(client, hospital):
    _, admin = hospital

    refused = client.post(SERVICES, json=a_wish(specialty="05.02"), headers=admin | once())

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/specialty-not-registered")
    assert refused.json["registered"] == ["03.04"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": {"amount_minor": 25.0, "currency": "CNY"}}, "price.amount_minor"),
        ({"price": {"amount_minor": -1, "currency": "CNY"}}, "price.amount_minor"),
        ({"price": {"amount_minor": 10_000_001, "currency": "CNY"}}, "price.amount_minor"),
        ({"price": {"amount_minor": 2500, "currency": "RMB"}}, "price.currency"),
        ({"price": 2500}, "price"),
        ({"duration_minutes": "15"}, "duration_minutes"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"specialty": "3.4"}, "specialty"),
        ({"status": "active"}, "status"),
    ],
)
def test_a_wrong_service_is_refused_by_field(client, hospital, changes, field):
    _, admin = hospital

    refused = client.post(SERVICES, json=a_wish(**changes), headers=admin | once())

    assert refused.status_code == 422
    assert [each["field"] for each in refused.json["errors"]] == [field]


def test_a_price_changes_only_from_what_was_read(client, hospital):
    _, admin = hospital
    written = client.post(SERVICES, json=a_wish(), headers=admin | once())
    one, price = f"{SERVICES}/{written.json['id']}", {"price": {"amount_minor": 3000, "currency": "CNY"}}

    blind = client.patch(one, json=price, headers=admin)
    fresh = client.patch(one, json=price, headers=admin | {"If-Match": written.headers["ETag"]})
    stale = client.patch(one, json=price, headers=admin | {"If-Match": written.headers["ETag"]})

    assert [each.status_code for each in (blind, fresh, stale)] == [428, 200, 412]
    assert fresh.headers["ETag"] == '"2"'


def test_services_page_by_cursor_and_by_status(client, hospital):
    _, admin = hospital
    ids = [client.post(SERVICES, json=a_wish(name=f"服务{n}"), headers=admin | once()).json["id"] for n in range(3)]
    client.post(f"{SERVICES}/{ids[1]}/publication", headers=admin | once())

    first = client.get(f"{SERVICES}?limit=2", headers=admin).json
    second = client.get(f"{SERVICES}?limit=2&after={first['next']}", headers=admin).json
    active = client.get(f"{SERVICES}?status=active", headers=admin).json

    assert [each["id"] for each in first["data"] + second["data"]] == ids
    assert (second["has_more"], [each["id"] for each in active["data"]]) == (False, [ids[1]])


def test_another_hospitals_service_is_not_there_on_any_route(client, hospital):
    _, admin = hospital
    theirs = a_service(a_live_hospital())
    one = f"{SERVICES}/{theirs}"

    replies = [
        client.get(one, headers=admin),
        client.patch(one, json={"description": "x"}, headers=admin | {"If-Match": '"1"'}),
        client.post(f"{one}/publication", headers=admin | once()),
        client.post(f"{one}/retirement", json={"because": "x"}, headers=admin | once()),
    ]

    assert [each.status_code for each in replies] == [404] * 4
