"""A batch is answered item by item, counts every event once, and takes no harm from what makes no sense."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tandem.billing import usage
from tandem.billing.usage.facts import Reading, read_use, read_uses
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once
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
FEW = settings(max_examples=25)


@pytest.fixture(scope="module")
def meters(app: Any) -> dict[str, str]:
    """One meter of every kind."""
    with app.app_context():
        return {kind: a_meter(kind) for kind in ("sum", "count", "distinct", "max", "latest")}


def test_a_batch_holding_the_same_id_twice_counts_it_once(meters: dict[str, str]) -> None:
    tenant, meter = new_id(), meters["sum"]

    told = report(tenant, an_event(meter, "a"), an_event(meter, "a"), an_event(meter, "b"))

    assert told == ["accepted", "duplicate", "accepted"]
    assert counted(tenant, meter) == (2, 2, 2)


def test_a_half_accepted_batch_is_sent_again_whole_and_counts_once(meters: dict[str, str]) -> None:
    tenant, meter = new_id(), meters["sum"]
    batch = [an_event(meter, str(number)) for number in range(10)]
    report(tenant, *batch[:4], an_event("no-such-meter", "x"))

    told = report(tenant, *batch)

    assert told == ["duplicate"] * 4 + ["accepted"] * 6
    assert counted(tenant, meter) == (10, 10, 10)


@pytest.mark.parametrize(
    "change", [{"quantity": "2"}, {"subject": "ward-3"}, {"at": "2026-09-01T09:31:00+08:00"}, {"seq": 1}]
)
def test_the_same_id_with_other_facts_is_a_conflict_and_changes_nothing(
    meters: dict[str, str], change: dict[str, Any]
) -> None:
    tenant, meter = new_id(), meters["sum"]
    report(tenant, an_event(meter, "a"))
    before = rollups(tenant)

    told = codes(tenant, an_event(meter, "a", **change))

    assert told == ["other-facts"]
    assert rollups(tenant) == before


def test_the_same_moment_written_in_another_zone_is_the_same_event(meters: dict[str, str]) -> None:
    tenant, meter = new_id(), meters["sum"]
    report(tenant, an_event(meter, "a", at="2026-09-01T09:30:00+08:00", quantity="1.50"))

    assert report(tenant, an_event(meter, "a", at="2026-09-01T01:30:00Z", quantity="1.5")) == ["duplicate"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "NaN"}, "bad-quantity"),
        ({"quantity": "Infinity"}, "bad-quantity"),
        ({"quantity": "1e309"}, "bad-quantity"),
        ({"quantity": float("nan")}, "bad-quantity"),
        ({"quantity": float("inf")}, "bad-quantity"),
        ({"quantity": 0.1}, "bad-quantity"),
        ({"quantity": True}, "bad-quantity"),
        ({"quantity": "10000000000"}, "bad-quantity"),
        ({"quantity": 10**400}, "bad-quantity"),
        ({"quantity": "0.00000000001"}, "bad-quantity"),
        ({"quantity": "１"}, "bad-quantity"),
        ({"event_id": "a\x00b"}, "bad-event-id"),
        ({"event_id": ""}, "bad-event-id"),
        ({"event_id": 7}, "bad-event-id"),
        ({"event_id": "x" * 201}, "bad-event-id"),
        ({"subject": "a\x00"}, "bad-subject"),
        ({"subject": "\ud800"}, "bad-subject"),
        ({"subject": {"deep": [1]}}, "bad-subject"),
        ({"source": "HIS"}, "bad-source"),
        ({"meter": "no-such-meter"}, "unknown-meter"),
        ({"meter": "void"}, "unknown-meter"),
        ({"meter": ["x"]}, "unknown-meter"),
        ({"at": "yesterday"}, "bad-moment"),
        ({"at": "2026-09-01T09:30:00"}, "bad-moment"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "bad-moment"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "bad-moment"),
        ({"at": 1_788_000_000}, "bad-moment"),
        ({"at": "1999-12-31T23:59:59Z"}, "bad-moment"),
        ({"seq": -1}, "bad-seq"),
        ({"seq": 2**63}, "bad-seq"),
        ({"value": "x"}, "bad-value"),
        ({"patient": "李明"}, "unknown-field"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_harms_no_other(
    meters: dict[str, str], change: dict[str, Any], code: str
) -> None:
    tenant, meter = new_id(), meters["sum"]

    told = codes(tenant, an_event(meter, "good"), an_event(meter) | change)

    assert told == [None, code]
    assert counted(tenant, meter) == (1, 1, 1)


@pytest.mark.parametrize("item", [None, 7, "event", ["event"], {}, {"event_id": "a"}])
def test_what_is_no_event_at_all_is_refused_in_its_place(meters: dict[str, str], item: Any) -> None:
    assert report(new_id(), item, an_event(meters["sum"])) == ["rejected", "accepted"]


@pytest.mark.parametrize("value", [None, "", "a\x00", "\ud83d", "x" * 201, 7])
def test_a_distinct_meter_asks_for_what_it_tells_apart(meters: dict[str, str], value: Any) -> None:
    assert codes(new_id(), an_event(meters["distinct"], value=value)) == ["bad-value"]


def test_an_event_an_hour_in_the_future_is_refused_and_five_minutes_are_borne(
    meters: dict[str, str], at: Callable[[datetime], None]
) -> None:
    at(MORNING)
    ahead = [an_event(meters["sum"], at=(MORNING + timedelta(minutes=each)).isoformat()) for each in (5, 6, 60)]

    assert codes(new_id(), *ahead) == [None, "in-the-future", "in-the-future"]


def test_a_clock_that_steps_back_loses_no_event(meters: dict[str, str], at: Callable[[datetime], None]) -> None:
    tenant, meter = new_id(), meters["sum"]
    at(MORNING)
    report(tenant, an_event(meter, "a"))
    at(MORNING - timedelta(minutes=4))

    told = report(tenant, an_event(meter, "a"), an_event(meter, "b"))

    assert told == ["duplicate", "accepted"]
    assert counted(tenant, meter) == (2, 2, 2)


def test_an_event_forty_days_late_is_counted_and_marked(meters: dict[str, str]) -> None:
    tenant, meter = new_id(), meters["sum"]
    with acting_for(tenant), transaction():
        usage.close_usage(MORNING)
    forty_days_ago = (MORNING - timedelta(days=40)).isoformat()

    with acting_for(tenant), transaction():
        late, in_time = usage.ingest([an_event(meter, at=forty_days_ago), an_event(meter)], reporter="hospital")

    assert (late.outcome, late.is_late) == ("accepted", True)
    assert (in_time.outcome, in_time.is_late) == ("accepted", False)
    with acting_for(tenant):
        assert [row["is_late"] for row in usage.usage_between(MORNING - timedelta(days=50), MORNING)] == [True]


def test_closing_an_earlier_moment_opens_nothing(meters: dict[str, str]) -> None:
    tenant = new_id()
    with acting_for(tenant), transaction():
        usage.close_usage(MORNING)
        usage.close_usage(MORNING - timedelta(days=9))

        (answer,) = usage.ingest(
            [an_event(meters["sum"], at=(MORNING - timedelta(days=1)).isoformat())], reporter="hospital"
        )

    assert answer.is_late


@pytest.mark.parametrize("reporter", ["hospital", "employer"])
@pytest.mark.parametrize("quantity", ["-5", -5, "-0.0000000001"])
def test_nobody_lowers_its_own_bill_by_reporting_less_than_nothing(
    meters: dict[str, str], reporter: str, quantity: str | int
) -> None:
    tenant, meter = new_id(), meters["sum"]

    told = codes(tenant, an_event(meter), an_event(meter, quantity=quantity), reporter=reporter)

    assert told == [None, "negative-quantity"]
    assert counted(tenant, meter) == (1, 1, 1)


def test_a_hospital_that_reports_less_than_nothing_is_told_what_to_do_instead(
    client: FlaskClient, meters: dict[str, str]
) -> None:
    staff = a_key(a_hospital(), "hospital", "hospital_admin")
    events = [an_event(meters["sum"], quantity="-5")]

    told = client.post(
        "/api/hospital/v1/usage_events", json={"events": events}, headers=staff | {"Accept-Language": "en"}
    )

    (item,) = told.json["items"]
    assert (item["outcome"], item["code"], item["field"]) == ("rejected", "negative-quantity", "quantity")
    assert item["mend"] == "Void the event that was too much and record what was used."


def test_a_quantity_that_the_operator_measured_may_go_below_zero_and_come_back(meters: dict[str, str]) -> None:
    tenant, meter = new_id(), meters["sum"]

    report(tenant, an_event(meter, quantity="-5"), an_event(meter, quantity="2"), reporter="operator")

    assert counted(tenant, meter) == (2, 2, Decimal(-3))


def test_every_kind_of_meter_makes_its_own_of_an_hour(meters: dict[str, str]) -> None:
    tenant = new_id()
    for kind, meter in meters.items():
        seen = {"value": "same"} if kind == "distinct" else {}
        report(tenant, an_event(meter, f"{kind}1", quantity="7", **seen), an_event(meter, f"{kind}2", **seen))

    by_meter = {row[0]: row for row in rollups(tenant)}

    assert by_meter[meters["sum"]][5] == 8
    assert by_meter[meters["count"]][3] == 2
    assert by_meter[meters["max"]][6] == 7
    assert len(by_meter[meters["distinct"]][11]) == 1
    assert by_meter[meters["latest"]][7] == 1


def test_of_two_events_at_the_same_instant_the_sources_own_order_decides(meters: dict[str, str]) -> None:
    first, second = (an_event(meters["latest"], quantity=str(each), seq=each) for each in (1, 2))

    for order in ([first, second], [second, first]):
        tenant = new_id()
        for event in order:
            report(tenant, event)

        assert rollups(tenant)[0][7] == 2


@FEW
@given(data=st.data())
def test_any_order_and_repetition_of_batches_gives_the_same_rollups(meters: dict[str, str], data: DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(meters)), min_size=1, max_size=12))
    events = [
        an_event(
            meters[kind],
            f"e{number}",
            subject=data.draw(st.sampled_from(["all", "ward-3"])),
            quantity=str(data.draw(st.integers(-5, 20))),
            at=(MORNING + timedelta(minutes=data.draw(st.sampled_from([0, 0, 20, 90])))).isoformat(),
            seq=data.draw(st.integers(0, 2)),
            **({"value": data.draw(st.sampled_from("xyz"))} if kind == "distinct" else {}),
        )
        for number, kind in enumerate(kinds)
    ]
    voided = data.draw(st.sets(st.sampled_from(range(len(events)))))
    events += [a_void(f"e{number}", f"v{number}") for number in voided]
    straight, crooked = new_id(), new_id()
    report(straight, *events, reporter="operator")

    twice = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=6))))
    while twice:
        size = data.draw(st.integers(1, len(twice)))
        report(crooked, *twice[:size], reporter="operator")
        twice = twice[size:]

    # The hashes of values are salted by tenant, so of these the counts are compared.
    assert _comparable(rollups(crooked)) == _comparable(rollups(straight))
    assert differences(crooked) == differences(straight) == 0


def _comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:11], sorted(each[64:] for each in row[11] or [])) for row in rows]


_ODD: dict[str, list[Any]] = {
    "source": ["lis", "HIS", 7, None, ""],
    "event_id": ["b", "", "a b", "x" * 201, "\ud800", 7],
    "meter": ["seen", "void", "nobody's", ["x"]],
    "subject": ["ward-3", "", "病房", None],
    "at": [
        "2026-09-01T01:30:00Z",
        "2026-09-01T01:30:00.25+08:00",
        "2026-09-01",
        "1999-12-31T23:59:59Z",
        "2027-01-01T00:00Z",
        7,
    ],
    "quantity": [1, "1", True, 1.0, "-3", -3, 10**10, "0.5", None],
    "seq": [1, True, -1, 2**63, "1"],
    "value": ["x", "", None],
    "voids": ["a", "e", 7],
    "patient": ["李明"],
}


@settings(max_examples=300)
@given(data=st.data())
def test_a_batch_read_by_columns_says_of_each_item_what_reading_it_alone_says(data: DataObject) -> None:
    by = Reading(
        data.draw(st.sampled_from(["hospital", "operator"])), {"used": "sum", "seen": "distinct"}, MORNING, b"salt"
    )
    items: list[Any] = [
        {"event_id": f"e{number}", "meter": "used", "at": MORNING.isoformat(), "seq": number} for number in range(4)
    ]
    for _ in range(data.draw(st.integers(0, 3))):
        name = data.draw(st.sampled_from(sorted(_ODD)))
        items[data.draw(st.integers(0, 3))][name] = data.draw(st.sampled_from(_ODD[name]))
    items += data.draw(st.lists(st.sampled_from([None, 7, {}, []]), max_size=1))

    assert read_uses(items, by) == [read_use(item, by) for item in items]


def test_a_body_with_numbers_out_of_reach_and_broken_text_is_answered_item_by_item(
    client: FlaskClient, meters: dict[str, str]
) -> None:
    hospital = a_hospital()
    items = ",".join(
        f'{{"event_id": "{number}", "meter": "{meters["sum"]}", "at": "2026-09-01T01:30:00Z", {rest}}}'
        for number, rest in enumerate(
            ['"quantity": NaN', '"quantity": 1e309', '"subject": "\\u0000"', '"subject": "\\ud800"', '"quantity": "2"']
        )
    )
    staff = a_key(hospital, "hospital", "hospital_admin")

    answer = client.post(
        "/api/hospital/v1/usage_events",
        data=f'{{"events": [{items}]}}',
        content_type="application/json",
        headers=staff | {"Accept-Language": "en"},
    )

    assert answer.status_code == 200, answer.json
    assert [each.get("code") for each in answer.json["items"]] == [
        *("bad-quantity", "bad-quantity", "bad-subject", "bad-subject", None),
    ]
    assert (answer.json["accepted"], answer.json["rejected"]) == (1, 4)
    assert answer.json["items"][0]["mend"].startswith("Send decimal text")


def test_an_event_id_that_cannot_be_written_back_harms_no_other_item(
    client: FlaskClient, meters: dict[str, str]
) -> None:
    staff = a_key(a_hospital(), "hospital", "hospital_admin")
    half_a_pair, whole = (
        f'{{"event_id": "{name}", "meter": "{meters["sum"]}", "at": "2026-09-01T01:30:00Z"}}'
        for name in ("\\ud800", "whole")
    )

    answer = client.post(
        "/api/hospital/v1/usage_events",
        data=f'{{"events": [{half_a_pair}, {whole}]}}',
        content_type="application/json",
        headers=staff,
    )

    assert answer.status_code == 200, answer.json
    assert [(each["event_id"], each["outcome"]) for each in answer.json["items"]] == [
        (None, "rejected"),
        ("whole", "accepted"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"events": []}', 422),
        ('{"events": {}}', 422),
        ('{"events": null}', 422),
        ("{}", 422),
        ("[]", 400),
        ('{"events": [', 400),
        ("[" * 200_000, 400),
        ('{"events": [' + "{}," * 10_000 + "{}]}", 422),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(client: FlaskClient, body: str, status: int) -> None:
    staff = a_key(a_hospital(), "hospital", "hospital_admin")

    answer = client.post("/api/hospital/v1/usage_events", data=body, content_type="application/json", headers=staff)

    assert answer.status_code == status, answer.json


def test_ten_thousand_events_with_long_names_pass_the_door_and_a_huge_body_does_not(
    client: FlaskClient, meters: dict[str, str]
) -> None:
    staff = a_key(a_hospital(), "hospital", "hospital_admin")
    events = [an_event(meters["sum"], f"{number:0>180}", subject="s" * 60) for number in range(10_000)]

    whole = client.post("/api/hospital/v1/usage_events", json={"events": events}, headers=staff)
    huge = client.post("/api/hospital/v1/usage_events", json={"events": [an_event("x" * (21 << 20))]}, headers=staff)

    assert (whole.status_code, whole.json["accepted"]) == (200, 10_000)
    assert huge.status_code == 413


def test_the_operator_reports_for_a_hospital_under_its_own_name(client: FlaskClient, meters: dict[str, str]) -> None:
    hospital, meter = a_hospital(), meters["sum"]
    operator = a_key(OPERATOR_ID, "operator", "operator_staff")
    report(hospital, an_event(meter, "a"))

    answer = client.post(
        f"/api/operator/v1/hospitals/{hospital}/usage_events",
        json={"events": [an_event(meter, "a", quantity="2")]},
        headers=operator,
    )
    listed = client.get(f"/api/operator/v1/hospitals/{hospital}/usage_events", headers=operator).json["data"]

    assert answer.json["accepted"] == 1, answer.json
    assert {row["source_type"] for row in listed} == {"hospital/his", "operator/his"}


def test_a_meter_is_defined_once_and_for_ever(client: FlaskClient) -> None:
    operator = a_key(OPERATOR_ID, "operator", "operator_staff")
    wish = {
        "code": f"m{new_id().hex[-10:]}",
        "aggregation": "sum",
        "unit": "message",
        "title": {"en": "Messages", "zh": "短信"},
    }

    first, again, word = (
        client.post("/api/operator/v1/meters", json=each, headers=operator | once())
        for each in (wish, wish | {"aggregation": "max"}, wish | {"code": "void"})
    )

    assert (first.status_code, again.status_code, word.status_code) == (201, 409, 422)
    assert clock.now() > MORNING
