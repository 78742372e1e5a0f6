"""An employer of ten asks every door it has: whether all of its people were ill or none, the answers are the same."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from b2b.reports.jobs import report_contract
from tandem.billing import entitlements
from tandem.billing.invoices import record_invoice_payment
from tandem.billing.invoices.models import Invoice
from tandem.billing.ledger import mirror_book
from tandem.billing.settlements import EmployerStatement, propose_employer_statement
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.architecture.walker import Door, doors
from tests.employers import Employee, Employer, employees
from tests.people import a_key, once
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.programmes import login_of

At = Callable[[datetime], None]
Work = Callable[..., int]
PRICE = 7_654
# What differs between any two organisations, whatever their people do: names, numbers, seals, sizes of what holds them.
_OWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}|\+?\d*\*+\d+|\+861\d{10}"
    r"|[0-9A-HJ-NP-RTUWXY]{18}|B2B-[0-9A-Z]{10}|华东制造[0-9a-f]{8}|care-[0-9a-f]{12}|\"(?:hint|next|bytes)\":[^,}]+"
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Small:
    """An employer with ten people, its programme paid for, and what its HR can find out."""

    def __init__(self, work: Work, hospital: UUID) -> None:
        self.employer, self.hospital, self.work = Employer(work, hospital_ids=[hospital]), hospital, work
        self.staff: list[Employee] = employees(10)
        self.employer.upload(self.staff)
        with acting_for(self.employer.id), transaction():
            invoice = session.scalars(select(Invoice).where(Invoice.tenant_id == self.employer.id)).one()
            record_invoice_payment(
                invoice.id, amount_minor=invoice.total_minor, paid_on=date(2026, 9, 1), reference="B-1"
            )
        self.employer.settle()

    def falls_ill(self) -> None:
        """Everybody accepts the benefit and goes to see a doctor; one gets the visit back."""
        programme, payments = self.employer.programme_id, []
        for each in self.staff:
            person = new_id()
            with acting_for(programme), transaction():
                entitlement = entitlements.activate(person, login_of(each.phone))
            payment = a_payment(self.hospital, PRICE, programme=programme)
            with acting_for(programme), transaction():
                where: dict[str, Any] = {"hospital_id": self.hospital, "person_id": person, "on": NOON.date()}
                entitlements.reserve(entitlement, key=payment, **where)
                entitlements.consume(entitlement, key=payment, at=NOON)
            a_delivered_visit(self.hospital, payment, PRICE, at=NOON, programme_id=programme)
            payments.append(payment)
        a_refund(self.hospital, payments[0], PRICE)
        self.work(self.hospital, programme)
        with acting_for(self.hospital):
            mirror_book()

    def month_ends(self) -> EmployerStatement:
        with acting_for(self.employer.id):
            report_contract(self.employer.contract_id)
        with acting_for(self.employer.id, operator=True), transaction():
            return propose_employer_statement(date(2026, 9, 30))

    def asks_everything(self, app: Flask, client: FlaskClient, statement: EmployerStatement) -> dict[str, str]:
        """Every read with every id that any answer gives away, and every word HR has in a dispute."""
        hr = a_key(self.employer.id, "employer", "employer_admin")
        answers: dict[str, str] = {}
        line = f"/api/employer/v1/settlement_statements/{statement.id}/lines/{self.employer.programme_id}"
        for figure in ("invoiced", "paid", "drawn", "unspent"):
            wish = {"withheld_minor": 10**9, "because": "?", "evidence": "?"}
            said = client.post(f"{line}/{figure}/disputes", json=wish, headers=hr | once())
            answers[f"dispute {figure}"] = f"{said.status_code} {said.text}"
        # An invoice's paper says what its JSON says, and takes long to print.
        paper = ("application/pdf", "spreadsheetml")
        reads = [door for door in doors(app, "employer") if door.method == "GET"]
        reads = [door for door in reads if not any(each in door.route.mimetype for each in paper)]
        known: set[UUID] = {self.employer.contract_id, self.employer.programme_id, statement.id}
        for door in sorted(reads, key=lambda each: (len(each.ids), each.rule.rule)):
            for ids in self._ways(door, known):
                told = self._asked(client, door, hr, ids)
                if len(door.ids) == 0:
                    known |= {UUID(each) for each in _UUID.findall(told)}
                answers.setdefault(f"{door.rule.rule} {len(answers) if '404' not in told[:4] else ''}".strip(), told)
        return answers

    def _ways(self, door: Door, known: set[UUID]) -> list[dict[str, UUID]]:
        if len(door.ids) == 2:
            first = {"contract_id": self.employer.contract_id, "statement_id": statement_of(self.employer.id)}
            return [{name: first.get(name, each) for name in door.ids} for each in sorted(known)]
        return [dict.fromkeys(door.ids, each) for each in sorted(known)] if door.ids else [{}]

    def _asked(self, client: FlaskClient, door: Door, hr: dict[str, str], ids: dict[str, UUID]) -> str:
        answer = client.get(door.address(**ids), headers=hr)
        if answer.mimetype == "application/zip":
            archive = zipfile.ZipFile(io.BytesIO(answer.data))
            return "".join(archive.read(name).decode() for name in archive.namelist())
        return f"{answer.status_code} {answer.get_data(as_text=True) if answer.is_json else answer.mimetype}"


def statement_of(employer: UUID) -> UUID:
    with acting_for(employer):
        return session.scalars(select(EmployerStatement.id).where(EmployerStatement.tenant_id == employer)).one()


def impersonal(told: str) -> str:
    return _OWN.sub("·", told)


@pytest.fixture
def twins(app: Any, work: Work, at: At) -> tuple[Small, Small]:
    """Two employers of ten, alike in everything that HR itself did."""
    at(NOON)
    return Small(work, a_hospital_with_an_agreement()), Small(work, a_hospital_with_an_agreement())


@pytest.mark.slow
def test_no_door_tells_a_small_employer_whether_its_people_were_ill(
    app: Flask, twins: tuple[Small, Small], client: FlaskClient, at: At
) -> None:
    ill, _ = twins
    ill.falls_ill()
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statements = [each.month_ends() for each in twins]

    of_ill, of_well = (
        each.asks_everything(app, client, statement) for each, statement in zip(twins, statements, strict=True)
    )

    assert any("/kit" in door for door in of_ill)
    assert any("reports" in door for door in of_ill)
    heard, unheard = ({impersonal(told) for told in answers.values()} for answers in (of_ill, of_well))
    assert sorted(heard ^ unheard) == []
    # As a number: ids and seals are full of digits.
    assert not any(re.search(rf"\b{PRICE}\b", told) for told in of_ill.values())
