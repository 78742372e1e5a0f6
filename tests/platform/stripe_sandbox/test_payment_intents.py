"""A patient pays: by card, by wallet, in two steps, or not at all."""

from typing import Any

import pytest
import stripe

from tandem.stripe_sandbox import API_VERSION


def test_speaks_the_version_of_the_client() -> None:
    assert stripe.api_version == API_VERSION


def test_a_card_pays_at_once(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 7200, "currency": "CNY", "payment_method": "pm_card_visa", "confirm": True,
            "return_url": "https://hospital.test/paid", "metadata": {"visit": "17"},
        }
    )  # fmt: skip

    charge = api.v1.charges.retrieve(str(intent.latest_charge))
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 7200, "cny")
    assert (charge.paid, charge.captured, charge.amount_captured) == (True, True, 7200)
    assert charge.metadata.to_dict() == {"visit": "17"}
    assert charge.payment_method_details and charge.payment_method_details.card
    assert charge.payment_method_details.card.last4 == "4242"


def test_the_fee_of_a_card_is_a_rate_and_a_fixed_part(pay: Any) -> None:
    movement = pay(7200).latest_charge.balance_transaction

    assert (movement.amount, movement.fee, movement.net) == (7200, 209 + 30, 6961)
    assert [(line.type, line.amount) for line in movement.fee_details] == [("stripe_fee", 239)]
    assert (movement.type, movement.reporting_category, movement.status) == ("charge", "charge", "pending")


def test_the_balance_transaction_comes_after_the_payment(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    answer = api.v1.payment_intents.create(
        {
            "amount": 7200, "currency": "cny", "allowed_payment_method_types": ["card"], "payment_method": "pm_card_visa",
            "confirm": True, "expand": ["latest_charge"],
        }
    )  # fmt: skip
    sandbox.post("/webhooks/flush")

    told = {event["type"]: event["data"]["object"] for event in receiver.events}
    assert answer.latest_charge.balance_transaction is None
    assert told["charge.succeeded"]["balance_transaction"] is None
    assert told["charge.updated"]["balance_transaction"].startswith("txn_")


def test_synchronous_capture_has_its_balance_transaction_at_once(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 7200, "currency": "cny", "allowed_payment_method_types": ["card"], "payment_method": "pm_card_visa",
            "confirm": True, "capture_method": "automatic", "expand": ["latest_charge.balance_transaction"],
        }
    )  # fmt: skip

    assert intent.latest_charge.balance_transaction.net == 6961


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
def test_a_declined_card_leaves_a_failed_charge(
    api: stripe.StripeClient, card: str, code: str, decline_code: str
) -> None:
    intent = api.v1.payment_intents.create(
        {"amount": 7200, "currency": "cny", "allowed_payment_method_types": ["card"]}
    )

    with pytest.raises(stripe.CardError) as refusal:
        api.v1.payment_intents.confirm(intent.id, {"payment_method": card})

    after = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (refusal.value.http_status, refusal.value.code) == (402, code)
    assert refusal.value.error and refusal.value.error.decline_code == decline_code
    assert (after.status, after.latest_charge.status) == ("requires_payment_method", "failed")
    assert after.last_payment_error and after.last_payment_error.decline_code == decline_code


def test_after_a_decline_another_card_pays_the_same_intent(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(
        {"amount": 7200, "currency": "cny", "allowed_payment_method_types": ["card"]}
    )
    with pytest.raises(stripe.CardError):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})

    paid = api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    charges = api.v1.charges.list({"payment_intent": intent.id}).data
    assert paid.status == "succeeded" and paid.last_payment_error is None
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@pytest.mark.parametrize(("wallet", "fee"), [("alipay", 72), ("wechat_pay", 72)])
def test_a_wallet_sends_its_payer_away_and_back(api: stripe.StripeClient, sandbox: Any, wallet: str, fee: int) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 7200, "currency": "cny", "allowed_payment_method_types": [wallet],
            "payment_method_data": {"type": wallet},
            "payment_method_options": {"wechat_pay": {"client": "web"}},
            "confirm": True, "return_url": "https://hospital.test/back",
        }
    )  # fmt: skip
    assert intent.status == "requires_action" and intent.next_action

    sandbox.post(f"/payment_intents/{intent.id}/authorize")

    paid = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    charge: Any = paid.latest_charge
    assert (paid.status, paid.next_action) == ("succeeded", None)
    assert charge.id.startswith("py_") and charge.payment_method_details.type == wallet
    assert (charge.balance_transaction.type, charge.balance_transaction.fee) == ("payment", fee)


def test_alipay_and_wechat_show_their_own_next_action(api: stripe.StripeClient) -> None:
    def action(wallet: str) -> Any:
        params: Any = {
            "amount": 100, "currency": "cny", "allowed_payment_method_types": [wallet], "confirm": True,
            "payment_method_data": {"type": wallet},
            "payment_method_options": {"wechat_pay": {"client": "web"}}, "return_url": "https://hospital.test/back",
        }  # fmt: skip
        return api.v1.payment_intents.create(params).next_action

    alipay, wechat = action("alipay"), action("wechat_pay")

    assert alipay.type == "alipay_handle_redirect"
    assert alipay.alipay_handle_redirect.return_url == "https://hospital.test/back"
    assert wechat.type == "wechat_pay_display_qr_code"
    assert wechat.wechat_pay_display_qr_code.data.startswith("http")


