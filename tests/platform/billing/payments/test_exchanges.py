"""Paid in dollars, settled in yuan: two journals in two books, whichever is heard of first, and no money in between."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

import pytest

from tandem.billing.ledger import balance_minor
from tandem.billing.payments.commands import fold_dispute, fold_intent, fold_movement, fold_refund
from tandem.billing.payments.models import Payment
from tandem.billing.provider_facts import (
    ProviderCharge,
    ProviderDispute,
    ProviderIntent,
    ProviderMovement,
    ProviderRefund,
)
from tandem.billing.reconciliation.passes import provider
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import share
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import a_hospital
from tests.platform.billing.digests import book_digest
from tests.platform.billing.reconciliation.histories import faults
from tests.platform.billing.reconciliation.histories import run as run_one

pytestmark = pytest.mark.usefixtures("app")
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
TEN_DOLLARS = 1_000


def moved(name: str, source: str, amount_minor: int, *, hours: int, fee_minor: int = 0) -> ProviderMovement:
    """A movement in yuan."""
    at = NOON + timedelta(hours=hours)
    return ProviderMovement(f"txn_{name}", "charge", "charge", amount_minor, fee_minor, "CNY", source, at, at)


@dataclass
class Abroad:
    """A hospital whose patient pays ten dollars, settled at 7.10, and gets five back at 7.20."""

    hospital: UUID = field(default_factory=a_hospital)
    payment_id: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        self.name = self.payment_id.hex[-12:]
        self.charge, self.refund_id, self.dispute_id = (f"{kind}_{self.name}" for kind in ("ch", "re", "dp"))
        self.taken = moved(f"{self.name}a", self.charge, 7_100, hours=1, fee_minor=241)
        self.given = moved(f"{self.name}b", self.refund_id, -3_600, hours=2)
        with acting_for(self.hospital), transaction():
            session.add(
                Payment(
                    tenant_id=self.hospital, id=self.payment_id, order_type="appointment", order_id=new_id(),
                    method="card", amount_minor=TEN_DOLLARS, currency="USD", provider_intent_id=f"pi_{self.name}",
                    provider_account_id="acct_1",
                )
            )  # fmt: skip

    def pay(self) -> None:
        charge = ProviderCharge(
            self.charge, f"pi_{self.name}", None, "succeeded", TEN_DOLLARS, TEN_DOLLARS, "USD", NOON, self.taken
        )
        intent = ProviderIntent(
            f"pi_{self.name}", str(self.payment_id), None, "succeeded", TEN_DOLLARS, "USD", None, None, None, charge
        )
        with acting_for(self.hospital), transaction():
            fold_intent(intent)

    def give_back(self) -> None:
        self.give_back_a_part(self.refund_id, 500, self.given)

    def give_back_a_part(self, refund_id: str, amount_minor: int, given: ProviderMovement) -> None:
        told = ProviderRefund(
            refund_id, None, None, f"pi_{self.name}", self.charge, "succeeded", amount_minor, "USD", None,
            has_moved=True, created_at=given.created_at, movements=(given,),
        )  # fmt: skip
        with acting_for(self.hospital), transaction():
            fold_refund(told)

    def dispute(self, status: str, *movements: ProviderMovement) -> None:
        told = ProviderDispute(
            self.dispute_id, self.charge, f"pi_{self.name}", status, "fraudulent", 500, "USD",
            NOON + timedelta(hours=3), movements,
        )  # fmt: skip
        with acting_for(self.hospital), transaction():
            fold_dispute(told)

    def lose(self) -> None:
        self.dispute("lost", moved(f"{self.name}c", self.dispute_id, -3_500, hours=3, fee_minor=105))

    def hear(self, movement: ProviderMovement) -> None:
        with acting_for(self.hospital), transaction():
            fold_movement(movement)

    def book(self, currency: str) -> dict[str, int]:
        other = {"USD": "cny", "CNY": "usd"}[currency]
        codes = ("cash.psp", "ar.patient", "exp.psp_fee", f"fx.position.{other}", "fx.gain_loss", "dispute.loss")
        with acting_for(self.hospital):
            stood = {code: balance_minor(code, currency=currency) for code in (*codes, "suspense")}
        return {code: sum_ for code, sum_ in stood.items() if sum_}


@pytest.fixture
def abroad() -> Abroad:
    return Abroad()


def test_dollars_leave_one_book_and_yuan_come_into_the_other(abroad: Abroad) -> None:
    abroad.pay()
    abroad.pay()

    assert abroad.book("USD") == {"ar.patient": -TEN_DOLLARS, "fx.position.cny": TEN_DOLLARS}
    assert abroad.book("CNY") == {"cash.psp": 7_100 - 241, "exp.psp_fee": 241, "fx.position.usd": -7_100}


def test_a_refund_goes_out_at_what_it_came_in_at_and_the_difference_is_a_loss(abroad: Abroad) -> None:
    abroad.pay()
    abroad.give_back()

    assert abroad.book("USD") == {"ar.patient": -500, "fx.position.cny": 500}
    assert abroad.book("CNY") == {
        "cash.psp": 7_100 - 241 - 3_600,
        "exp.psp_fee": 241,
        "fx.position.usd": -3_550,
        "fx.gain_loss": 50,
    }


def test_what_is_given_back_whole_leaves_no_position_in_any_book(abroad: Abroad) -> None:
    abroad.pay()
    abroad.give_back()
    abroad.lose()

    assert abroad.book("USD") == {"ar.patient": -500, "dispute.loss": 500}
    # 7.20 for the one half, 7.00 for the other: what the first lost the second won.
    assert abroad.book("CNY") == {"cash.psp": -346, "exp.psp_fee": 346}


def test_whatever_is_heard_of_first_both_books_end_the_same() -> None:
    told = []
    for order in permutations(("pay", "give_back", "taken", "given")):
        story = Abroad()
        for step in order:
            if step in {"taken", "given"}:
                story.hear(getattr(story, step))
            else:
                getattr(story, step)()
        story.pay()
        story.give_back()
        told.append((story.book("USD"), story.book("CNY")))

    assert all(each == told[0] for each in told)


@pytest.mark.parametrize(
    ("parts", "rate"), [((333, 333, 334), Fraction(71, 10)), ((500, 500), Fraction(7117, 1000))], ids=["up", "down"]
)
def test_given_back_in_any_parts_and_any_order_it_leaves_no_position_and_the_same_journals(
    parts: tuple[int, ...], rate: Fraction
) -> None:
    told = set()
    for turn in range(2):
        story = Abroad()
        story.taken = moved(f"{story.name}a", story.charge, int(TEN_DOLLARS * rate), hours=1)
        steps = [story.pay]
        for place, amount_minor in enumerate(parts):
            refund = f"re_{story.name}{place}"
            given = moved(f"{story.name}r{place}", refund, -share(amount_minor, rate + place), hours=2 + place)
            steps.append(partial(story.give_back_a_part, refund, amount_minor, given))
            steps.append(partial(story.hear, given))
        Random(turn).shuffle(steps)
        for step in [*steps, *steps]:
            step()
        told.add(book_digest(story.hospital, keyed=False))
        left = {code: sum_ for each in ("USD", "CNY") for code, sum_ in story.book(each).items()}
        assert [code for code in left if code.startswith(("fx.position", "ar."))] == []
        assert left["cash.psp"] == -left["fx.gain_loss"]

    assert len(told) == 1


def test_a_dispute_won_after_all_had_gone_back_takes_up_again_what_rounding_had_left() -> None:
    """7,117 fen came in; a half goes out as 3,559, and twice that is a fen too much."""
    told = []
    for order in permutations(("give_back", "taken", "given", "won")):
        story = Abroad()
        story.taken = moved(f"{story.name}a", story.charge, 7_117, hours=1)
        story.given = moved(f"{story.name}b", story.refund_id, -3_559, hours=2)
        away = moved(f"{story.name}c", story.dispute_id, -3_559, hours=3)
        back = moved(f"{story.name}d", story.dispute_id, 3_559, hours=4)
        steps: dict[str, Any] = {
            "give_back": story.give_back,
            "taken": partial(story.dispute, "under_review", away),
            "given": partial(story.hear, back),
            "won": partial(story.dispute, "won", away, back),
        }
        story.pay()
        for step in order:
            steps[step]()
        won = story.book("CNY").get("fx.position.usd")
        for place, fen in enumerate((-1_779, -1_780)):
            refund = f"re_{story.name}{place}"
            given = moved(f"{story.name}r{place}", refund, fen, hours=5 + place)
            story.give_back_a_part(refund, 250, given)
        told.append((won, story.book("USD"), story.book("CNY")))

    assert told == [(3_559 - 7_117, {}, {"cash.psp": -1, "fx.gain_loss": 1})] * len(told)


def test_reconciliation_finds_nothing_wrong_with_money_changed(abroad: Abroad) -> None:
    abroad.pay()
    abroad.give_back()

    for comparison in (provider.BOOKED, provider.MOVED, provider.CARRIED, provider.FEES):
        run_one(abroad.hospital, "full", comparison)

    assert faults(abroad.hospital) == {}
