"""What a payment provider does not allow is refused by name before anybody asks it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from tandem.billing.settlements import errors
from tandem.billing.settlements.limits import (
    Order,
    Split,
    limits_of,
    require_return_allowed,
    require_split_allowed,
)
from tandem.kernel.tenancy import OPERATOR_ID, in_public
from tests.people import a_key

pytestmark = pytest.mark.usefixtures("app")
PAID = datetime(2026, 9, 1, 4, tzinfo=UTC)
AN_ORDER = Order(PAID, 10_000, provider_fee_minor=60)


@pytest.fixture
def limits() -> dict[str, Decimal]:
    """WeChat Pay's, as they stand in the table."""
    with in_public():
        return limits_of("wechat_pay", PAID)


@pytest.mark.parametrize(
    ("changes", "amount_minor", "days", "problem"),
    [
        ({}, 3_000, 29, None),
        ({}, 3_001, 0, errors.SplitAboveRatio),
        ({"split_minor": 2_000, "split_count": 1}, 1_001, 0, errors.SplitAboveRatio),
        ({}, 100, 30, errors.SplitWindowClosed),
        ({"split_count": 49}, 1, 0, None),
        ({"split_count": 50}, 1, 0, errors.TooManySplits),
    ],
)
def test_the_ratio_ceiling_the_unfreezing_after_30_days_and_the_51st_split_are_refused(
    limits: dict[str, Decimal], changes: dict[str, Any], amount_minor: int, days: int, problem: type[Exception] | None
) -> None:
    order = Order(**({"paid_at": PAID, "amount_minor": 10_000, "provider_fee_minor": 60} | changes))
    at = PAID + timedelta(days=days)

    if problem is None:
        require_split_allowed(limits, order, amount_minor, at)
        return
    with pytest.raises(problem):
        require_split_allowed(limits, order, amount_minor, at)


@pytest.mark.parametrize(
    ("changes", "amount_minor", "days", "problem"),
    [
        ({"return_count": 19}, 1_000, 179, None),
        ({}, 1_000, 180, errors.ReturnWindowClosed),
        ({"return_count": 20}, 1, 1, errors.TooManyReturns),
        ({"returned_minor": 600}, 401, 1, errors.ReturnAboveSplit),
    ],
)
def test_a_return_after_180_days_and_the_21st_return_are_refused(
    limits: dict[str, Decimal], changes: dict[str, Any], amount_minor: int, days: int, problem: type[Exception] | None
) -> None:
    split = Split(**({"split_at": PAID, "amount_minor": 1_000} | changes))
    at = PAID + timedelta(days=days)

    if problem is None:
        require_return_allowed(limits, split, amount_minor, at)
        return
    with pytest.raises(problem):
        require_return_allowed(limits, split, amount_minor, at)


def test_no_order_is_split_beyond_what_the_providers_fee_leaves() -> None:
    require_split_allowed({}, AN_ORDER, 9_940, PAID)
    with pytest.raises(errors.SplitAboveOrder):
        require_split_allowed({}, AN_ORDER, 9_941, PAID)


def test_limits_are_data_with_their_day_and_source(client: FlaskClient) -> None:
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")

    listed = client.get("/api/operator/v1/provider_limits?limit=100", headers=operator).json["data"]

    by_name = {(each["provider"], each["name"]): each for each in listed}
    assert Decimal(by_name["wechat_pay", "split_ratio"]["value"]) == Decimal("0.3")
    assert all(each["source"] and each["effective_from"] for each in listed)
    with in_public():
        assert limits_of("wechat_pay", datetime(2019, 1, 1, tzinfo=UTC)) == {}
