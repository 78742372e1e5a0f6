"""A payer's bank takes the money back, and sometimes gives it back again."""

from typing import Any

import pytest
import stripe

FEE = 10_500


def money(api: stripe.StripeClient) -> list[tuple[str, int, int]]:
    return [(m.reporting_category, m.amount, m.fee) for m in api.v1.balance_transactions.list().data][::-1]


@pytest.fixture
def dispute(api: stripe.StripeClient, pay: Any) -> stripe.Dispute:
    """A dispute about a whole charge of 7200, made by the disputing test card."""
    pay(7200, method="pm_card_createDispute")
    return api.v1.disputes.list().data[0]


def test_a_dispute_takes_the_sum_and_a_fee(api: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    charge = api.v1.charges.retrieve(str(dispute.charge))

    assert (dispute.amount, dispute.status, dispute.reason) == (7200, "needs_response", "fraudulent")
    assert charge.disputed is True
    assert money(api) == [("charge", 7200, 239), ("dispute", -7200, FEE)]
    assert dispute.balance_transactions[0].net == -7200 - FEE


def test_winning_brings_sum_and_fee_back(
    api: stripe.StripeClient, dispute: stripe.Dispute, sandbox: Any, receiver: Any
) -> None:
    staged = api.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "王芳"}, "submit": False})
    won = api.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    sandbox.post("/webhooks/flush")

    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert (won.status, won.evidence.customer_name) == ("won", "王芳")
    assert money(api)[-1] == ("dispute_reversal", 7200, -FEE)
    told = [kind for kind in receiver.types if kind.startswith("charge.dispute")]
    assert sorted(told) == [
        "charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.dispute.updated",
    ]  # fmt: skip


def test_accepting_loses(api: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    lost = api.v1.disputes.close(dispute.id)

    assert lost.status == "lost"
    assert len(money(api)) == 2
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.disputes.close(dispute.id)


def test_silence_loses_when_time_is_up(api: stripe.StripeClient, dispute: stripe.Dispute, sandbox: Any) -> None:
    sandbox.advance(days=11)

    after = api.v1.disputes.retrieve(dispute.id)
    assert (after.status, after.evidence_details.past_due) == ("lost", True)


def test_a_disputed_charge_is_not_refunded(api: stripe.StripeClient, dispute: stripe.Dispute) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.refunds.create({"charge": str(dispute.charge)})

    assert refusal.value.code == "charge_disputed"


def test_the_demonstrator_disputes_and_decides(api: stripe.StripeClient, sandbox: Any, pay: Any, hospital: str) -> None:
    intent = pay(7200, account=hospital)

    dispute = sandbox.post("/disputes", {"payment_intent": intent.id, "amount": 5000, "reason": "product_not_received"})
    decided = sandbox.post(f"/disputes/{dispute['id']}/win")

    seen = api.v1.disputes.retrieve(dispute["id"], {}, {"stripe_account": hospital})
    assert (seen.amount, seen.reason, seen.status, decided["status"]) == (5000, "product_not_received", "won", "won")


@pytest.mark.parametrize(
    "told",
    [{"charge": "ch_none"}, {"reason": "rude"}, {"amount": "much"}, {"amount": 99_999}, {}],
)
def test_an_impossible_dispute_is_refused(sandbox: Any, pay: Any, told: dict[str, Any]) -> None:
    charge = pay(7200).latest_charge.id

    status, body = sandbox.call("POST", "/disputes", {"charge": charge, **told} if told else {})

    assert status in (400, 404) and body["error"]["message"]
