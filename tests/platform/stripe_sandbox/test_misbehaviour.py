"""The sandbox does wrong when told, the same wrong for the same seed, and confesses all of it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tandem.stripe_sandbox.misbehaviour import chance


def totals(sandbox: Any) -> dict[str, int]:
    """What a story's movements add up to."""
    api = sandbox.client()
    movements = list(api.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    return {
        "count": len(movements),
        "gross": sum(m.amount for m in movements),
        "fees": sum(m.fee for m in movements),
        "misdeeds": len(sandbox.get("/misdeeds")["data"]),
    }


def tell_story(sandbox: Any, order: range) -> None:
    """Forty visits paid, every fourth refunded in part, from six threads in the given order."""

    def visit(number: int) -> None:
        api = sandbox.client(max_network_retries=3)
        key = f"visit-{number}"
        intent = api.v1.payment_intents.create(
            {
                "amount": 5000 + number,
                "currency": "cny",
                "allowed_payment_method_types": ["card"],
                "payment_method": "pm_card_visa",
                "confirm": True,
                "metadata": {"tandem_key": key},
            },
            {"idempotency_key": key},
        )
        if number % 4 == 0:
            api.v1.refunds.create({"payment_intent": intent.id, "amount": 1000}, {"idempotency_key": f"{key}-refund"})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(visit, order))
    sandbox.post("/webhooks/flush", {"include_future": True})


def test_the_same_seed_does_the_same_wrongs_in_any_order(sandbox: Any, receiver: Any) -> None:
    wrongs = {
        "charge_different_fee": 0.3,
        "omit_balance_transaction": 0.2,
        "timeout_after_work": 0.1,
        "lose_webhook": 0.1,
        "duplicate_webhook": 0.2,
        "reorder_webhook": 0.2,
    }
    runs = []
    for seed, order in ((7, range(40)), (7, range(39, -1, -1)), (8, range(40))):
        sandbox.post("/reset")
        sandbox.put("/misbehaviour", {"seed": seed, **wrongs})
        tell_story(sandbox, order)
        told = Counter((m["kind"], m["stable_key"]) for m in sandbox.get("/misdeeds")["data"])
        runs.append((totals(sandbox), told))

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert {kind for kind, _ in runs[0][1]} == set(wrongs)


def test_chances_are_evenly_spread() -> None:
    drawn = [chance(7, "lose_webhook", f"visit-{n}") for n in range(20_000)]

    assert 0.095 < sum(d < 0.1 for d in drawn) / len(drawn) < 0.105
    assert all(0 <= d < 1 for d in drawn)


def test_a_different_fee_is_taken_and_the_right_one_confessed(sandbox: Any, pay: Any) -> None:
    sandbox.put("/misbehaviour", {"charge_different_fee": 1})

    charge = pay(7200).latest_charge

    misdeed = sandbox.misdeeds("charge_different_fee")[0]
    assert (misdeed["object"], misdeed["fee_due_minor"]) == (charge.id, 239)
    assert charge.balance_transaction.fee == misdeed["fee_taken_minor"] == 239 + 30
    assert charge.balance_transaction.net == 7200 - 269


def test_an_omitted_movement_is_nowhere_until_it_is_amended(
    api: stripe.StripeClient, sandbox: Any, pay: Any, receiver: Any
) -> None:
    sandbox.put("/misbehaviour", {"omit_balance_transaction": 1})
    charge = pay(7200).latest_charge
    misdeed = sandbox.misdeeds("omit_balance_transaction")[0]

    assert charge.balance_transaction is None
    assert api.v1.balance_transactions.list().data == []
    assert api.v1.balance.retrieve().pending[0].amount == 0
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.balance_transactions.retrieve(misdeed["object"])
    sandbox.advance(days=5)
    assert sandbox.post("/payouts/run")["data"] == []

    amended = sandbox.post(f"/misdeeds/{misdeed['id']}/amend")
    sandbox.post("/webhooks/flush")

    movement = api.v1.balance_transactions.list().data[0]
    assert amended["amended_at"] is not None
    assert (movement.id, movement.net, movement.source) == (misdeed["object"], misdeed["net_minor"], charge.id)
    assert api.v1.charges.retrieve(charge.id).balance_transaction == movement.id
    assert receiver.types.count("charge.updated") == 1


