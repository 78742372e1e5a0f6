"""However the news arrives (twice, late, in any order, or never), the same story ends in the same book."""

import random
from typing import Any
from uuid import UUID

import pytest

from tandem.billing.payments import commands
from tandem.billing.stripe_gateway import gateway
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.payments.till import Till


def a_day(till: Till) -> None:
    """Three payments: one stays, one is refunded in parts, one is disputed and lost."""
    till.take(7200)
    refunded, disputed = till.take(10_000), till.take(5_000)
    till.give_back(refunded, 3_000, "first")
    till.give_back(refunded, 7_000, "second")
    till.settle()
    intent_id = _intent(till, disputed)
    dispute = till.provider.post("/disputes", {"payment_intent": intent_id})
    till.settle()
    till.provider.post(f"/disputes/{dispute['id']}/lose")
    till.settle()


BOOK = {"cash.psp": 7200, "ar.patient": -12_200, "dispute.loss": 5_000}


def without_fees(till: Till) -> dict[str, int]:
    book = till.book()
    fees = book.pop("exp.psp_fee", 0)
    return book | {"cash.psp": book.get("cash.psp", 0) + fees}


@pytest.mark.parametrize(
    "misdeed",
    [
        {},
        {"duplicate_webhook": 1},
        {"reorder_webhook": 0.5, "seed": 3},
        {"lose_webhook": 1},
        {"timeout_after_work": {"count": 3}},
        {"duplicate_webhook": 0.5, "reorder_webhook": 0.5, "lose_webhook": 0.3, "seed": 11},
    ],
    ids=["well", "twice", "reordered", "all lost", "answers lost", "all of it"],
)
def test_whatever_happens_to_the_news_the_day_ends_in_the_same_book(till: Till, misdeed: dict[str, Any]) -> None:
    till.provider.put("/misbehaviour", misdeed)

    a_day(till)
    till.read()

    assert without_fees(till) == BOOK
    assert till.book()["cash.psp"] == till.provider_balance()
    assert all(each.posted_as is not None for each in till.movements())


def test_reading_the_provider_twice_changes_nothing(till: Till) -> None:
    a_day(till)
    before = (till.book(), len(till.movements()))

    till.read()
    till.read()

    assert (till.book(), len(till.movements())) == before


@pytest.mark.parametrize("seed", range(3))
def test_facts_folded_in_any_order_and_doubled_end_in_the_same_book(till: Till, seed: int) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    a_day(till)
    folds = _facts(till.account()) * 2
    random.Random(seed).shuffle(folds)

    for fold, fact in folds:
        with acting_for(till.hospital_id), transaction():
            fold(fact)
    till.work(till.hospital_id)

    assert without_fees(till) == BOOK
    assert till.book()["cash.psp"] == till.provider_balance()


def _facts(account: str) -> list[tuple[Any, Any]]:
    from datetime import UTC, datetime

    provider, ever = gateway(), datetime(2020, 1, 1, tzinfo=UTC)
    return [
        *((commands.fold_intent, each) for each in provider.intents_since(account, ever)),
        *((commands.fold_refund, each) for each in provider.refunds_since(account, ever)),
        *((commands.fold_dispute, each) for each in provider.disputes_since(account, ever)),
        *((commands.fold_movement, each) for each in provider.movements_since(account, ever)),
    ]


def _intent(till: Till, payment_id: UUID) -> str:
    return till.payment(payment_id).provider_intent_id or ""
