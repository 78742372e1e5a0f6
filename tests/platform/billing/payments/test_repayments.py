"""What a customer is owed back goes back once: asked by one, decided by another, where it came from if it can."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tandem.billing.invoices import LineCredit, record_invoice_payment
from tandem.billing.ledger import balance_minor
from tandem.billing.payments import pay_invoice
from tandem.billing.payments.jobs import read_operators_account, sweep_repayments
from tandem.billing.payments.models import BalanceTransaction, Repayment
from tandem.billing.reconciliation.jobs import match_bank_lines
from tandem.billing.reconciliation.models import BankLineRow, ReconClaim
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once, operator_staff, staff
from tests.platform.billing.invoices.money import a_customer, credited, issued
from tests.platform.stripe_sandbox.stage import Sandbox

PAYEE = {"name": "杭州云启科技有限公司", "bank": "中国银行杭州分行", "account": "6222 0000 1111"}
HEADER = "日期,金额,币种,摘要,流水号,对方户名\n"


class OwedBack:
    """An employer that paid 3,000 yuan for an invoice, of which a part was credited afterwards."""

    def __init__(self, client: FlaskClient, work: Callable[..., int], provider: Sandbox | None = None) -> None:
        self.client, self.work, self.provider = client, work, provider
        self.id = a_customer()
        self.invoice = issued(self.id)
        self.finance, self.supervisor = operator_staff("operator_finance"), operator_staff("operator_supervisor")
        self.url = f"/api/operator/v1/organizations/{self.id}/repayments"

    def pays(self, *, online: bool) -> None:
        with acting_for(self.id), transaction():
            if online:
                pay_invoice(self.invoice.id, method="card", payment_method="pm_card_visa")
            else:
                facts = {"amount_minor": 300_000, "paid_on": date(2026, 9, 2), "reference": "B-1"}
                record_invoice_payment(self.invoice.id, **facts)  # type: ignore[arg-type]  # a shorthand
        self.settle()

    def is_credited(self, amount_minor: int) -> None:
        credited(self.invoice, LineCredit(1, amount_minor))
        self.settle()

    def settle(self) -> None:
        done = 1
        while done:
            done = self.work(self.id, OPERATOR_ID)
            if self.provider is not None:
                self.provider.post("/webhooks/flush", {"include_future": True})
                done += self.work(self.id, OPERATOR_ID)

    def ask(self, amount_minor: int, who: dict[str, str] | None = None, **more: Any) -> Any:
        wish = {"invoice_id": str(self.invoice.id), "amount": {"amount_minor": amount_minor, "currency": "CNY"}}
        wish |= {"because": "credited"} | more
        return self.client.post(self.url, json=wish, headers=(who or self.finance) | once())

    def tell(self, path: str, who: dict[str, str], body: dict[str, Any] | None = None) -> Any:
        return self.client.post(f"{self.url}/{path}", json=body, headers=who | once())

    def repaid(self, amount_minor: int, **more: Any) -> str:
        made = self.ask(amount_minor, **more).json
        assert self.tell(f"{made['id']}/approval", self.supervisor).status_code == 201
        self.settle()
        return str(made["id"])

    def shown(self, repayment_id: str) -> Repayment:
        with acting_for(self.id):
            return session.get_one(Repayment, (self.id, UUID(repayment_id)))

    def owed_minor(self) -> int:
        """What the customer's book says the operator owes it."""
        with acting_for(self.id):
            return balance_minor("ap.operator")


@pytest.fixture
def online(client: FlaskClient, work: Callable[..., int], provider: Sandbox) -> OwedBack:
    customer = OwedBack(client, work, provider)
    customer.pays(online=True)
    customer.is_credited(100_000)
    return customer


@pytest.fixture
def by_bank(client: FlaskClient, work: Callable[..., int]) -> OwedBack:
    customer = OwedBack(client, work)
    customer.pays(online=False)
    customer.is_credited(100_000)
    return customer


def cash(code: str) -> int:
    with acting_for(OPERATOR_ID):
        return balance_minor(code)


def test_what_was_paid_online_is_refunded_where_it_came_from_and_both_books_say_so(online: OwedBack) -> None:
    before = cash("cash.psp")
    assert online.owed_minor() == 100_000

    row = online.shown(online.repaid(100_000, payee=PAYEE))

    assert (row.method, row.status, row.is_posted, row.payee_account) == ("refund", "paid", True, None)
    assert (online.owed_minor(), cash("cash.psp") - before) == (0, -100_000)
    assert online.provider is not None
    refunds: Any = online.provider.client().v1.refunds.list({"limit": 100}).data
    assert [each.amount for each in refunds if each.metadata["tandem_key"] == str(row.id)] == [100_000]


