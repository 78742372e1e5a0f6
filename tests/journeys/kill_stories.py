"""The stories that are killed: each step may be tried again, as the person or the machine behind it would."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from tandem.billing import invoices, payments, settlements
from tandem.billing.invoices import Invoice
from tandem.billing.ledger import balance_minor
from tandem.billing.payments import Payment, Waiver, queries
from tandem.billing.payments.models import InvoiceIntent, Repayment
from tandem.billing.reconciliation import jobs as reconciliation_jobs
from tandem.billing.settlements import SettlementStatement
from tandem.billing.settlements import commands as settling
from tandem.billing.stripe_gateway import gateway
from tandem.billing.usage import record_usage
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import acting_for, transaction
from tests.conftest import WEBHOOK_SECRET
from tests.platform.billing.invoices.money import a_line, a_wish
from tests.platform.billing.money import NOON
from tests.platform.billing.payments.retelling import EVER
from tests.platform.stripe_sandbox.stage import Sandbox


@dataclass(frozen=True)
class Stage:
    """A hospital and an employer of one telling, and the provider. `variant` decides the amounts."""

    hospital_id: UUID
    employer_id: UUID
    provider: Sandbox
    app: Flask
    variant: int

    @property
    def tenants(self) -> tuple[UUID, UUID]:
        return self.hospital_id, self.employer_id

    @property
    def places(self) -> tuple[tuple[str, UUID], ...]:
        return ("hospital", self.hospital_id), ("employer", self.employer_id)

    @property
    def price_minor(self) -> int:
        return 7_200 + 1_111 * self.variant

    @property
    def order_id(self) -> UUID:
        return derived_id(self.hospital_id, "order")

    def payment(self) -> Payment:
        """The payment of the story's order."""
        with acting_for(self.hospital_id):
            found = queries.payment_for_order("story", self.order_id)
        assert found is not None
        return found

    def account(self) -> str:
        with acting_for(self.hospital_id):
            return queries.account_of_hospital(is_live=False) or ""

    def booked_at_provider(self) -> int:
        """What the book says the provider holds."""
        with acting_for(self.hospital_id):
            return balance_minor("cash.psp")

    def seen_at_provider(self, account: str | None) -> tuple[int, ...]:
        """What the provider holds, and how many charges, refunds and payouts it knows of."""
        if account is None:
            return (0,)
        client: Any = self.provider.client()
        options = {"stripe_account": account}
        balance = client.v1.balance.retrieve(None, options)
        held = sum(each.amount for each in [*balance.available, *balance.pending])
        counts = [
            len(listing({"limit": 100}, options).data)
            for listing in (client.v1.charges.list, client.v1.refunds.list, client.v1.payouts.list)
        ]
        return held, *counts

    def given_back_by_provider(self) -> int:
        """How many refunds the provider made of what the employer is owed back, from the operator's own account."""
        with acting_for(self.employer_id):
            wished = session.scalars(select(Repayment.id).where(Repayment.tenant_id == self.employer_id)).all()
        keys = {str(each) for each in wished}
        return sum(each.key in keys for each in gateway().refunds_since(None, EVER)) if keys else 0


def quiet(stage: Stage) -> int:
    """Do every due job of the stage's tenants, and those they ask for; returns how many there were."""
    done = 0
    for _ in range(40):
        before = done
        for tenant in stage.tenants:
            for queue in ("fast", "slow"):
                while jobs.run_next(tenant, queue):
                    done += 1
        if done == before:
            return done
    raise AssertionError("jobs keep making jobs")


def is_paid(stage: Stage) -> None:
    """A patient pays by card, money that can be paid out at once."""
    with acting_for(stage.hospital_id), transaction():
        if queries.payment_for_order("story", stage.order_id) is None:
            payments.create_payment(
                order_type="story",
                order_id=stage.order_id,
                payer_person_id=derived_id(stage.hospital_id, "payer"),
                amount=Money(stage.price_minor, "CNY"),
                method="card",
                payment_method="pm_card_bypassPending",
            )
    quiet(stage)


