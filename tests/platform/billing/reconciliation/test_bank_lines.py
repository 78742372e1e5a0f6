"""A transfer pays several invoices, by hand and by number: each once, and never more in all than came in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tandem.billing.invoices import Invoice, invoice
from tandem.billing.reconciliation.jobs import match_bank_lines
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once, operator_staff
from tests.platform.billing.invoices.money import a_customer, a_line, issued

HEADER = "日期,金额,币种,摘要,流水号,对方户名\n"


class Desk:
    """The operator's finance office and the transfers that its bank tells of."""

    def __init__(self, client: FlaskClient, work: Callable[..., int]) -> None:
        self.client, self.work = client, work
        self.key = a_key(OPERATOR_ID, "operator", "operator_finance")
        self.second = operator_staff("operator_supervisor")
        self.mark = new_id().hex[-10:]

    def transfer(
        self, amount: str, said: str = "货款", currency: str = "CNY", number: str | None = None, matched: bool = True
    ) -> str:
        """A transfer comes in; returns its line."""
        number = number or new_id().hex[-10:]
        content = f"{HEADER}2026-11-20,{amount},{currency},{said},T{number},某公司\n"
        path = f"/api/operator/v1/bank_statements?account=op{self.mark}"
        kind = {"Content-Type": "text/csv"}
        assert self.client.post(path, data=content.encode(), headers=self.key | once() | kind).status_code == 201
        if matched:
            self.work(OPERATOR_ID)
        with acting_for(OPERATOR_ID):
            named = text("SELECT id FROM bank_line WHERE tenant_id = :t AND bank_reference = :r")
            return str(session.execute(named, {"t": OPERATOR_ID, "r": f"T{number}"}).scalar_one())

    def propose(self, line: str, *parts: tuple[Invoice, int], who: dict[str, str] | None = None) -> Any:
        allocations = [{"invoice_id": str(row.id), "amount_minor": amount} for row, amount in parts]
        wish = {"allocations": allocations, "because": "said on the phone"}
        path = f"/api/operator/v1/bank_lines/{line}/allocation_proposals"
        return self.client.post(path, json=wish, headers=(who or self.key) | once())

    def decide(self, proposal: str, verdict: str = "approval", who: dict[str, str] | None = None) -> Any:
        wish = {"because": "another customer's"} if verdict == "refusal" else None
        path = f"/api/operator/v1/bank_line_proposals/{proposal}/{verdict}"
        answer = self.client.post(path, json=wish, headers=(who or self.second) | once())
        self.work(OPERATOR_ID)
        return answer

    def allocate(self, line: str, *parts: tuple[Invoice, int]) -> Any:
        """One proposes, another agrees; returns who said no, or what the line pays now."""
        proposed = self.propose(line, *parts)
        decided = self.decide(proposed.json["id"]) if proposed.status_code == 201 else proposed
        return self.pays(line) if decided.status_code == 201 else decided

    def pays(self, line: str) -> Any:
        return self.client.get(f"/api/operator/v1/bank_lines/{line}/allocations", headers=self.key)

    def record(self, row: Invoice, amount: int, reference: str) -> Any:
        """Somebody types in what a customer says it has paid."""
        wish = {"amount": {"amount_minor": amount, "currency": "CNY"}, "paid_on": "2026-11-20", "reference": reference}
        path = f"/api/operator/v1/organizations/{row.tenant_id}/invoices/{row.id}/payments"
        return self.client.post(path, json=wish, headers=self.key | once())

    def is_free(self, line: str) -> bool:
        listed = self.client.get("/api/operator/v1/bank_lines?limit=100&is_free=true", headers=self.key).json["data"]
        return line in {each["id"] for each in listed}

    def shown(self, line: str) -> Any:
        listed = self.client.get("/api/operator/v1/bank_lines?limit=100", headers=self.key).json["data"]
        (row,) = (each for each in listed if each["id"] == line)
        return row["is_matched"], row["allocated_minor"]


@pytest.fixture
def desk(client: FlaskClient, work: Callable[..., int]) -> Desk:
    return Desk(client, work)


def paid(row: Invoice) -> tuple[int, str]:
    with acting_for(row.tenant_id):
        found = invoice(row.id)
        return found.paid_minor, found.status


