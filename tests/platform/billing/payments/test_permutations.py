"""Any permutation, duplication and loss of what the provider says, with the gap filler behind it, is the same book.

`TANDEM_PERMUTATIONS=10000 pytest -m slow tests/platform/billing/payments/test_permutations.py` runs as many as it is
told, other ones; the fast suite runs a hundred.
"""

import os
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from tandem.billing.payments import commands
from tandem.billing.payments.jobs.asking import ensure_account
from tandem.billing.stripe_gateway import gateway
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.payments.retelling import Story, Witness, intent_of
from tests.platform.billing.payments.till import Till

FAST = 100
MANY = int(os.environ.get("TANDEM_PERMUTATIONS", "1000"))


def paid(witness: Witness, amount_minor: int = 7_200, card: str = "pm_card_visa") -> UUID:
    payment_id = witness.till.ask(amount_minor, card=card)
    witness.till.work(witness.till.hospital_id)
    witness.look()
    witness.till.settle()
    witness.look()
    return payment_id


def given_back(witness: Witness, payment_id: UUID, amount_minor: int, key: str = "once") -> None:
    witness.till.give_back(payment_id, amount_minor, key)
    witness.till.work(witness.till.hospital_id)
    witness.look()
    witness.till.settle()
    witness.look()


def refunded_in_parts(witness: Witness) -> None:
    payment_id = paid(witness, 10_000)
    given_back(witness, payment_id, 3_000, "first")
    given_back(witness, payment_id, 7_000, "second")


def a_refund_that_comes_back_and_is_made_again(witness: Witness) -> None:
    payment_id = paid(witness, card="pm_card_refundFail")
    given_back(witness, payment_id, 7_200)
    witness.till.provider.advance(days=1)
    witness.look()


def disputed_and_lost(witness: Witness) -> None:
    opened = witness.step("/disputes", payment_intent=intent_of(witness.till, paid(witness, 5_000)))
    witness.step(f"/disputes/{opened['id']}/lose")


def disputed_and_won(witness: Witness) -> None:
    opened = witness.step("/disputes", payment_intent=intent_of(witness.till, paid(witness, 5_000)), amount=2_000)
    witness.step(f"/disputes/{opened['id']}/win")


def a_wallet_whose_movement_is_told_late(witness: Witness) -> None:
    witness.till.provider.put("/misbehaviour", {"omit_balance_transaction": 1})
    payment_id = witness.till.ask(method="alipay")
    witness.till.settle()
    witness.look()
    witness.step(f"/payment_intents/{intent_of(witness.till, payment_id)}/authorize")
    witness.step("/misdeeds/amend")


def a_payout_that_fails_after_it_was_paid(witness: Witness) -> None:
    paid(witness, card="pm_card_bypassPending")
    (made,) = witness.step("/payouts/run", account=witness.till.account())["data"]
    witness.step(f"/payouts/{made['id']}/pay")
    witness.step(f"/payouts/{made['id']}/fail")


def captured_in_part(witness: Witness) -> None:
    till = witness.till
    capture_in_part(till, 7_200, 5_000)
    witness.look()


def refunded_at_the_providers_own_page(witness: Witness) -> None:
    payment_id = paid(witness)
    params = {"payment_intent": intent_of(witness.till, payment_id), "amount": 1_200}
    witness.till.stripe().v1.refunds.create(params, {"stripe_account": witness.till.account()})  # type: ignore[arg-type]  # a plain dict
    witness.look()


STORIES: list[Callable[[Witness], None]] = [
    refunded_in_parts,
    a_refund_that_comes_back_and_is_made_again,
    disputed_and_lost,
    disputed_and_won,
    a_wallet_whose_movement_is_told_late,
    a_payout_that_fails_after_it_was_paid,
    captured_in_part,
    refunded_at_the_providers_own_page,
]


@pytest.fixture(params=STORIES, ids=lambda each: each.__name__)
def story(request: pytest.FixtureRequest, till: Till) -> Iterator[Story]:
    witness = Witness(till)
    request.param(witness)
    yield witness.story()
    till.provider.put("/misbehaviour", {})


def test_a_hundred_orders_of_the_news_are_one_book(story: Story) -> None:
    told = story.told_in_order()

    retold = {seed: story.retold(seed) for seed in range(-(-FAST // len(STORIES)))}

    assert {seed for seed, digest in retold.items() if digest != told} == set()


@pytest.mark.slow
def test_as_many_orders_as_are_asked_for_are_one_book(story: Story) -> None:
    told, count = story.told_in_order(), -(-MANY // len(STORIES))

    wrong = [seed for seed in range(FAST, FAST + count) if story.retold(seed) != told]

    assert wrong == []


def test_a_partial_capture_is_two_movements_and_what_was_taken_is_booked(till: Till) -> None:
    payment_id = capture_in_part(till, 7_200, 5_000)
    till.read()

    payment, book = till.payment(payment_id), till.book()
    assert (payment.status, payment.amount_minor - payment.refunded_minor) == ("succeeded", 5_000)
    assert book["ar.patient"] == -5_000
    assert book["cash.psp"] == till.provider_balance()
    assert sorted(each.reporting_category for each in till.movements()) == ["charge", "partial_capture_reversal"]
    assert all(each.posted_as is not None for each in till.movements())


def capture_in_part(till: Till, asked_minor: int, taken_minor: int) -> UUID:
    """Somebody authorises a payment of ours and takes only a part of it, at the provider's own page."""
    payment_id = till.ask(asked_minor)
    with acting_for(till.hospital_id):
        account = ensure_account()
        with transaction():
            commands.begin_payment(payment_id, account)
    params = {
        "amount": asked_minor, "currency": "cny", "confirm": True, "capture_method": "manual",
        "allowed_payment_method_types": ["card"], "payment_method": "pm_card_visa",
        "metadata": {"tandem_key": str(payment_id)},
    }  # fmt: skip
    options = {"stripe_account": account}
    made = till.stripe().v1.payment_intents.create(params, options)  # type: ignore[arg-type]  # a plain dict
    with acting_for(till.hospital_id), transaction():
        commands.fold_intent(gateway().intent(account, made.id))
    till.stripe().v1.payment_intents.capture(made.id, {"amount_to_capture": taken_minor}, options)  # type: ignore[arg-type]  # a plain dict
    till.settle()
    return payment_id
