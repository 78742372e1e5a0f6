"""What makes no sense is refused with the field's name, never with a fault, and nothing is half-written."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tandem.accounts import create_organization
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once

pytestmark = pytest.mark.usefixtures("app")
LINE = {"code": "units", "text": "Units", "quantity": 2, "unit_price": 500, "amount_minor": 1_000}
INVOICE = {
    "series": "TDM",
    "first_day": "2026-09-01",
    "last_day": "2026-09-30",
    "due_on": "2026-10-31",
    "lines": [LINE],
}
CEILING = {
    "region": "r",
    "grade": "3A",
    "item": "i",
    "ceiling": {"amount_minor": 1, "currency": "CNY"},
    "effective_from": "2026-01-01",
    "effective_to": None,
    "circular": "c",
}


@pytest.mark.parametrize(
    ("path", "wish", "field"),
    [
        ("day_closes", {"day": "9999-12-31"}, "day"),
        ("day_closes", {"day": "0001-01-01"}, "day"),
        ("day_closes", {"day": "tomorrow"}, "day"),
        ("day_closes", {"day": "20260901"}, "day"),
        ("day_closes", {"day": "2026-W36-2"}, "day"),
        ("day_closes", {"day": "2026-09-01", "hour": 3}, "hour"),
        ("invoices", INVOICE | {"first_day": "2026-10-01"}, "last_day"),
        ("invoices", INVOICE | {"due_on": "9999-12-31"}, "due_on"),
        ("invoices", INVOICE | {"due_on": "2026-08-31"}, "due_on"),
        ("invoices", INVOICE | {"lines": []}, "lines"),
        ("invoices", INVOICE | {"lines": [LINE | {"quantity": 0}]}, "lines.0.quantity"),
        ("invoices", INVOICE | {"lines": [LINE | {"quantity": 1.5}]}, "lines.0.quantity"),
        ("invoices", INVOICE | {"lines": [LINE | {"quantity": "1e400"}]}, "lines.0.quantity"),
        ("invoices", INVOICE | {"lines": [LINE | {"unit_price": "1e30"}]}, "lines.0.unit_price"),
        ("invoices", INVOICE | {"lines": [LINE | {"unit_price": "0.00000000001"}]}, "lines.0.unit_price"),
        ("invoices", INVOICE | {"lines": [LINE | {"unit_price": "-1"}]}, "lines.0.unit_price"),
        ("invoices", INVOICE | {"lines": [LINE | {"name": "王芳"}]}, "lines.0.name"),
        ("invoices", INVOICE | {"currency": "XXX"}, "currency"),
        ("invoices", INVOICE | {"series": "../etc"}, "series"),
        ("price_ceilings", CEILING | {"effective_to": "2025-01-01"}, "effective_to"),
        ("price_ceilings", CEILING | {"ceiling": {"amount_minor": "1", "currency": "CNY"}}, "ceiling.amount_minor"),
    ],
)
def test_a_bad_wish_names_its_field(client: FlaskClient, path: str, wish: dict[str, Any], field: str) -> None:
    operator, employer = a_key(OPERATOR_ID, "operator", "operator_supervisor"), new_id()
    with acting_for(employer, operator=True), transaction():
        create_organization(kind="employer", name=f"杭州云启{employer}", city="杭州市", province="浙江省")
    full = f"/api/operator/v1/{f'organizations/{employer}/invoices' if path == 'invoices' else path}"

    answer = client.post(full, json=wish, headers=operator | once())

    assert answer.status_code == 422, answer.json
    assert field in {error["field"] for error in answer.json["errors"]}


def test_sums_too_large_for_any_book_are_refused(client: FlaskClient) -> None:
    operator, employer = a_key(OPERATOR_ID, "operator", "operator_finance"), new_id()
    with acting_for(employer, operator=True), transaction():
        create_organization(kind="employer", name=f"杭州云启{employer}", city="杭州市", province="浙江省")
    huge = LINE | {"quantity": 1_000_000, "unit_price": 9_000_000_000_000, "amount_minor": 9 * 10**18}

    answer = client.post(
        f"/api/operator/v1/organizations/{employer}/invoices",
        json=INVOICE | {"lines": [huge, huge]},
        headers=operator | once(),
    )

    assert answer.status_code == 422, answer.json
    listed = client.get(f"/api/operator/v1/organizations/{employer}/invoices", headers=operator)
    assert listed.json["data"] == []


@pytest.mark.parametrize(
    "path",
    [
        "discrepancies?status=lost",
        "discrepancies?day=yesterday",
        "discrepancies?after=%00",
        "settlement_statements?limit=0",
        "settlement_statements?after=WzFd",
        "discrepancy_totals?day=9999-12-31",
    ],
)
def test_a_bad_query_is_refused(client: FlaskClient, path: str) -> None:
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")

    assert client.get(f"/api/operator/v1/{path}", headers=operator).status_code == 422
