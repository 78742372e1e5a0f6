"""What was metered by mistake is taken back by a new event; the first one stays."""

from datetime import timedelta
from typing import Any

import pytest

from tandem.billing import usage
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for
from tests.platform.billing.usage.metering import (
    MORNING,
    a_meter,
    a_void,
    an_event,
    codes,
    counted,
    differences,
    report,
    rollups,
)

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(scope="module")
def meter(app: Any) -> str:
    with app.app_context():
        return a_meter()


def test_a_void_takes_its_event_back_and_both_stay_in_the_record(meter: str) -> None:
    tenant = new_id()
    report(tenant, an_event(meter, "a", quantity="5"), an_event(meter, "b"))

    told = report(tenant, a_void("a"))

    assert told == ["accepted"]
    assert counted(tenant, meter) == (1, 3, 1)
    with acting_for(tenant):
        kept = usage.usage_between(MORNING, MORNING + timedelta(days=1))
    assert [row["voids_key"] for row in kept] == [None, None, "a"]


def test_a_void_that_comes_before_its_event_keeps_it_from_counting(meter: str) -> None:
    tenant = new_id()
    report(tenant, a_void("a"))

    told = report(tenant, an_event(meter, "a"))

    assert told == ["accepted"]
    assert counted(tenant, meter) == (0, 2, 0)
    assert differences(tenant) == 0


def test_an_event_is_voided_once_however_often_it_is_told(meter: str) -> None:
    tenant = new_id()
    report(tenant, an_event(meter, "a"), a_void("a", "v"))

    told = codes(tenant, a_void("a", "v"), a_void("a", "w"), a_void("a", "x"))

    assert told == [None, "voided-before", "voided-before"]
    assert counted(tenant, meter) == (0, 2, 0)


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_void_is_final(meter: str, *, in_one_batch: bool) -> None:
    tenant = new_id()
    first, second = [an_event(meter, "a"), a_void("a", "v")], [a_void("v", "w")]
    told = codes(tenant, *first, *second) if in_one_batch else codes(tenant, *first) + codes(tenant, *second)

    assert told == [None, None, "void-is-final"]


@pytest.mark.parametrize(
    "rest", [{"meter": "visit"}, {"quantity": "1"}, {"voids": 7}, {"voids": ""}, {"event_id": "a"}]
)
def test_a_void_says_what_it_takes_back_and_nothing_else(rest: dict[str, Any]) -> None:
    assert codes(new_id(), a_void("a") | rest) == ["bad-void"]


def test_another_sources_void_is_of_another_event(meter: str) -> None:
    tenant = new_id()
    report(tenant, an_event(meter, "a"), a_void("a", source="lis"))

    assert counted(tenant, meter) == (1, 1, 1)


def test_voiding_the_greatest_the_latest_and_the_only_one_of_its_kind_leaves_what_is_left(app: Any) -> None:
    tenant = new_id()
    greatest, latest, distinct = a_meter("max"), a_meter("latest"), a_meter("distinct")
    report(
        tenant,
        *(an_event(greatest, f"g{each}", quantity=str(each)) for each in (3, 9)),
        *(an_event(latest, f"l{each}", quantity=str(each), seq=each) for each in (3, 9)),
        *(an_event(distinct, f"d{each}", value=each) for each in "xyx"[:2]),
    )

    report(tenant, a_void("g9"), a_void("l9"), a_void("dy"))

    by_meter = {row[0]: row for row in rollups(tenant)}
    assert (by_meter[greatest][6], by_meter[latest][7], len(by_meter[distinct][11])) == (3, 3, 1)
    assert differences(tenant) == 0
