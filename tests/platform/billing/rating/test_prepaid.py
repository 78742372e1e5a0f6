"""Money paid ahead burns in a fixed order, to the fen, however many runs draw on it at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tandem.billing import rating
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import acting_for
from tests.platform.billing.rating.plans import (
    AUGUST,
    OCTOBER,
    SEPTEMBER,
    a_component,
    a_plan,
    a_pool,
    a_subscription,
    lines,
    rate,
    use,
)
from tests.platform.billing.usage.metering import a_meter

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(scope="module")
def meter(app: Any) -> str:
    with app.app_context():
        return a_meter()


def left(tenant: UUID) -> dict[UUID, int]:
    """What remains in each pool."""
    with acting_for(tenant):
        found = session.execute(
            text("SELECT id, remaining_minor FROM prepaid_pool WHERE tenant_id = :tenant"), {"tenant": tenant}
        )
        return {row.id: row.remaining_minor for row in found}


def drawn(tenant: UUID) -> dict[UUID, int]:
    """What lines drew from each pool."""
    told: dict[UUID, int] = {}
    for line in lines(tenant):
        if line["kind"] == "prepaid":
            told[line["pool_id"]] = told.get(line["pool_id"], 0) - line["amount_minor"]
    return told


def a_bill(tenant: UUID, meter: str, yuan: int, subject: str = "all") -> None:
    """Use that comes to so many yuan."""
    a_subscription(tenant, a_plan(a_component("per_unit", meter, unit_price=Decimal(100))), subject)
    use(tenant, meter, yuan, subject=subject)


def test_pools_burn_soonest_expiry_first_then_by_priority(meter: str) -> None:
    tenant = new_id()
    for_ever = a_pool(tenant, 50)
    second = a_pool(tenant, 50, expires_on=date(2026, 12, 1), priority=2)
    first = a_pool(tenant, 50, expires_on=date(2026, 12, 1), priority=1)
    soonest = a_pool(tenant, 20, expires_on=date(2026, 11, 1))
    a_bill(tenant, meter, 100)

    rate(tenant)

    assert drawn(tenant) == {soonest: 2_000, first: 5_000, second: 3_000}
    assert left(tenant) == {soonest: 0, first: 0, second: 2_000, for_ever: 5_000}
    assert sum(line["amount_minor"] for line in lines(tenant)) == 0


@pytest.mark.parametrize(
    ("facts", "is_used"),
    [
        ({"expires_on": SEPTEMBER}, False),
        ({"expires_on": date(2026, 9, 2)}, True),
        ({"valid_from": OCTOBER}, False),
        ({"valid_from": date(2026, 9, 30)}, True),
        ({"subject": "another-ward"}, False),
        ({"amount": Money(100, "USD")}, False),
    ],
)
def test_a_pool_pays_for_its_own_days_subject_and_currency(meter: str, facts: dict[str, Any], *, is_used: bool) -> None:
    tenant = new_id()
    pool = a_pool(tenant, 1, **facts)
    a_bill(tenant, meter, 5)

    rate(tenant)

    assert drawn(tenant) == ({pool: 100} if is_used else {})


def test_the_same_top_up_twice_is_one_pool(meter: str) -> None:
    tenant = new_id()

    pool = a_pool(tenant, 10, key="deposit-7")
    again = a_pool(tenant, 10, key="deposit-7")

    assert pool == again
    assert left(tenant) == {pool: 1_000}
    with pytest.raises(rating.PoolKeyReused):
        a_pool(tenant, 11, key="deposit-7")


def test_a_pool_drawn_on_by_runs_at_once_never_gives_more_than_it_holds(app: Flask, meter: str) -> None:
    tenant = new_id()
    pool = a_pool(tenant, 10)
    for _ in range(8):
        own = a_meter()
        a_bill(tenant, own, 3)

    def run(_: int) -> None:
        with app.app_context():
            rate(tenant, at_most=1)

    with ThreadPoolExecutor(3) as pool_of_threads:
        list(pool_of_threads.map(run, range(3)))

    assert drawn(tenant) == {pool: 1_000}
    assert left(tenant) == {pool: 0}
    assert sum(line["amount_minor"] for line in lines(tenant)) == 8 * 300 - 1_000


@settings(max_examples=15)
@given(
    pools=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from([None, date(2026, 10, 5), date(2027, 1, 1)])), max_size=4
    ),
    bills=st.lists(st.integers(0, 60), min_size=1, max_size=4),
)
def test_what_pools_lose_is_what_bills_are_paid(pools: list[tuple[int, date | None]], bills: list[int]) -> None:
    tenant = new_id()
    held = {a_pool(tenant, yuan, expires_on=expires): yuan * 100 for yuan, expires in pools}
    for yuan in bills:
        a_bill(tenant, a_meter(), yuan)

    rate(tenant)

    paid = drawn(tenant)
    assert {pool: held[pool] - paid.get(pool, 0) for pool in held} == left(tenant)
    assert sum(paid.values()) == min(sum(held.values()), sum(bills) * 100)
    by_subscription: dict[UUID, int] = {}
    for line in lines(tenant):
        by_subscription[line["subscription_id"]] = (
            by_subscription.get(line["subscription_id"], 0) + line["amount_minor"]
        )
    assert min(by_subscription.values(), default=0) >= 0


def test_a_pool_begins_before_it_ends_and_holds_something(meter: str) -> None:
    tenant = new_id()

    with pytest.raises(Exception, match="prepaid_pool_days_check"):
        a_pool(tenant, 1, valid_from=SEPTEMBER, expires_on=AUGUST)
    with pytest.raises(Exception, match="prepaid_pool_remaining_check"):
        a_pool(tenant, 0)
