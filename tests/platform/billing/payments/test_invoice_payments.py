"""Invoices paid online: on the operator's own account, recorded on the invoice once, whatever happens on the way."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tandem.billing.invoices import Invoice, LineCredit, invoice
from tandem.billing.ledger import balance_minor
from tandem.billing.payments import InvoiceBeingPaid, pay_invoice
from tandem.billing.payments.jobs import read_operators_account, sweep_invoice_payments
from tandem.billing.payments.models import BalanceTransaction, InvoiceIntent
from tandem.billing.payments.queries.repayments import owed_to_customers
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants, acting_for, transaction
from tests.people import once, operator_staff, staff
from tests.platform.billing.invoices.money import a_customer, credited, issued
from tests.platform.billing.payments.till import Till
from tests.platform.stripe_sandbox.stage import Sandbox


class Customer:
    """An employer with one issued invoice of 3,000 yuan."""

    def __init__(self, provider: Sandbox, work: Callable[..., int]) -> None:
        self.provider, self.work = provider, work
        self.id = a_customer()
        self.invoice_id = issued(self.id).id

    def ask(self, method: str = "card", card: str | None = "pm_card_visa") -> UUID:
        with acting_for(self.id), transaction():
            return pay_invoice(self.invoice_id, method=method, payment_method=card if method == "card" else None).id

    def settle(self) -> None:
        done = 1
        while done:
            done = self.work(self.id, OPERATOR_ID)
            self.provider.post("/webhooks/flush", {"include_future": True})
            done += self.work(self.id, OPERATOR_ID)

    def sweep(self) -> None:
        with acting_for(self.id):
            sweep_invoice_payments()
        self.settle()

    def intent(self, intent_id: UUID) -> InvoiceIntent:
        with acting_for(self.id):
            return session.get_one(InvoiceIntent, (self.id, intent_id))

    def invoice(self) -> Invoice:
        with acting_for(self.id):
            return invoice(self.invoice_id)

    def owed_minor(self) -> int:
        """What the customer's book says it owes the operator."""
        with acting_for(self.id):
            return -balance_minor("ap.operator")


@pytest.fixture
def customer(provider: Sandbox, work: Callable[..., int]) -> Customer:
    return Customer(provider, work)


def operators_cash_minor() -> int:
    with acting_for(OPERATOR_ID):
        return balance_minor("cash.psp")


def charges_of(customer: Customer) -> list[Any]:
    found = customer.provider.client().v1.charges.list({"limit": 100}).data
    return [each for each in found if getattr(each.metadata, "tandem_tenant", None) == str(customer.id)]


def test_an_invoice_paid_by_card_is_settled_and_its_fee_is_the_operators(customer: Customer) -> None:
    before_minor = operators_cash_minor()

    intent_id = customer.ask()
    customer.settle()

    intent, row = customer.intent(intent_id), customer.invoice()
    assert (intent.status, row.status, row.open_minor) == ("succeeded", "settled", 0)
    assert intent.fee_minor
    assert customer.owed_minor() == 0
    assert operators_cash_minor() - before_minor == intent.amount_minor - intent.fee_minor


@pytest.mark.parametrize("method", ["alipay", "wechat_pay"])
def test_a_wallet_pays_when_its_owner_agrees(customer: Customer, method: str) -> None:
    intent_id = customer.ask(method)
    customer.settle()
    waiting = customer.intent(intent_id)

    customer.provider.post(f"/payment_intents/{waiting.provider_intent_id}/authorize")
    customer.settle()

    assert (waiting.status, (waiting.next_action or "")[:4]) == ("requires_action", "http")
    assert customer.intent(intent_id).status == "succeeded"
    assert customer.invoice().status == "settled"


def test_a_declined_card_leaves_the_invoice_open_for_another_try(customer: Customer) -> None:
    declined = customer.ask(card="pm_card_visa_chargeDeclined")
    customer.settle()

    paid = customer.ask()
    customer.settle()

    assert (customer.intent(declined).status, customer.intent(declined).failure_code) == ("failed", "generic_decline")
    assert customer.intent(paid).status == "succeeded"
    assert customer.invoice().paid_minor == customer.invoice().total_minor


def test_one_attempt_at_a_time(customer: Customer) -> None:
    customer.ask("alipay")

    with pytest.raises(InvoiceBeingPaid):
        customer.ask()


@pytest.mark.parametrize(
    "misdeed",
    [{"lose_webhook": 1}, {"duplicate_webhook": 1}, {"timeout_after_work": {"count": 3}, "lose_webhook": 1}],
    ids=["news lost", "news doubled", "answer and news lost"],
)
def test_whatever_happens_to_the_news_an_invoice_is_paid_once(
    customer: Customer, at: Callable[[datetime], None], misdeed: dict[str, Any]
) -> None:
    customer.provider.put("/misbehaviour", misdeed)
    intent_id = customer.ask()
    customer.settle()
    customer.provider.put("/misbehaviour", {})
    at(clock.now() + timedelta(minutes=20))

    customer.sweep()
    customer.sweep()

    assert customer.intent(intent_id).status == "succeeded"
    assert customer.invoice().paid_minor == customer.invoice().total_minor
    assert len(charges_of(customer)) == 1
    assert customer.owed_minor() == 0