@pytest.mark.parametrize(
    "misdeed",
    [{"lose_webhook": 1}, {"duplicate_webhook": 1}, {"timeout_after_work": {"count": 3}, "lose_webhook": 1}],
    ids=["news lost", "news doubled", "answer and news lost"],
)
def test_whatever_happens_to_the_news_it_is_given_back_once(
    online: OwedBack, at: Callable[..., None], misdeed: dict[str, Any]
) -> None:
    assert online.provider is not None
    online.provider.put("/misbehaviour", misdeed)
    repayment_id = online.repaid(60_000)
    online.provider.put("/misbehaviour", {})
    at(clock.now() + timedelta(minutes=20))
    for _ in range(2):
        with acting_for(online.id):
            sweep_repayments()
        online.settle()

    assert online.shown(repayment_id).status == "paid"
    assert online.owed_minor() == 40_000
    refunds: Any = online.provider.client().v1.refunds.list({"limit": 100}).data
    assert len([each for each in refunds if each.metadata["tandem_key"] == repayment_id]) == 1


def test_what_was_paid_at_the_bank_goes_to_a_bank_account_and_the_banks_file_proves_it(by_bank: OwedBack) -> None:
    nowhere = by_bank.ask(100_000)
    before = cash("cash.bank")
    repayment_id = by_bank.repaid(100_000, payee=PAYEE)
    instructed = by_bank.shown(repayment_id)
    assert (instructed.method, instructed.status, by_bank.owed_minor()) == ("bank_transfer", "approved", 100_000)

    content = f"{HEADER}2026-09-20,-1000.00,CNY,退款 {instructed.reference},OUT-{new_id().hex},杭州云启\n"
    key = a_key(OPERATOR_ID, "operator", "operator_finance")
    sent = by_bank.client.post(
        "/api/operator/v1/bank_statements?account=1001&profile=generic",
        data=content.encode(), headers=key | once() | {"Content-Type": "text/csv"},
    )  # fmt: skip
    with acting_for(OPERATOR_ID):
        its = select(BankLineRow.id).where(BankLineRow.tenant_id == OPERATOR_ID)
        line = session.scalars(its.where(BankLineRow.reference.contains(instructed.reference))).one()
    charge = {"reason": "bank_charge", "because": "looks like one"}
    path = f"/api/operator/v1/bank_lines/{line}/exits"
    mistaken = by_bank.client.post(path, json=charge, headers=by_bank.finance | once())
    by_bank.settle()
    with acting_for(OPERATOR_ID):
        match_bank_lines()
    by_bank.settle()

    assert (nowhere.status_code, nowhere.json["type"]) == (422, "/problems/payee-needed")
    assert sent.status_code == 201, sent.json
    assert (mistaken.status_code, mistaken.json["type"]) == (409, "/problems/bank-line-taken")
    assert (by_bank.shown(repayment_id).status, by_bank.shown(repayment_id).paid_on) == ("paid", date(2026, 9, 20))
    assert (by_bank.owed_minor(), cash("cash.bank") - before) == (0, -100_000)


def test_a_transfer_that_was_recorded_before_the_banks_file_came_explains_its_line(by_bank: OwedBack) -> None:
    number, repayment_id = f"OUT/{new_id().hex}", by_bank.repaid(40_000, payee=PAYEE)
    made = {"paid_on": "2026-09-20", "bank_reference": number}
    assert by_bank.tell(f"{repayment_id}/transfers", by_bank.finance, made).status_code == 201

    content = f"{HEADER}2026-09-20,-400.00,CNY,退款,{number},杭州云启\n2026-09-20,-400.00,CNY,退款,X{number},杭州云启\n"
    by_bank.client.post(
        f"/api/operator/v1/bank_statements?account={new_id().hex}&profile=generic",
        data=content.encode(), headers=by_bank.finance | once() | {"Content-Type": "text/csv"},
    )  # fmt: skip
    by_bank.settle()

    with acting_for(OPERATOR_ID):
        mine = select(BankLineRow.bank_reference, ReconClaim.side).outerjoin(
            ReconClaim, (ReconClaim.tenant_id == OPERATOR_ID) & (ReconClaim.claimed_id == BankLineRow.id)
        )
        named = BankLineRow.bank_reference.in_([number, f"X{number}"])
        told = session.execute(mine.where(BankLineRow.tenant_id == OPERATOR_ID, named))
        explained = {row.bank_reference: row.side for row in told}
    assert (explained, by_bank.shown(repayment_id).status) == ({number: "bank", f"X{number}": None}, "paid")


def test_nobody_gives_back_alone_nor_more_than_is_owed_nor_twice(by_bank: OwedBack) -> None:
    made = by_bank.ask(70_000, who=by_bank.supervisor, payee=PAYEE).json
    approval, transfer = f"{made['id']}/approval", {"paid_on": "2026-09-20", "bank_reference": "OUT-1"}

    alone = by_bank.tell(approval, by_bank.supervisor)
    early = by_bank.tell(f"{made['id']}/transfers", by_bank.finance, transfer)
    more = by_bank.ask(30_001, payee=PAYEE)
    other = by_bank.ask(30_000, payee=PAYEE, amount={"amount_minor": 30_000, "currency": "USD"})
    approved = by_bank.tell(approval, operator_staff("operator_supervisor"))
    again = by_bank.tell(approval, operator_staff("operator_supervisor"))
    paid = [by_bank.tell(f"{made['id']}/transfers", by_bank.finance, transfer) for _ in range(2)]
    otherwise = by_bank.tell(f"{made['id']}/transfers", by_bank.finance, transfer | {"bank_reference": "OUT-2"})
    by_bank.settle()

    assert (alone.status_code, alone.json["type"]) == (403, "/problems/repayment-needs-second")
    assert (early.status_code, early.json["type"]) == (409, "/problems/repayment-not-by-bank")
    assert (more.status_code, more.json["owed_minor"]) == (409, 30_000)
    assert [each["field"] for each in other.json["errors"]] == ["amount.currency"]
    assert (approved.status_code, again.status_code) == (201, 409)
    assert [each.json["status"] for each in paid] == ["paid", "paid"]
    assert otherwise.status_code == 409
    assert by_bank.owed_minor() == 30_000


