"""Killed anywhere, answered never: each payment is charged once, and each refund made once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tandem.billing.payments import cancel_payment, commands
from tandem.billing.payments.jobs import sweep_payments
from tandem.billing.payments.jobs.asking import ensure_account
from tandem.billing.stripe_gateway import gateway
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.payments.till import Till

Killed = Callable[[Till, UUID], None]


def before_the_call(till: Till, payment_id: UUID) -> None:
    with acting_for(till.hospital_id):
        account = ensure_account()
        with transaction():
            commands.begin_payment(payment_id, account)


def after_the_call(till: Till, payment_id: UUID) -> None:
    before_the_call(till, payment_id)
    with acting_for(till.hospital_id):
        gateway().pay(
            till.account(), key=payment_id, amount_minor=7200, currency="CNY", method="card",
            payment_method="pm_card_visa", return_url="http://127.0.0.1:8000/",
        )  # fmt: skip


def swept(till: Till) -> None:
    with acting_for(till.hospital_id):
        sweep_payments()
    till.settle()


def charges(till: Till) -> list[Any]:
    return till.stripe().v1.charges.list({"limit": 100}, {"stripe_account": till.account()}).data


@pytest.mark.parametrize("killed", [before_the_call, after_the_call])
def test_a_worker_killed_in_the_middle_charges_once_when_the_job_runs_again(till: Till, killed: Killed) -> None:
    payment_id = till.ask()
    killed(till, payment_id)

    till.settle()

    assert till.payment(payment_id).status == "succeeded"
    assert len(charges(till)) == 1
    assert till.book()["ar.patient"] == -7200


def test_the_sweeper_finds_a_payment_whose_answer_was_lost_after_the_hold_lapsed(
    till: Till, at: Callable[..., None]
) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    payment_id = till.ask()
    after_the_call(till, payment_id)
    at(clock.now() + timedelta(minutes=6))

    till.settle()
    waiting = till.payment(payment_id).status
    swept(till)

    assert waiting == "created"
    assert till.payment(payment_id).status == "succeeded"
    assert len(charges(till)) == 1


def test_the_sweeper_gives_up_what_never_reached_the_provider(till: Till, at: Callable[..., None]) -> None:
    payment_id = till.ask()
    before_the_call(till, payment_id)
    at(clock.now() + timedelta(minutes=6))

    till.settle()
    swept(till)

    assert (till.payment(payment_id).status, till.payment(payment_id).failure_code) == ("cancelled", "never-arrived")


def test_an_answer_lost_after_the_work_was_done_is_asked_for_again(till: Till) -> None:
    till.take()
    till.provider.put("/misbehaviour", {"timeout_after_work": {"count": 1}})

    payment_id = till.ask()
    till.settle()

    assert till.payment(payment_id).status == "succeeded"
    assert len(charges(till)) == 2
    assert len(till.provider.misdeeds("timeout_after_work")) >= 1


def test_a_refund_whose_answer_was_lost_is_made_once(till: Till, at: Callable[..., None]) -> None:
    payment_id = till.take()
    refund_id = till.give_back(payment_id, 1200)
    with acting_for(till.hospital_id):
        with transaction():
            wish = commands.begin_refund(refund_id)
        assert wish is not None
        gateway().refund(till.account(), wish.intent_id or "", key=refund_id, amount_minor=1200)
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    at(clock.now() + timedelta(minutes=2))

    swept(till)

    assert till.refund(refund_id).status == "succeeded"
    assert till.payment(payment_id).refunded_minor == 1200
    assert till.book()["ar.patient"] == -6000


def test_a_wallet_payment_is_given_up_when_its_hold_lapses(till: Till, at: Callable[..., None]) -> None:
    payment_id = till.ask(method="alipay")
    till.settle()
    at(clock.now() + timedelta(minutes=6))

    swept(till)

    payment = till.payment(payment_id)
    intent = till.stripe().v1.payment_intents.retrieve(
        payment.provider_intent_id or "", None, {"stripe_account": till.account()}
    )
    assert (payment.status, intent.status) == ("cancelled", "canceled")


def test_money_that_arrives_while_the_payment_is_given_up_is_the_payments(till: Till) -> None:
    payment_id = till.ask(method="alipay")
    till.settle()
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    till.provider.post(f"/payment_intents/{till.payment(payment_id).provider_intent_id}/authorize")

    with acting_for(till.hospital_id), transaction():
        cancel_payment(payment_id)
    till.settle()

    assert till.payment(payment_id).status == "succeeded"


def test_money_for_an_order_that_was_given_up_goes_back_whole(till: Till) -> None:
    order_id = new_id()
    payment_id = till.ask(method="alipay", order_id=order_id)
    till.settle()
    intent_id = till.payment(payment_id).provider_intent_id
    with acting_for(till.hospital_id), transaction():
        commands.fail_payment(payment_id, "given-up", status="cancelled")
    paid_otherwise = till.ask(order_id=order_id)
    till.provider.post(f"/payment_intents/{intent_id}/authorize")

    till.settle()
    till.provider.advance(days=1)
    till.read()

    assert till.payment(paid_otherwise).status == "succeeded"
    assert till.payment(payment_id).refunded_minor == 7200
    assert till.book()["ar.patient"] == -7200
    assert till.book()["cash.psp"] == till.provider_balance()