def hears_the_news(stage: Stage) -> None:
    """The provider brings every event it has, again if it was not acknowledged."""
    client = stage.app.test_client()
    for _, raw in reversed(list(gateway().events_since(stage.account(), EVER))):
        stamp = int(time.time())
        mark = hmac.new(WEBHOOK_SECRET.encode(), f"{stamp}.".encode() + raw, sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={mark}", "Content-Type": "application/json"}
        answer = client.post("/webhooks/stripe", data=raw, headers=headers)
        assert answer.status_code == 200, answer.json
    quiet(stage)


def gives_back_a_part(stage: Stage) -> None:
    with acting_for(stage.hospital_id), transaction():
        payments.refund_payment(stage.payment().id, stage.price_minor // 3, reason="requested", key="part")
    quiet(stage)


def is_disputed(stage: Stage) -> None:
    """The payer's bank takes the money back; at the provider, where nobody of ours can be killed."""
    intent_id = stage.payment().provider_intent_id
    if not list(gateway().disputes_since(stage.account(), EVER)):
        stage.provider.post("/disputes", {"payment_intent": intent_id})


def loses(stage: Stage) -> None:
    _decide(stage, "lose")


def wins(stage: Stage) -> None:
    _decide(stage, "win")


def delivers(stage: Stage) -> None:
    """The visit takes place, is metered, and earns revenue and fee."""
    payment_id = stage.payment().id
    with acting_for(stage.hospital_id), transaction():
        record_usage(
            source_type="encounter",
            source_id=derived_id(stage.hospital_id, "visit"),
            at=NOON + timedelta(hours=2),
            payment_id=payment_id,
            amount_minor=stage.price_minor,
        )
    quiet(stage)


def is_paid_out(stage: Stage) -> None:
    """The provider sends to the bank what it holds, once."""
    account = stage.account()
    if not list(gateway().payouts_since(account, EVER)):
        (made,) = stage.provider.post("/payouts/run", {"account": account})["data"]
        stage.provider.post(f"/payouts/{made['id']}/pay")
    with acting_for(stage.hospital_id):
        payments.fetch_provider_facts()
    quiet(stage)


def invoices_the_employer(stage: Stage) -> None:
    """An invoice is issued once, by whoever finds that there is none."""
    with acting_for(stage.employer_id), transaction():
        if invoice_of(stage) is None:
            invoices.issue_invoice(**a_wish(stage.employer_id, lines=[a_line(300_000 + stage.variant)]))
    quiet(stage)


def hears_from_the_bank(stage: Stage) -> None:
    """The employer's transfer arrives, under a reference of its own."""
    with acting_for(stage.employer_id), transaction():
        row = invoice_of(stage)
        assert row is not None
        invoices.record_invoice_payment(
            row.id, amount_minor=100_000, paid_on=clock.today() - timedelta(days=1), reference="BANK-1"
        )
    quiet(stage)


def pays_online(stage: Stage) -> None:
    """The employer pays the rest by card, into the operator's own account; nobody asks twice while it is open."""
    with acting_for(stage.employer_id), transaction():
        row = invoice_of(stage)
        assert row is not None
        asked = session.scalars(select(InvoiceIntent).where(InvoiceIntent.tenant_id == stage.employer_id)).all()
        if not asked:
            payments.pay_invoice(row.id, method="card", payment_method="pm_card_visa")
    quiet(stage)


def waives_a_part(stage: Stage) -> None:
    """The hospital's fund bears a part of the price, once."""
    with acting_for(stage.hospital_id), transaction():
        if not session.scalars(select(Waiver).where(Waiver.tenant_id == stage.hospital_id)).all():
            payments.waive(
                order_type="story",
                order_id=stage.order_id,
                amount=Money(500, "CNY"),
                bearer="hospital_fund",
                bearer_name=None,
                reason="hardship",
                by=derived_id(stage.hospital_id, "cashier"),
            )
    quiet(stage)


def settles(stage: Stage) -> None:
    """Yesterday's statement is proposed, signed and paid: three people, three transactions."""
    yesterday = clock.today() - timedelta(days=1)
    with acting_for(stage.hospital_id), transaction():
        settlements.propose_statement(yesterday)
    for status, act in (("proposed", settlements.confirm_statement), ("confirmed", _pay_statement)):
        with acting_for(stage.hospital_id), transaction():
            row = session.scalars(
                select(SettlementStatement).where(SettlementStatement.tenant_id == stage.hospital_id)
            ).one()
            if row.status == status:
                act(row.id)
    quiet(stage)


def reconciles(stage: Stage) -> None:
    """The night's comparison of the day of the visit."""
    with acting_for(stage.hospital_id), transaction():
        jobs.enqueue(reconciliation_jobs.reconcile_day, key="story", day=NOON.date())
    quiet(stage)


def _decide(stage: Stage, verdict: str) -> None:
    (opened,) = gateway().disputes_since(stage.account(), EVER)
    if opened.status not in {"won", "lost"}:
        stage.provider.post(f"/disputes/{opened.id}/{verdict}")


def _pay_statement(statement_id: UUID) -> None:
    settling.record_payment(statement_id, paid_on=clock.today(), reference="BANK-2")


def invoice_of(stage: Stage) -> Invoice | None:
    """The employer's one invoice, once there is one."""
    mine = select(Invoice).where(Invoice.tenant_id == stage.employer_id, Invoice.kind == "invoice")
    return session.scalars(mine).one_or_none()


STORIES: Final[dict[str, list[Callable[[Stage], None]]]] = {
    "paid and refunded": [is_paid, gives_back_a_part, hears_the_news],
    "disputed and lost": [is_paid, delivers, is_disputed, hears_the_news, loses, hears_the_news],
    "disputed and won": [is_paid, is_disputed, hears_the_news, wins, hears_the_news],
    "delivered and settled": [is_paid, delivers, waives_a_part, gives_back_a_part, settles, reconciles],
    "paid out": [is_paid, is_paid_out, hears_the_news],
    "invoiced": [invoices_the_employer, hears_from_the_bank, pays_online],
    "the whole of it": [
        is_paid, hears_the_news, delivers, waives_a_part, gives_back_a_part, invoices_the_employer,
        hears_from_the_bank, pays_online, settles, is_paid_out, reconciles, hears_the_news,
    ],
}  # fmt: skip
