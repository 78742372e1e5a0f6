"""What the operator owes is sent through the provider: once, oldest first, as far as its balance goes, and back again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tandem.billing import payments
from tandem.billing.ledger import balance_minor
from tandem.billing.settlements import jobs, propose_statement
from tandem.billing.settlements.commands import (
    begin_transfer,
    confirm_statement,
    fail_transfer,
    rest_transfer,
    transfer_wish,
    withdraw_transfer,
)
from tandem.billing.settlements.errors import HospitalHasNoAccount, NothingToTransfer, TransferOnItsWay
from tandem.billing.settlements.queries import statement
from tandem.billing.stripe_gateway import gateway
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment
from tests.platform.billing.settlements.sending import DAY, Work, asked, balances, funded, owed, shown, stripe_of
from tests.platform.stripe_sandbox.stage import Sandbox

pytestmark = pytest.mark.usefixtures("app")


def test_what_is_owed_is_sent_and_its_movement_settles_the_suspense(
    provider: Sandbox, client: FlaskClient, work: Work
) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/hospitals/{hospital}/settlement_statements/{row}/transfers"

    stranger = path.replace(str(hospital), str(owed(work)[0]))
    foreign = client.post(stranger, headers=operator | once())
    key = once()
    sent = client.post(path, headers=operator | key)
    replayed = client.post(path, headers=operator | key)
    twice = client.post(path, headers=operator | once())
    work(hospital)
    before_the_movement = balances(hospital, "ap.operator", "ar.operator", "suspense", "cash.psp")
    with acting_for(hospital):
        payments.fetch_provider_facts(NOON - timedelta(days=9_999))
    work(hospital)

    assert (sent.status_code, twice.status_code, foreign.status_code) == (201, 409, 404)
    assert (replayed.json, replayed.headers["Idempotent-Replayed"]) == (sent.json, "true")
    (listed,) = client.get(path, headers=operator).json["data"]
    assert (listed["status"], listed["amount_minor"]) == ("sent", 9_000)
    assert before_the_movement == [0, 0, 9_000, 0]
    assert balances(hospital, "suspense", "cash.psp") == [0, 9_000]
    with acting_for(hospital), transaction():
        closed = statement(row)
    assert (closed.status, closed.payment_reference, closed.paid_minor) == (
        "closed",
        listed["provider_transfer_id"],
        -9_000,
    )
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ap.hospital", party_id=hospital) + balance_minor("ar.hospital", party_id=hospital) == 0


def test_the_oldest_wish_goes_first_and_none_beyond_what_the_provider_says_is_transferable(
    provider: Sandbox, work: Work
) -> None:
    available = gateway().transferable_minor("CNY")
    (old, old_row), (young, young_row) = owed(work, available + 20_000), owed(work)
    older, younger = asked(old, old_row), asked(young, young_row)

    # There is enough for the younger one alone, and it waits its turn.
    funded(provider, 10_000)
    work(young, old)
    waiting = shown(old, older).status, shown(young, younger).status
    funded(provider, 100_000)
    for hospital in (young, old, young):
        with acting_for(hospital):
            jobs.send_transfer(older if hospital == old else younger)

    assert waiting == ("asked", "asked")
    assert (shown(old, older).status, shown(young, younger).status) == ("sent", "sent")


def test_killed_after_the_call_the_transfer_is_found_and_not_made_twice(provider: Sandbox, work: Work) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    wish = asked(hospital, row)
    with acting_for(hospital), transaction():
        begun = transfer_wish(wish, is_live=False)
        begin_transfer(wish)
    assert begun is not None
    gateway().transfer(begun.account_id, key=wish, amount_minor=9_000, currency="CNY", group=str(row))

    with acting_for(hospital):
        jobs.send_transfer(wish)
        jobs.send_transfer(wish)

    assert shown(hospital, wish).status == "sent"
    assert len(gateway().transfers_of(str(row))) == 1


def test_a_reversed_transfer_is_owed_again_and_the_next_statement_says_so(provider: Sandbox, work: Work) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    wish = asked(hospital, row)
    work(hospital)
    provider_id = shown(hospital, wish).provider_transfer_id or ""
    stripe_of(provider).v1.transfers.reversals.create(provider_id, {"amount": 4_000})

    for _ in range(2):
        with acting_for(hospital):
            jobs.sweep_transfers()

    once_back = shown(hospital, wish).reversed_minor, balances(hospital, "ap.operator", "suspense")
    stripe_of(provider).v1.transfers.reversals.create(provider_id, {"amount": 1_000})
    for _ in range(2):
        with acting_for(hospital):
            jobs.sweep_transfers()

    assert once_back == (4_000, [4_000, 5_000])
    assert (shown(hospital, wish).reversed_minor, balances(hospital, "ap.operator", "suspense")) == (
        5_000,
        [5_000, 4_000],
    )


def test_a_refusal_for_good_leaves_the_statement_to_be_paid_otherwise(provider: Sandbox, work: Work) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    wish = asked(hospital, row)
    with acting_for(hospital), transaction():
        begin_transfer(wish)

    with acting_for(hospital), transaction():
        fail_transfer(wish, "account_closed")
    again = asked(hospital, row)
    work(hospital)

    assert (shown(hospital, wish).failure_code, shown(hospital, again).status) == ("account_closed", "sent")


def test_nothing_is_sent_where_the_hospital_owes_or_has_no_account(provider: Sandbox, work: Work) -> None:
    debtor, poor = (
        a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0),
        a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0),
    )
    a_delivered_visit(debtor, a_payment(debtor))
    programme = new_id()
    a_delivered_visit(poor, a_payment(poor, programme=programme), programme_id=programme)
    work(debtor, poor)

    for hospital, problem in ((debtor, NothingToTransfer), (poor, HospitalHasNoAccount)):
        with acting_for(hospital), transaction():
            row = propose_statement(DAY)
            confirm_statement(row.id)
        with pytest.raises(problem):
            asked(hospital, row.id)


def test_a_statement_whose_transfer_is_under_way_is_paid_in_no_other_way(
    provider: Sandbox, client: FlaskClient, work: Work
) -> None:
    hospital, row = owed(work)
    wish = asked(hospital, row)
    funded(provider, 50_000)
    finance = a_key(OPERATOR_ID, "operator", "operator_finance")
    theirs = a_key(hospital, "hospital", "hospital_finance")
    path = f"settlement_statements/{row}"

    by_bank = client.post(
        f"/api/operator/v1/hospitals/{hospital}/{path}/payments",
        json={"paid_on": "2026-09-02", "reference": "OUT-1"}, headers=finance | once(),
    )  # fmt: skip
    forward = client.post(f"/api/hospital/v1/{path}/carry_forward", headers=theirs | once())
    doubt = {"withheld_minor": 1, "because": "two visits were tests", "evidence": "encounters 17 and 18"}
    withheld = client.post(f"/api/hospital/v1/{path}/lines/operator_fees/disputes", json=doubt, headers=theirs | once())
    work(hospital)

    assert (withheld.status_code, withheld.json["at_most_minor"]) == (422, 0)
    assert [(each.status_code, each.json["type"]) for each in (by_bank, forward)] == [
        (409, "/problems/transfer-under-way")
    ] * 2
    assert shown(hospital, wish).status == "sent"
    assert len(gateway().transfers_of(str(row))) == 1


def test_what_is_disputed_is_withheld_from_what_is_sent_and_goes_to_the_next_statement(
    provider: Sandbox, client: FlaskClient, work: Work
) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    theirs = a_key(hospital, "hospital", "hospital_finance")
    line = f"/api/hospital/v1/settlement_statements/{row}/lines/operator_fees/disputes"
    doubt = {"withheld_minor": 400, "because": "two visits were tests", "evidence": "encounters 17 and 18"}

    raised = client.post(line, json=doubt, headers=theirs | once()).json["id"]
    refused = asked(hospital, row)
    with acting_for(hospital), transaction():
        fail_transfer(refused, "account_closed")
    wish = asked(hospital, row)
    work(hospital)
    reason = {"because": "not this month"}
    moved = client.post(f"/api/hospital/v1/line_disputes/{raised}/move", json=reason, headers=theirs | once())
    with acting_for(hospital), transaction():
        following = propose_statement(DAY + timedelta(days=1))

    assert (shown(hospital, wish).status, shown(hospital, wish).amount_minor) == ("sent", 9_400)
    assert moved.json["is_withheld"] is True
    assert balances(hospital, "ap.operator") == [-400]
    assert (following.carried_in_minor, following.due_to_operator_minor) == (400, 400)


def test_two_workers_who_begin_one_transfer_send_it_once(provider: Sandbox, app: Flask, work: Work) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    wish = asked(hospital, row)
    start = Barrier(2)

    def send(_: int) -> None:
        with app.app_context(), acting_for(hospital):
            start.wait()
            jobs.send_transfer(wish)

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(send, range(2)))

    assert shown(hospital, wish).status == "sent"
    assert [each.key for each in gateway().transfers_of(str(row))] == [str(wish)]
    assert balances(hospital, "ap.operator", "suspense") == [0, 9_000]


def test_a_transfer_that_waits_is_withdrawn_and_its_statement_paid_by_bank(
    provider: Sandbox, client: FlaskClient, work: Work
) -> None:
    hospital, row = owed(work, gateway().transferable_minor("CNY") + 9_000)
    wish = asked(hospital, row)
    work(hospital)
    finance = a_key(OPERATOR_ID, "operator", "operator_finance")
    at = f"/api/operator/v1/hospitals/{hospital}"
    path, why, key = f"{at}/settlement_transfers/{wish}/withdrawal", {"because": "paid by bank"}, once()

    unsaid = client.post(path, json={"because": ""}, headers=finance | once())
    withdrawn = client.post(path, json=why, headers=finance | key)
    replayed = client.post(path, json=why, headers=finance | key)
    again = client.post(path, json=why, headers=finance | once())
    with acting_for(hospital):
        jobs.send_transfer(wish)
    by_bank = client.post(
        f"{at}/settlement_statements/{row}/payments",
        json={"paid_on": "2026-09-02", "reference": "OUT-2"}, headers=finance | once(),
    )  # fmt: skip

    assert (unsaid.status_code, unsaid.json["errors"][0]["field"]) == (422, "because")
    assert (withdrawn.status_code, replayed.json, again.status_code) == (201, withdrawn.json, 409)
    theirs = a_key(hospital, "hospital", "hospital_finance")
    (seen,) = client.get(f"/api/hospital/v1/settlement_statements/{row}/transfers", headers=theirs).json["data"]
    assert (seen["status"], seen["withdrawn_because"]) == ("withdrawn", "paid by bank")
    assert (by_bank.status_code, gateway().transfers_of(str(row))) == (201, [])


def test_what_is_being_sent_or_was_sent_is_not_withdrawn(provider: Sandbox, client: FlaskClient, work: Work) -> None:
    hospital, row = owed(work)
    funded(provider, 50_000)
    wish = asked(hospital, row)
    finance = a_key(OPERATOR_ID, "operator", "operator_finance") | {"Accept-Language": "zh-CN"}
    path = f"/api/operator/v1/hospitals/{hospital}/settlement_transfers/{wish}/withdrawal"

    with acting_for(hospital), transaction():
        begin_transfer(wish)
    being_sent = client.post(path, json={"because": "too late"}, headers=finance | once())
    work(hospital)
    sent = client.post(path, json={"because": "too late"}, headers=finance | once())

    assert [(each.status_code, each.json["type"], each.json["transfer_status"]) for each in (being_sent, sent)] == [
        (409, "/problems/transfer-on-its-way", "asked"),
        (409, "/problems/transfer-on-its-way", "sent"),
    ]
    assert "回退" in sent.json["mend"]
    assert shown(hospital, wish).status == "sent"


def test_a_transfer_the_provider_had_too_little_for_can_be_withdrawn_but_not_under_somebody_who_asks(
    provider: Sandbox, work: Work, at: Callable[[datetime], None]
) -> None:
    hospital, row = owed(work, gateway().transferable_minor("CNY") + 9_000)
    wish = asked(hospital, row)
    with acting_for(hospital), transaction():
        first = begin_transfer(wish)
    assert first is not None
    at(first + timedelta(minutes=2))
    with acting_for(hospital), transaction():
        begin_transfer(wish)

    with acting_for(hospital), transaction():
        rest_transfer(wish, asked_at=first)
        with pytest.raises(TransferOnItsWay):
            withdraw_transfer(wish, because="the first one who asked was told no")
    at(first + timedelta(minutes=5))
    with acting_for(hospital):
        jobs.send_transfer(wish)
    with acting_for(hospital), transaction():
        withdraw_transfer(wish, because="nobody asks any more, and the provider knows of none")

    assert shown(hospital, wish).status == "withdrawn"


def test_whether_a_transfer_is_asked_for_or_withdrawn_at_the_same_instant_is_decided_by_the_database(
    provider: Sandbox, app: Flask, work: Work
) -> None:
    hospital, row = owed(work)
    for _ in range(6):
        wish, start = asked(hospital, row), Barrier(2)

        def at_once(does: Callable[[], object], start: Barrier = start) -> object:
            with app.app_context(), acting_for(hospital), suppress(TransferOnItsWay), transaction():
                start.wait()
                return does()
            return None

        with ThreadPoolExecutor(2) as pool:
            asking = pool.submit(at_once, partial(begin_transfer, wish))
            withdrawing = pool.submit(at_once, partial(withdraw_transfer, wish, because="at the same instant"))
        begun, withdrawn = asking.result(), withdrawing.result()

        assert (begun is None) is (withdrawn is not None)
        assert shown(hospital, wish).status == ("withdrawn" if begun is None else "asked")
        if isinstance(begun, datetime):
            with acting_for(hospital), transaction():
                rest_transfer(wish, asked_at=begun)
                withdraw_transfer(wish, because="for the next round")
