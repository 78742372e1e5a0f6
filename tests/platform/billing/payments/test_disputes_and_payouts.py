"""Disputes and payouts: what they do to the hospital's book, and back again."""

from typing import Any

import pytest
from sqlalchemy import select

from tandem.billing.payments import Dispute, Payout
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for
from tests.platform.billing.payments.till import Till


def disputed(till: Till, amount_minor: int = 5000) -> dict[str, Any]:
    """A payment whose payer's bank has taken the money back."""
    payment_id = till.take(amount_minor)
    opened: dict[str, Any] = till.provider.post(
        "/disputes", {"payment_intent": till.payment(payment_id).provider_intent_id}
    )
    till.settle()
    return opened


def the_dispute(till: Till) -> Dispute:
    with acting_for(till.hospital_id):
        return session.scalars(select(Dispute).where(Dispute.tenant_id == till.hospital_id)).one()


def the_payout(till: Till) -> Payout:
    with acting_for(till.hospital_id):
        return session.scalars(select(Payout).where(Payout.tenant_id == till.hospital_id)).one()


def test_a_disputed_sum_is_held_and_its_fee_is_spent(till: Till) -> None:
    disputed(till)

    dispute, book = the_dispute(till), till.book()
    assert (dispute.status, dispute.amount_minor) == ("open", 5000)
    assert dispute.payment_id is not None
    assert book["dispute.hold"] == 5000
    assert book["cash.psp"] == till.provider_balance()


@pytest.mark.parametrize(
    ("verdict", "state", "left"), [("win", "won", {}), ("lose", "lost", {"dispute.loss": 5000})], ids=["won", "lost"]
)
def test_a_decided_dispute_lets_go_of_the_sum(till: Till, verdict: str, state: str, left: dict[str, int]) -> None:
    opened = disputed(till)

    till.provider.post(f"/disputes/{opened['id']}/{verdict}")
    till.settle()

    book = till.book()
    assert the_dispute(till).status == state
    assert {code: sum_ for code, sum_ in book.items() if code.startswith("dispute.")} == left
    assert book["ar.patient"] == -5000
    assert book["cash.psp"] == till.provider_balance()


def test_a_payout_moves_the_money_to_the_bank(till: Till) -> None:
    till.take(7200, card="pm_card_bypassPending")
    (made,) = till.provider.post("/payouts/run", {"account": till.account()})["data"]
    till.settle()

    till.provider.post(f"/payouts/{made['id']}/pay")
    till.settle()
    till.read()

    book = till.book()
    assert the_payout(till).status == "paid"
    assert book["cash.bank"] == made["amount"]
    assert book.get("cash.psp", 0) == till.provider_balance() == 0
    assert all(each.posted_as is not None for each in till.movements())


def test_a_payout_that_fails_after_it_was_paid_is_taken_back(till: Till) -> None:
    till.take(7200, card="pm_card_bypassPending")
    (made,) = till.provider.post("/payouts/run", {"account": till.account()})["data"]
    till.provider.post(f"/payouts/{made['id']}/pay")
    till.settle()

    till.provider.post(f"/payouts/{made['id']}/fail")
    till.settle()
    till.read()

    payout, book = the_payout(till), till.book()
    assert (payout.status, payout.failure_code) == ("failed", "account_closed")
    assert "cash.bank" not in book
    assert book["cash.psp"] == till.provider_balance() == made["amount"]


def test_a_hospital_sees_its_payouts_and_disputes(till: Till, client: Any) -> None:
    from tests.people import staff

    disputed(till)
    finance = staff(till.hospital_id, "hospital", "hospital_finance")

    listed = client.get("/api/hospital/v1/disputes", headers=finance).json

    assert [each["amount"]["amount_minor"] for each in listed["data"]] == [5000]
    assert client.get("/api/hospital/v1/payouts", headers=finance).json["data"] == []
