"""Disputes and payouts: what they do to the hospital's book, and back again."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tandem.billing.payments import Dispute, Payout, PayoutPart
from tandem.billing.payments.jobs.folding import fold_event
from tandem.billing.payments.models import BalanceTransaction, ProviderEvent
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for
from tests.people import staff
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
    disputed(till)
    finance = staff(till.hospital_id, "hospital", "hospital_finance")

    listed = client.get("/api/hospital/v1/disputes", headers=finance).json

    assert [each["amount"]["amount_minor"] for each in listed["data"]] == [5000]
    assert client.get("/api/hospital/v1/payouts", headers=finance).json["data"] == []


def test_a_disputes_fee_is_a_journal_of_its_own_and_stands_on_the_dispute(till: Till) -> None:
    payment_id = till.take(5_000)
    charged_minor = till.payment(payment_id).fee_minor or 0

    till.provider.post("/disputes", {"payment_intent": till.payment(payment_id).provider_intent_id})
    till.settle()

    dispute = the_dispute(till)
    assert dispute.fee_minor > 0
    assert till.book()["exp.psp_fee"] == charged_minor + dispute.fee_minor


def test_created_updated_and_closed_of_one_dispute_folded_at_once_are_one_dispute(till: Till, app: Flask) -> None:
    payment_id = till.take(5_000)
    paid = till.book()
    opened = till.provider.post("/disputes", {"payment_intent": till.payment(payment_id).provider_intent_id})
    till.stripe().v1.disputes.update(
        opened["id"], {"evidence": {"receipt": "seen"}}, {"stripe_account": till.account()}
    )
    till.provider.post(f"/disputes/{opened['id']}/lose")
    till.provider.post("/webhooks/flush", {"include_future": True})
    with acting_for(till.hospital_id):
        told = dict(
            session.execute(
                select(ProviderEvent.kind, ProviderEvent.id).where(
                    ProviderEvent.object_id == opened["id"], ProviderEvent.status == "received"
                )
            ).all()
        )

    def fold(event_id: Any) -> None:
        with app.app_context(), acting_for(till.hospital_id):
            fold_event(event_id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fold, [*told.values(), *told.values()]))
    till.settle()

    assert {"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"} <= told.keys()
    dispute, book = the_dispute(till), till.book()
    fees_minor = paid["exp.psp_fee"] + dispute.fee_minor
    assert (dispute.status, dispute.fee_minor > 0) == ("lost", True)
    assert book == {"cash.psp": -fees_minor, "ar.patient": -5_000, "exp.psp_fee": fees_minor, "dispute.loss": 5_000}
    assert book["cash.psp"] == till.provider_balance()


def parts_of(till: Till) -> list[tuple[str, int, bool]]:
    """Kind, amount and whether it is assumed, in the order the money came."""
    with acting_for(till.hospital_id):
        found = session.execute(
            select(BalanceTransaction.kind, PayoutPart.amount_minor, PayoutPart.is_assumed)
            .join(BalanceTransaction, PayoutPart.balance_transaction_id == BalanceTransaction.id)
            .where(PayoutPart.tenant_id == till.hospital_id)
            .order_by(BalanceTransaction.provider_created_at, BalanceTransaction.provider_id, PayoutPart.id)
        ).all()
    return [(kind, amount_minor, is_assumed) for kind, amount_minor, is_assumed in found]


def test_an_automatic_payout_consists_of_what_the_provider_says(till: Till) -> None:
    for amount_minor in (7_200, 5_000):
        till.take(amount_minor, card="pm_card_bypassPending")
    (made,) = till.provider.post("/payouts/run", {"account": till.account()})["data"]
    till.provider.advance(days=1)
    till.settle()

    till.read()

    payout, parts = the_payout(till), parts_of(till)
    assert (payout.composition, payout.unallocated_minor) == ("told", 0)
    assert sum(amount_minor for _, amount_minor, _ in parts) == made["amount"]
    assert {(kind, is_assumed) for kind, _, is_assumed in parts} == {("charge", False)}


def test_a_manual_payout_is_allocated_to_the_oldest_money_and_marked_as_assumed(till: Till) -> None:
    payments = []
    for amount_minor in (7_200, 5_000, 3_000):
        payments.append(till.take(amount_minor, card="pm_card_bypassPending"))
        till.provider.advance(seconds=5)
    net_minor = [till.payment(each).amount_minor - (till.payment(each).fee_minor or 0) for each in payments]
    params = {"amount": net_minor[0] + 1_000, "currency": "cny"}
    till.stripe().v1.payouts.create(params, {"stripe_account": till.account()})  # type: ignore[arg-type]  # a plain dict
    till.settle()

    till.read()
    till.read()

    payout, parts = the_payout(till), parts_of(till)
    assert (payout.composition, payout.unallocated_minor) == ("assumed", 0)
    assert parts == [("charge", net_minor[0], True), ("charge", 1_000, True)]
    with acting_for(till.hospital_id):
        left = select(BalanceTransaction.net_minor - BalanceTransaction.paid_out_minor).where(
            BalanceTransaction.tenant_id == till.hospital_id, BalanceTransaction.kind == "charge"
        )
        assert sum(session.scalars(left)) == sum(net_minor) - params["amount"]