def test_a_payer_who_declines_in_the_wallet_may_try_again(
    api: stripe.StripeClient, sandbox: Any, receiver: Any
) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 7200, "currency": "cny", "allowed_payment_method_types": ["alipay"], "confirm": True,
            "payment_method_data": {"type": "alipay"}, "return_url": "https://hospital.test/back",
        }
    )  # fmt: skip

    after = sandbox.post(f"/payment_intents/{intent.id}/decline")
    sandbox.post("/webhooks/flush")

    assert after["status"] == "requires_payment_method"
    assert after["last_payment_error"]["code"] == "payment_intent_payment_attempt_failed"
    assert "payment_intent.payment_failed" in receiver.types


def test_nobody_authorises_what_was_not_asked(api: stripe.StripeClient, sandbox: Any) -> None:
    intent = api.v1.payment_intents.create({"amount": 7200, "currency": "cny"})

    status, body = sandbox.call("POST", f"/payment_intents/{intent.id}/authorize")

    assert (status, body["error"]["code"]) == (400, "payment_intent_unexpected_state")


def test_a_card_may_ask_its_bank_first(api: stripe.StripeClient, sandbox: Any, pay: Any) -> None:
    intent = pay(method="pm_card_authenticationRequired")
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")

    sandbox.post(f"/payment_intents/{intent.id}/authorize")

    assert api.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_capturing_a_part_shows_as_two_movements(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(10_000, capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 10_000)

    captured = api.v1.payment_intents.capture(intent.id, {"amount_to_capture": 6000})

    movements = api.v1.balance_transactions.list().data
    charge = api.v1.charges.retrieve(str(captured.latest_charge))
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 6000, 0)
    assert (charge.amount_captured, charge.amount_refunded) == (6000, 4000)
    assert sorted((m.amount, m.reporting_category) for m in movements) == [
        (-4000, "partial_capture_reversal"),
        (10_000, "charge"),
    ]
    assert sum(m.fee for m in movements) == 174 + 30


def test_more_than_authorised_cannot_be_captured(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay(10_000, capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.capture(intent.id, {"amount_to_capture": 10_001})

    assert (refusal.value.code, refusal.value.param) == ("amount_too_large", "amount_to_capture")


def test_canceling_lets_go_of_what_was_held(api: stripe.StripeClient, pay: Any, sandbox: Any, receiver: Any) -> None:
    intent = pay(10_000, capture_method="manual")

    canceled = api.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
    sandbox.post("/webhooks/flush")

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "requested_by_customer")
    assert api.v1.balance_transactions.list().data == []
    assert "payment_intent.canceled" in receiver.types


def test_a_paid_intent_cannot_be_canceled(api: stripe.StripeClient, pay: Any) -> None:
    intent = pay()

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.cancel(intent.id)

    assert refusal.value.code == "payment_intent_unexpected_state"
    assert refusal.value.json_body["error"]["payment_intent"]["status"] == "succeeded"


def test_an_authorisation_lapses_after_a_week(api: stripe.StripeClient, pay: Any, sandbox: Any) -> None:
    intent = pay(10_000, capture_method="manual")

    sandbox.advance(days=8)

    after = api.v1.payment_intents.retrieve(intent.id)
    assert (after.status, after.cancellation_reason) == ("canceled", "automatic")
    assert after.canceled_at == intent.created + 7 * 86400


def test_an_intent_may_change_until_it_is_paid(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 7200, "currency": "cny", "metadata": {"a": "1", "b": "2"}})

    changed = api.v1.payment_intents.update(intent.id, {"amount": 8000, "metadata": {"a": "", "c": "3"}})

    assert (changed.amount, changed.metadata.to_dict()) == (8000, {"b": "2", "c": "3"})


def test_money_turns_available_when_its_day_comes(api: stripe.StripeClient, pay: Any, sandbox: Any) -> None:
    pay(7200)
    before = api.v1.balance.retrieve()

    sandbox.advance(days=3)

    after = api.v1.balance.retrieve()
    assert (before.available[0].amount, before.pending[0].amount) == (0, 6961)
    assert (after.available[0].amount, after.pending[0].amount) == (6961, 0)
    assert api.v1.balance_transactions.list().data[0].status == "available"


def test_naming_method_types_is_refused_as_the_version_refuses_it(api: stripe.StripeClient) -> None:
    params: Any = {"amount": 7200, "currency": "cny", "payment_method_types": ["card"]}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.create(params)

    assert refusal.value.code == "payment_method_types_no_longer_supported"


def test_only_allowed_methods_are_taken(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create(
        {"amount": 7200, "currency": "cny", "allowed_payment_method_types": ["alipay"]}
    )

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert intent.payment_method_types == ["alipay"]
    assert refusal.value.param == "payment_method"


def test_wechat_wants_to_know_where_its_payer_is(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.create(
            {
                "amount": 7200,
                "currency": "cny",
                "allowed_payment_method_types": ["wechat_pay"],
                "payment_method_data": {"type": "wechat_pay"},
                "confirm": True,
            }
        )

    assert refusal.value.param == "payment_method_options[wechat_pay][client]"
