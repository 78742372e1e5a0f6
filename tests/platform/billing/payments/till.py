"""A hospital's till, for stories: it takes payments, gives back, and shows its book and the provider's side by side."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import stripe
from sqlalchemy import select

from tandem.billing import payments
from tandem.billing.ledger import balance_minor
from tandem.billing.payments import Payment, Refund, queries
from tandem.billing.payments.models import BalanceTransaction
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.stripe_sandbox.stage import Sandbox

BOOK = ("cash.psp", "cash.bank", "ar.patient", "exp.psp_fee", "dispute.hold", "dispute.loss", "suspense")


@dataclass
class Till:
    """One hospital and the provider that pays it."""

    provider: Sandbox
    work: Callable[..., int]
    hospital_id: UUID = field(default_factory=new_id)
    payer_id: UUID = field(default_factory=new_id)

    def ask(
        self, amount_minor: int = 7200, method: str = "card", card: str | None = "pm_card_visa", **more: Any
    ) -> UUID:
        """A patient is to pay; nobody has spoken to the provider yet."""
        with acting_for(self.hospital_id), transaction():
            payment = payments.create_payment(
                order_type=more.pop("order_type", "appointment"),
                order_id=more.pop("order_id", None) or new_id(),
                payer_person_id=self.payer_id,
                amount=Money(amount_minor, "CNY"),
                method=method,
                payment_method=card if method == "card" else None,
                expires_at=more.pop("expires_at", clock.now() + timedelta(minutes=5)),
                **more,
            )
            return payment.id

    def take(self, amount_minor: int = 7200, card: str = "pm_card_visa") -> UUID:
        """A patient pays by card, and all news of it arrives."""
        payment_id = self.ask(amount_minor, card=card)
        self.settle()
        return payment_id

    def give_back(self, payment_id: UUID, amount_minor: int, key: str = "once") -> UUID:
        """The hospital promises a refund; nobody has spoken to the provider yet."""
        with acting_for(self.hospital_id), transaction():
            return payments.refund_payment(payment_id, amount_minor, reason="cancelled", key=key).id

    def settle(self) -> None:
        """Everybody does what there is to do, and every webhook is delivered."""
        done = 1
        while done:
            done = self.work(self.hospital_id)
            self.provider.post("/webhooks/flush", {"include_future": True})
            done += self.work(self.hospital_id)

    def read(self) -> None:
        """The gap filler runs."""
        with acting_for(self.hospital_id):
            payments.fetch_provider_facts()
        self.work(self.hospital_id)

    def payment(self, payment_id: UUID) -> Payment:
        with acting_for(self.hospital_id):
            return queries.payment(payment_id)

    def refund(self, refund_id: UUID) -> Refund:
        with acting_for(self.hospital_id):
            return queries.refund(refund_id)

    def account(self) -> str:
        with acting_for(self.hospital_id):
            return queries.account_of_hospital(is_live=False) or ""

    def book(self) -> dict[str, int]:
        """The hospital's balances, debit positive."""
        with acting_for(self.hospital_id):
            return {code: balance for code in BOOK if (balance := balance_minor(code))}

    def provider_balance(self) -> int:
        """What the provider says it owes the hospital."""
        balance = self.stripe().v1.balance.retrieve(None, {"stripe_account": self.account()})
        return sum(each.amount for each in [*balance.available, *balance.pending])

    def movements(self) -> list[BalanceTransaction]:
        with acting_for(self.hospital_id):
            mine = select(BalanceTransaction).where(BalanceTransaction.tenant_id == self.hospital_id)
            return list(session.scalars(mine))

    def stripe(self) -> stripe.StripeClient:
        return self.provider.client()
