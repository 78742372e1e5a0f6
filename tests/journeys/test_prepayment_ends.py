"""A prepayment from its first fen to its last: paid in, drawn by visits, and its rest given back or handed on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tandem.billing.invoices import Invoice, record_invoice_payment
from tandem.billing.ledger import balance_minor, mirror_book
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.employers import Employer, employees
from tests.people import once, operator_staff, staff
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment

PRICE = 1_500
PAYEE = {"name": "华东制造有限公司", "bank": "中国银行", "account": "6222 0000 2222"}
At = Callable[[datetime], None]


class Prepaid:
    """An employer that prepaid for ten heads, twenty yuan each, of which some visits were drawn."""

    def __init__(self, client: FlaskClient, work: Callable[..., int], at: At) -> None:
        self.client, self.work, self.at = client, work, at
        self.hospital = a_hospital_with_an_agreement()
        self.employer = Employer(work, hospital_ids=[self.hospital])
        self.id, self.programme = self.employer.id, self.employer.programme_id
        self.employer.upload(employees(10))
        self.url = f"/api/operator/v1/employers/{self.id}/prepayment_closings"

    @property
    def finance(self) -> dict[str, str]:
        """Signed in just now: these stories last longer than a session."""
        return operator_staff("operator_finance")

    @property
    def hr(self) -> dict[str, str]:
        return staff(self.id, "employer", "employer_admin")

    def pays(self) -> UUID:
        with acting_for(self.id), transaction():
            [invoice] = session.scalars(select(Invoice).where(Invoice.tenant_id == self.id)).all()
            facts = {"amount_minor": 20_000, "paid_on": clock.today(), "reference": "B-1"}
            record_invoice_payment(invoice.id, **facts)  # type: ignore[arg-type]  # a shorthand
            invoice_id: UUID = invoice.id
        self.work(self.id)
        return invoice_id

    def draws(self, visits: int) -> None:
        for _ in range(visits):
            payment = a_payment(self.hospital, PRICE, programme=self.programme)
            a_delivered_visit(self.hospital, payment, PRICE, at=clock.now(), programme_id=self.programme)
        self.work(self.hospital)
        with acting_for(self.hospital):
            mirror_book()

    def ends(self) -> None:
        self.employer.terminate()
        self.at(clock.now() + timedelta(days=8))

    def propose(self, policy: str = "refunded", following: UUID | None = None) -> Any:
        wish = {"programme_id": str(self.programme), "policy": policy}
        wish |= {} if following is None else {"following_programme_id": str(following)}
        return self.client.post(self.url, json=wish, headers=self.finance | once())

    def answers(self, closing: Any, word: str = "acceptance") -> Any:
        url = f"/api/employer/v1/prepayment_closings/{closing['id']}/{word}"
        answer = self.client.post(url, headers=self.hr | once())
        self.work(self.id, OPERATOR_ID)
        with acting_for(self.id):
            mirror_book()
        return answer

    def book(self) -> dict[str, int]:
        codes = ("prepaid.benefits", "exp.benefits", "ap.operator", "cash.bank")
        with acting_for(self.id):
            return {code: sum_ for code in codes if (sum_ := balance_minor(code))}

    def operators_minor(self, programme: UUID | None = None) -> int:
        """What the operator's book says a programme has coming."""
        with acting_for(OPERATOR_ID):
            return -balance_minor("prepaid.programme", party_id=programme or self.programme)


@pytest.fixture
def prepaid(app: Any, client: FlaskClient, work: Callable[..., int], at: At) -> Prepaid:
    return Prepaid(client, work, at)


def test_what_is_left_of_a_prepayment_is_owed_back_and_paid_out(prepaid: Prepaid) -> None:
    prepaid.pays()
    prepaid.draws(3)
    running = prepaid.book()
    prepaid.ends()

    closing = prepaid.propose().json
    accepted = prepaid.answers(closing)
    closed = prepaid.book()
    wish = {"prepayment_closing_id": closing["id"], "because": "contract over", "payee": PAYEE}
    wish |= {"amount": {"amount_minor": 15_500, "currency": "CNY"}}
    url = f"/api/operator/v1/organizations/{prepaid.id}/repayments"
    made: Any = prepaid.client.post(url, json=wish, headers=prepaid.finance | once()).json
    twice: Any = prepaid.client.post(url, json=wish, headers=prepaid.finance | once())
    prepaid.client.post(f"{url}/{made['id']}/approval", headers=operator_staff() | once())
    paid = {"paid_on": f"{clock.today()}", "bank_reference": "OUT-9"}
    prepaid.client.post(f"{url}/{made['id']}/transfers", json=paid, headers=prepaid.finance | once())
    prepaid.work(prepaid.id)

    assert running == {"prepaid.benefits": 20_000, "cash.bank": -20_000}
    assert (closing["unused"]["amount_minor"], accepted.json["status"]) == (20_000 - 3 * PRICE, "accepted")
    assert closed == {"exp.benefits": 4_500, "ap.operator": 15_500, "cash.bank": -20_000}
    assert prepaid.operators_minor() == 0
    assert (twice.status_code, twice.json["type"]) == (409, "/problems/nothing-owed-back")
    assert prepaid.book() == {"exp.benefits": 4_500, "cash.bank": -4_500}


