"""The sweeper: what was asked and never answered, what nobody waits for, and fees that were never told."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from tandem.billing.payments import commands, queries
from tandem.billing.payments.commands import KEY_LASTS
from tandem.billing.payments.events import PaymentAsked, PaymentLapsed, RefundAsked
from tandem.billing.payments.jobs.folding import look_up, parking
from tandem.billing.stripe_gateway import gateway
from tandem.kernel import clock, outbox
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import transaction

PATIENCE: Final = timedelta(minutes=1)
"""A call and its retries are over by then."""
CLOCKS_DIFFER: Final = timedelta(minutes=5)
FEE_PATIENCE: Final = timedelta(minutes=10)
FEE_WAIT: Final = timedelta(days=14)
AT_ONCE: Final = 200


@job(queue="slow", timeout_seconds=600, outside=True)
def sweep_payments() -> None:
    """Ask the provider about every payment and refund of the hospital that has been waiting."""
    before = clock.now() - PATIENCE
    with transaction():
        payments = queries.waiting_payments(older_than=before, limit=AT_ONCE)
        refunds = queries.waiting_refunds(older_than=before, limit=AT_ONCE)
        without_fee = queries.payments_without_fee(
            since=clock.now() - FEE_WAIT, older_than=clock.now() - FEE_PATIENCE, limit=AT_ONCE
        )
    for payment_id in payments:
        sweep_payment(payment_id)
    for refund_id in refunds:
        sweep_refund(refund_id)
    for account, intent_id in without_fee:
        _fold(account, "payment_intent", intent_id)


def sweep_payment(payment_id: UUID) -> None:
    """Find out what became of one waiting payment; give it up when nobody waits for it any more."""
    with transaction():
        payment = queries.payment(payment_id)
        account, intent_id, asked_at = payment.provider_account_id, payment.provider_intent_id, payment.asked_at
    if account is not None and intent_id is not None:
        _fold(account, "payment_intent", intent_id)
    elif account is not None and asked_at is not None:
        told = gateway().intents_since(account, asked_at - CLOCKS_DIFFER)
        found = next((each for each in told if each.key == str(payment_id)), None)
        with transaction():
            if found is not None:
                commands.fold_intent(found)
            elif commands.is_over(queries.payment(payment_id)) or asked_at + KEY_LASTS < clock.now():
                commands.fail_payment(payment_id, "never-arrived", status="cancelled")
    with transaction():
        payment = queries.payment(payment_id)
        if payment.status == "created":
            outbox.add(PaymentLapsed(payment_id) if commands.is_over(payment) else PaymentAsked(payment_id))
        elif payment.status in {"requires_action", "processing"} and commands.is_over(payment):
            outbox.add(PaymentLapsed(payment_id))


def sweep_refund(refund_id: UUID) -> None:
    """Find out what became of one waiting refund; ask again when the provider never heard of it."""
    with transaction():
        refund = queries.refund(refund_id)
        provider_id, asked_at = refund.provider_refund_id, refund.asked_at
        account = queries.payment(refund.payment_id).provider_account_id
    if account is not None and provider_id is not None:
        _fold(account, "refund", provider_id)
        return
    found = None
    if account is not None and asked_at is not None:
        told = gateway().refunds_since(account, asked_at - CLOCKS_DIFFER)
        found = next((each for each in told if each.key == str(refund_id)), None)
    with transaction():
        if found is not None:
            commands.fold_refund(found)
        elif asked_at is not None and asked_at + KEY_LASTS < clock.now():
            commands.fail_refund(refund_id, "never-arrived")
        else:
            outbox.add(RefundAsked(refund_id))


def _fold(account: str, kind: str, object_id: str) -> None:
    fact = look_up(account, kind, object_id)
    if fact is not None:
        with parking(fact), transaction():
            fact()
