"""Time passes as it is told to."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe

from tandem.stripe_sandbox.clock import Clock
from tests.platform.stripe_sandbox.stage import Sandbox


def test_everything_made_is_made_now(api: stripe.StripeClient, sandbox: Any) -> None:
    wanted = datetime(2031, 5, 1, 8, 30, tzinfo=UTC)

    reading = sandbox.put("/clock", {"now": "2031-05-01T16:30:00+08:00"})

    customer = api.v1.customers.create({"name": "王芳"})
    assert datetime.fromisoformat(reading["now"]) - wanted < timedelta(seconds=30)
    assert 0 <= customer.created - wanted.timestamp() < 30
    assert api.v1.events.list().data[0].created == customer.created


def test_a_jump_does_what_fell_due_on_its_own_day(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    pay(7200, method="pm_card_bypassPending")
    payout = sandbox.post("/payouts/run")["data"][0]

    sandbox.advance(days=10)

    paid = api.v1.events.list({"type": "payout.paid"}).data[0]
    assert paid.created == payout["arrival_date"]


def test_the_clock_survives_a_restart(tmp_path: Path) -> None:
    process = Sandbox(tmp_path)
    process.put("/clock", {"offset_seconds": 86400})
    process.stop()

    process.start()

    assert process.get("/clock")["offset_seconds"] == 86400
    process.stop()


def test_a_clock_file_rules_while_it_exists(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock = Clock(5, file)
    assert clock.offset_seconds == 5

    file.write_text("86400\n")
    assert abs(clock.now() - time.time() - 86400) < 2
    file.write_text("-100.5")
    assert clock.offset_seconds == -100.5
    file.write_text("half-writ")
    assert clock.offset_seconds == -100.5
    file.unlink()
    assert clock.offset_seconds == 5


def test_the_process_follows_the_platforms_clock_file(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    process = Sandbox(tmp_path, "--clock-file", str(file))

    file.write_text("864000")

    assert process.client().v1.customers.create({"name": "x"}).created > time.time() + 863_000
    process.stop()


@pytest.mark.parametrize(
    "told", [{}, {"now": "tomorrow"}, {"now": "2031-05-01T16:30:00"}, {"offset_seconds": "1"}, {"offset_seconds": 1e30}]
)
def test_a_clock_is_not_told_nonsense(sandbox: Any, told: Any) -> None:
    status, body = sandbox.call("PUT", "/clock", told)

    assert (status, body["error"]["type"]) == (400, "invalid_request_error")