def test_what_is_left_serves_the_following_programme_in_both_books(prepaid: Prepaid, work: Callable[..., int]) -> None:
    prepaid.pays()
    prepaid.draws(3)
    prepaid.ends()
    following = Employer(work, id=prepaid.id, hospital_ids=[prepaid.hospital]).programme_id
    foreign = Employer(work).programme_id

    refused = prepaid.propose("rolled_over", foreign)
    itself = prepaid.propose("rolled_over", prepaid.programme)
    prepaid.answers(prepaid.propose("rolled_over", following).json)
    prepaid.work(prepaid.id)

    assert [refused.status_code, itself.status_code] == [422, 422]
    with acting_for(prepaid.id):
        held = {each: balance_minor("prepaid.benefits", party_id=each) for each in (prepaid.programme, following)}
    # The following contract asks for twenty yuan a head of its own.
    assert held == {prepaid.programme: 0, following: 20_000 + 15_500}
    assert (prepaid.operators_minor(), prepaid.operators_minor(following)) == (0, 20_000 + 15_500)


def test_nothing_is_given_back_that_is_running_unpaid_or_dealt_with(prepaid: Prepaid) -> None:
    running = prepaid.propose()
    prepaid.ends()
    unpaid = prepaid.propose()
    invoice_id = prepaid.pays()
    closing = prepaid.propose().json
    again = prepaid.propose()
    credit: Any = prepaid.client.post(
        f"/api/operator/v1/organizations/{prepaid.id}/invoices/{invoice_id}/credit_notes",
        json={"because": "twice?"}, headers=prepaid.finance | once(),
    )  # fmt: skip
    declined = prepaid.answers(closing, "refusal")
    late = prepaid.answers(closing)

    told = [each.json["type"].removeprefix("/problems/") for each in (running, unpaid, again, credit, late)]
    assert told[:4] == ["prepayment-running", "prepayment-unpaid", "prepayment-closed", "prepayment-closed"]
    assert told[4] == "transition-refused"
    assert (declined.json["status"], prepaid.book()) == ("declined", {"prepaid.benefits": 20_000, "cash.bank": -20_000})


def test_what_was_credited_a_moment_ago_is_not_given_back_again_with_the_rest(prepaid: Prepaid) -> None:
    invoice_id = prepaid.pays()
    prepaid.ends()
    url = f"/api/operator/v1/organizations/{prepaid.id}/invoices"
    part = {"because": "two heads left", "lines": [{"line_no": 1, "amount_minor": 4_000}]}
    prepaid.client.post(f"{url}/{invoice_id}/credit_notes", json=part, headers=prepaid.finance | once())

    unbooked: Any = prepaid.propose()
    prepaid.work(prepaid.id, OPERATOR_ID)
    closing: Any = prepaid.propose().json
    late = {"series": "TDM", "first_day": "2026-11-01", "last_day": "2026-11-30", "due_on": "2027-12-31"}
    late |= {"programme_id": str(prepaid.programme), "lines": [
        {"code": "heads", "text": "late heads", "quantity": "1", "unit_price": "100", "amount_minor": 100}
    ]}  # fmt: skip
    drafted: Any = prepaid.client.post(url, json=late, headers=prepaid.finance | once()).json
    issued: Any = prepaid.client.post(f"{url}/{drafted['id']}/issuance", headers=prepaid.finance | once())

    assert (unbooked.status_code, unbooked.json["type"]) == (409, "/problems/prepayment-unbooked")
    assert closing["unused"]["amount_minor"] == 16_000
    assert (issued.status_code, issued.json["type"]) == (409, "/problems/prepayment-closed")


def test_a_rest_that_has_changed_is_proposed_anew_and_only_the_employer_decides(prepaid: Prepaid) -> None:
    prepaid.pays()
    prepaid.ends()
    closing = prepaid.propose().json
    prepaid.draws(1)

    changed = prepaid.answers(closing)
    stranger = staff(Employer(prepaid.work).id, "employer", "employer_admin")
    foreign: Any = prepaid.client.post(
        f"/api/employer/v1/prepayment_closings/{closing['id']}/acceptance", headers=stranger | once()
    )
    with acting_for(prepaid.id, operator=True), pytest.raises(IntegrityError, match="decides"):
        session.connection().exec_driver_sql(
            f"UPDATE prepayment_closing SET status = 'accepted', decided_at = now() WHERE id = '{closing['id']}'"
        )

    assert (changed.status_code, changed.json["type"]) == (409, "/problems/prepayment-changed")
    assert foreign.status_code == 404
