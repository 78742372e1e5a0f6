"""A frozen book: whoever would post to it is told so, whoever only decides may, and all of it is booked at the thaw."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tandem.billing.ledger import balance_minor, freeze_book, thaw_book
from tandem.billing.ledger.verification import verify_books, verify_mirrors
from tandem.billing.payments import waive
from tandem.billing.payments.models import ALONE_UP_TO_MINOR
from tandem.billing.settlements import propose_statement
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.digests import job_states
from tests.platform.billing.invoices.money import a_customer, drafted
from tests.platform.billing.money import NOON, a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund

At = Callable[[datetime], None]
Work = Callable[..., int]
YUAN = "CNY"


class Frozen:
    """A hospital and an employer in the middle of things, and nobody's book open."""

    def __init__(self, work: Work) -> None:
        self.hospital, self.employer = a_hospital_with_an_agreement(), a_customer()
        self.paid = a_payment(self.hospital, 10_000)
        a_delivered_visit(self.hospital, self.paid, 10_000)
        work(self.hospital)
        with acting_for(self.hospital), transaction():
            self.statement = propose_statement(NOON.date()).id
        self.granted, self.asked = self._waiver(500), self._waiver(ALONE_UP_TO_MINOR + 1)
        self.draft = drafted(self.employer).id
        self.finance = a_key(self.hospital, "hospital", "hospital_finance")
        self.supervisor = a_key(OPERATOR_ID, "operator", "operator_supervisor")
        self.each(freeze_book)

    def _waiver(self, amount_minor: int) -> UUID:
        borne: dict[str, Any] = {"bearer": "charity", "bearer_name": "红十字会", "reason": "hardship", "by": new_id()}
        with acting_for(self.hospital), transaction():
            return waive(order_type="story", order_id=new_id(), amount=Money(amount_minor, YUAN), **borne).id

    def wishes(self) -> dict[str, tuple[str, Any]]:
        """What people ask for: a path, and what they send."""
        money, borne = {"amount_minor": 100, "currency": YUAN}, {"bearer": "hospital_fund", "reason": "hardship"}
        hospital, operator = "/api/hospital/v1", "/api/operator/v1"
        waivers, invoices = f"{hospital}/waivers", f"{operator}/organizations/{self.employer}/invoices"
        receipt, paid = {"received_on": "2026-09-20", "reference": "R1"}, {"paid_on": "2026-09-20", "reference": "B1"}
        part = {"because": "too many", "lines": [{"line_no": 1, "amount_minor": 50}]}
        statement = f"settlement_statements/{self.statement}"
        return {
            "waived": (waivers, {"order_type": "story", "order_id": str(new_id()), "amount": money} | borne),
            "approved": (f"{waivers}/{self.asked}/approval", None),
            "taken back": (f"{waivers}/{self.granted}/taking_back", {"because": "a mistake"}),
            "received": (f"{waivers}/{self.granted}/receipts", receipt | {"amount": money}),
            "signed": (f"{hospital}/{statement}/confirmation", None),
            "settled": (f"{operator}/hospitals/{self.hospital}/{statement}/payments", paid),
            "invoiced": (f"{invoices}/{self.draft}/issuance", None),
            "paid": (f"{invoices}/{self.draft}/payments", paid | {"amount": money}),
            "credited": (f"{invoices}/{self.draft}/credit_notes", part),
        }

    def ask(self, client: FlaskClient, path: str, body: Any) -> tuple[int, str | None]:
        key = self.finance if path.startswith("/api/hospital") else self.supervisor
        answer: Any = client.post(path, json=body, headers=key | once())
        return answer.status_code, answer.json.get("type")

    def book(self) -> dict[str, int]:
        """What the hospital's book says of the visit."""
        with acting_for(self.hospital):
            return {code: balance_minor(code) for code in ("rev.medical", "exp.operator_fee", "ap.operator")}

    def each(self, change: Callable[..., None]) -> None:
        for tenant in (self.hospital, self.employer, OPERATOR_ID):
            with acting_for(tenant), transaction():
                change(because="an inspection")


@pytest.fixture
def frozen(app: Flask, work: Work) -> Any:
    made = Frozen(work)
    yield made
    made.each(thaw_book)


def test_a_frozen_book_refuses_by_a_problem_and_what_is_decided_meanwhile_is_booked_at_the_thaw(
    client: FlaskClient, frozen: Frozen, work: Work, at: At
) -> None:
    told = {name: frozen.ask(client, *wish) for name, wish in frozen.wishes().items()}
    a_refund(frozen.hospital, frozen.paid, 4_000)
    for _ in range(10):
        at(clock.now() + timedelta(minutes=10))
        work(frozen.hospital, frozen.employer)
    waiting = [job_states(each) for each in (frozen.hospital, frozen.employer)]
    unmoved = frozen.book()
    frozen.each(thaw_book)
    at(clock.now() + timedelta(minutes=10))
    work(frozen.hospital, frozen.employer)

    posts, decides = told["waived"], told["invoiced"]
    assert posts == (409, "/problems/book-frozen")
    assert {name for name, each in told.items() if each == posts} == {"waived", "approved", "taken back", "received"}
    assert {name for name, each in told.items() if each == decides} == told.keys() - {
        "waived", "approved", "taken back", "received",
    }  # fmt: skip
    assert [each.keys() - {"done"} for each in waiting] == [{"queued"}, {"queued"}]
    assert unmoved == {"rev.medical": -10_000, "exp.operator_fee": 1_250, "ap.operator": -1_250}
    assert frozen.book() == {"rev.medical": -6_000, "exp.operator_fee": 750, "ap.operator": 500}
    for tenant in (frozen.hospital, frozen.employer):
        assert (set(job_states(tenant)), verify_mirrors(tenant)) == ({"done"}, [])
        with acting_for(tenant):
            assert [each.is_sound for each in verify_books()] == [True]