def test_two_who_ask_at_once_do_not_ask_for_the_same_money(app: Flask, by_bank: OwedBack) -> None:
    def ask(_: int) -> int:
        with app.test_client() as client:
            wish = {"invoice_id": str(by_bank.invoice.id), "amount": {"amount_minor": 60_000, "currency": "CNY"}}
            wish |= {"because": "credited", "payee": PAYEE}
            return client.post(by_bank.url, json=wish, headers=by_bank.finance | once()).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(ask, range(4)))

    assert answers == [201, 409, 409, 409]


def test_another_customer_and_its_people_see_and_move_nothing(by_bank: OwedBack) -> None:
    made = by_bank.ask(50_000, payee=PAYEE).json
    stranger = a_customer()
    foreign = by_bank.client.post(
        f"/api/operator/v1/organizations/{stranger}/repayments/{made['id']}/approval",
        headers=by_bank.supervisor | once(),
    )
    wish = {"invoice_id": str(by_bank.invoice.id), "because": "mine", "payee": PAYEE}
    wish |= {"amount": {"amount_minor": 1, "currency": "CNY"}}
    theirs = by_bank.client.post(
        f"/api/operator/v1/organizations/{stranger}/repayments", json=wish, headers=by_bank.finance | once()
    )
    mine: Any = by_bank.client.get(
        "/api/employer/v1/repayments", headers=staff(by_bank.id, "employer", "employer_admin")
    ).json
    others: Any = by_bank.client.get(
        "/api/employer/v1/repayments", headers=staff(stranger, "employer", "employer_admin")
    ).json

    assert (foreign.status_code, theirs.status_code) == (404, 404)
    assert ([each["id"] for each in mine["data"]], others["data"]) == ([made["id"]], [])


def test_the_database_refuses_one_pair_of_eyes_and_another_sum(by_bank: OwedBack) -> None:
    made = by_bank.ask(50_000, payee=PAYEE).json

    for change in ("status = 'approved', decided_by = proposed_by, decided_at = now()", "amount_minor = 99"):
        with acting_for(by_bank.id, operator=True), pytest.raises(IntegrityError):
            session.connection().exec_driver_sql(
                f"UPDATE repayment SET {change} WHERE tenant_id = '{by_bank.id}' AND id = '{made['id']}'"
            )


def at_provider(customer: OwedBack) -> int:
    """What the provider says it owes the operator."""
    assert customer.provider is not None
    balance: Any = customer.provider.client().v1.balance.retrieve()
    return sum(each.amount for each in [*balance.available, *balance.pending] if each.currency == "cny")


def test_the_operators_own_account_is_read_into_the_operators_book_to_the_fen(
    client: FlaskClient, work: Callable[..., int], provider: Sandbox, at: Callable[..., None]
) -> None:
    customer = OwedBack(client, work, provider)
    # What other stories left unexplained on the account is old enough to be nobody's, then as afterwards.
    with clock.frozen(clock.now() + timedelta(minutes=20)), acting_for(OPERATOR_ID):
        read_operators_account()
    before = cash("cash.psp") - at_provider(customer), cash("cash.bank")
    with acting_for(customer.id), transaction():
        pay_invoice(customer.invoice.id, method="card", payment_method="pm_card_bypassPending")
    provider.put("/misbehaviour", {"lose_webhook": 1})
    customer.settle()
    customer.is_credited(100_000)
    customer.repaid(100_000)
    provider.client().v1.payouts.create({"amount": 50_000, "currency": "cny"})
    provider.client().v1.payment_intents.create(
        {"amount": 7_000, "currency": "cny", "confirm": True, "payment_method": "pm_card_visa",
         "allowed_payment_method_types": ["card"]}
    )  # fmt: skip
    at(clock.now() + timedelta(minutes=20))

    for _ in range(2):
        with acting_for(OPERATOR_ID):
            read_operators_account()
        customer.settle()
    provider.put("/misbehaviour", {})

    assert (cash("cash.psp") - at_provider(customer), cash("cash.bank") - before[1]) == (before[0], 50_000)
    with acting_for(OPERATOR_ID):
        mine = select(BalanceTransaction.posted_as).where(BalanceTransaction.tenant_id == OPERATOR_ID)
        told = {each.partition(":")[0] for each in session.scalars(mine) if each is not None}
    assert {"invoice_intent", "repayment", "payout", "movement"} <= told
