"""What an employer prepaid, what was drawn, what is left: sums of many, never people, and both sides' hands on them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from tandem.accounts import create_organization
from tandem.billing import entitlements
from tandem.billing.invoices import record_invoice_payment
from tandem.billing.ledger import balance_minor, mirror_book
from tandem.billing.settlements import EmployerStatement, employer_document_of, propose_employer_statement
from tandem.billing.settlements.errors import NothingPrepaid, PeriodAlreadySettled, PeriodNotOver
from tandem.billing.settlements.queries import lines_of_employer_statement
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import a_customer, a_line, credited, issued
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.programmes import a_mobile, login_of

Work = Callable[..., int]
At = Callable[[datetime], None]
SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 31)
PRICE = 5_000


@dataclass
class Prepaying:
    """An employer with a programme of sixty members, and the hospital where they use it."""

    work: Work
    members: int = 60
    id: UUID = field(default_factory=a_customer)
    programme: UUID = field(default_factory=new_id)
    hospital: UUID = field(default_factory=a_hospital_with_an_agreement)
    entitled: list[tuple[UUID, UUID]] = field(default_factory=list)

    def __post_init__(self) -> None:
        phones = [a_mobile() for _ in range(self.members)]
        days = {"valid_from": date(2026, 8, 1), "valid_to": date(2027, 8, 1)}
        with acting_for(self.programme), transaction():
            entitlements.admit_hospital(self.hospital)
            entitlements.grant([entitlements.Grant(new_id(), login_of(each), 4, **days) for each in phones])
            for each in phones[:20]:
                person = new_id()
                self.entitled.append((person, entitlements.activate(person, login_of(each))))

    def prepays(self, amount_minor: int, *, of_which_paid: int | None = None) -> Any:
        """The operator invoices the programme; the employer pays all or a part of it."""
        invoice = issued(self.id, a_line(amount_minor), programme_id=self.programme)
        paid = amount_minor if of_which_paid is None else of_which_paid
        if paid:
            with acting_for(self.id), transaction():
                record_invoice_payment(invoice.id, amount_minor=paid, paid_on=date(2026, 9, 1), reference="B-1")
        self.work(self.id)
        return invoice

    def draw(self, people: int, when: datetime = NOON) -> list[UUID]:
        """So many members each use one unit; their payments."""
        payments = []
        for person, entitlement in self.entitled[:people]:
            payment = a_payment(self.hospital, PRICE, programme=self.programme)
            with acting_for(self.programme), transaction():
                where = {"hospital_id": self.hospital, "person_id": person, "on": when.date()}
                entitlements.reserve(entitlement, key=payment, **where)
                entitlements.consume(entitlement, key=payment, at=when)
            a_delivered_visit(self.hospital, payment, PRICE, at=when, programme_id=self.programme)
            payments.append(payment)
        self.work(self.hospital)
        with acting_for(self.hospital):
            mirror_book()
        return payments

    def proposed(self, through: date = SEPTEMBER) -> EmployerStatement:
        with acting_for(self.id, operator=True), transaction():
            return propose_employer_statement(through)

    def line(self, statement: EmployerStatement) -> Any:
        """The one line of a statement of one programme."""
        with acting_for(self.id):
            (line,) = lines_of_employer_statement(statement.id)
        return line

    def again(self, statement: EmployerStatement) -> tuple[bytes, str]:
        with acting_for(self.id):
            return employer_document_of(statement)


@pytest.fixture
def employer(app: Any, work: Work, at: At) -> Prepaying:
    at(NOON)
    return Prepaying(work)


def test_a_statement_says_what_was_prepaid_drawn_open_and_unspent(employer: Prepaying, at: At) -> None:
    employer.prepays(200_000, of_which_paid=150_000)
    employer.draw(12)
    at(datetime(2026, 10, 2, tzinfo=UTC))

    statement = employer.proposed()

    assert (statement.invoiced_minor, statement.paid_minor, statement.open_minor) == (200_000, 150_000, 50_000)
    assert (statement.drawn_minor, statement.unspent_minor) == (12 * PRICE, 150_000 - 12 * PRICE)
    line = employer.line(statement)
    assert (line["programme_id"], line["units_drawn"], line["drawn_minor"]) == (employer.programme, 12, 12 * PRICE)


def test_the_statement_agrees_with_both_books(employer: Prepaying, at: At) -> None:
    invoice = employer.prepays(200_000)
    employer.draw(12)
    credited(invoice)
    employer.work(employer.id)
    at(datetime(2026, 10, 2, tzinfo=UTC))

    statement = employer.proposed()

    with acting_for(employer.id):
        assert statement.open_minor == -balance_minor("ap.operator") == -200_000
    with acting_for(OPERATOR_ID):
        assert statement.drawn_minor == balance_minor("prepaid.programme", party_id=employer.programme)


def test_a_programme_of_fewer_than_eleven_members_shows_no_figure_of_its_own(
    app: Any, work: Work, at: At, client: FlaskClient
) -> None:
    at(NOON)
    small = Prepaying(work, members=10)
    small.prepays(100_000)
    small.draw(10)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statement, admin = small.proposed(), a_key(small.id, "employer", "employer_admin")

    told = client.get(f"/api/employer/v1/settlement_statements/{statement.id}", headers=admin).json

    assert [told["lines"][0][name] for name in ("units_drawn", "drawn_minor")] == [None, None]
    assert (told["drawn_minor"], told["unspent_minor"], told["paid_minor"]) == (0, 100_000, 100_000)
    assert str(10 * PRICE) not in small.again(statement)[0].decode()


def test_an_employers_paper_tells_no_more_than_its_statement_and_adds_up(
    app: Any, work: Work, at: At, client: FlaskClient
) -> None:
    at(NOON)
    small = Prepaying(work, members=10)
    with acting_for(small.programme), transaction():
        create_organization(kind="programme", name="云启 · 年度健康计划", source="contract")
    small.prepays(100_000, of_which_paid=80_000)
    small.draw(10)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statement, admin = small.proposed(), a_key(small.id, "employer", "employer_admin")
    base = f"/api/employer/v1/settlement_statements/{statement.id}/document"

    paper, workbook = (client.get(f"{base}.{ending}", headers=admin) for ending in ("pdf", "xlsx"))

    words = "".join(page.extract_text() for page in PdfReader(BytesIO(paper.data)).pages)
    (sheet,) = load_workbook(BytesIO(workbook.data)).worksheets
    rows = {row[0]: row[1:8] for row in sheet.iter_rows(values_only=True)}
    untold = ["未披露 Not told"] * 2
    assert list(rows["云启 · 年度健康计划"]) == [1000, 800, *untold, 0, 200, 800]
    assert rows["结算单所载 As the statement says"] == (1000, 800, None, 0, 0, 200, 800)
    assert [each and each[:5] for each in rows["合计 Total"]] == ["=SUM(", "=SUM(", None, *["=SUM("] * 4]
    assert all(
        each in words
        for each in ("云启 · 年度健康计划", "未披露", "甲方应付乙方", "贰佰元整", statement.document_sha256)
    )
    # Ten visits of fifty yuan: neither their sum nor what it would leave stands anywhere.
    assert not {"500.00", "300.00"} & set(words.split())
    assert not {500, 300} & {cell for row in sheet.iter_rows(values_only=True) for cell in row}


@pytest.mark.parametrize("drew", [0, 1, 10])
def test_of_sixty_members_fewer_than_eleven_who_drew_show_no_figure(employer: Prepaying, at: At, drew: int) -> None:
    employer.prepays(100_000)
    employer.draw(drew)
    at(datetime(2026, 10, 2, tzinfo=UTC))

    line = employer.line(employer.proposed())

    assert (line["is_told"], line["drawn_minor"], line["unspent_minor"]) == (False, None, 100_000)


def test_one_member_who_drew_often_is_one_member(employer: Prepaying, at: At) -> None:
    employer.prepays(100_000)
    for _ in range(4):
        employer.draw(3)
    at(datetime(2026, 10, 2, tzinfo=UTC))

    assert not employer.line(employer.proposed())["is_told"]


def test_draws_of_too_few_are_told_with_later_ones_and_are_lost_nowhere(employer: Prepaying, at: At) -> None:
    employer.prepays(200_000)
    employer.draw(5)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    first = employer.proposed()
    at(datetime(2026, 11, 2, tzinfo=UTC))
    employer.draw(11, NOON + timedelta(days=31))

    second = employer.proposed(OCTOBER)

    assert (first.drawn_minor, second.drawn_minor) == (0, 16 * PRICE)
    assert second.unspent_minor == 200_000 - 16 * PRICE


def test_of_twelve_who_drew_two_who_gave_it_back_leave_ten_and_no_figure(employer: Prepaying, at: At) -> None:
    employer.prepays(100_000)
    payments = employer.draw(12)
    for (_, entitlement), payment in zip(employer.entitled[:2], payments, strict=False):
        with acting_for(employer.programme), transaction():
            entitlements.release(entitlement, key=payment)
        a_refund(employer.hospital, payment, PRICE)
    employer.work(employer.hospital)
    with acting_for(employer.hospital):
        mirror_book()
    at(datetime(2026, 10, 2, tzinfo=UTC))

    statement = employer.proposed()

    assert [employer.line(statement)[name] for name in ("units_drawn", "drawn_minor")] == [None, None]
    assert (statement.drawn_minor, statement.unspent_minor) == (0, 100_000)


def test_what_comes_late_stands_in_the_next_statement_and_nowhere_twice(employer: Prepaying, at: At) -> None:
    employer.prepays(200_000)
    payment = employer.draw(12)[0]
    at(datetime(2026, 10, 2, tzinfo=UTC))
    first = employer.proposed()
    a_refund(employer.hospital, payment, PRICE)
    at(datetime(2026, 11, 2, tzinfo=UTC))
    employer.draw(13, NOON + timedelta(days=31))

    second = employer.proposed(OCTOBER)

    assert (first.drawn_minor, second.drawn_minor) == (12 * PRICE, 12 * PRICE)
    assert second.unspent_minor == first.unspent_minor - second.drawn_minor
    with acting_for(OPERATOR_ID):
        assert second.unspent_minor == -balance_minor("prepaid.programme", party_id=employer.programme)


def test_rerunning_an_employers_statement_gives_the_same_bytes(employer: Prepaying, at: At) -> None:
    employer.prepays(200_000)
    employer.draw(12)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statement = employer.proposed()
    before = employer.again(statement)

    employer.draw(13)
    employer.prepays(70_000)

    assert employer.again(statement) == before
    assert before[1] == statement.document_sha256
    assert employer.proposed().id == statement.id


def test_an_enterprise_that_goes_bankrupt_with_a_prepaid_balance_leaves_it_as_what_the_operator_owes(
    employer: Prepaying, at: At
) -> None:
    employer.prepays(300_000)
    employer.draw(14)
    with acting_for(employer.programme), transaction():
        entitlements.close_programme()
    at(datetime(2026, 11, 2, tzinfo=UTC))

    last = employer.proposed(OCTOBER)

    assert last.unspent_minor == 300_000 - 14 * PRICE
    with acting_for(OPERATOR_ID):
        assert last.unspent_minor == -balance_minor("prepaid.programme", party_id=employer.programme)


def test_operator_proposes_the_employers_own_people_confirm_and_the_operator_closes(
    employer: Prepaying, at: At, client: FlaskClient
) -> None:
    employer.prepays(100_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    admin = a_key(employer.id, "employer", "employer_admin")
    base = f"/api/operator/v1/employers/{employer.id}/settlement_statements"
    mine = "/api/employer/v1/settlement_statements"

    draft = client.post(base, json={"last_day": "2026-09-30", "as_draft": True}, headers=operator | once()).json
    one = f"{base}/{draft['id']}"
    too_early = client.post(f"{mine}/{draft['id']}/confirmation", headers=admin | once())
    unseen = [client.get(f"{mine}/{draft['id']}{part}", headers=admin).status_code for part in ("", "/kit")]
    unlisted = client.get(mine, headers=admin).json["data"]
    client.post(f"{one}/proposal", headers=operator | once())
    unsigned = client.post(f"{one}/closure", headers=operator | once())
    by_operator = client.post(f"{mine}/{draft['id']}/confirmation", headers=operator | once())
    signed = client.post(f"{mine}/{draft['id']}/confirmation", headers=admin | once())
    closed = client.post(f"{one}/closure", headers=operator | once())

    assert (unseen, unlisted) == ([404, 404], [])
    assert (draft["status"], too_early.status_code, unsigned.status_code) == ("draft", 409, 409)
    assert (by_operator.status_code, signed.status_code, signed.json["status"]) == (401, 201, "paid")
    assert (closed.json["status"], closed.json["is_reproduced"]) == ("closed", True)
    for address, who in ((base, operator), (mine, admin)):
        assert [row["id"] for row in client.get(address, headers=who).json["data"]] == [draft["id"]]
    everybody = client.get("/api/operator/v1/employer_settlement_statements?limit=1", headers=operator).json
    assert everybody["data"][0].keys() == client.get(base, headers=operator).json["data"][0].keys()


@pytest.mark.parametrize(
    ("operator", "change", "why"),
    [
        (True, {"status": "confirmed"}, "an employer confirms its own"),
        (False, {"unspent_minor": 0}, "what it says never changes"),
        (False, {"status": "draft"}, "what it says never changes"),
    ],
)
def test_the_operators_role_signs_nothing_for_an_employer_and_nobody_rewrites_what_was_proposed(
    employer: Prepaying, at: At, operator: bool, change: dict[str, Any], why: str
) -> None:
    employer.prepays(100_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statement = employer.proposed()

    with pytest.raises(DBAPIError, match=why), acting_for(employer.id, operator=operator):
        session.execute(
            update(EmployerStatement)
            .where(EmployerStatement.tenant_id == employer.id, EmployerStatement.id == statement.id)
            .values(**change)
        )


def test_a_statement_that_no_longer_matches_the_books_is_not_confirmed(
    employer: Prepaying, at: At, client: FlaskClient, as_superuser: Callable[..., None]
) -> None:
    employer.prepays(100_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statement, admin = employer.proposed(), a_key(employer.id, "employer", "employer_admin")
    as_superuser("UPDATE entry SET amount_minor = amount_minor * 2 WHERE tenant_id = %s", employer.id)

    refused = client.post(f"/api/employer/v1/settlement_statements/{statement.id}/confirmation", headers=admin | once())

    assert (refused.status_code, refused.json["type"].rpartition("/")[2]) == (409, "statement-changed")


def test_another_employer_finds_nothing(employer: Prepaying, at: At, client: FlaskClient) -> None:
    employer.prepays(100_000)
    at(datetime(2026, 10, 2, tzinfo=UTC))
    statement, stranger = employer.proposed(), a_key(a_customer(), "employer", "employer_admin")
    one = f"/api/employer/v1/settlement_statements/{statement.id}"

    read = [
        client.get(f"{one}{path}", headers=stranger).status_code
        for path in ("", "/kit", "/document.pdf", "/document.xlsx", "/line_disputes", "/adjustments")
    ]
    wish = {"withheld_minor": 0, "because": "?", "evidence": "?"}
    correction = {"amount_minor": -1, "because": "?", "line_dispute_id": str(new_id())}
    said = [
        client.post(f"{one}/{path}", json=body, headers=stranger | once()).status_code
        for path, body in (
            ("confirmation", None),
            (f"lines/{employer.programme}/invoiced/disputes", wish),
            ("adjustments", correction),
        )
    ]

    assert (read, said) == ([404] * 6, [404] * 3)
    assert client.get("/api/employer/v1/settlement_statements", headers=stranger).json["data"] == []


def test_a_day_that_is_settled_or_goes_on_and_an_empty_book_are_refused(employer: Prepaying, at: At) -> None:
    at(datetime(2026, 10, 2, tzinfo=UTC))

    with pytest.raises(NothingPrepaid):
        employer.proposed()
    employer.prepays(100_000)
    employer.proposed()
    with pytest.raises(PeriodAlreadySettled):
        employer.proposed(SEPTEMBER - timedelta(days=1))
    with pytest.raises(PeriodNotOver):
        employer.proposed(OCTOBER)
