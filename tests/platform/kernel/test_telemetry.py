"""What the platform says about itself: one JSON line each, with ids, and never a person."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tandem.kernel import telemetry

PHONE, IDENTITY_NUMBER, MAIL = "13812345678", "44010119900307123X", "li.ming@example.com"
KEY = "tdm_live_" + "a" * 40


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What was logged."""
    stream = io.StringIO()
    telemetry.configure(stream)
    yield stream
    telemetry.forget()
    telemetry.configure()


def said(lines: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return found


def test_a_line_is_json_with_the_ids_bound_to_the_request(lines: io.StringIO) -> None:
    with telemetry.bound(request_id="req-1", tenant_id="t-1"):
        telemetry.log.info("slot_held", slots=3)

    line = said(lines)
    assert (line["event"], line["level"], line["request_id"], line["slots"]) == ("slot_held", "info", "req-1", 3)


def test_a_fact_is_forgotten_after_its_request(lines: io.StringIO) -> None:
    telemetry.bind(request_id="req-1")
    telemetry.forget()

    telemetry.log.info("next")

    assert "request_id" not in said(lines)
    assert telemetry.fact("request_id") is None


@pytest.mark.parametrize(
    "canary", [PHONE, f"+86 {PHONE}", "138 1234 5678", IDENTITY_NUMBER, MAIL, KEY, "sk_test_4eC39HqLyjWDarjtT1zdp7dc"]
)
@pytest.mark.parametrize("shape", ["event", "text", "list", "mapping", "object", "foreign", "foreign argument"])
def test_a_person_or_a_key_in_any_text_is_blanked(lines: io.StringIO, canary: str, shape: str) -> None:
    text = f"call {canary}, please"
    match shape:
        case "event":
            telemetry.log.warning(text)
        case "text":
            telemetry.log.warning("x", note=text)
        case "list":
            telemetry.log.warning("x", notes=[["deep", text]])
        case "mapping":
            telemetry.log.warning("x", note={"a": {"b": text}})
        case "object":
            telemetry.log.warning("x", path=Path(text))
        case "foreign":
            logging.getLogger("library").warning(text)
        case "foreign argument":
            logging.getLogger("library").warning("said %s", text)

    assert canary not in lines.getvalue()
    assert "[redacted]" in lines.getvalue()


@pytest.mark.parametrize(
    "key", ["name", "patient_name", "Phone", "id_number", "password", "authorization", "姓名", "body"]
)
def test_what_a_known_key_holds_is_blanked_whatever_it_looks_like(lines: io.StringIO, key: str) -> None:
    telemetry.log.info("x", **{key: "欧阳娜娜"})
    telemetry.log.info("x", row={key: "欧阳娜娜"})

    assert "欧阳娜娜" not in lines.getvalue()


def test_ids_amounts_and_times_stay_readable(lines: io.StringIO) -> None:
    facts = {
        "payment_id": "01923e8a-7c1b-7d3e-8f4a-138123456789",
        "amount_minor": 7200,
        "at": "2026-11-21T10:00:00.123456+00:00",
        "stripe_payment_intent_id": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    }

    telemetry.log.info("paid", **facts)

    assert facts.items() <= said(lines).items()


def test_a_fault_is_told_by_class_and_place_without_its_words(lines: io.StringIO) -> None:
    try:
        try:
            raise KeyError("李明")
        except KeyError as cause:
            raise ValueError(f"row of 李明 {PHONE}") from cause
    except ValueError:
        telemetry.log.exception("job_failed")

    fault = said(lines)["fault"]
    assert [link["type"] for link in fault] == ["builtins.ValueError", "builtins.KeyError"]
    assert "test_telemetry.py" in fault[0]["at"][0]
    assert "李明" not in lines.getvalue()


def test_a_librarys_fault_is_told_the_same_way(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"row of 李明 {PHONE}")
    except ValueError:
        logging.getLogger("library").exception("it broke")

    assert said(lines)["fault"][0]["type"] == "builtins.ValueError"
    assert "李明" not in lines.getvalue()


def test_numbers_are_counted_by_label() -> None:
    telemetry.count("test_bookings", outcome="held")
    telemetry.count("test_bookings", 2, outcome="held")
    telemetry.gauge("test_queue", 7, queue="fast")
    telemetry.observe("test_wait", 0.2, queue="fast")

    page = telemetry.render_metrics()[0].decode()

    assert 'tandem_test_bookings_total{outcome="held"} 3.0' in page
    assert 'tandem_test_queue{queue="fast"} 7.0' in page
    assert 'tandem_test_wait_seconds_count{queue="fast"} 1.0' in page


def test_the_metrics_page_adds_up_all_processes(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ".:platform"}
    counting = "from tandem.kernel import telemetry; telemetry.count('visits', 2)"
    rendering = counting + "; print(telemetry.render_metrics()[0].decode())"

    subprocess.run([sys.executable, "-c", counting], env=environment, check=True)
    page = subprocess.run(
        [sys.executable, "-c", rendering], env=environment, check=True, capture_output=True, text=True
    )

    assert "tandem_visits_total 4.0" in page.stdout


@pytest.mark.usefixtures("app")
def test_readiness_looks_at_database_redis_and_the_age_of_waiting_work() -> None:
    parts = telemetry.readiness()

    assert {"database", "redis", "outbox"} <= parts.keys()
    assert all(part.ok for part in parts.values())


def test_a_part_that_does_not_work_is_told_and_not_raised() -> None:
    def look() -> str | None:
        raise ConnectionError(f"cannot reach {PHONE}")

    part = telemetry.readiness({"cache": look})["cache"]

    assert (part.ok, part.detail) == (False, "ConnectionError")
