"""Lines of the operator's bank that are nobody's: two people let them out, the books say so, and their owner may come."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tandem.billing.ledger import balance_minor
from tandem.billing.payments import Payout
from tandem.billing.reconciliation.commands import book_exit
from tandem.billing.reconciliation.jobs import match_bank_lines, reconcile_operators_bank
from tandem.billing.reconciliation.rules import DEFAULTS
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import once, operator_staff
from tests.platform.billing.invoices.money import a_customer, a_line, issued
from tests.platform.billing.reconciliation.histories import faults
from tests.platform.billing.reconciliation.test_bank_lines import Desk, at_once, paid

BOOKED = ("cash.bank", "suspense", "exp.bank_fee", "inc.interest", "ap.unclaimed")


class Exits(Desk):
    """The operator's finance office, when money belongs to nobody."""

    def say(self, line: str, reason: str, who: dict[str, str] | None = None, **more: Any) -> Any:
        wish = {"reason": reason, "because": "nobody knows it"} | more
        return self.client.post(
            f"/api/operator/v1/bank_lines/{line}/exits", json=wish, headers=(who or self.key) | once()
        )

    def tell(self, exit_id: str, path: str, who: dict[str, str] | None = None) -> Any:
        wish = None if path.endswith("approval") else {"because": "its owner turned up"}
        url = f"/api/operator/v1/bank_line_exits/{exit_id}/{path}"
        answer = self.client.post(url, json=wish, headers=(who or self.second) | once())
        self.work(OPERATOR_ID)
        return answer

    def let_out(self, line: str, reason: str, **more: Any) -> str:
        """One says so, another agrees; returns the exit."""
        asked = self.say(line, reason, **more)
        assert asked.status_code == 201, asked.json
        assert self.tell(asked.json["id"], "approval").status_code == 201
        return str(asked.json["id"])

    def take_back(self, exit_id: str) -> None:
        assert self.tell(exit_id, "undoing", self.key).status_code == 201
        assert self.tell(exit_id, "undoing/approval").status_code == 201

    def exit(self, exit_id: str) -> Any:
        listed: Any = self.client.get("/api/operator/v1/bank_line_exits?limit=100", headers=self.key).json
        (row,) = (each for each in listed["data"] if each["id"] == exit_id)
        return row

    def unexplained(self, line: str) -> bool:
        """Whether the night finds that nothing explains the line."""
        with acting_for(OPERATOR_ID):
            reconcile_operators_bank()
        self.work(OPERATOR_ID)
        return faults(OPERATOR_ID).get(f"bank:{line}") == "bank_line_unmatched"


@pytest.fixture
def desk(client: FlaskClient, work: Callable[..., int]) -> Exits:
    return Exits(client, work)


def book() -> dict[str, int]:
    with acting_for(OPERATOR_ID):
        return {code: balance_minor(code) for code in BOOKED}


def moved(before: dict[str, int]) -> dict[str, int]:
    """What was booked since, account by account."""
    return {code: now - before[code] for code, now in book().items() if now != before[code]}


def test_what_two_people_send_back_stands_in_suspense_until_the_bank_says_that_it_left(desk: Exits) -> None:
    line, before = desk.transfer("71.00"), book()
    reported = desk.unexplained(line)

    exit_id = desk.let_out(line, "return_to_sender")
    waiting, reference = moved(before), desk.exit(exit_id)["reference"]
    still = desk.unexplained(line), desk.is_free(line)
    sent = desk.transfer("-71.00", f"退回 {reference}")

    assert (reported, still) == (True, (False, False))
    assert waiting == {"cash.bank": 7_100, "suspense": -7_100}
    assert moved(before) == {}
    row = desk.exit(exit_id)
    assert (row["status"], row["returned_line_id"], row["returned_on"]) == ("returned", sent, "2026-11-20")
    assert not desk.is_free(sent)
    assert desk.tell(exit_id, "undoing", desk.key).status_code == 409


