"""What stories about transfers share: a hospital that is owed, an operator that has money at the provider."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

import stripe

from tandem.billing.ledger import balance_minor
from tandem.billing.payments.jobs import open_provider_account
from tandem.billing.settlements import propose_statement
from tandem.billing.settlements.commands import ask_transfer, confirm_statement
from tandem.billing.settlements.models import SettlementTransfer
from tandem.billing.settlements.queries import transfer
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment
from tests.platform.stripe_sandbox.stage import Sandbox

Work = Callable[..., int]
DAY = date(2026, 9, 1)


def stripe_of(provider: Sandbox) -> stripe.StripeClient:
    return provider.client()


def funded(provider: Sandbox, amount_minor: int) -> None:
    """Money of the operator's own at the provider: an employer paid an invoice by card."""
    client = stripe_of(provider)
    client.v1.payment_intents.create({
        "amount": amount_minor,
        "currency": "cny",
        "confirm": True,
        "payment_method": "pm_card_bypassPending",
        "allowed_payment_method_types": ["card"],
        "return_url": "https://example.org/",
    })  # fmt: skip


def owed(work: Work, amount_minor: int = 9_000) -> tuple[UUID, UUID]:
    """A hospital with an account, and its confirmed statement on which the operator owes it for a programme."""
    hospital, programme = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0), new_id()
    price = amount_minor * 10 // 9
    payment = a_payment(hospital, price, programme=programme)
    a_delivered_visit(hospital, payment, price, programme_id=programme)
    work(hospital)
    with acting_for(hospital):
        open_provider_account(hospital)
    with acting_for(hospital), transaction():
        row = propose_statement(DAY)
        confirm_statement(row.id)
        return hospital, row.id


def asked(hospital: UUID, statement_id: UUID) -> UUID:
    with acting_for(hospital), transaction():
        return ask_transfer(statement_id, is_live=False).id


def shown(hospital: UUID, transfer_id: UUID) -> SettlementTransfer:
    with acting_for(hospital), transaction():
        return transfer(transfer_id)


def balances(hospital: UUID, *codes: str) -> list[int]:
    with acting_for(hospital), transaction():
        return [balance_minor(code) for code in codes]
