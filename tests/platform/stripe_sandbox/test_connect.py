"""Hospitals as connected accounts: each behind its own wall, the platform taking its fee."""

from typing import Any

import pytest
import stripe


@pytest.fixture
def clinic(api: stripe.StripeClient) -> str:
    """Another connected account."""
    return api.v1.accounts.create({"type": "custom", "country": "CN"}).id


def movements(api: stripe.StripeClient, account: str | None = None) -> list[tuple[str, int, int]]:
    options: Any = {"stripe_account": account} if account else {}
    listed = api.v1.balance_transactions.list({"limit": 100}, options)
    return sorted((m.type, m.amount, m.fee) for m in listed.data)


def test_an_account_is_open_for_business_at_once(api: stripe.StripeClient) -> None:
    account = api.v1.accounts.create({"type": "express", "country": "CN", "metadata": {"hospital": "协和"}})

    assert (account.charges_enabled, account.payouts_enabled, account.default_currency) == (True, True, "cny")
    assert account.controller.stripe_dashboard.type == "express"
    assert account.id in [a.id for a in api.v1.accounts.list()]
    assert api.v1.accounts.update(account.id, {"email": "b@hospital.test"}).email == "b@hospital.test"


def test_accounts_do_not_see_each_other(api: stripe.StripeClient, pay: Any, hospital: str, clinic: str) -> None:
    theirs = pay(7200, account=hospital)

    for account in ({"stripe_account": clinic}, {}):
        options: Any = account
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            api.v1.payment_intents.retrieve(theirs.id, {}, options)
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.refunds.create({"payment_intent": theirs.id}, options)
        for name in ("payment_intents", "charges", "balance_transactions", "events"):
            assert getattr(api.v1, name).list({}, options).data == []
        assert api.v1.balance.retrieve({}, options).pending[0].amount == 0
    assert api.v1.payment_intents.list({}, {"stripe_account": hospital}).data[0].id == theirs.id


def test_the_same_idempotency_key_means_something_else_on_each_account(pay: Any, hospital: str, clinic: str) -> None:
    first, second = pay(7200, account=hospital, key="visit-1"), pay(9900, account=clinic, key="visit-1")

    assert (first.amount, second.amount) == (7200, 9900)


def test_a_strange_account_is_forbidden(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.PermissionError) as refusal:
        api.v1.balance.retrieve({}, {"stripe_account": "acct_of_nobody"})

    assert refusal.value.http_status == 403


def test_a_direct_charge_pays_the_platform_its_fee(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    intent = pay(10_000, account=hospital, application_fee_amount=1500)

    movement = intent.latest_charge.balance_transaction
    fee = api.v1.application_fees.list().data[0]
    assert {line.type: line.amount for line in movement.fee_details} == {"stripe_fee": 320, "application_fee": 1500}
    assert movement.net == 10_000 - 320 - 1500
    assert (fee.amount, fee.account, fee.charge) == (1500, hospital, intent.latest_charge.id)
    assert intent.latest_charge.application_fee == fee.id
    assert movements(api) == [("application_fee", 1500, 0)]


def test_refunds_give_the_platforms_fee_back_to_the_last_fen(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    intent = pay(10_000, account=hospital, application_fee_amount=999)

    for amount in (3333, 3333, 3334):
        api.v1.refunds.create(
            {"payment_intent": intent.id, "amount": amount, "refund_application_fee": True},
            {"stripe_account": hospital},
        )

    fee = api.v1.application_fees.list().data[0]
    assert (fee.amount_refunded, fee.refunded) == (999, True)
    assert api.v1.balance.retrieve().pending[0].amount + api.v1.balance.retrieve().available[0].amount == 0
    hospital_net = sum(
        m.net for m in api.v1.balance_transactions.list({"limit": 100}, {"stripe_account": hospital}).data
    )
    assert hospital_net == -320


def test_a_destination_charge_passes_the_money_on(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    intent = pay(10_000, transfer_data={"destination": hospital}, application_fee_amount=1500)

    transfer = api.v1.transfers.list().data[0]
    assert (transfer.amount, transfer.destination, transfer.source_transaction) == (
        10_000, hospital, intent.latest_charge.id,
    )  # fmt: skip
    assert movements(api) == [("application_fee", 1500, 0), ("charge", 10_000, 320), ("transfer", -10_000, 0)]
    assert movements(api, hospital) == [("payment", 10_000, 1500)]

    api.v1.refunds.create({"payment_intent": intent.id, "reverse_transfer": True})

    assert api.v1.transfers.retrieve(transfer.id).reversed is True
    assert ("payment_refund", -10_000, 0) in movements(api, hospital)


def test_a_transfer_needs_money_there_to_transfer(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    pay(10_000)  # still pending
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.transfers.create({"amount": 100, "currency": "cny", "destination": hospital})
    assert refusal.value.code == "balance_insufficient"

    pay(10_000, method="pm_card_bypassPending")
    transfer = api.v1.transfers.create({"amount": 5000, "currency": "cny", "destination": hospital})

    assert api.v1.balance.retrieve({}, {"stripe_account": hospital}).available[0].amount == 5000
    assert api.v1.balance.retrieve().available[0].amount == 10_000 - 320 - 5000
    payment = api.v1.transfers.retrieve(transfer.id, {"expand": ["destination_payment"]}).destination_payment
    assert (payment.amount, payment.source_transfer) == (5000, transfer.id)


def test_a_transfer_bound_to_a_charge_takes_no_more_than_it(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    charge = pay(10_000).latest_charge.id
    told: Any = {"currency": "cny", "destination": hospital, "source_transaction": charge}
    api.v1.transfers.create({**told, "amount": 9000})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.transfers.create({**told, "amount": 1001})

    assert refusal.value.param == "amount"


def test_transfers_come_back_in_parts(api: stripe.StripeClient, pay: Any, hospital: str) -> None:
    pay(10_000, method="pm_card_bypassPending")
    transfer = api.v1.transfers.create({"amount": 5000, "currency": "cny", "destination": hospital})

    api.v1.transfers.reversals.create(transfer.id, {"amount": 2000})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.transfers.reversals.create(transfer.id, {"amount": 3001})

    after = api.v1.transfers.retrieve(transfer.id)
    assert (after.amount_reversed, after.reversed, len(after.reversals.data)) == (2000, False, 1)
    assert api.v1.balance.retrieve({}, {"stripe_account": hospital}).available[0].amount == 3000
    api.v1.payouts.create({"amount": 2500, "currency": "cny"}, {"stripe_account": hospital})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.transfers.reversals.create(transfer.id, {"amount": 501})
    assert refusal.value.code == "balance_insufficient"


def test_news_of_a_connected_account_names_it(sandbox: Any, receiver: Any, pay: Any, hospital: str) -> None:
    pay(7200, account=hospital)
    pay(7200)
    sandbox.post("/webhooks/flush")

    accounts = {(e["type"], e.get("account")) for e in receiver.events if e["type"] == "payment_intent.succeeded"}
    assert accounts == {("payment_intent.succeeded", hospital), ("payment_intent.succeeded", None)}


def test_an_account_with_money_is_not_deleted(api: stripe.StripeClient, pay: Any, hospital: str, clinic: str) -> None:
    pay(7200, account=hospital)

    with pytest.raises(stripe.InvalidRequestError):
        api.v1.accounts.delete(hospital)
    assert api.v1.accounts.delete(clinic).deleted is True

    with pytest.raises(stripe.PermissionError):
        api.v1.balance.retrieve({}, {"stripe_account": clinic})
