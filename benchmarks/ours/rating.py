"""A month's rating through its own door: contracts of five meters on four graduated tiers, claimed, priced and stored.

The quantities, the tiers and so the sum are those of the loops in `peers/loops.py`; the sum is worked out here in
Decimal and compared, untimed.
"""

import random
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy import func, select

from benchmarks.stopwatch import Task
from tandem.accounts import create_organization
from tandem.billing import rating, usage
from tandem.billing.invoices import Invoice
from tandem.billing.invoices.commands import draft_from_rating
from tandem.billing.rating import RatedLine
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, acting_for, transaction

METERS: Final = 5
LADDER: Final = ((100, "120"), (1_000, "95"), (10_000, "70"), (None, "45"))
"""(up to, fen per unit)."""

FIRST_DAY: Final = date(2026, 10, 1)
UNTIL: Final = date(2026, 11, 1)
TITLE: Final = {"en": "Use", "zh": "用量"}


def rate(task: Task) -> None:
    """Rate October for `count` contracts of one customer, in chunks of a transaction each.

    With `bill` it goes on to the end: every contract has its invoice, with its lines, its taxes and what it bills.
    """
    customer = derived_id("benchmark", "customer")
    plan = _plan()
    with acting_for(customer, operator=True), transaction():
        create_organization(kind="hospital", name="医院", city="杭州市")
        rating.subscribe(plan_version_id=plan, subject="first", first_day=date(2026, 10, 1))
    quantities = _seed(task, customer, plan)
    chunks = 0
    with task.timed():
        while _chunk(customer):
            chunks += 1
        if task.facts.get("bill"):
            _bill(customer)
    _check(customer, sum(_price_minor(each) for each in quantities), is_billed=bool(task.facts.get("bill")))
    task.tell(chunks=chunks, lines=len(quantities))


def _bill(customer: UUID) -> None:
    after = None
    while True:
        with acting_for(customer, statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
            _, after = draft_from_rating(FIRST_DAY, after=after)
        if after is None:
            return


def _chunk(customer: UUID) -> int:
    with acting_for(customer, statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
        return rating.rate_due_periods(UNTIL)


def _plan() -> UUID:
    tiers = [
        {"up_to": None if up_to is None else Decimal(up_to), "unit_price": Decimal(price), "flat_minor": 0}
        for up_to, price in LADDER
    ]
    with acting_for(OPERATOR_ID, operator=True), transaction():
        for number in range(METERS):
            usage.define_meter(code=f"meter_{number}", aggregation="sum", measures="things", unit="piece", title=TITLE)
        return rating.add_plan_version(
            code="benchmark",
            title=TITLE,
            currency="CNY",
            components=[
                {"code": f"c{n}", "kind": "graduated", "title": TITLE, "meter": f"meter_{n}", "tiers": tiers}
                for n in range(METERS)
            ],
        ).id


def _seed(task: Task, customer: UUID, plan: UUID) -> list[Decimal]:
    """So many subscriptions and their roll-ups, by COPY; the first of them pinned the plan."""
    quantities = list(_quantities(task.seed, task.count))
    with psycopg.connect(task.url) as admin:
        admin.execute("DELETE FROM subscription WHERE tenant_id = %s", [customer])
        with admin.cursor().copy(
            "COPY subscription (tenant_id, id, plan_version_id, subject, first_day, rated_until, created_at) FROM STDIN"
        ) as rows:
            for contract in range(task.count):
                day = date(2026, 10, 1)
                rows.write_row((customer, new_id(), plan, f"contract-{contract}", day, day, "2026-10-01 00:00Z"))
        with admin.cursor().copy(
            "COPY usage_rollup (tenant_id, meter, subject, hour, event_count, fact_count, is_late, quantity, maximum) "
            "FROM STDIN"
        ) as rows:
            for place, quantity in enumerate(quantities):
                contract, meter = divmod(place, METERS)
                hour, key = "2026-10-11 04:00Z", (f"meter_{meter}", f"contract-{contract}")
                rows.write_row((customer, *key, hour, 1, 1, False, quantity, quantity))
        admin.commit()
        admin.execute("ANALYZE")
    return quantities


def _quantities(seed: int, contracts: int) -> Iterator[Decimal]:
    order = random.Random(seed)
    return (Decimal(order.randrange(0, 3_000_000)).scaleb(-2) for _ in range(contracts * METERS))


def _price_minor(quantity: Decimal) -> int:
    amount, low = Decimal(0), Decimal(0)
    for up_to, price in LADDER:
        high = quantity if up_to is None else min(quantity, Decimal(up_to))
        if high > low:
            amount += (high - low) * Decimal(price)
        low = low if up_to is None else Decimal(up_to)
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _check(customer: UUID, wanted: int, *, is_billed: bool) -> None:
    with acting_for(customer, statement_timeout_ms=REPORT_TIMEOUT_MS):
        told = session.scalar(select(func.sum(RatedLine.amount_minor)).where(RatedLine.tenant_id == customer))
        billed = session.scalar(select(func.sum(Invoice.total_minor)).where(Invoice.tenant_id == customer))
    if told != wanted or (is_billed and billed != wanted):
        raise RuntimeError(f"the lines come to {told}, the invoices to {billed}, not {wanted}")