def test_an_attempt_that_nobody_finishes_is_given_up_and_another_can_begin(
    customer: Customer, at: Callable[[datetime], None]
) -> None:
    left_lying = customer.ask("alipay")
    customer.settle()
    at(clock.now() + timedelta(hours=2))

    customer.sweep()
    paid = customer.ask()
    customer.settle()

    assert customer.intent(left_lying).status == "cancelled"
    assert customer.intent(paid).status == "succeeded"


def test_a_customer_pays_over_http_and_sees_the_next_step(customer: Customer, client: FlaskClient) -> None:
    admin = staff(customer.id, "employer", "employer_admin")
    url = f"/api/employer/v1/invoices/{customer.invoice_id}/payment_intents"

    made = client.post(url, json={"method": "alipay"}, headers=admin | once())
    customer.settle()
    shown = client.get(f"{url}/{made.json['id']}", headers=admin).json

    assert made.status_code == 201
    assert (shown["status"], shown["amount"]["amount_minor"]) == ("requires_action", 300_000)
    assert shown["next_action"].startswith(customer.provider.url)


def disputed(customer: Customer, intent_id: UUID) -> Any:
    """The customer's bank asks for the money of an attempt; another's keeps the operator's balance above zero."""
    another = Customer(customer.provider, customer.work)
    another.ask(card="pm_card_bypassPending")
    another.settle()
    told = customer.provider.post("/disputes", {"payment_intent": customer.intent(intent_id).provider_intent_id})
    customer.settle()
    return told


@pytest.mark.parametrize(
    ("verdict", "status", "is_open"), [("win", "settled", False), ("lose", "issued", True)], ids=["won", "lost"]
)
def test_an_invoice_whose_payment_is_disputed_is_owed_again_until_the_bank_gives_it_back(
    customer: Customer, verdict: str, status: str, is_open: bool
) -> None:
    intent_id = customer.ask()
    customer.settle()

    told = disputed(customer, intent_id)
    during, owed_during = customer.invoice(), customer.owed_minor()
    customer.provider.post(f"/disputes/{told['id']}/{verdict}")
    for _ in range(2):
        customer.settle()
        with acting_for(OPERATOR_ID):
            read_operators_account()
    after = customer.invoice()

    assert (during.status, during.open_minor, owed_during) == ("issued", 300_000, 300_000)
    assert during.disputed_at is not None
    assert (after.status, after.open_minor > 0, customer.owed_minor() > 0) == (status, is_open, is_open)
    assert (after.disputed_at is not None) is is_open
    with acting_for(OPERATOR_ID):
        mine = select(BalanceTransaction.posted_as).where(BalanceTransaction.source_id == told["id"])
        assert set(session.scalars(mine)) == {f"invoice_chargeback:{told['id']}"}
        assert balance_minor("ar.enterprise", party_id=customer.id) == after.open_minor


def test_what_a_bank_has_taken_back_is_not_given_back_as_well(customer: Customer, client: FlaskClient) -> None:
    intent_id = customer.ask()
    customer.settle()
    with acting_for(customer.id):
        credited(invoice(customer.invoice_id), LineCredit(1, 100_000))
    customer.settle()
    url = f"/api/operator/v1/organizations/{customer.id}/repayments"
    wish = {"invoice_id": str(customer.invoice_id), "because": "credited"}
    wish |= {"amount": {"amount_minor": 100_000, "currency": "CNY"}}  # type: ignore[dict-item]  # a plain dict
    made: Any = client.post(url, json=wish, headers=operator_staff("operator_finance") | once()).json

    disputed(customer, intent_id)
    approved: Any = client.post(f"{url}/{made['id']}/approval", headers=operator_staff() | once())

    client.post(f"{url}/{made['id']}/refusal", headers=operator_staff("operator_finance") | once())
    with across_tenants(reason="what customers are owed"):
        owed = [each for each in owed_to_customers(limit=10_000) if each["tenant_id"] == customer.id]

    assert owed == []
    assert (approved.status_code, approved.json["type"]) == (409, "/problems/nothing-owed-back")
    assert (customer.invoice().open_minor, customer.owed_minor()) == (200_000, 200_000)


def test_money_on_the_operators_own_account_that_is_no_invoices_is_nobodys(till: Till) -> None:
    params = {"amount": 5_000, "currency": "cny", "confirm": True, "payment_method": "pm_card_visa",
              "allowed_payment_method_types": ["card"]}  # fmt: skip
    till.stripe().v1.payment_intents.create(params)  # type: ignore[arg-type]  # a plain dict
    till.provider.post("/webhooks/flush", {"include_future": True})

    till.work(OPERATOR_ID)

    with acting_for(OPERATOR_ID):
        assert session.scalar(select(InvoiceIntent.id).where(InvoiceIntent.tenant_id == OPERATOR_ID)) is None
