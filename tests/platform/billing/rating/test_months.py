"""A month is rated once, in parts or whole, by one run or by two; what comes late is billed later and points back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from tandem.billing import rating, usage
from tandem.kernel.database import db, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.rating.plans import (
    AUGUST,
    OCTOBER,
    SEPTEMBER,
    a_component,
    a_ladder,
    a_plan,
    a_pool,
    a_subscription,
    adjust,
    amounts,
    lines,
    rate,
    use,
)
from tests.platform.billing.usage.metering import MORNING, a_meter, a_void, an_event, report

pytestmark = pytest.mark.usefixtures("app")
LADDER = a_ladder((10, 100), (None, 50))
FEW = settings(max_examples=15)


@pytest.fixture(scope="module")
def meter(app: Any) -> str:
    with app.app_context():
        return a_meter()


def unclaimed(tenant: UUID) -> int:
    """Roll-ups that no line has billed as they stand."""
    with acting_for(tenant):
        return int(
            session.scalar(
                text(
                    "SELECT count(*) FROM usage_rollup r LEFT JOIN usage_claim c ON c.tenant_id = r.tenant_id "
                    "AND c.meter = r.meter AND c.subject = r.subject AND c.hour = r.hour "
                    "AND c.fact_count = r.fact_count WHERE r.tenant_id = :tenant AND c.tenant_id IS NULL"
                ),
                {"tenant": tenant},
            )
            or 0
        )


def a_ward_each(tenant: UUID, meter: str, count: int) -> UUID:
    """So many wards with a subscription and some use of their own; returns the plan."""
    plan = a_plan(a_component("graduated", meter, tiers=LADDER))
    for ward in range(count):
        a_subscription(tenant, plan, f"ward-{ward}")
        use(tenant, meter, ward + 1, 7, subject=f"ward-{ward}")
    return plan


def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines without what differs between two tenants."""
    mine = {"tenant_id", "id", "subscription_id", "plan_version_id", "pool_id", "code", "line_input_hash"}
    told = [{name: value for name, value in row.items() if name not in mine} for row in rows]
    return sorted(told, key=lambda row: (row["kind"], row["quantity"], row["amount_minor"]))


def test_rating_the_same_input_again_is_identical_to_the_byte(meter: str) -> None:
    tenant = new_id()
    a_ward_each(tenant, meter, 4)
    rate(tenant)
    rated = lines(tenant)

    with acting_for(tenant):
        again = rating.rerate([row["subscription_id"] for row in rated], SEPTEMBER)

    told = ("subscription_id", "code", "quantity", "amount_minor", "parked_reason", "line_input_hash")
    assert [tuple(row[name] for name in told) for row in again] == [tuple(row[name] for name in told) for row in rated]
    assert rate(tenant) == 0
    assert lines(tenant) == rated


def test_in_one_chunk_or_in_many_a_month_comes_to_the_same(meter: str) -> None:
    whole, parts = new_id(), new_id()
    for tenant in (whole, parts):
        a_ward_each(tenant, meter, 5)

    assert (rate(whole), rate(parts, at_most=2)) == (1, 3)

    assert bare(lines(whole)) == bare(lines(parts))
    assert unclaimed(whole) == unclaimed(parts) == 0


def test_each_rollup_is_claimed_by_exactly_one_line(meter: str) -> None:
    tenant = new_id()
    a_ward_each(tenant, meter, 3)
    rate(tenant)

    with acting_for(tenant):
        claims = [claim for line in rated_ids(tenant) for claim in rating.claims_of(line)]

    assert len(claims) == 3
    assert unclaimed(tenant) == 0


def rated_ids(tenant: UUID) -> list[UUID]:
    return [line["id"] for line in lines(tenant)]


def test_not_even_sql_claims_a_rollup_twice_or_changes_a_line(meter: str) -> None:
    tenant = new_id()
    a_ward_each(tenant, meter, 1)
    rate(tenant)

    for statement in (
        "INSERT INTO usage_claim SELECT * FROM usage_claim WHERE tenant_id = :tenant",
        "UPDATE rated_line SET amount_minor = 0 WHERE tenant_id = :tenant",
        "DELETE FROM usage_claim WHERE tenant_id = :tenant",
        "UPDATE plan_version SET cap_minor = 1 WHERE tenant_id = :tenant",
        "UPDATE plan_tier SET unit_price = 1 WHERE tenant_id = :tenant",
    ):
        with pytest.raises(Exception, match=r"usage_claim_pkey|permission denied"), acting_for(tenant), transaction():
            session.execute(text(statement), {"tenant": tenant})


