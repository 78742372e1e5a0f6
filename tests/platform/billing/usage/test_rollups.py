"""Roll-ups can be lost, forged and rebuilt while events keep coming, and say what their events say."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from tandem.billing import usage
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.money import a_delivered_visit
from tests.platform.billing.usage.metering import (
    MORNING,
    a_meter,
    a_void,
    an_event,
    counted,
    differences,
    report,
    rollups,
)

pytestmark = pytest.mark.usefixtures("app")
DAY = (MORNING - timedelta(hours=12), MORNING + timedelta(hours=12))


@pytest.fixture(scope="module")
def meter(app: Any) -> str:
    with app.app_context():
        return a_meter()


def lose(tenant: UUID, statement: str) -> None:
    with acting_for(tenant), transaction():
        session.execute(text(f"{statement} WHERE tenant_id = :tenant"), {"tenant": tenant})


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM usage_rollup",
        "UPDATE usage_rollup SET quantity = quantity + 1",
        "UPDATE usage_rollup SET event_count = 0",
        "UPDATE usage_rollup SET maximum = NULL",
        "UPDATE usage_rollup SET latest_quantity = latest_quantity + 1",
        "DELETE FROM usage_value",
        "UPDATE usage_rollup SET hour = hour + interval '1 hour'",
    ],
)
def test_a_harmed_rollup_is_found_by_a_recount_and_rebuilt(harm: str) -> None:
    tenant = new_id()
    of_each = {kind: a_meter(kind) for kind in ("sum", "latest", "distinct")}
    report(
        tenant,
        *(an_event(of_each["sum"], f"s{each}", quantity=str(each)) for each in range(5)),
        *(an_event(of_each["latest"], f"l{each}", quantity=str(each), seq=each) for each in range(3)),
        *(an_event(of_each["distinct"], f"d{each}", value=each) for each in "xy"),
        a_void("s4"),
    )
    before = rollups(tenant)
    lose(tenant, harm)
    assert differences(tenant) > 0

    with acting_for(tenant), transaction():
        rebuilt = usage.rebuild_rollups(*DAY)

    assert rebuilt > 0
    assert rollups(tenant) == before
    assert differences(tenant) == 0


def test_a_recount_looks_at_its_hours_only(meter: str) -> None:
    tenant = new_id()
    report(tenant, an_event(meter, at=(MORNING - timedelta(days=3)).isoformat()), an_event(meter))
    lose(tenant, "DELETE FROM usage_rollup")

    with acting_for(tenant):
        found = usage.recount(MORNING, MORNING + timedelta(seconds=1))

    assert [(row["kept_quantity"], row["counted_quantity"]) for row in found] == [(None, 1)]


def test_rollups_lost_and_rebuilt_while_events_come_in_count_every_event_once(app: Flask, meter: str) -> None:
    tenant = new_id()
    batches = [[an_event(meter, f"{one}-{two}") for two in range(40)] for one in range(12)]
    report(tenant, *batches[0])

    def work(task: Callable[[], Any]) -> Any:
        with app.app_context():
            return task()

    def rebuild() -> None:
        with acting_for(tenant), transaction():
            session.execute(text("SELECT FROM usage_gate WHERE tenant_id = :t FOR UPDATE"), {"t": tenant})
            session.execute(text("DELETE FROM usage_rollup WHERE tenant_id = :t"), {"t": tenant})
            usage.rebuild_rollups(*DAY)

    tasks: list[Callable[[], Any]] = [lambda batch=batch: report(tenant, *batch) for batch in batches * 2]
    for place in (3, 9, 15, 21):
        tasks.insert(place, rebuild)
    tasks += [rebuild, lambda: report(tenant, a_void("1-1"), a_void("2-2"))]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, tasks))

    assert counted(tenant, meter) == (478, 482, 478)
    assert differences(tenant) == 0


def test_the_same_batch_from_four_sides_at_once_is_counted_once(app: Flask, meter: str) -> None:
    tenant = new_id()
    batch = [an_event(meter, str(number), subject=f"ward-{number % 7}") for number in range(300)]

    def send(side: int) -> list[str]:
        with app.app_context():
            return report(tenant, *(batch if side % 2 else batch[::-1]))

    with ThreadPoolExecutor(4) as pool:
        told = [each for answers in pool.map(send, range(4)) for each in answers]

    assert (told.count("accepted"), told.count("duplicate")) == (300, 900)
    assert counted(tenant, meter) == (300, 300, 300)
    assert differences(tenant) == 0


def test_a_delivered_visit_is_rolled_up_with_all_other_use(meter: str) -> None:
    hospital = new_id()

    a_delivered_visit(hospital, None)
    report(hospital, an_event("visit", "by-hand"))

    assert counted(hospital, "visit") == (2, 2, 2)


@pytest.mark.parametrize(
    "change", ["UPDATE usage_rollup SET changed_xid = 1", "UPDATE usage_rollup SET event_count = event_count"]
)
def test_a_rollup_names_the_transaction_that_wrote_it_whatever_the_statement_says(meter: str, change: str) -> None:
    tenant = new_id()
    report(tenant, an_event(meter, "a"))
    kept = text(
        "SELECT changed_xid, CAST(CAST(pg_current_xact_id() AS text) AS bigint) FROM usage_rollup WHERE tenant_id = :t"
    )

    with acting_for(tenant), transaction():
        before = session.execute(kept, {"t": tenant}).one()
        session.execute(text(f"{change} WHERE tenant_id = :t"), {"t": tenant})
        after = session.execute(kept, {"t": tenant}).one()

    assert 1 < before[0] < before[1]
    assert after[0] == after[1] == before[1]
