"""`tandem ledger`, `tandem settlements`, `tandem reconcile`: what somebody who keeps the money sees at the command line."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select

from tandem.billing.settlements import SettlementStatement, propose_employer_statement, propose_statement
from tandem.billing.settlements.models import SettlementTransfer, TransferReturn
from tandem.embedded.roles import DatabaseUrls, with_database
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.invoices.money import a_customer, issued
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment
from tests.platform.cli.conftest import Tandem

pytestmark = pytest.mark.usefixtures("app")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


@pytest.fixture
def hospital(work: Callable[..., int]) -> UUID:
    """A hospital with one visit, settled."""
    hospital = a_hospital_with_an_agreement()
    a_delivered_visit(hospital, a_payment(hospital))
    work(hospital)
    with acting_for(hospital), transaction():
        propose_statement(date(2026, 9, 1))
    return hospital


@pytest.fixture
def thief(admin_url: str, database_urls: DatabaseUrls, hospital: UUID) -> Callable[[str], None]:
    """Somebody with every right on the server."""

    def alter(statement: str) -> None:
        with psycopg.connect(with_database(admin_url, database_urls.owner.rpartition("/")[2])) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement, [hospital])

    return alter


def test_a_sound_book_is_said_to_be_sound(tandem: Tandem, hospital: UUID) -> None:
    answer = tandem("ledger", "verify", "--tenant", str(hospital))

    assert answer.exit_code == 0, answer.output
    assert "2 journals and 4 entries checked" in answer.stdout


def test_an_altered_book_fails_both_commands_with_the_place(
    tandem: Tandem, hospital: UUID, thief: Callable[[str], None]
) -> None:
    thief("UPDATE entry SET amount_minor = amount_minor * 2 WHERE tenant_id = %s AND seq = 1")

    books = tandem("ledger", "verify", "--tenant", str(hospital), "--json")
    statements = tandem("settlements", "verify", "--hospital", str(hospital))

    assert (books.exit_code, statements.exit_code) == (1, 1)
    (book,) = json.loads(books.stdout)["books"]
    assert "journal 1 does not say what it said when it was booked" in book["faults"]
    assert "1 changed" in statements.stdout


@pytest.mark.parametrize(
    ("shape", "begins"), [("csv", "tenant_id,seq,line_no"), ("beancount", "option"), ("hledger", "commodity")]
)
def test_a_book_goes_to_standard_output(tandem: Tandem, hospital: UUID, shape: str, begins: str) -> None:
    answer = tandem("ledger", "export", "--tenant", str(hospital), "--format", shape)

    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith(begins)
    assert "operator_fee" in answer.stdout


def test_statements_are_listed_for_machines_and_run_again(tandem: Tandem, hospital: UUID) -> None:
    listed = tandem("settlements", "list", "--hospital", str(hospital), "--json")
    verified = tandem("settlements", "verify", "--hospital", str(hospital))

    (statement,) = json.loads(listed.stdout)["statements"]
    assert (statement["gross_minor"], statement["operator_fee_minor"]) == (7_200, 900)
    assert RFC_3339.fullmatch(statement["proposed_at"])
    assert "1 statements run again, 0 changed" in verified.stdout


def test_transfers_are_listed_with_what_came_back_and_one_that_waits_is_withdrawn(
    tandem: Tandem, hospital: UUID
) -> None:
    waits, came_back = new_id(), new_id()
    with acting_for(hospital), transaction():
        found = session.scalars(select(SettlementStatement.id).where(SettlementStatement.tenant_id == hospital)).one()
        for each, more in ((waits, {}), (came_back, {"status": "reversed", "reversed_minor": 500})):
            of = {"tenant_id": hospital, "statement_id": found, "amount_minor": 500, "currency": "CNY"}
            session.add(SettlementTransfer(id=each, **of, **more))
        session.flush()
        told = {"provider_reversal_id": f"trr_{new_id().hex}", "returned_at": NOON, "status": "returned"}
        row = {"tenant_id": hospital, "transfer_id": came_back, "amount_minor": 500, "currency": "CNY"}
        session.add(TransferReturn(**row, **told))

    listed = json.loads(tandem("settlements", "transfers", "--hospital", str(hospital), "--json").stdout)
    withdrawn = tandem("settlements", "withdraw", str(hospital), str(waits), "--because", "paid by bank")
    again = tandem("settlements", "withdraw", str(hospital), str(waits), "--because", "paid by bank")
    shown = tandem("settlements", "transfers", "--hospital", str(hospital)).stdout

    assert [each["status"] for each in listed["transfers"]] == ["reversed", "asked"]
    assert [each["status"] for each in listed["returns"]] == ["returned"]
    assert (withdrawn.exit_code, again.exit_code) == (0, 2)
    assert "withdrawn paid by bank" in shown
    assert "made at the provider" in shown


def test_employers_statements_are_listed_beside_hospitals_and_each_says_whose_it_is(
    tandem: Tandem, hospital: UUID, work: Callable[..., int], at: Callable[[datetime], None], tmp_path: Path
) -> None:
    at(NOON)
    employer = issued(a_customer()).tenant_id
    work(employer)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    with acting_for(employer, operator=True), transaction():
        propose_employer_statement(date(2026, 9, 30))

    everybodys = json.loads(tandem("settlements", "list", "--json").stdout)
    shown = tandem("settlements", "list", "--employer", str(employer))
    (mine,) = [row for row in everybodys["employer_statements"] if row["tenant_id"] == str(employer)]
    kit = tandem("settlements", "kit", mine["id"], "--out", str(tmp_path / "kit"))
    verified = tandem("settlements", "verify", "--employer", str(employer))

    kinds = {row["tenant_id"]: row["party_kind"] for rows in everybodys.values() for row in rows}
    assert (kinds[str(hospital)], kinds[str(employer)]) == ("hospital", "employer")
    assert kit.exit_code == 0, kit.output
    assert json.loads((tmp_path / "kit" / "manifest.json").read_text())["employer_id"] == str(employer)
    assert (mine["invoiced_minor"], mine["open_minor"], mine["unspent_minor"]) == (300_000, 300_000, 0)
    assert all(each in shown.stdout for each in (str(employer), "2026-09-30", "proposed", "¥3,000.00"))
    assert "hospital" not in shown.stdout
    assert "1 statements run again, 0 changed" in verified.stdout


def test_a_day_is_reconciled_and_its_differences_listed(
    tandem: Tandem, hospital: UUID, thief: Callable[[str], None]
) -> None:
    thief("UPDATE fee_accrual SET fee_minor = fee_minor - 1 WHERE tenant_id = %s")

    ran = tandem("reconcile", "run", "--tenant", str(hospital), "--day", "2026-09-01")
    listed = tandem("reconcile", "list", "--tenant", str(hospital), "--status", "open", "--json")

    assert ran.exit_code == 0, ran.output
    told = json.loads(listed.stdout)["discrepancies"]
    assert {row["kind"]: (row["owner"], row["amount_at_risk_minor"]) for row in told} == {
        "fees_differ": ("operator", 1),
        "split_differs": ("operator", 1),
    }


def test_the_desk_shows_what_is_unresolved_and_its_roots(
    tandem: Tandem, hospital: UUID, thief: Callable[[str], None]
) -> None:
    thief("UPDATE fee_accrual SET fee_minor = fee_minor - 1 WHERE tenant_id = %s")
    tandem("reconcile", "run", "--tenant", str(hospital), "--day", "2026-09-01")

    desk = tandem("reconcile", "desk", "--tenant", str(hospital), "--sort", "age", "--json")
    roots = tandem("reconcile", "desk", "--tenant", str(hospital), "--groups", "--json")
    shown = tandem("reconcile", "desk", "--tenant", str(hospital))
    full = tandem("reconcile", "full", "--tenant", str(hospital))
    nothing = tandem("reconcile", "release", "--tenant", str(hospital), "--comparison", "R5.fees", "--because", "so")

    assert "fees_differ" in {row["kind"] for row in json.loads(desk.stdout)}
    assert {row["discrepancies"] for row in json.loads(roots.stdout)} == {1}
    assert (shown.exit_code, full.exit_code) == (0, 0), full.output
    assert str(hospital) in shown.stdout
    assert nothing.exit_code == 2
    assert "This comparison is not parked. Look at the desk" in nothing.stderr