def test_one_transfer_pays_three_invoices_of_two_customers_and_what_is_left_can_be_spent_later(desk: Desk) -> None:
    customer = a_customer()
    one, two, three = (
        issued(customer, a_line(1_000)),
        issued(customer, a_line(2_000)),
        issued(a_hospital(), a_line(500)),
    )
    line = desk.transfer("40.00")

    free = [desk.is_free(line)]
    first = desk.allocate(line, (one, 1_000), (two, 1_500))
    rest = desk.allocate(line, (three, 500))
    free.append(desk.is_free(line))
    desk.allocate(line, (issued(a_customer(), a_line(1_000)), 1_000))

    assert (first.json["left_minor"], rest.json["left_minor"]) == (1_500, 1_000)
    assert [paid(row) for row in (one, two, three)] == [(1_000, "settled"), (1_500, "issued"), (500, "settled")]
    assert [part["invoice_id"] for part in rest.json["allocations"]] == [str(row.id) for row in (one, two, three)]
    assert desk.shown(line) == (True, 4_000)
    assert (free, desk.is_free(line)) == ([True, True], False)


def test_a_line_pays_an_invoice_once_and_two_lines_pay_it_in_parts(desk: Desk) -> None:
    row = issued(a_customer(), a_line(3_000))
    line, other = desk.transfer("10.00"), desk.transfer("20.00")

    answers = [desk.allocate(line, (row, 400)), desk.allocate(line, (row, 400)), desk.allocate(other, (row, 2_000))]

    assert [answer.status_code for answer in answers] == [200, 409, 200]
    assert answers[1].json["type"] == "/problems/bank-line-taken"
    assert paid(row) == (2_400, "issued")


def test_more_than_a_line_has_left_than_an_invoice_asks_or_in_another_currency_is_refused_whole(desk: Desk) -> None:
    row, other = issued(a_customer(), a_line(1_000)), issued(a_customer(), a_line(9_000))
    line, foreign = desk.transfer("20.00"), desk.transfer("20.00", currency="HKD")

    answers = [
        desk.allocate(line, (other, 1_500), (row, 501)),
        desk.allocate(line, (row, 1_001)),
        desk.allocate(foreign, (row, 1_000)),
        desk.allocate(str(new_id()), (row, 1_000)),
        desk.allocate(line, (Invoice(id=new_id()), 1)),
    ]

    told = [answer.json["type"].removeprefix("/problems/") for answer in answers]
    assert told == ["bank-line-overdrawn", "invoice-overpaid", "bank-match-uneven", "not-found", "invoice-not-open"]
    assert (paid(row), paid(other), desk.shown(line)) == ((0, "issued"), (0, "issued"), (False, 0))


def at_once(app: Flask, desk: Desk, paths: list[str], *others: Callable[[], Any]) -> list[tuple[int, str]]:
    """Supervisors who agree at the same moment, with whatever else happens then; what each was told."""

    def agree(path: str, who: dict[str, str]) -> tuple[int, str]:
        with app.test_client() as client:
            answer: Any = client.post(f"/api/operator/v1/{path}/approval", headers=who | once())
            return answer.status_code, answer.json.get("type", "")

    # Each is a person of their own; who is nobody's colleague would be refused for that alone.
    people = [operator_staff("operator_supervisor") for _ in paths]
    with ThreadPoolExecutor(len(paths) + len(others)) as hands:
        asked = [hands.submit(agree, path, who) for path, who in zip(paths, people, strict=True)]
        besides = [hands.submit(each) for each in others]
        told = [each.result() for each in asked]
        for each in besides:
            each.result()
    desk.work(OPERATOR_ID)
    return sorted(told)


def test_hands_that_spend_one_line_at_once_spend_it_once(desk: Desk, app: Flask) -> None:
    rows = [issued(a_customer(), a_line(700)) for _ in range(4)]
    line = desk.transfer("14.00")
    asked = [desk.propose(line, (row, 700)).json["id"] for row in rows]

    told = at_once(app, desk, [f"bank_line_proposals/{each}" for each in asked])

    assert [status for status, _ in told] == [201, 201, 409, 409]
    assert {slug for status, slug in told if status == 409} == {"/problems/bank-line-overdrawn"}
    assert desk.shown(line) == (True, 1_400)
    assert sum(paid(row)[0] for row in rows) == 1_400


def test_two_who_agree_to_one_proposal_at_once_spend_it_once(desk: Desk, app: Flask) -> None:
    row = issued(a_customer(), a_line(700))
    line = desk.transfer("14.00")
    asked = desk.propose(line, (row, 700)).json["id"]

    told = at_once(app, desk, [f"bank_line_proposals/{asked}"] * 3)

    assert [status for status, _ in told] == [201, 409, 409]
    assert {slug for status, slug in told if status == 409} == {"/problems/transition-refused"}
    assert (paid(row), desk.shown(line)) == ((700, "settled"), (True, 700))


