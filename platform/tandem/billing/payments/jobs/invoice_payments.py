"""Invoices paid online, on the operator's own account at the provider; the invoice lies with its customer.

The same phases as everywhere here: read and commit, call, write what came back and commit, each step repeatable.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from tandem.billing.payments import commands
from tandem.billing.payments.commands import KEY_LASTS
from tandem.billing.payments.jobs.repayments import fold_refund_of_platform
from tandem.billing.payments.queries import invoice_intents
from tandem.billing.provider_facts import ProviderIntent
from tandem.billing.stripe_gateway import Refused, gateway, return_address
from tandem.kernel import clock, telemetry
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id, transaction

PATIENCE: Final = timedelta(minutes=1)
CLOCKS_DIFFER: Final = timedelta(minutes=5)
FEE_WAIT: Final = timedelta(days=14)
AT_ONCE: Final = 100


@job(queue="fast", timeout_seconds=90, outside=True)
def take_invoice_payment(intent_id: UUID) -> None:
    """Ask the provider for what an invoice's customer wants to pay."""
    with transaction():
        wish = commands.begin_invoice_payment(intent_id)
    if wish is None:
        return
    try:
        told = gateway().pay(
            None,
            key=wish.id,
            tenant=tenant_id(),
            amount_minor=wish.amount_minor,
            currency=wish.currency,
            method=wish.method,
            payment_method=wish.payment_method,
            return_url=wish.return_url or return_address(),
        )
    except Refused as no:
        if no.intent is not None:
            fold(no.intent)
        with transaction():
            commands.end_invoice_payment(intent_id, no.code)
        return
    fold(told)


@job(queue="slow", timeout_seconds=300, outside=True)
def sweep_invoice_payments() -> None:
    """Ask the provider about every attempt of the customer's that has no end yet, or no fee."""
    now = clock.now()
    with transaction():
        waiting = [
            (each.id, each.provider_intent_id, each.asked_at, each.expires_at)
            for each in invoice_intents.unended(older_than=now - PATIENCE, since=now - FEE_WAIT, limit=AT_ONCE)
        ]
    for intent_id, provider_id, asked_at, expires_at in waiting:
        told = None
        if provider_id is not None:
            told = gateway().intent(None, provider_id)
        elif asked_at is not None:
            listed = gateway().intents_since(None, asked_at - CLOCKS_DIFFER)
            told = next((each for each in listed if each.key == str(intent_id)), None)
        if told is not None:
            fold(told)
            if told.status in {"requires_action", "requires_payment_method", "processing"} and expires_at <= now:
                _give_up(told)
        elif asked_at is None or asked_at + KEY_LASTS > now:
            take_invoice_payment(intent_id)
        else:
            with transaction():
                commands.end_invoice_payment(intent_id, "never-arrived", status="cancelled")


def fold_of_platform(kind: str, object_id: str) -> None:
    """What an event of the operator's own account is about: an invoice's attempt, its refund or dispute, or nothing."""
    with suppress(Refused):
        if kind == "refund":
            fold_refund_of_platform(object_id)
        if kind == "dispute":
            fold_dispute_of_platform(object_id)
        if kind == "charge":
            kind, object_id = "payment_intent", gateway().charge(None, object_id).intent_id or ""
        if kind != "payment_intent" or not object_id:
            return
        told = gateway().intent(None, object_id)
        with suppress(ValueError), acting_for(UUID(told.tenant or "")):
            fold(told)


def fold_dispute_of_platform(dispute_id: str) -> str | None:
    """A dispute on the operator's own account: folded with the customer whose invoice it is, and named after itself.

    None for one of nobody's. Raises Refused when the provider has no such dispute.
    """
    told = gateway().dispute(None, dispute_id)
    intent_id = told.intent_id or gateway().charge(None, told.charge_id).intent_id
    if intent_id is None:
        return None
    intent = gateway().intent(None, intent_id)
    with suppress(ValueError), acting_for(UUID(intent.tenant or "")):
        fold(intent)
        with transaction():
            return f"invoice_chargeback:{told.id}" if commands.fold_invoice_dispute(intent, told) else None
    return None


def fold(told: ProviderIntent) -> None:
    """Fold an attempt with its customer, and what it cost with the operator. [customer]"""
    with transaction():
        movement = commands.fold_invoice_intent(told)
    if movement is None:
        return
    with acting_for(OPERATOR_ID), transaction():
        commands.book_operators_fee(movement)
    with transaction():
        # Noted only now: killed before, the fee is asked for and told again, and a journal is booked once.
        commands.note_operators_fee(told.id, movement.fee_minor)
    telemetry.count("invoice_payments")


def _give_up(told: ProviderIntent) -> None:
    try:
        ended = gateway().cancel_intent(None, told.id)
    except Refused:
        ended = gateway().intent(None, told.id)
    fold(ended)
