"""The balance goes to the bank, and now and then comes back."""

from typing import Any

import pytest
import stripe


def test_an_automatic_payout_says_what_it_paid(api: stripe.StripeClient, sandbox: Any, pay: Any, receiver: Any) -> None:
    pay(7200)
    second = pay(8800)
    api.v1.refunds.create({"payment_intent": second.id, "amount": 800})
    sandbox.advance(days=3)

    made = sandbox.post("/payouts/run")["data"]
    payout = api.v1.payouts.retrieve(made[0]["id"])
    paid = api.v1.balance_transactions.list({"payout": payout.id, "limit": 100}).data

    assert (payout.automatic, payout.reconciliation_status) == (True, "completed")
    assert sorted(m.type for m in paid) == ["charge", "charge", "payout", "refund"]
    assert sum(m.net for m in paid if m.type != "payout") == payout.amount == 7200 - 239 + 8800 - 285 - 800
    assert sum(m.net for m in paid) == 0
    assert api.v1.balance.retrieve().available[0].amount == 0
    sandbox.post("/webhooks/flush")
    assert {"payout.created", "payout.reconciliation_completed"} <= set(receiver.types)


def test_nothing_is_paid_out_twice(sandbox: Any, pay: Any) -> None:
    pay(7200)
    sandbox.advance(days=3)

    first, second = sandbox.post("/payouts/run")["data"], sandbox.post("/payouts/run")["data"]

    assert (len(first), second) == (1, [])


def test_pending_money_waits(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    pay(7200)

    assert sandbox.post("/payouts/run")["data"] == []


def test_every_account_is_paid_its_own(api: stripe.StripeClient, sandbox: Any, pay: Any, hospital: str) -> None:
    pay(10_000, account=hospital, application_fee_amount=1500)
    sandbox.advance(days=4)

    made = {payout["account"]: payout["amount"] for payout in sandbox.post("/payouts/run")["data"]}

    platform = sandbox.get("/health")["account"]
    assert made == {hospital: 10_000 - 320 - 1500, platform: 1500}
    assert len(api.v1.payouts.list({}, {"stripe_account": hospital}).data) == 1


def test_a_payout_arrives_the_day_after(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    pay(7200, method="pm_card_bypassPending")
    payout = sandbox.post("/payouts/run")["data"][0]
    assert payout["status"] == "in_transit"

    sandbox.advance(days=2)

    after = api.v1.payouts.retrieve(payout["id"])
    assert (after.status, after.trace_id.status) == ("paid", "supported")


def test_a_manual_payout_is_only_a_sum(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    pay(7200, method="pm_card_bypassPending")

    payout = api.v1.payouts.create({"amount": 5000, "currency": "cny", "metadata": {"month": "11"}})

    assert (payout.automatic, payout.status, payout.reconciliation_status) == (False, "pending", "not_applicable")
    assert api.v1.balance.retrieve().available[0].amount == 6961 - 5000
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.balance_transactions.list({"payout": payout.id})


def test_what_a_manual_payout_took_the_next_automatic_one_does_not_pay(
    api: stripe.StripeClient, sandbox: Any, pay: Any
) -> None:
    pay(7200, method="pm_card_bypassPending")
    api.v1.payouts.create({"amount": 5000, "currency": "cny"})

    automatic = sandbox.post("/payouts/run")["data"][0]

    assert automatic["amount"] == 6961 - 5000


def test_more_than_is_available_is_not_paid_out(api: stripe.StripeClient, pay: Any) -> None:
    pay(7200, method="pm_card_bypassPending")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payouts.create({"amount": 6962, "currency": "cny"})

    assert refusal.value.code == "balance_insufficient"


def test_a_manual_payout_may_be_canceled_before_it_leaves(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    pay(7200, method="pm_card_bypassPending")
    payout = api.v1.payouts.create({"amount": 5000, "currency": "cny"})

    canceled = api.v1.payouts.cancel(payout.id)

    assert canceled.status == "canceled"
    assert api.v1.balance.retrieve().available[0].amount == 6961
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payouts.cancel(payout.id)


def test_a_payout_fails_after_it_was_paid(api: stripe.StripeClient, sandbox: Any, pay: Any, receiver: Any) -> None:
    pay(7200, method="pm_card_bypassPending")
    payout = sandbox.post("/payouts/run")["data"][0]
    sandbox.advance(days=2)

    sandbox.post(f"/payouts/{payout['id']}/fail")
    sandbox.post("/webhooks/flush")

    after = api.v1.payouts.retrieve(payout["id"], {"expand": ["failure_balance_transaction"]})
    assert (after.status, after.failure_code) == ("failed", "account_closed")
    assert (after.failure_balance_transaction.amount, after.failure_balance_transaction.type) == (
        6961,
        "payout_failure",
    )
    assert {"payout.paid", "payout.failed"} <= set(receiver.types)
    assert sandbox.post("/payouts/run")["data"][0]["amount"] == 6961