def test_a_person_and_the_matcher_who_meet_over_one_line_spend_it_once(desk: Desk, app: Flask) -> None:
    named, other = issued(a_customer(), a_line(700)), issued(a_customer(), a_line(700))
    line = desk.transfer("7.00", f"付款 {named.document_no}", matched=False)
    asked = desk.propose(line, (other, 700)).json["id"]

    def match() -> None:
        with app.app_context(), acting_for(OPERATOR_ID):
            match_bank_lines()

    told = at_once(app, desk, [f"bank_line_proposals/{asked}"], match)

    paid_minor = {row.id: paid(row)[0] for row in (named, other)}
    assert sorted(paid_minor.values()) == [0, 700]
    assert told == ([(201, "")] if paid_minor[other.id] else [(409, "/problems/bank-line-overdrawn")])
    assert desk.shown(line) == (True, 700)


def test_nobody_says_alone_what_a_transfer_pays(desk: Desk) -> None:
    row = issued(a_customer(), a_line(700))
    line = desk.transfer("7.00")
    maker = operator_staff("operator_supervisor")
    asked = desk.propose(line, (row, 700), who=maker).json

    alone, lower = desk.decide(asked["id"], who=maker), desk.decide(asked["id"], who=desk.key)
    listed = desk.client.get("/api/operator/v1/bank_line_proposals?status=proposed", headers=desk.key).json["data"]
    nothing = paid(row), desk.shown(line)
    agreed = desk.decide(asked["id"])

    assert (alone.status_code, alone.json["type"]) == (403, "/problems/bank-line-needs-second")
    assert lower.status_code == 403
    assert (asked["status"], asked["parts"], asked["amount_minor"]) == ("proposed", {str(row.id): 700}, 700)
    assert asked["id"] in {each["id"] for each in listed}
    assert nothing == ((0, "issued"), (False, 0))
    assert (agreed.status_code, agreed.json["status"]) == (201, "approved")
    assert agreed.json["decided_by"] not in {None, asked["proposed_by"]}
    assert (paid(row), desk.shown(line)) == ((700, "settled"), (True, 700))


def test_a_second_person_says_no_with_a_reason_and_nothing_is_spent(desk: Desk) -> None:
    row = issued(a_customer(), a_line(700))
    line = desk.transfer("7.00")
    asked = desk.propose(line, (row, 700)).json

    refused = desk.decide(asked["id"], "refusal")
    again = desk.decide(asked["id"])

    assert (refused.json["status"], refused.json["refused_because"]) == ("refused", "another customer's")
    assert (again.status_code, again.json["type"]) == (409, "/problems/transition-refused")
    assert (paid(row), desk.is_free(line)) == ((0, "issued"), True)


def test_a_proposal_that_no_longer_fits_is_refused_whole_and_waits_for_a_refusal(desk: Desk) -> None:
    row, other = issued(a_customer(), a_line(700)), issued(a_customer(), a_line(700))
    line, elsewhere = desk.transfer("14.00"), desk.transfer("7.00")
    asked = desk.propose(line, (row, 700), (other, 700)).json["id"]
    desk.allocate(elsewhere, (row, 700))

    late = desk.decide(asked)

    assert (late.status_code, late.json["type"]) == (409, "/problems/invoice-not-open")
    assert (paid(other), desk.shown(line)) == ((0, "issued"), (False, 0))
    assert desk.decide(asked, "refusal").status_code == 201


@pytest.mark.parametrize("change", ["status = 'approved', decided_by = proposed_by, decided_at = now()",
                                    "status = 'approved', decided_at = now()", "parts = '{}'", "amount_minor = 1"])  # fmt: skip