@pytest.mark.parametrize(
    ("amount", "reason", "booked"),
    [
        ("-12.00", "bank_charge", {"cash.bank": -1_200, "exp.bank_fee": 1_200}),
        ("12.00", "bank_charge", {"cash.bank": 1_200, "exp.bank_fee": -1_200}),
        ("3.40", "bank_interest", {"cash.bank": 340, "inc.interest": -340}),
        ("-3.40", "bank_interest", {"cash.bank": -340, "inc.interest": 340}),
    ],
)
def test_what_is_the_banks_own_is_booked_as_that_and_undone_to_the_fen(
    desk: Exits, amount: str, reason: str, booked: dict[str, int]
) -> None:
    line, before = desk.transfer(amount), book()

    exit_id = desk.let_out(line, reason)
    out = moved(before), desk.is_free(line)
    desk.take_back(exit_id)

    assert out == (booked, False)
    assert (moved(before), desk.is_free(line), desk.exit(exit_id)["status"]) == ({}, True, "undone")


def test_money_that_nobody_claims_is_set_aside_after_its_days_and_pays_its_owner_when_it_turns_up(
    desk: Exits, at: Callable[[datetime], None]
) -> None:
    line, row, before = desk.transfer("30.00"), issued(a_customer(), a_line(3_000)), book()
    early = desk.say(line, "unexplained")
    at(clock.now() + timedelta(days=DEFAULTS["bank_unexplained_days"]))
    desk.key, desk.second = operator_staff("operator_finance"), operator_staff("operator_supervisor")

    exit_id = desk.let_out(line, "unexplained")
    aside, taken = moved(before), desk.propose(line, (row, 3_000))
    desk.take_back(exit_id)
    alive = desk.unexplained(line)
    desk.allocate(line, (row, 3_000))

    assert (early.status_code, early.json["type"]) == (409, "/problems/bank-line-too-young")
    assert early.json["from_day"] == "2027-01-19"
    assert aside == {"cash.bank": 3_000, "ap.unclaimed": -3_000}
    assert (taken.status_code, taken.json["type"]) == (409, "/problems/bank-line-overdrawn")
    assert alive
    assert (paid(row), desk.unexplained(line)) == ((3_000, "settled"), False)
    parts = [part["amount_minor"] for part in desk.pays(line).json["allocations"]]
    assert (parts, desk.pays(line).json["left_minor"]) == ([3_000, -3_000, 3_000], 0)
    assert (moved(before).get("suspense"), moved(before).get("ap.unclaimed")) == (None, None)


def test_a_part_pays_an_invoice_and_the_rest_goes_back(desk: Exits) -> None:
    row, line, before = issued(a_customer(), a_line(1_000)), desk.transfer("12.50"), book()
    desk.allocate(line, (row, 1_000))
    reported = desk.unexplained(line)

    more = desk.say(line, "return_to_sender", amount_minor=251)
    exit_id = desk.let_out(line, "return_to_sender")

    assert (reported, more.json["type"], more.json["left_minor"]) == (True, "/problems/bank-line-overdrawn", 250)
    assert desk.exit(exit_id)["amount"] == {"amount_minor": 250, "currency": "CNY"}
    assert moved(before)["suspense"] == -250
    assert (desk.shown(line), desk.unexplained(line), desk.is_free(line)) == ((True, 1_000), False, False)


def test_nobody_lets_money_out_alone_nor_twice_nor_without_a_reason_that_fits(desk: Exits) -> None:
    line, gone, before = desk.transfer("9.00"), desk.transfer("-9.00"), book()
    maker = operator_staff("operator_supervisor")
    asked = desk.say(line, "return_to_sender", who=maker).json

    answers = [
        desk.tell(asked["id"], "approval", maker),
        desk.tell(asked["id"], "approval", desk.key),
        desk.say(line, "bank_interest"),
        desk.say(gone, "unexplained"),
        desk.say(gone, "return_to_sender"),
        desk.say(line, "bank_charge", amount_minor=-1),
        desk.say(str(new_id()), "bank_charge"),
        desk.tell(asked["id"], "undoing", desk.key),
    ]

    told = [(each.status_code, each.json["type"].removeprefix("/problems/")) for each in answers]
    assert told == [
        (403, "bank-line-needs-second"), (403, "forbidden"), (409, "bank-exit-exists"), (409, "bank-exit-unfit"),
        (409, "bank-exit-unfit"), (409, "bank-line-overdrawn"), (404, "not-found"), (409, "transition-refused"),
    ]  # fmt: skip
    assert (moved(before), desk.is_free(line)) == ({}, True)
    refused = desk.tell(asked["id"], "refusal")
    assert (refused.json["status"], refused.json["refused_because"]) == ("refused", "its owner turned up")
    assert desk.say(line, "return_to_sender").status_code == 201


