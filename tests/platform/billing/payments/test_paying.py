"""Paying: what a patient, a hospital and its book see."""

from datetime import timedelta

import pytest

from tandem.billing.payments import AlreadyBeingPaid
from tandem.kernel import clock
from tandem.kernel.errors import Invalid
from tandem.kernel.ids import new_id
from tests.platform.billing.payments.till import Till


def test_a_card_payment_ends_in_the_book_as_the_provider_has_it(till: Till) -> None:
    payment_id = till.ask(7200)

    till.settle()

    payment = till.payment(payment_id)
    assert payment.status == "succeeded"
    assert payment.fee_minor is not None
    assert payment.fee_minor > 0
    assert till.book() == {
        "cash.psp": 7200 - payment.fee_minor,
        "exp.psp_fee": payment.fee_minor,
        "ar.patient": -7200,
    }
    assert till.book()["cash.psp"] == till.provider_balance()


def test_a_declined_card_frees_the_order_for_another_card(till: Till) -> None:
    order_id = new_id()
    declined_id = till.ask(card="pm_card_chargeDeclinedInsufficientFunds", order_id=order_id)
    till.settle()

    paid_id = till.ask(order_id=order_id)
    till.settle()

    declined = till.payment(declined_id)
    assert (declined.status, declined.failure_code) == ("failed", "insufficient_funds")
    assert till.payment(paid_id).status == "succeeded"
    assert till.book()["ar.patient"] == -7200


def test_the_intent_of_a_declined_payment_cannot_be_paid_later(till: Till) -> None:
    declined_id = till.ask(card="pm_card_chargeDeclined")

    till.settle()

    intent_id = till.payment(declined_id).provider_intent_id or ""
    intent = till.stripe().v1.payment_intents.retrieve(intent_id, None, {"stripe_account": till.account()})
    assert intent.status == "canceled"


def test_an_order_is_never_paid_twice(till: Till) -> None:
    order_id = new_id()
    till.ask(order_id=order_id)
    till.settle()

    with pytest.raises(AlreadyBeingPaid):
        till.ask(order_id=order_id)


@pytest.mark.parametrize("method", ["alipay", "wechat_pay"])
def test_a_wallet_payment_waits_for_the_payer_at_an_address(till: Till, method: str) -> None:
    payment_id = till.ask(method=method)
    till.settle()
    waiting = till.payment(payment_id)

    till.provider.post(f"/payment_intents/{waiting.provider_intent_id}/authorize")
    till.settle()

    assert waiting.status == "requires_action"
    assert (waiting.next_action or "").startswith(till.provider.url)
    assert till.payment(payment_id).status == "succeeded"
    assert till.payment(payment_id).next_action is None
    assert till.book()["cash.psp"] == till.provider_balance()


def test_a_payer_who_declines_in_the_wallet_ends_the_payment(till: Till) -> None:
    payment_id = till.ask(method="alipay")
    till.settle()

    till.provider.post(f"/payment_intents/{till.payment(payment_id).provider_intent_id}/decline")
    till.settle()

    assert till.payment(payment_id).status == "failed"
    assert till.book() == {}


def test_an_unknown_card_fails_the_payment_and_makes_nothing(till: Till) -> None:
    payment_id = till.ask(card="pm_nobody_knows")

    till.settle()

    assert (till.payment(payment_id).status, till.payment(payment_id).failure_code) == ("failed", "resource_missing")


def test_a_payment_nobody_waits_for_is_not_asked_for_at_all(till: Till) -> None:
    payment_id = till.ask(expires_at=clock.now() - timedelta(seconds=1))

    till.settle()

    payment = till.payment(payment_id)
    assert (payment.status, payment.provider_intent_id) == ("cancelled", None)


@pytest.mark.parametrize(
    ("method", "card"), [("card", None), ("cash", None)], ids=["a card without a token", "a method we do not have"]
)
def test_a_payment_that_cannot_be_made_is_refused_with_the_field(till: Till, method: str, card: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        till.ask(method=method, card=card)

    assert refused.value.fields[0].field in {"payment_method", "method"}