def test_the_database_itself_wants_two_people_for_what_was_proposed(desk: Desk, change: str) -> None:
    asked = desk.propose(desk.transfer("7.00"), (issued(a_customer(), a_line(700)), 700)).json["id"]

    with pytest.raises(IntegrityError), acting_for(OPERATOR_ID, operator=True), transaction():
        session.execute(
            text(f"UPDATE bank_line_proposal SET {change} WHERE tenant_id = :t AND id = :p"),
            {"t": OPERATOR_ID, "p": asked},
        )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"amount": 101, "taken": 101}, "within_the_line"),
        ({"amount": 200, "taken": 200, "line_minor": 200}, "bank_line_fkey"),
        ({"place": 2, "follows": 1, "before": 50, "taken": 60, "amount": 10}, "bank_allocation_fkey"),
        ({"place": 2, "before": 50, "taken": 60, "amount": 10}, "first_or_follows"),
        ({"before": 50, "taken": 60, "amount": 10}, "first_or_follows"),
        ({"taken": 5}, "taken_check"),
        ({"rule": "manual"}, "four_eyes"),
        ({"rule": "exit"}, "invoice_or_exit"),
        ({"amount": -10, "taken": -10}, "invoice_or_exit|within_the_line"),
    ],
    ids=[
        *(
            "beyond the line",
            "a line that is made larger",
            "after a gap",
            "out of nowhere",
            "not from its first fen on",
        ),
        *("counted short", "by one hand", "by an exit that is none", "given back though never taken"),
    ],
)
def test_the_database_itself_keeps_a_line_from_being_overspent(
    desk: Desk, change: dict[str, Any], constraint: str
) -> None:
    line = desk.transfer("1.00")
    facts = {"amount": 10, "before": 0, "taken": 10, "place": 1, "follows": None, "line_minor": 100} | {
        "rule": "reference"
    }

    with pytest.raises(IntegrityError, match=constraint), acting_for(OPERATOR_ID), transaction():
        session.execute(
            text("INSERT INTO bank_allocation (tenant_id, id, bank_line_id, line_minor, customer_id, invoice_id, "
                 "amount_minor, place, follows_place, taken_before_minor, taken_minor, rule, allocated_by, allocated_at) "
                 "VALUES (:t, :id, :line, :line_minor, :id, :id, :amount, :place, :follows, :before, :taken, :rule, "
                 "'x', now())"),
            facts | change | {"t": OPERATOR_ID, "id": new_id(), "line": line},
        )  # fmt: skip


def test_a_transfer_spent_by_its_number_is_not_spent_again_by_hand(desk: Desk) -> None:
    row, other = issued(a_customer(), a_line(123_456)), issued(a_customer(), a_line(100))
    line = desk.transfer("1234.56", f"付款 {row.document_no}")

    again = desk.allocate(line, (other, 100))

    assert (again.status_code, again.json["type"]) == (409, "/problems/bank-line-overdrawn")
    assert (paid(row), paid(other)) == ((123_456, "settled"), (0, "issued"))


def test_what_a_banks_file_has_told_is_allocated_and_not_recorded_by_its_name(desk: Desk) -> None:
    one, two, three = (issued(a_customer(), a_line(3_000)) for _ in range(3))
    number = new_id().hex[-10:]
    line = desk.transfer("40.00", number=number)

    by_name = desk.record(one, 3_000, f"T{number}")
    desk.allocate(line, (one, 3_000))
    again = desk.record(one, 3_000, f"T{number}")
    other = desk.record(two, 3_000, f"T{number}")
    unheard_of = desk.record(three, 3_000, f"N{number}")

    assert (by_name.status_code, by_name.json["type"]) == (409, "/problems/bank-line-known")
    assert (by_name.json["bank_line_id"], by_name.json["left_minor"]) == (line, 4_000)
    assert (again.status_code, other.status_code, other.json["left_minor"]) == (201, 409, 1_000)
    assert unheard_of.status_code == 201
    assert [paid(row) for row in (one, two, three)] == [(3_000, "settled"), (0, "issued"), (3_000, "settled")]


def test_what_was_recorded_before_the_file_came_spends_its_line_and_nothing_else_does(desk: Desk) -> None:
    one, two, three = (issued(a_customer(), a_line(3_000)) for _ in range(3))
    number, other = new_id().hex[-10:], new_id().hex[-10:]
    for row, amount in ((one, 3_000), (two, 500)):
        assert desk.record(row, amount, f"T{number}").status_code == 201
    desk.record(two, 2_500, f"T{other}")

    line, short = desk.transfer("40.00", number=number), desk.transfer("24.00", number=other)
    beyond = desk.allocate(line, (three, 501))
    rest = desk.allocate(line, (three, 500))
    disputed = desk.allocate(short, (three, 1))

    assert (beyond.status_code, beyond.json["left_minor"], rest.json["left_minor"]) == (409, 500, 0)
    assert [part["invoice_id"] for part in rest.json["allocations"]] == [str(row.id) for row in (one, two, three)]
    assert (disputed.status_code, disputed.json["left_minor"]) == (409, 0)
    assert [paid(row)[0] for row in (one, two, three)] == [3_000, 3_000, 500]
    assert (desk.shown(line), desk.shown(short)) == ((True, 4_000), (False, 0))
