"""No price above what a public circular allows."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tandem.billing.prices import PriceAboveCeiling, PriceBasis, require_price_within_ceiling
from tandem.billing.usage import charged_above_ceiling
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import NOON, a_use

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def circular(client: FlaskClient) -> dict[str, Any]:
    """A circular that allows ¥18.00 for a follow-up from 2026 on, for hospitals of one grade in one region."""
    wish = {
        "region": f"region-{new_id()}",
        "grade": "3A",
        "item": "follow-up",
        "ceiling": {"amount_minor": 1_800, "currency": "CNY"},
        "effective_from": "2026-01-01",
        "effective_to": "2027-01-01",
        "circular": "浙医保〔2025〕1号",
    }
    operator = a_key(OPERATOR_ID, "operator", "operator_staff")
    assert client.post("/api/operator/v1/price_ceilings", json=wish, headers=operator | once()).status_code == 201
    assert client.post("/api/operator/v1/price_ceilings", json=wish, headers=operator | once()).status_code == 409
    return wish


@pytest.mark.parametrize(
    ("grade", "price_minor", "on", "is_refused"),
    [
        ("3A", 1_801, date(2026, 6, 1), True),
        ("3A", 1_800, date(2026, 6, 1), False),
        ("2A", 9_900, date(2026, 6, 1), False),
        ("3A", 9_900, date(2025, 12, 31), False),
        ("3A", 9_900, date(2027, 1, 1), False),
    ],
)
def test_a_ceiling_binds_its_grade_and_its_days(
    circular: dict[str, Any], grade: str, price_minor: int, on: date, *, is_refused: bool
) -> None:
    place = {"region": circular["region"], "grade": grade, "item": "follow-up", "price": Money(price_minor), "on": on}
    with acting_for(new_id()):
        if not is_refused:
            require_price_within_ceiling(**place)
            return
        with pytest.raises(PriceAboveCeiling) as refusal:
            require_price_within_ceiling(**place)

    assert refusal.value.facts["circular"] == circular["circular"]


def test_a_ceiling_lowered_afterwards_finds_what_was_charged_above_it(
    client: FlaskClient, circular: dict[str, Any]
) -> None:
    hospital = new_id()
    basis = PriceBasis(circular["region"], "3A", "follow-up")
    with acting_for(hospital), transaction():
        dear = a_use(None, 1_700, priced_as=basis).id
        a_use(None, 1_500, priced_as=basis)
        a_use(None, 9_900)
    september = (NOON - timedelta(days=1), NOON + timedelta(days=1))
    with acting_for(hospital):
        assert charged_above_ceiling(*september) == []

    lowered = circular | {
        "ceiling": {"amount_minor": 1_600, "currency": "CNY"},
        "effective_from": "2026-08-01",
        "circular": "浙医保〔2026〕9号",
    }
    operator = a_key(OPERATOR_ID, "operator", "operator_staff")
    assert client.post("/api/operator/v1/price_ceilings", json=lowered, headers=operator | once()).status_code == 201

    with acting_for(hospital):
        found = charged_above_ceiling(*september)
    assert [(row["id"], row["amount_minor"], row["ceiling_minor"], row["circular"]) for row in found] == [
        (dear, 1_700, 1_600, "浙医保〔2026〕9号")
    ]
