"""The catalogue and the bills over HTTP: the operator decides, who is billed sees everything behind a line."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tandem.billing.rating import jobs as rating_jobs
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once
from tests.platform.billing.rating.plans import TITLE, use
from tests.platform.billing.usage.metering import a_meter

pytestmark = pytest.mark.usefixtures("app")
PLANS = "/api/operator/v1/plan_versions"


@pytest.fixture(scope="module")
def meter(app: Any) -> str:
    with app.app_context():
        return a_meter()


@pytest.fixture
def operator() -> dict[str, str]:
    return a_key(OPERATOR_ID, "operator", "operator_supervisor")


def a_wish(meter: str, **changes: Any) -> dict[str, Any]:
    """A plan with a flat fee and a ladder."""
    return {
        "code": f"p{new_id().hex[-10:]}",
        "title": TITLE,
        "components": [
            {"code": "licence", "kind": "flat", "title": TITLE, "flat_minor": 9_900},
            {
                "code": "messages",
                "kind": "graduated",
                "title": TITLE,
                "meter": meter,
                "tiers": [{"up_to": "10", "unit_price": "12.5"}, {"up_to": None, "unit_price": "5"}],
            },
        ],
    } | changes


def a_component(**changes: Any) -> dict[str, Any]:
    return {"code": "x", "kind": "per_unit", "title": TITLE, "meter": "visit", "unit_price": "1"} | changes


@pytest.mark.parametrize(
    ("component", "field"),
    [
        ({"unit_price": "-1"}, "components.0.unit_price"),
        ({"unit_price": "NaN"}, "components.0.unit_price"),
        ({"unit_price": "1e309"}, "components.0.unit_price"),
        ({"unit_price": "0.000000001"}, "components.0.unit_price"),
        ({"unit_price": 0.1}, "components.0.unit_price"),
        ({"unit_price": "1_000"}, "components.0.unit_price"),
        ({"kind": "flat"}, "components.0.meter"),
        ({"kind": "package"}, "components.0.package_size"),
        ({"kind": "percentage", "percent": "101"}, "components.0.percent"),
        ({"kind": "graduated", "tiers": []}, "components.0.tiers"),
        ({"flat_minor": 1}, "components.0.flat_minor"),
        ({"formula": "revenue * 0.1"}, "components.0.formula"),
        ({"kind": "bargain"}, "components.0.kind"),
        ({"code": "minimum"}, "components"),
    ],
)
def test_a_bad_plan_names_its_field(
    client: FlaskClient, operator: dict[str, str], component: dict[str, Any], field: str
) -> None:
    answer = client.post(PLANS, json=a_wish("visit", components=[a_component(**component)]), headers=operator | once())

    assert answer.status_code == 422, answer.json
    assert field in [each["field"] for each in answer.json["errors"]]


def test_a_meter_priced_twice_in_one_plan_is_refused_since_its_use_is_claimed_once(
    client: FlaskClient, operator: dict[str, str], meter: str
) -> None:
    twice = [a_component(code="x", meter=meter), a_component(code="y", meter=meter)]

    answer = client.post(PLANS, json=a_wish(meter, components=twice), headers=operator | once())

    assert answer.status_code == 422, answer.json
    assert [each["field"] for each in answer.json["errors"]] == ["components.1.meter"]


@pytest.mark.parametrize(
    ("bounds", "place"),
    [((None, None), 1), (("10", "20"), 1), (("10", "10", None), 1), (("0", None), 0), (("20", "10", None), 1)],
)
def test_a_ladder_goes_up_and_has_one_open_end(
    client: FlaskClient, operator: dict[str, str], bounds: tuple[str | None, ...], place: int
) -> None:
    tiers = [{"up_to": each, "unit_price": "1"} for each in bounds]
    ladder = {"code": "x", "kind": "volume", "title": TITLE, "meter": "visit", "tiers": tiers}

    answer = client.post(PLANS, json=a_wish("visit", components=[ladder]), headers=operator | once())

    assert [each["field"] for each in answer.json["errors"]] == [f"components.0.tiers.{place}.up_to"]


def test_a_revenue_term_is_refused_over_http_with_its_mend(client: FlaskClient, operator: dict[str, str]) -> None:
    drugs = a_meter(measures="drug_revenue")
    term = {"code": "x", "kind": "percentage", "title": TITLE, "meter": drugs, "percent": "1"}

    answer = client.post(PLANS, json=a_wish("visit", components=[term]), headers=operator | once())

    assert (answer.status_code, answer.json["type"]) == (422, "/problems/revenue-term-forbidden")
    assert answer.json["mend"]


def test_from_a_plan_to_the_hours_behind_a_line(
    client: FlaskClient, operator: dict[str, str], meter: str, at: Callable[[datetime], None], work: Callable[..., int]
) -> None:
    hospital = a_hospital()
    finance = a_key(hospital, "hospital", "hospital_admin")
    of_hospital = f"/api/operator/v1/organizations/{hospital}"
    plan = client.post(PLANS, json=a_wish(meter), headers=operator | once()).json
    wish = {"plan_version_id": plan["id"], "subject": "all", "first_day": "2026-09-01"}
    subscribed = client.post(f"{of_hospital}/subscriptions", json=wish, headers=operator | once())
    again = client.post(f"{of_hospital}/subscriptions", json=wish, headers=operator | once())
    pool = {"key": "deposit", "amount": {"amount_minor": 10_000, "currency": "CNY"}, "valid_from": "2026-09-01"}
    topped_up = client.post(f"{of_hospital}/prepaid_pools", json=pool, headers=operator | once())
    use(UUID(str(hospital)), meter, 12)

    at(datetime(2026, 9, 30, 17, 10, tzinfo=UTC))
    with acting_for(hospital), transaction():
        rating_jobs.rate_last_month(datetime(2026, 9, 30, 17, 10, tzinfo=UTC))
    work(hospital)

    assert (subscribed.status_code, again.status_code, topped_up.status_code) == (201, 409, 201), again.json
    lines = client.get("/api/hospital/v1/rated_lines?month=2026-09-01", headers=finance).json["data"]
    by_code = {line["code"].split(":")[0]: line for line in lines}
    assert {code: line["amount"]["amount_minor"] for code, line in by_code.items()} == {
        "licence": 9_900,
        "messages": 135,
        "prepaid": -10_000,
    }
    claims = client.get(f"/api/hospital/v1/rated_lines/{by_code['messages']['id']}/claims", headers=finance).json[
        "data"
    ]
    assert [(claim["meter"], claim["event_count"], claim["quantity"]) for claim in claims] == [
        (meter, 1, "12.0000000000")
    ]
    pools = client.get("/api/hospital/v1/prepaid_pools", headers=finance).json["data"]
    assert [pool["remaining"]["amount_minor"] for pool in pools] == [0]
    assert client.get("/api/hospital/v1/plan_versions", headers=finance).json["data"][0]["terms"] == plan["terms"]
    assert client.get(f"{of_hospital}/rated_lines", headers=operator).json["data"] == lines


def test_a_change_of_plan_and_an_ending_over_http(client: FlaskClient, operator: dict[str, str], meter: str) -> None:
    of_hospital = f"/api/operator/v1/organizations/{a_hospital()}/subscriptions"
    first, second = (client.post(PLANS, json=a_wish(meter), headers=operator | once()).json["id"] for _ in range(2))
    wish = {"plan_version_id": first, "first_day": "2026-09-01"}
    subscription = client.post(of_hospital, json=wish, headers=operator | once()).json["id"]

    changed = client.post(
        f"{of_hospital}/{subscription}/plan_changes",
        json={"plan_version_id": second, "first_day": "2026-09-11"},
        headers=operator | once(),
    )
    ended = client.post(
        f"{of_hospital}/{changed.json['id']}/endings", json={"until_day": "2026-10-01"}, headers=operator | once()
    )
    unknown = client.post(
        of_hospital, json=wish | {"plan_version_id": str(new_id()), "subject": "x"}, headers=operator | once()
    )
    listed = client.get(of_hospital, headers=operator).json["data"]

    assert (changed.status_code, ended.status_code, unknown.status_code) == (201, 201, 422), changed.json
    assert [(each["first_day"], each["until_day"], each["follows_id"]) for each in listed] == [
        ("2026-09-01", "2026-09-11", None),
        ("2026-09-11", "2026-10-01", subscription),
    ]
