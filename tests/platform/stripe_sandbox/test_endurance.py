"""Killed at any moment, it has lost nothing it acknowledged; and it is quick and small."""

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import stripe

from tandem.stripe_sandbox.__main__ import main
from tandem.stripe_sandbox.books import House
from tandem.stripe_sandbox.sandbox import Sandbox as Inside
from tests.platform.stripe_sandbox.stage import SECRET, Receiver, Sandbox, until

WISH: Any = {
    "amount": 7200,
    "currency": "cny",
    "allowed_payment_method_types": ["card"],
    "payment_method": "pm_card_visa",
    "confirm": True,
}


def test_what_was_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    process = Sandbox(tmp_path)
    port = process.url.rpartition(":")[2]
    acknowledged: dict[str, str] = {}

    def keep_paying(name: int, api: stripe.StripeClient) -> None:
        for number in range(10_000):
            key = f"{name}-{len(acknowledged)}-{number}"
            try:
                acknowledged[key] = api.v1.payment_intents.create(WISH, {"idempotency_key": key}).id
            except stripe.APIConnectionError:
                return

    for life in range(4):
        api = process.client(max_network_retries=0)
        payers = [threading.Thread(target=keep_paying, args=(life * 10 + n, api)) for n in range(3)]
        for payer in payers:
            payer.start()
        time.sleep(random.Random(life).uniform(0.1, 0.5))
        process.kill()
        for payer in payers:
            payer.join()
        process = Sandbox(tmp_path, port=int(port))

    api = process.client()
    kept = {intent.id: intent for intent in api.v1.payment_intents.list({"limit": 100}).auto_paging_iter()}
    movements = list(api.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert len(acknowledged) > 20
    assert set(acknowledged.values()) <= set(kept)
    assert all(intent.status == "succeeded" for intent in kept.values())
    assert len(movements) == len(kept) == len({m.source for m in movements})
    for key, identifier in list(acknowledged.items())[:10]:
        assert api.v1.payment_intents.create(WISH, {"idempotency_key": key}).id == identifier
    process.stop()


def test_news_waits_for_the_next_life(tmp_path: Path, hook_receiver: Receiver) -> None:
    flags = ("--webhook-url", "http://127.0.0.1:9/", "--webhook-secret", SECRET)
    process = Sandbox(tmp_path, *flags)
    process.client().v1.customers.create({"name": "王芳"})
    process.kill()
    hook_receiver.forget()

    process = Sandbox(tmp_path, "--webhook-url", hook_receiver.url, "--webhook-secret", SECRET)
    process.post("/webhooks/flush", {"include_future": True})

    until(lambda: hook_receiver.types == ["customer.created"])
    assert process.stop() == 0


def test_it_is_there_in_well_under_a_second_and_stays_small(tmp_path: Path) -> None:
    started = time.monotonic()
    process = Sandbox(tmp_path)
    taken = time.monotonic() - started
    api = process.client()
    for _ in range(50):
        api.v1.payment_intents.create(WISH)

    resident = Path(f"/proc/{process.process.pid}/status").read_text().split("VmRSS:")[1].split("kB")[0]
    process.stop()

    assert taken < 10  # 0.15 s when nothing else runs
    assert int(resident) < 45_000


def test_a_taken_port_is_said_in_one_line(sandbox: Any, tmp_path: Path, capsys: Any) -> None:
    port = sandbox.url.rpartition(":")[2]

    status = main(["--port", port, "--data", str(tmp_path)])

    assert status == 1
    assert capsys.readouterr().err == f"stripe sandbox: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_fault_in_one_task_does_not_stop_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside = Inside(tmp_path, House(secret_key="sk_test_inside", base_url="http://inside.test"))
    with inside.work() as books:
        record = books.add("customer", {"id": "cus_1", "object": "customer"})
        books.schedule("finish_refund", record.id, books.now)  # a customer is no refund

    with inside.work() as books:
        left = books.work.db.execute("SELECT count(*) FROM agenda").fetchone()[0]

    inside.close()
    assert left == 0
    assert "KeyError: 'status'" in capsys.readouterr().err
