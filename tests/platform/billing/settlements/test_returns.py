"""What was sent comes back: within the provider's limits, by the hospital's word, once, and owed again in the books."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from tandem.billing import payments
from tandem.billing.ledger import balance_minor
from tandem.billing.settlements import jobs, propose_statement
from tandem.billing.settlements.commands import begin_return, fold_returns, withdraw_transfer
from tandem.billing.settlements.kit import kit_parts
from tandem.billing.settlements.models import ProviderLimit, TransferReturn
from tandem.billing.settlements.queries import returns_of, transfer_return
from tandem.billing.stripe_gateway import GatewayAway, gateway
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import NOON
from tests.platform.billing.settlements.sending import Work, asked, balances, funded, owed, shown, stripe_of
from tests.platform.stripe_sandbox.stage import Sandbox

pytestmark = pytest.mark.usefixtures("app")


@dataclass
class Sent:
    """A hospital that was sent 9,000 fen, and who may say what about it."""

    client: FlaskClient
    provider: Sandbox
    work: Work
    hospital: UUID
    statement: UUID
    transfer: UUID

    def __post_init__(self) -> None:
        self.have_keys()

    def have_keys(self) -> None:
        """Both sides' keys of the day: a key does not live for half a year."""
        self.operator = a_key(OPERATOR_ID, "operator", "operator_finance")
        self.finance = a_key(self.hospital, "hospital", "hospital_finance")
        self.at = f"/api/operator/v1/hospitals/{self.hospital}"

    def asks(self, amount_minor: int, *, key: dict[str, str] | None = None, **wish: Any) -> Any:
        body = {"amount": {"amount_minor": amount_minor, "currency": "CNY"}, "because": "sent for a test visit"} | wish
        path = f"{self.at}/settlement_transfers/{self.transfer}/returns"
        return self.client.post(path, json=body, headers=self.operator | (key or once()))

    def decides(self, return_id: str, word: str, **wish: Any) -> Any:
        path = f"/api/hospital/v1/transfer_returns/{return_id}/{word}"
        return self.client.post(path, json=wish or None, headers=self.finance | once())

    def agreed(self, amount_minor: int) -> UUID:
        return_id = self.asks(amount_minor).json["id"]
        assert self.decides(return_id, "approval").status_code == 201
        return UUID(return_id)

    def row(self, return_id: UUID) -> TransferReturn:
        with acting_for(self.hospital), transaction():
            return transfer_return(return_id)

    def sweeps(self) -> None:
        with acting_for(self.hospital):
            jobs.sweep_transfers()

    def at_provider(self) -> list[int]:
        return [each.amount_minor for each in gateway().reversals_of(self.provider_id)]

    @property
    def provider_id(self) -> str:
        return shown(self.hospital, self.transfer).provider_transfer_id or ""

    @property
    def back_minor(self) -> int:
        """What came back, by the row; the book owes as much again, and holds the rest in suspense."""
        row = shown(self.hospital, self.transfer)
        assert balances(self.hospital, "ap.operator", "suspense") == [row.reversed_minor, 9_000 - row.reversed_minor]
        return row.reversed_minor


@pytest.fixture
def sent(provider: Sandbox, client: FlaskClient, work: Work) -> Sent:
    hospital, row = owed(work)
    funded(provider, 50_000)
    wish = asked(hospital, row)
    work(hospital)
    return Sent(client, provider, work, hospital, row, wish)


def test_what_was_sent_comes_back_by_the_hospitals_word_and_the_next_statement_asks_for_it(
    sent: Sent, tmp_path: Path, at: Callable[[datetime], None]
) -> None:
    key = once()
    proposed = sent.asks(4_000, key=key)
    replayed, second = sent.asks(4_000, key=key), sent.asks(1)
    (seen,) = sent.client.get("/api/hospital/v1/transfer_returns", headers=sent.finance).json["data"]
    sent.work(sent.hospital)
    before_its_word = sent.at_provider()

    approved = sent.decides(seen["id"], "approval")
    again = sent.decides(seen["id"], "approval")
    sent.work(sent.hospital)
    sent.sweeps()
    sent.sweeps()

    assert (proposed.status_code, replayed.json, second.status_code) == (201, proposed.json, 409)
    assert (seen["status"], seen["because"], before_its_word) == ("proposed", "sent for a test visit", [])
    assert (approved.json["status"], again.status_code) == ("approved", 409)
    assert (sent.back_minor, sent.at_provider()) == (4_000, [4_000])
    (told,) = sent.client.get(f"{sent.at}/transfer_returns", headers=sent.operator).json["data"]
    assert (told["status"], told["amount_minor"]) == ("returned", 4_000)
    with acting_for(sent.hospital):
        payments.fetch_provider_facts(NOON - timedelta(days=9_999))
    sent.work(sent.hospital)
    assert balances(sent.hospital, "suspense", "cash.psp") == [0, 5_000]
    with acting_for(OPERATOR_ID), transaction():
        between = [balance_minor(code, party_id=sent.hospital) for code in ("ar.hospital", "ap.hospital")]
    assert sum(between) == -4_000
    at(clock.now() + timedelta(days=1))
    with acting_for(sent.hospital), transaction():
        following = propose_statement(clock.today() - timedelta(days=1))
    assert following.due_to_operator_minor == -4_000
    assert "hold" in proved(sent.hospital, following.id, tmp_path)