def test_whoever_asked_for_money_back_does_not_agree_to_it_and_a_no_keeps_it_out(desk: Exits) -> None:
    line = desk.transfer("8.00")
    exit_id, maker = desk.let_out(line, "bank_interest"), operator_staff("operator_supervisor")
    desk.tell(exit_id, "undoing", maker)

    alone = desk.tell(exit_id, "undoing/approval", maker)
    again = desk.tell(exit_id, "approval")
    kept = desk.tell(exit_id, "undoing/refusal", desk.key)

    assert (alone.status_code, alone.json["type"]) == (403, "/problems/bank-line-needs-second")
    assert (again.status_code, kept.json["status"], desk.is_free(line)) == (409, "kept", False)
    desk.take_back(exit_id)
    assert desk.is_free(line)


def test_an_exit_that_no_longer_fits_is_refused_whole(desk: Exits) -> None:
    row, line, before = issued(a_customer(), a_line(600)), desk.transfer("6.00"), book()
    asked = desk.say(line, "return_to_sender").json["id"]
    desk.allocate(line, (row, 600))

    late = desk.tell(asked, "approval")

    assert (late.status_code, late.json["type"]) == (409, "/problems/bank-line-taken")
    assert (paid(row), moved(before).get("suspense")) == ((600, "settled"), None)
    assert desk.exit(asked)["status"] == "proposed"


def test_two_who_agree_at_once_the_matcher_and_who_pays_an_invoice_with_it_take_a_line_once(
    desk: Exits, app: Flask
) -> None:
    row, before = issued(a_customer(), a_line(500)), book()
    line = desk.transfer("5.00")
    leaves, pays = desk.say(line, "bank_interest").json["id"], desk.propose(line, (row, 500)).json["id"]

    def match() -> None:
        with app.app_context(), acting_for(OPERATOR_ID):
            match_bank_lines()

    told = at_once(app, desk, [*[f"bank_line_exits/{leaves}"] * 2, f"bank_line_proposals/{pays}"], match)

    assert [status for status, _ in told] == [201, 409, 409]
    is_out = desk.exit(leaves)["status"] == "approved"
    assert (paid(row)[0], moved(before).get("inc.interest", 0)) == ((0, -500) if is_out else (500, 0))
    assert desk.pays(line).json["left_minor"] == 0


def test_the_providers_payout_to_the_operator_is_explained_by_the_name_in_its_line_and_by_nothing_less(
    desk: Exits,
) -> None:
    name, amount = f"po_{new_id().hex}", f"{new_id().int % 10**6 + 10**6}.00"
    with acting_for(OPERATOR_ID), transaction():
        session.add(
            Payout(
                tenant_id=OPERATOR_ID, provider_payout_id=name, amount_minor=int(amount[:-3]) * 100, currency="CNY",
                status="paid", is_automatic=True, is_posted=True, is_reversed=False, sent_at=clock.now(),
                arrives_at=clock.now(),
            )
        )  # fmt: skip

    alike = desk.transfer(amount)
    named = desk.transfer(amount, f"STRIPE {name}")

    assert (desk.is_free(alike), desk.is_free(named), desk.unexplained(named)) == (True, False, False)
    assert desk.say(named, "bank_interest").json["type"] == "/problems/bank-line-taken"


def test_a_step_is_booked_once_however_often_its_job_runs(desk: Exits) -> None:
    line, before = desk.transfer("4.00"), book()
    exit_id = desk.let_out(line, "bank_interest")
    desk.take_back(exit_id)

    for _ in range(2):
        with acting_for(OPERATOR_ID), transaction():
            book_exit(UUID(exit_id))

    assert moved(before) == {}


@pytest.mark.parametrize(
    "change",
    [
        "status = 'approved', decided_by = proposed_by, decided_at = now()",
        "status = 'approved', decided_at = now()",
        "amount_minor = 1",
        "reason = 'bank_interest'",
        "status = 'undone'",
        "status = 'returned'",
    ],
)
def test_the_database_itself_wants_two_people_for_money_that_leaves(desk: Exits, change: str) -> None:
    asked = desk.say(desk.transfer("7.00"), "return_to_sender").json["id"]

    with pytest.raises(IntegrityError), acting_for(OPERATOR_ID, operator=True), transaction():
        session.execute(
            text(f"UPDATE bank_line_exit SET {change} WHERE tenant_id = :t AND id = :e"),
            {"t": OPERATOR_ID, "e": asked},
        )
