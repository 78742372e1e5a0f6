"""Money goes back: in parts, to the last fen, never more than was paid."""

from typing import Any

import pytest
import stripe


def test_parts_are_refunded_until_nothing_is_left(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(7200)

    for amount in (200, 3000, 4000):
        refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": amount})
        assert refund.status == "succeeded"

    charge = api.v1.charges.retrieve(intent.latest_charge.id, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (7200, True)
    assert [refund.amount for refund in charge.refunds.data] == [4000, 3000, 200]


def test_the_provider_keeps_its_fee(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(7200)

    refund = api.v1.refunds.create({"payment_intent": intent.id, "expand": ["balance_transaction"]})

    movement: Any = refund.balance_transaction
    assert (movement.amount, movement.fee, movement.net) == (-7200, 0, -7200)
    assert (movement.type, movement.reporting_category) == ("refund", "refund")
    assert movement.available_on == intent.latest_charge.balance_transaction.available_on


def test_more_than_was_paid_is_refused(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(7200)
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 7000})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.refunds.create({"payment_intent": intent.id, "amount": 201})

    assert refusal.value.param == "amount"
    assert "2.01 cny" in str(refusal.value) and "2.00 cny" in str(refusal.value)


def test_what_is_wholly_refunded_is_not_refunded_again(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(7200)
    api.v1.refunds.create({"charge": intent.latest_charge.id})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.refunds.create({"charge": intent.latest_charge.id})

    assert refusal.value.code == "charge_already_refunded"


def test_what_is_only_held_is_canceled_not_refunded(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(7200, capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.refunds.create({"payment_intent": intent.id})

    assert "captured" in str(refusal.value)


def test_a_wallet_confirms_its_refund_later(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 7200,
            "currency": "cny",
            "allowed_payment_method_types": ["wechat_pay"],
            "payment_method_data": {"type": "wechat_pay"},
            "payment_method_options": {"wechat_pay": {"client": "web"}},
            "confirm": True,
        }
    )
    sandbox.post(f"/payment_intents/{intent.id}/authorize")

    refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": 700})
    sandbox.post("/webhooks/flush")

    assert (refund.id[:4], refund.status) == ("pyr_", "pending")
    assert api.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert receiver.types.count("refund.updated") == 1


def test_a_refund_may_fail_after_it_succeeded(api: stripe.StripeClient, pay: Any, sandbox: Any, receiver: Any) -> None:
    intent = pay(7200, method="pm_card_refundFail")

    refund = api.v1.refunds.create({"payment_intent": intent.id})
    sandbox.post("/webhooks/flush")

    after = api.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (refund.status, after.status) == ("succeeded", "failed")
    assert after.failure_balance_transaction.amount == 7200
    assert api.v1.charges.retrieve(intent.latest_charge.id).amount_refunded == 0
    assert "refund.failed" in receiver.types


def test_refunds_are_found_by_what_they_refund(api: stripe.StripeClient, pay: Any) -> None:
    first, second = pay(7200), pay(7200)
    refund = api.v1.refunds.create({"payment_intent": first.id, "metadata": {"reason": "doctor ill"}})

    assert [r.id for r in api.v1.refunds.list({"payment_intent": first.id})] == [refund.id]
    assert api.v1.refunds.list({"charge": second.latest_charge.id}).data == []
