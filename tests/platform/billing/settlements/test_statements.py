"""Statements: the same bytes whenever they are run, every fact in exactly one of them, and both sides' hands on them."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tandem.billing.ledger import balance_minor
from tandem.billing.settlements import PeriodAlreadySettled, SettlementStatement, document_of, propose_statement
from tandem.billing.settlements.errors import PeriodNotOver
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import (
    NOON,
    a_delivered_visit,
    a_hospital_with_an_agreement,
    a_payment,
)

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]
DAY = date(2026, 9, 1)


def proposed(hospital: UUID, through: date = DAY) -> SettlementStatement:
    with acting_for(hospital), transaction():
        return propose_statement(through)


def test_a_statement_adds_up_what_the_book_says(hospital: UUID) -> None:
    statement = proposed(hospital)

    assert (statement.visit_count, statement.gross_minor, statement.refunds_minor) == (2, 17_200, 3_600)
    assert statement.operator_fee_minor == 1_250 + 450
    assert statement.payable_minor == 17_200 - 3_600 - 1_700
    assert statement.due_to_operator_minor == 1_700


def test_a_statement_run_again_is_the_same_to_the_byte_whatever_came_since(hospital: UUID, work: Work) -> None:
    statement = proposed(hospital)
    with acting_for(hospital), transaction():
        before = document_of(statement)

    a_delivered_visit(hospital, a_payment(hospital))
    work(hospital)

    with acting_for(hospital), transaction():
        assert document_of(statement) == before
    assert before[1] == statement.document_sha256
    assert proposed(hospital).id == statement.id


def test_what_comes_late_stands_in_the_next_statement_and_nowhere_twice(hospital: UUID, work: Work) -> None:
    first = proposed(hospital)
    a_delivered_visit(hospital, a_payment(hospital, 500), 500)
    a_delivered_visit(hospital, a_payment(hospital, 800), 800, at=NOON + timedelta(days=1))
    work(hospital)

    second = proposed(hospital, DAY + timedelta(days=1))

    assert (second.first_day, second.gross_minor) == (DAY + timedelta(days=1), 1_300)
    with acting_for(hospital), transaction():
        assert first.gross_minor + second.gross_minor - first.refunds_minor == -balance_minor("rev.medical")
        assert first.due_to_operator_minor + second.due_to_operator_minor == -balance_minor("ap.operator")


def test_a_day_inside_a_settled_period_and_a_day_that_goes_on_are_refused(hospital: UUID) -> None:
    proposed(hospital)

    with pytest.raises(PeriodAlreadySettled):
        proposed(hospital, DAY - timedelta(days=1))
    with pytest.raises(PeriodNotOver):
        proposed(hospital, clock.today())


def test_operator_proposes_hospital_confirms_payment_closes_both_books(
    hospital: UUID, client: FlaskClient, work: Work
) -> None:
    operator, finance = (
        a_key(OPERATOR_ID, "operator", "operator_finance"),
        a_key(hospital, "hospital", "hospital_finance"),
    )
    base = f"/api/operator/v1/hospitals/{hospital}/settlement_statements"

    made = client.post(base, json={"last_day": "2026-09-01"}, headers=operator | once())
    assert made.status_code == 201, made.json
    statement = made.json["id"]
    early = client.post(
        f"{base}/{statement}/payments", json={"paid_on": "2026-09-03", "reference": "B1"}, headers=operator | once()
    )
    signed = client.post(f"/api/hospital/v1/settlement_statements/{statement}/confirmation", headers=finance | once())
    paid = client.post(
        f"{base}/{statement}/payments", json={"paid_on": "2026-09-03", "reference": "B1"}, headers=operator | once()
    )
    work(hospital)

    assert (early.status_code, signed.status_code, paid.status_code) == (409, 201, 201)
    closed = client.get(f"/api/hospital/v1/settlement_statements/{statement}", headers=finance).json
    assert (closed["status"], closed["is_reproduced"]) == ("closed", True)
    with acting_for(hospital), transaction():
        assert (balance_minor("ap.operator"), balance_minor("cash.bank")) == (0, -1_700)
    with acting_for(OPERATOR_ID), transaction():
        assert balance_minor("ar.hospital", party_id=hospital) == 0


def test_each_line_expands_to_entries_and_each_fee_to_its_visit(hospital: UUID, client: FlaskClient) -> None:
    finance, statement = a_key(hospital, "hospital", "hospital_finance"), proposed(hospital)
    base = f"/api/hospital/v1/settlement_statements/{statement.id}"
    lines = {line["kind"]: line for line in client.get(base, headers=finance).json["lines"]}

    for kind, line in lines.items():
        entries = client.get(f"{base}/lines/{kind}/entries", headers=finance).json["data"]
        assert sum(entry["amount_minor"] for entry in entries) == line["amount_minor"]
    uses = client.get(f"{base}/usage", headers=finance).json["data"]

    assert sum(use["fee"]["amount_minor"] for use in uses) == -lines["operator_fees"]["amount_minor"] == 2_150
    assert client.get(f"{base}/lines/gifts/entries", headers=finance).status_code == 404


def test_another_hospital_sees_neither_statement_nor_book(hospital: UUID, client: FlaskClient) -> None:
    statement, stranger = proposed(hospital), a_key(a_hospital_with_an_agreement(), "hospital", "hospital_finance")
    base = f"/api/hospital/v1/settlement_statements/{statement.id}"

    for path in (base, f"{base}/usage", f"{base}/lines/visits/entries"):
        assert client.get(path, headers=stranger).status_code == 404
    missing = client.get(f"/api/hospital/v1/settlement_statements/{new_id()}", headers=stranger)
    foreign = client.get(base, headers=stranger)
    assert missing.json["title"] == foreign.json["title"]
    assert client.get("/api/hospital/v1/settlement_statements", headers=stranger).json["data"] == []
    assert client.get("/api/hospital/v1/ledger/balances", headers=stranger).json["data"] == []


def test_the_hospitals_books_and_uses_are_read_over_http(hospital: UUID, client: FlaskClient) -> None:
    finance = a_key(hospital, "hospital", "hospital_finance")

    balances = client.get("/api/hospital/v1/ledger/balances", headers=finance).json["data"]
    journals = client.get("/api/hospital/v1/ledger/journals", headers=finance).json["data"]
    whole = client.get(f"/api/hospital/v1/ledger/journals/{journals[0]['id']}", headers=finance).json
    entries = client.get(f"/api/hospital/v1/ledger/accounts/{balances[0]['id']}/entries", headers=finance).json["data"]
    uses = client.get("/api/hospital/v1/usage_events", headers=finance).json["data"]

    assert sum(account["balance_minor"] for account in balances) == 0
    assert [journal["seq"] for journal in journals] == list(range(len(journals), 0, -1))
    assert sum(line["amount_minor"] for line in whole["lines"]) == 0
    assert sum(entry["amount_minor"] for entry in entries) == balances[0]["balance_minor"]
    assert sorted(use["amount"]["amount_minor"] for use in uses) == [7_200, 10_000]


def test_the_operator_reads_the_same_books_and_lists_all_statements(hospital: UUID, client: FlaskClient) -> None:
    operator, statement = a_key(OPERATOR_ID, "operator", "operator_finance"), proposed(hospital)
    of_hospital = f"/api/operator/v1/hospitals/{hospital}"
    ledger = f"/api/operator/v1/organizations/{hospital}/ledger"

    assert client.get(f"{of_hospital}/usage_events", headers=operator).json["data"]
    balances = client.get(f"{ledger}/balances", headers=operator).json["data"]
    journals = client.get(f"{ledger}/journals?kind=operator_fee", headers=operator).json["data"]
    everything = client.get("/api/operator/v1/settlement_statements?limit=100", headers=operator).json["data"]

    assert balances
    assert {journal["kind"] for journal in journals} == {"operator_fee"}
    assert client.get(f"{ledger}/journals/{journals[0]['id']}", headers=operator).json["lines"]
    assert client.get(f"{ledger}/accounts/{balances[0]['id']}/entries", headers=operator).json["data"]
    assert str(statement.id) in {row["id"] for row in everything}