def test_two_schedulers_at_once_rate_every_subscription_once(app: Flask, meter: str) -> None:
    tenant = new_id()
    a_ward_each(tenant, meter, 12)

    def run(_: int) -> int:
        with app.app_context():
            return rate(tenant, at_most=2)

    with ThreadPoolExecutor(3) as pool:
        chunks = sum(pool.map(run, range(3)))

    assert chunks >= 6
    assert len(lines(tenant)) == 12
    assert unclaimed(tenant) == 0


def test_a_run_killed_at_every_statement_leaves_no_line_twice_and_none_out(meter: str) -> None:
    undisturbed, tenant = new_id(), new_id()
    for each in (undisturbed, tenant):
        a_ward_each(each, meter, 3)
        a_pool(each, 3, subject="ward-1")
    statements = count_statements(lambda: rate(undisturbed))

    for boundary in range(1, 40):
        if _killed_at(tenant, boundary):
            assert lines(tenant) == []
        else:
            break

    # The last two statements only found that nothing more was due.
    assert boundary == statements - 1
    assert bare(lines(tenant)) == bare(lines(undisturbed))
    assert unclaimed(tenant) == 0


class Killed(BaseException):
    """What a kill looks like from inside: nothing may catch it."""


def _killed_at(tenant: UUID, boundary: int) -> bool:
    seen = 0

    def strike(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == boundary:
            raise Killed

    event.listen(db.engine, "after_cursor_execute", strike)
    try:
        with acting_for(tenant), transaction():
            rating.rate_due_periods(OCTOBER)
    except Killed:
        return True
    finally:
        event.remove(db.engine, "after_cursor_execute", strike)
    return False


def count_statements(work: Any) -> int:
    """How many statements some work takes."""
    seen: list[str] = []

    def listen(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "after_cursor_execute", listen)
    try:
        work()
    finally:
        event.remove(db.engine, "after_cursor_execute", listen)
    return len(seen)


def test_a_month_that_is_not_over_is_not_rated(meter: str) -> None:
    tenant = new_id()
    a_ward_each(tenant, meter, 1)

    for until in (date(2026, 9, 15), date(2199, 1, 1)):
        with pytest.raises(rating.MonthNotOver), acting_for(tenant), transaction():
            rating.rate_due_periods(until)


def test_a_month_that_was_missed_is_rated_before_the_next_and_none_is_left_out(meter: str) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("per_unit", meter, unit_price=Decimal(1))), first_day=AUGUST)
    use(tenant, meter, 5, day=AUGUST)
    use(tenant, meter, 7, day=SEPTEMBER)

    assert rate(tenant) == 2

    assert (amounts(tenant, AUGUST), amounts(tenant, SEPTEMBER)) == ({"messages": 5}, {"messages": 7})


def test_a_month_begins_at_midnight_in_shanghai(meter: str) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("per_unit", meter, unit_price=Decimal(1))))
    report(
        tenant,
        *(
            an_event(meter, quantity=quantity, at=at)
            for quantity, at in [
                ("1", "2026-08-31T23:59:59+08:00"),
                ("10", "2026-09-01T00:00:00+08:00"),
                ("100", "2026-09-30T23:59:59+08:00"),
                ("1000", "2026-10-01T00:00:00+08:00"),
            ]
        ),
    )

    rate(tenant)

    assert amounts(tenant) == {"messages": 110}


def test_late_use_after_the_bill_is_priced_over_the_whole_ladder_and_points_back(meter: str) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("graduated", meter, tiers=LADDER)), first_day=AUGUST)
    use(tenant, meter, 8, day=AUGUST)
    rate(tenant, SEPTEMBER)

    use(tenant, meter, 5, day=AUGUST)
    rate(tenant, OCTOBER)
    changed = adjust(tenant, SEPTEMBER)

    assert changed == 1
    assert amounts(tenant, AUGUST) == {"messages": 800}
    (line,) = lines(tenant, SEPTEMBER)
    # Thirteen pieces are 10 at 100 and 3 at 50: 1150, less the 800 that were billed; five as new ones would be 500.
    assert (line["amount_minor"], line["quantity"], line["revision"]) == (350, 5, 1)
    assert (line["period_first"], line["raised_for"]) == (AUGUST, SEPTEMBER)
    assert adjust(tenant, SEPTEMBER) == 0
    assert unclaimed(tenant) == 0


