"""The month's rating: contracts of five meters, each on a graduated ladder of four steps, chunk by chunk."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg

from benchmarks.stopwatch import Task
from benchmarks.workload import LADDER, METERS, metered
from tandem.billing.rating import add_plan_version, rate_due_periods, subscribe
from tandem.billing.usage import define_meter
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction

TENANT: Final = derived_id("benchmark", "hospital", "0")
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
USED_AT: Final = datetime(2026, 9, 1, 4, tzinfo=UTC)
LONG_MS: Final = 600_000


def make_contracts(task: Task) -> None:
    """`count` subscriptions to one plan, and a month's roll-up of each of its meters."""
    plan = _plan()
    with acting_for(TENANT, operator=True), transaction():
        # The first one pins the tenant's copy of the plan; the others are like it.
        subscribe(plan_version_id=plan, subject="contract-0", first_day=SEPTEMBER)
    with psycopg.connect(task.url) as admin:
        admin.execute(_SUBSCRIPTIONS, {"tenant": TENANT, "count": task.count})
        admin.execute("CREATE TEMP TABLE used (contract int, meter int, quantity numeric)")
        with admin.cursor().copy("COPY used FROM STDIN") as rows:
            for contract, quantities in enumerate(metered(task.seed, task.count)):
                for meter, hundredths in enumerate(quantities):
                    rows.write_row((contract, meter, Decimal(hundredths).scaleb(-2)))
        admin.execute(_ROLLUPS, {"tenant": TENANT, "at": USED_AT})
    task.tell()


def rate(task: Task) -> None:
    """Rate September: each chunk's use is claimed, its lines written with their input hashes, in one transaction."""
    with task.timed():
        while _chunk():
            pass
    with psycopg.connect(task.url) as admin:
        row = admin.execute("SELECT count(*), sum(amount_minor) FROM rated_line WHERE parked_reason IS NULL").fetchone()
    if row is None or row[0] != task.count * METERS:
        raise RuntimeError(f"{row} lines for {task.count} contracts")
    task.tell(total_minor=int(row[1]))


def _chunk() -> int:
    with acting_for(TENANT, statement_timeout_ms=LONG_MS), transaction():
        return rate_due_periods(OCTOBER)


def _plan() -> UUID:
    with acting_for(OPERATOR_ID, operator=True), transaction():
        for number in range(METERS):
            title = {"en": f"Meter {number}", "zh": f"计量项 {number}"}
            define_meter(code=f"meter_{number}", aggregation="sum", measures="things", unit="piece", title=title)
        components = [_component(number) for number in range(METERS)]
        title = {"en": "Benchmark", "zh": "基准"}
        return add_plan_version(code="benchmark", title=title, currency="CNY", components=components).id


def _component(number: int) -> dict[str, Any]:
    tiers = [
        {"up_to": None if up_to is None else Decimal(up_to), "unit_price": Decimal(price), "flat_minor": 0}
        for up_to, price in LADDER
    ]
    title = {"en": f"Meter {number}", "zh": f"计量项 {number}"}
    return {
        "code": f"meter_{number}",
        "kind": "graduated",
        "title": title,
        "meter": f"meter_{number}",
        "tiers": tiers,
    }


_SUBSCRIPTIONS: Final = (
    "INSERT INTO subscription (tenant_id, id, plan_version_id, subject, first_day, rated_until, created_at)"
    " SELECT tenant_id, uuidv7(), plan_version_id, 'contract-' || n, first_day, rated_until, created_at"
    " FROM subscription CROSS JOIN generate_series(1, %(count)s - 1) AS s(n) WHERE tenant_id = %(tenant)s"
)
_ROLLUPS: Final = (
    "INSERT INTO usage_rollup (tenant_id, meter, subject, hour, event_count, fact_count, quantity, maximum, is_late)"
    " SELECT %(tenant)s, 'meter_' || meter, 'contract-' || contract, %(at)s, 1, 1, quantity, quantity, false FROM used"
    " ORDER BY random()"
)
