"""Refunds of what was paid online for invoices: asked for on the operator's own account, folded with the customer.

The same phases as everywhere here: read and commit, call, write what came back and commit, each step repeatable.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from tandem.billing.payments import commands
from tandem.billing.payments.commands import KEY_LASTS
from tandem.billing.payments.queries import repayments
from tandem.billing.provider_facts import ProviderRefund
from tandem.billing.stripe_gateway import Refused, gateway
from tandem.kernel import clock
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import acting_for, tenant_id, transaction

PATIENCE: Final = timedelta(minutes=1)
CLOCKS_DIFFER: Final = timedelta(minutes=5)
AT_ONCE: Final = 100


@job(queue="fast", timeout_seconds=90, outside=True)
def send_repayment(repayment_id: UUID) -> None:
    """Ask the provider to give a customer's money back."""
    with transaction():
        wish = commands.begin_refund_of_invoice(repayment_id)
    if wish is None:
        return
    try:
        told = gateway().refund(None, wish.intent_id, key=wish.id, tenant=tenant_id(), amount_minor=wish.amount_minor)
    except Refused as no:
        with transaction():
            commands.end_repayment(repayment_id, no.code)
        return
    with transaction():
        commands.fold_repayment(told)


@job(queue="slow")
def book_repayment(repayment_id: UUID) -> None:
    """A transfer left the operator's bank: it is booked."""
    commands.book_transfer(repayment_id)


@job(queue="slow", timeout_seconds=300, outside=True)
def sweep_repayments() -> None:
    """Ask the provider about every refund of the customer's that has no end yet."""
    with transaction():
        waiting = repayments.refunds_waiting(older_than=clock.now() - PATIENCE, limit=AT_ONCE)
    for repayment_id in waiting:
        with transaction():
            row = repayments.repayment(repayment_id)
            provider_id, asked_at = row.provider_refund_id, row.asked_at
        told: ProviderRefund | None = None
        if provider_id is not None:
            told = gateway().refund_now(None, provider_id)
        elif asked_at is not None:
            listed = gateway().refunds_since(None, asked_at - CLOCKS_DIFFER)
            told = next((each for each in listed if each.key == str(repayment_id)), None)
        if told is not None:
            with transaction():
                commands.fold_repayment(told)
        elif asked_at is None or asked_at + KEY_LASTS > clock.now():
            send_repayment(repayment_id)
        else:
            with transaction():
                commands.end_repayment(repayment_id, "never-arrived")


def fold_refund_of_platform(refund_id: str) -> str | None:
    """A refund of the operator's own account: folded with the customer whom it names, and named after its row.

    None for one of nobody's. Raises Refused when the provider has no such refund.
    """
    told = gateway().refund_now(None, refund_id)
    with suppress(ValueError), acting_for(UUID(told.tenant or "")), transaction():
        return f"repayment:{told.key}" if commands.fold_repayment(told) else None
    return None