def test_use_three_years_late_is_billed_like_any_other(meter: str) -> None:
    tenant, long_ago = new_id(), date(2023, 9, 1)
    a_subscription(tenant, a_plan(a_component("per_unit", meter, unit_price=Decimal(1))), first_day=long_ago)
    rate(tenant)

    use(tenant, meter, 9, day=long_ago)

    assert adjust(tenant) == 1
    assert [(line["period_first"], line["amount_minor"]) for line in lines(tenant)] == [(long_ago, 9)]


def test_voiding_after_the_bill_gives_back_what_the_ladder_says(meter: str) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("graduated", meter, tiers=LADDER)))
    report(tenant, an_event(meter, "a", quantity="5"), an_event(meter, "b", quantity="8"))
    rate(tenant)

    report(tenant, a_void("b"))
    adjust(tenant)

    adjustment = next(line for line in lines(tenant) if line["revision"] == 1)
    assert (adjustment["amount_minor"], adjustment["quantity"]) == (500 - 1_150, -8)
    assert amounts(tenant) == {"messages": 500}


@FEW
@given(
    first=st.lists(st.integers(0, 25), max_size=3),
    later=st.lists(st.lists(st.integers(-9, 25), min_size=1, max_size=3), max_size=3),
)
def test_however_late_use_comes_in_pieces_the_bills_add_up_to_the_price_of_all(
    meter: str, first: list[int], later: list[list[int]]
) -> None:
    tenant = new_id()
    a_subscription(tenant, a_plan(a_component("graduated", meter, tiers=LADDER), minimum_minor=600, cap_minor=1_500))
    if first:
        use(tenant, meter, *first)
    rate(tenant)
    for batch in later:
        use(tenant, meter, *batch, reporter="operator")  # only the operator may report less than nothing
        adjust(tenant)

    total = max(0, sum(first) + sum(map(sum, later)))
    price = min(total, 10) * 100 + max(0, total - 10) * 50
    assert sum(amounts(tenant).values()) == min(1_500, max(600, price))


def test_rollups_lost_and_rebuilt_after_the_bill_change_no_bill(meter: str) -> None:
    tenant = new_id()
    a_ward_each(tenant, meter, 2)
    rate(tenant)
    before = lines(tenant)
    with acting_for(tenant), transaction():
        session.execute(text("DELETE FROM usage_rollup WHERE tenant_id = :tenant"), {"tenant": tenant})
        usage.rebuild_rollups(MORNING - timedelta(days=1), MORNING + timedelta(days=1))

    assert adjust(tenant) == 0

    assert lines(tenant) == before
    assert unclaimed(tenant) == 0


@pytest.mark.parametrize(
    ("quantity", "wanted"),
    [
        (3, {"messages": 300, "minimum": 200}),
        (5, {"messages": 500}),
        (8, {"messages": 800}),
        (9, {"messages": 900, "spend_cap": -100}),
    ],
)
def test_a_minimum_is_filled_up_and_a_cap_is_never_passed(meter: str, quantity: int, wanted: dict[str, int]) -> None:
    tenant = new_id()
    plan = a_plan(a_component("per_unit", meter, unit_price=Decimal(100)), minimum_minor=500, cap_minor=800)
    a_subscription(tenant, plan)
    use(tenant, meter, quantity)

    rate(tenant)

    assert amounts(tenant) == wanted


def test_a_subscription_without_use_has_no_line_but_what_is_flat(meter: str) -> None:
    metered, flat = new_id(), new_id()
    a_subscription(metered, a_plan(a_component("per_unit", meter, unit_price=Decimal(1))))
    a_subscription(flat, a_plan(a_component("flat", None, "licence", flat_minor=9_900)))

    assert (rate(metered), rate(flat)) == (1, 1)

    assert (amounts(metered), amounts(flat)) == ({}, {"licence": 9_900})