def test_the_hospital_keeps_what_it_was_sent_and_no_operator_takes_it_alone(sent: Sent) -> None:
    first = sent.asks(9_000).json["id"]
    with acting_for(sent.hospital, operator=True), pytest.raises(IntegrityError, match="goes back by its own word"):
        row = session.get_one(TransferReturn, (sent.hospital, UUID(first)))
        row.status, row.decided_by, row.decided_at = "approved", sent.hospital, clock.now()
        session.flush()

    unsaid = sent.decides(first, "refusal", because="")
    declined = sent.decides(first, "refusal", because="it was owed")
    second = sent.asks(9_000).json["id"]
    withdrawn = sent.client.post(f"{sent.at}/transfer_returns/{second}/withdrawal", headers=sent.operator | once())
    too_late = sent.decides(second, "approval")
    sent.work(sent.hospital)

    assert (unsaid.status_code, unsaid.json["errors"][0]["field"]) == (422, "because")
    assert (declined.json["status"], declined.json["declined_because"]) == ("declined", "it was owed")
    assert (withdrawn.json["status"], too_late.status_code) == ("withdrawn", 409)
    assert (sent.at_provider(), sent.back_minor) == ([], 0)


def test_more_than_is_left_or_in_another_currency_or_of_what_waits_is_refused_by_name(
    sent: Sent, client: FlaskClient, work: Work
) -> None:
    poor, row = owed(work, gateway().transferable_minor("CNY") + 9_000)
    waiting = asked(poor, row)
    euros = {"amount": {"amount_minor": 1, "currency": "EUR"}}
    sent.operator |= {"Accept-Language": "zh-CN"}

    answers = [sent.asks(9_001), sent.asks(1, **euros), sent.asks(0), sent.asks(1, because="")]
    unsent = client.post(
        f"/api/operator/v1/hospitals/{poor}/settlement_transfers/{waiting}/returns",
        json={"amount": {"amount_minor": 1, "currency": "CNY"}, "because": "b"}, headers=sent.operator | once(),
    )  # fmt: skip
    with acting_for(poor), transaction():
        # Older wishes go first, also before those of other stories.
        withdraw_transfer(waiting, because="told enough")
    sent.agreed(8_999)
    sent.work(sent.hospital)
    rest = sent.asks(2)

    assert [each.status_code for each in answers] == [422] * 4
    assert [each.json["errors"][0]["field"] for each in answers[1:]] == [
        "amount.currency", "amount.amount_minor", "because",
    ]  # fmt: skip
    assert answers[0].json["at_most_minor"] == 9_000
    assert (rest.status_code, rest.json["type"], rest.json["at_most_minor"]) == (422, "/problems/return-above-split", 1)
    assert "回退" in rest.json["mend"]
    assert (unsent.status_code, unsent.json["transfer_status"]) == (409, "asked")


def test_on_the_181st_day_and_for_the_21st_time_nothing_is_returned_and_the_book_asks_for_it(
    sent: Sent, at: Callable[[datetime], None]
) -> None:
    at_of_sending = shown(sent.hospital, sent.transfer).sent_at
    assert at_of_sending is not None
    limited(at_of_sending.date() + timedelta(days=170), return_days=180, returns_per_receiver=20)
    for _ in range(19):
        stripe_of(sent.provider).v1.transfers.reversals.create(sent.provider_id, {"amount": 100})
    sent.sweeps()
    at(at_of_sending + timedelta(days=179, hours=23))
    sent.have_keys()
    twentieth = sent.agreed(50)
    sent.work(sent.hospital)

    once_more = sent.asks(1)
    limited(at_of_sending.date() + timedelta(days=179), returns_per_receiver=21)
    corrected = sent.asks(1)
    at(at_of_sending + timedelta(days=180))
    a_day_late = sent.asks(1)

    assert (sent.row(twentieth).status, sent.back_minor) == ("returned", 1_950)
    assert corrected.json["status"] == "proposed"
    assert [(each.status_code, each.json["type"]) for each in (once_more, a_day_late)] == [
        (422, "/problems/too-many-returns"),
        (422, "/problems/return-window-closed"),
    ]