def test_an_omission_may_end_by_itself(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    sandbox.put("/misbehaviour", {"omit_balance_transaction": 1, "omit_balance_transaction_seconds": 7200})
    pay(7200)

    sandbox.advance(seconds=7201)

    assert len(api.v1.balance_transactions.list().data) == 1
    assert sandbox.misdeeds("omit_balance_transaction")[0]["amended_at"] is not None


def test_refunds_movements_may_be_omitted_too(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    intent = pay(7200)
    sandbox.put("/misbehaviour", {"omit_balance_transaction": 1})
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    assert refund.balance_transaction is None

    assert sandbox.post("/misdeeds/amend", {})["amended"] == 1

    assert api.v1.refunds.retrieve(refund.id).balance_transaction.startswith("txn_")


def test_a_timeout_after_the_work_is_healed_by_the_clients_retry(sandbox: Any) -> None:
    sandbox.put("/misbehaviour", {"timeout_after_work": 1})
    patient, hasty = sandbox.client(max_network_retries=2), sandbox.client(max_network_retries=0)

    made = patient.v1.customers.create({"name": "王芳"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.customers.create({"name": "李雷"}, {"idempotency_key": "k2"})
    again = hasty.v1.customers.create({"name": "李雷"}, {"idempotency_key": "k2"})

    assert made.last_response.headers["Idempotent-Replayed"] == "true"
    assert [c.id for c in patient.v1.customers.list()] == [again.id, made.id]
    assert len(sandbox.misdeeds("timeout_after_work")) == 2


def test_lost_news_is_lost_until_amended(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    sandbox.put("/misbehaviour", {"lose_webhook": 1})
    api.v1.customers.create({"name": "王芳"})
    sandbox.post("/webhooks/flush", {"include_future": True})

    event = api.v1.events.list().data[0]
    misdeed = sandbox.misdeeds("lose_webhook")[0]
    assert receiver.types == []
    assert (misdeed["object"], misdeed["event"], event.pending_webhooks) == (event.id, "customer.created", 1)

    sandbox.post(f"/misdeeds/{misdeed['id']}/amend")
    sandbox.post("/webhooks/flush")

    assert [e["id"] for e in receiver.events] == [event.id]


def test_duplicated_news_comes_twice(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    sandbox.put("/misbehaviour", {"duplicate_webhook": 1})

    api.v1.customers.create({"name": "王芳"})
    sandbox.post("/webhooks/flush")

    assert len(receiver.events) == 2
    assert len({event["id"] for event in receiver.events}) == 1


@pytest.mark.parametrize(("kind", "seconds"), [("delay_webhook", 30), ("reorder_webhook", 3)])
def test_delayed_news_comes_later(
    api: stripe.StripeClient, sandbox: Any, receiver: Any, kind: str, seconds: int
) -> None:
    sandbox.put("/misbehaviour", {kind: {"count": 1}})
    api.v1.customers.create({"name": "first"})
    api.v1.customers.create({"name": "second"})

    pending = sandbox.post("/webhooks/flush")
    assert (pending["count"], [e["data"]["object"]["name"] for e in receiver.events]) == (1, ["second"])
    sandbox.advance(seconds=seconds + 1)
    sandbox.post("/webhooks/flush")

    assert [e["data"]["object"]["name"] for e in receiver.events] == ["second", "first"]


def test_a_payout_fails_the_day_after_it_was_paid(
    api: stripe.StripeClient, sandbox: Any, pay: Any, receiver: Any
) -> None:
    sandbox.put("/misbehaviour", {"fail_payout_after_paid": 1})
    pay(7200, method="pm_card_bypassPending")
    payout = sandbox.post("/payouts/run")["data"][0]

    sandbox.advance(seconds=payout["arrival_date"] - payout["created"] + 60)
    paid = api.v1.payouts.retrieve(payout["id"])
    sandbox.advance(days=1)
    failed = api.v1.payouts.retrieve(payout["id"])

    assert (paid.status, failed.status) == ("paid", "failed")
    assert sandbox.misdeeds("fail_payout_after_paid")[0]["object"] == payout["id"]


def test_a_story_name_outranks_a_random_key(api: stripe.StripeClient, sandbox: Any) -> None:
    sandbox.put("/misbehaviour", {"charge_different_fee": 1})

    api.v1.payment_intents.create(
        {
            "amount": 7200,
            "currency": "cny",
            "allowed_payment_method_types": ["card"],
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": {"tandem_key": "0193-random", "tandem_story": "visit-17"},
        }
    )
    api.v1.balance.retrieve()

    told = sandbox.misdeeds("charge_different_fee")[0]["stable_key"]
    assert told == "visit-17/charge/balance_transaction"


def test_a_count_is_used_up(sandbox: Any, pay: Any) -> None:
    sandbox.put("/misbehaviour", {"charge_different_fee": {"count": 2}})

    for _ in range(5):
        pay(7200)

    assert len(sandbox.misdeeds("charge_different_fee")) == 2
    assert sandbox.get("/misbehaviour")["charge_different_fee"] == {"count": 0}


@pytest.mark.parametrize(
    "told",
    [
        {"steal": 1},
        {"lose_webhook": 1.5},
        {"lose_webhook": -0.1},
        {"lose_webhook": "often"},
        {"lose_webhook": {"count": -1}},
        {"lose_webhook": {"times": 1}},
        {"lose_webhook": True},
        {"seed": "seven"},
        {"delay_webhook_seconds": -1},
        {"charge_different_fee_minor": 0.5},
        [],
    ],
)
def test_nonsense_is_refused(sandbox: Any, told: Any) -> None:
    status, body = sandbox.call("PUT", "/misbehaviour", told)

    assert (status, body["error"]["type"]) == (400, "invalid_request_error")
    assert sandbox.get("/misbehaviour")["lose_webhook"] == 0