def test_a_plan_changed_within_the_month_is_cut_by_days_and_use_by_its_hour(meter: str) -> None:
    tenant = new_id()
    old, new = (
        a_plan(
            a_component("flat", None, "licence", flat_minor=flat),
            a_component("graduated", meter, tiers=a_ladder((10, price), (None, 1))),
            minimum_minor=minimum,
        )
        for flat, price, minimum in ((1_001, 100, 0), (3_000, 10, 6_000))
    )
    before = a_subscription(tenant, old)
    with acting_for(tenant, operator=True), transaction():
        after = rating.change_plan(before, plan_version_id=new, first_day=date(2026, 9, 11)).id
    use(tenant, meter, 12, day=date(2026, 9, 10))
    use(tenant, meter, 12, day=date(2026, 9, 11))

    rate(tenant)

    of_each = {
        subscription: {
            line["code"]: line["amount_minor"] for line in lines(tenant) if line["subscription_id"] == subscription
        }
        for subscription in (before, after)
    }
    assert of_each[before] == {"licence": 334, "messages": 1_002}
    assert of_each[after] == {"licence": 2_000, "messages": 102, "minimum": 4_000 - 2_102}


@FEW
@example(flat=1, cuts={11, 21})
@example(flat=2, cuts={2, 3, 4, 5})
@given(flat=st.integers(0, 10**9), cuts=st.sets(st.integers(2, 30), max_size=4))
def test_the_parts_of_a_month_add_up_to_its_flat_fee_exactly(flat: int, cuts: set[int]) -> None:
    tenant, plan = new_id(), a_plan(a_component("flat", None, "licence", flat_minor=flat))
    days = sorted(date(2026, 9, cut) for cut in cuts)
    for first, until in zip([SEPTEMBER, *days], [*days, None], strict=True):
        a_subscription(tenant, plan, first_day=first, until_day=until)

    rate(tenant)

    assert sum(amounts(tenant).values()) == flat
    for line in lines(tenant):
        exact = Fraction(flat * (line["covered_until"] - line["covered_first"]).days, 30)
        assert line["amount_minor"] >= 0
        assert abs(line["amount_minor"] - exact) <= 1


def test_a_subject_that_moves_within_the_month_is_billed_to_each_for_its_days(meter: str) -> None:
    tenant, plan, one, other = (
        new_id(),
        a_plan(a_component("per_unit", meter, unit_price=Decimal(1))),
        new_id(),
        new_id(),
    )
    moved = date(2026, 9, 16)
    a_subscription(tenant, plan, "dept-7", contract_id=one, until_day=moved)
    a_subscription(tenant, plan, "dept-7", contract_id=other, first_day=moved)
    use(tenant, meter, 4, subject="dept-7", day=date(2026, 9, 15))
    use(tenant, meter, 9, subject="dept-7", day=moved)

    rate(tenant)

    assert {line["contract_id"]: line["amount_minor"] for line in lines(tenant)} == {one: 4, other: 9}


def test_two_subscriptions_never_bill_the_same_use(meter: str) -> None:
    tenant = new_id()
    plan, again = (a_plan(a_component("per_unit", meter, unit_price=Decimal(1))) for _ in range(2))
    a_subscription(tenant, plan, until_day=date(2026, 9, 20))

    with pytest.raises(rating.SubscriptionOverlaps):
        a_subscription(tenant, again, first_day=date(2026, 9, 19))
    a_subscription(tenant, again, first_day=date(2026, 9, 20))
    a_subscription(tenant, again, "another-ward")
    a_subscription(tenant, a_plan(a_component("per_unit", a_meter(), unit_price=Decimal(1))))


def test_what_was_rated_cannot_be_ended_or_changed_behind_the_bill(meter: str) -> None:
    tenant = new_id()
    subscription = a_subscription(tenant, a_plan(a_component("per_unit", meter, unit_price=Decimal(1))))
    rate(tenant)

    with pytest.raises(rating.PeriodRated) as refusal, acting_for(tenant, operator=True), transaction():
        rating.end_subscription(subscription, until_day=date(2026, 9, 15))

    assert refusal.value.facts["rated_until"] == "2026-10-01"


def test_a_subscription_keeps_its_version_when_the_plan_goes_on(meter: str) -> None:
    tenant, code = new_id(), f"p{new_id().hex[-10:]}"
    pinned = a_plan(a_component("per_unit", meter, unit_price=Decimal(1)), code=code)
    a_subscription(tenant, pinned)
    dearer = a_plan(a_component("per_unit", meter, unit_price=Decimal(9)), code=code)
    use(tenant, meter, 10)

    rate(tenant)

    assert pinned != dearer
    assert [(line["plan_version_id"], line["amount_minor"]) for line in lines(tenant)] == [(pinned, 10)]