def test_what_was_agreed_to_too_late_is_refused_before_anybody_asks_the_provider(
    sent: Sent, at: Callable[[datetime], None]
) -> None:
    at_of_sending = shown(sent.hospital, sent.transfer).sent_at
    assert at_of_sending is not None
    limited(at_of_sending.date() + timedelta(days=170), return_days=180)
    at(at_of_sending + timedelta(days=179))
    sent.have_keys()
    proposed = sent.asks(50).json["id"]

    at(at_of_sending + timedelta(days=181))
    sent.have_keys()
    late = sent.decides(proposed, "approval")

    assert (late.status_code, late.json["days"]) == (422, 180)
    assert (sent.row(UUID(proposed)).status, sent.at_provider()) == ("proposed", [])


def test_an_answer_lost_after_the_provider_did_the_work_is_found_and_nothing_comes_back_twice(sent: Sent) -> None:
    wish = sent.agreed(4_000)
    sent.provider.put("/misbehaviour", {"timeout_after_work": {"count": 3}})
    with acting_for(sent.hospital), suppress(GatewayAway):
        jobs.send_return(wish)
    sent.provider.put("/misbehaviour", {})

    sent.work(sent.hospital)
    with acting_for(sent.hospital):
        jobs.send_return(wish)

    assert (sent.row(wish).status, sent.at_provider(), sent.back_minor) == ("returned", [4_000], 4_000)


def test_killed_after_the_call_or_before_it_a_return_is_made_once(
    sent: Sent, at: Callable[[datetime], None], as_superuser: Callable[..., None]
) -> None:
    wish = sent.agreed(4_000)
    with acting_for(sent.hospital), transaction():
        begun = begin_return(wish)
    assert begun is not None
    gateway().reverse_transfer(begun.provider_transfer_id, key=wish, amount_minor=4_000)
    # The job died with its worker; a day later the provider has forgotten the key.
    as_superuser("UPDATE job SET state = 'done' WHERE tenant_id = %s", sent.hospital)
    at(clock.now() + timedelta(minutes=20))

    sent.sweeps()
    second = sent.agreed(1_000)
    with acting_for(sent.hospital), transaction():
        begin_return(second)
    sent.sweeps()
    at(clock.now() + timedelta(minutes=20))
    sent.sweeps()

    assert [sent.row(each).status for each in (wish, second)] == ["returned"] * 2
    assert (sent.at_provider(), sent.back_minor) == ([4_000, 1_000], 5_000)


def test_two_workers_take_back_once_and_old_news_books_nothing_again(sent: Sent, app: Flask) -> None:
    wish, start = sent.agreed(4_000), Barrier(2)

    def send(_: int) -> None:
        with app.app_context(), acting_for(sent.hospital):
            start.wait()
            jobs.send_return(wish)

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(send, range(2)))
    first = gateway().reversals_of(sent.provider_id)
    stripe_of(sent.provider).v1.transfers.reversals.create(
        sent.provider_id, {"amount": 5_000, "metadata": {"tandem_key": str(wish)}}
    )
    sent.sweeps()
    with acting_for(sent.hospital), transaction():
        fold_returns(sent.transfer, first)
        rows = returns_of(sent.transfer)

    assert (sent.at_provider(), sent.back_minor) == ([4_000, 5_000], 9_000)
    assert [(row.amount_minor, row.because) for row in rows] == [(4_000, "sent for a test visit"), (5_000, None)]
    assert (shown(sent.hospital, sent.transfer).status, sent.asks(1).status_code) == ("reversed", 409)


def test_a_hospital_whose_balance_is_paid_out_returns_nothing_and_can_be_asked_anew(sent: Sent) -> None:
    with acting_for(sent.hospital), transaction():
        account = payments.account_of_hospital(is_live=False)
    stripe_of(sent.provider).v1.payouts.create({"amount": 6_000, "currency": "cny"}, {"stripe_account": account or ""})

    wish = sent.agreed(4_000)
    sent.work(sent.hospital)
    smaller = sent.agreed(3_000)
    sent.work(sent.hospital)

    assert (sent.row(wish).status, sent.row(wish).failure_code) == ("failed", "balance_insufficient")
    assert (sent.row(smaller).status, sent.at_provider(), sent.back_minor) == ("returned", [3_000], 3_000)


def proved(hospital: UUID, statement: UUID, folder: Path) -> str:
    """What the kit's own verifier says of the statement, run as a stranger runs it."""
    for name, part in kit_parts(hospital, statement):
        with (folder / name).open("ab") as file:
            file.write(part)
    command = [sys.executable, "-I", str(folder / "verify.py")]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={}, cwd="/").stdout


def limited(since: date, **limits: int) -> None:
    """The provider's limits for a few days that no other story lives in."""
    rows = [
        {"provider": "stripe", "name": name, "effective_from": since, "effective_to": since + timedelta(days=30),
         "value": Decimal(value), "unit": "as told", "source": "this story"}
        for name, value in limits.items()
    ]  # fmt: skip
    with acting_for(OPERATOR_ID, operator=True), transaction():
        session.execute(insert(ProviderLimit).values(rows).on_conflict_do_nothing())
