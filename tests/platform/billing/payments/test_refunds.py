"""Refunds: never more than was paid, once per key, and what the provider makes of them."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask import Flask

from tandem.billing.payments import PaymentNotSucceeded, RefundExceedsPayment, RefundKeyReused
from tandem.kernel.errors import Invalid, NotFound, Problem
from tandem.kernel.ids import new_id
from tests.platform.billing.payments.till import Till


def test_a_refund_in_parts_gives_all_of_it_back(till: Till) -> None:
    payment_id = till.take(7200)

    refunds = [till.give_back(payment_id, amount_minor, f"part-{amount_minor}") for amount_minor in (1, 7199)]
    till.settle()

    assert [till.refund(each).status for each in refunds] == ["succeeded", "succeeded"]
    assert till.payment(payment_id).refunded_minor == 7200
    assert "ar.patient" not in till.book()
    assert till.book()["cash.psp"] == till.provider_balance()


def test_more_than_what_is_left_is_refused_with_what_is_left(till: Till) -> None:
    payment_id = till.take(7200)
    till.give_back(payment_id, 7000, "most")

    with pytest.raises(RefundExceedsPayment) as refused:
        till.give_back(payment_id, 201, "rest")

    assert refused.value.facts == {"refundable_minor": 200}


def test_the_same_key_is_the_same_refund(till: Till) -> None:
    payment_id = till.take(7200)

    first, again = till.give_back(payment_id, 5000), till.give_back(payment_id, 5000)

    assert first == again
    with pytest.raises(RefundKeyReused):
        till.give_back(payment_id, 100)


def test_of_many_refunds_at_once_only_as_many_pass_as_there_is_money(till: Till, app: Flask) -> None:
    payment_id = till.take(7200)

    def ask(number: int) -> UUID | type[Problem]:
        with app.app_context():
            try:
                return till.give_back(payment_id, 2400, f"racer-{number}")
            except Problem as refused:
                return type(refused)

    with ThreadPoolExecutor(8) as racers:
        outcomes = list(racers.map(ask, range(8)))
    till.settle()

    assert outcomes.count(RefundExceedsPayment) == 5
    assert till.payment(payment_id).refunded_minor == 7200


def test_a_payment_that_has_not_arrived_cannot_be_given_back(till: Till) -> None:
    payment_id = till.ask()

    with pytest.raises(PaymentNotSucceeded):
        till.give_back(payment_id, 100)


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_refund_of_nothing_is_refused(till: Till, amount_minor: int) -> None:
    payment_id = till.take()

    with pytest.raises(Invalid):
        till.give_back(payment_id, amount_minor)


def test_another_hospitals_payment_is_not_there(till: Till, work: object, provider: object) -> None:
    elsewhere = Till(till.provider, till.work)
    payment_id = elsewhere.take()

    with pytest.raises(NotFound):
        till.give_back(payment_id, 100)


def test_a_wallet_refund_is_on_its_way_before_it_has_arrived(till: Till) -> None:
    payment_id = till.ask(method="alipay")
    till.settle()
    till.provider.post(f"/payment_intents/{till.payment(payment_id).provider_intent_id}/authorize")
    till.settle()

    refund_id = till.give_back(payment_id, 7200)
    till.settle()
    till.provider.advance(days=1)
    till.read()

    assert till.refund(refund_id).status == "succeeded"
    assert till.book()["cash.psp"] == till.provider_balance()


def test_a_refund_that_comes_back_can_be_made_again(till: Till) -> None:
    payment_id = till.take(7200, card="pm_card_refundFail")

    refund_id = till.give_back(payment_id, 7200)
    till.settle()
    till.read()

    assert till.refund(refund_id).status == "failed"
    payment = till.payment(payment_id)
    assert (payment.refund_reserved_minor, payment.refunded_minor) == (0, 0)
    assert till.book()["ar.patient"] == -7200
    assert till.book()["cash.psp"] == till.provider_balance()


def test_a_refund_the_provider_refuses_frees_what_it_reserved(till: Till) -> None:
    payment_id = till.take(7200)
    till.provider.post("/disputes", {"payment_intent": till.payment(payment_id).provider_intent_id})

    refund_id = till.give_back(payment_id, 7200)
    till.settle()

    refund = till.refund(refund_id)
    assert (refund.status, refund.failure_code) == ("failed", "charge_disputed")
    assert till.payment(payment_id).refund_reserved_minor == 0


def test_a_full_refund_that_the_hospitals_balance_does_not_cover_is_its_debt_at_the_provider(till: Till) -> None:
    payment_id = till.take(7200, card="pm_card_bypassPending")
    (made,) = till.provider.post("/payouts/run", {"account": till.account()})["data"]
    till.provider.post(f"/payouts/{made['id']}/pay")
    till.settle()

    refund_id = till.give_back(payment_id, 7200)
    till.settle()
    till.read()

    assert till.refund(refund_id).status == "succeeded"
    assert till.book()["cash.psp"] == till.provider_balance() == -7200
    assert till.book()["cash.bank"] == made["amount"]


def test_a_refund_made_at_the_provider_itself_is_ours_too(till: Till) -> None:
    payment_id = till.take(7200)
    params = {"payment_intent": till.payment(payment_id).provider_intent_id or "", "amount": 1200}

    till.stripe().v1.refunds.create(params, {"stripe_account": till.account()})  # type: ignore[arg-type]  # a plain dict
    till.settle()
    till.read()

    assert till.payment(payment_id).refunded_minor == 1200
    assert till.book()["ar.patient"] == -6000
    with pytest.raises(RefundExceedsPayment):
        till.give_back(payment_id, 6001, str(new_id()))


def test_news_of_a_refund_before_news_of_its_charge_books_both(till: Till) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    payment_id = till.take(7200)
    till.provider.put("/misbehaviour", {})

    till.give_back(payment_id, 200)
    till.settle()
    till.read()

    assert till.book()["ar.patient"] == -7000
    assert till.book()["cash.psp"] == till.provider_balance()
