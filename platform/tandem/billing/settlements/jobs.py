"""What happens to settlements when something has happened."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tandem.billing.ledger import book_currencies
from tandem.billing.settlements import commands, queries
from tandem.billing.settlements.errors import PeriodAlreadySettled
from tandem.billing.stripe_gateway import Refused, gateway, is_live
from tandem.kernel import clock
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import across_tenants, transaction

PATIENCE: Final = timedelta(minutes=1)
"""A call and its retries are over by then."""
REVERSIBLE: Final = timedelta(days=180)
AT_ONCE: Final = 100


@job(queue="fast")
def accrue_usage(usage_event_id: UUID) -> None:
    """A visit was delivered: book its revenue and the operator's fee."""
    commands.accrue_usage(usage_event_id)


@job(queue="fast")
def reverse_refund(refund_id: UUID) -> None:
    """Money went back: take back revenue and fee."""
    commands.reverse_refund(refund_id)


@job(queue="fast")
def restore_refund(refund_id: UUID) -> None:
    """A refund came back after it had succeeded: the visit is paid again."""
    commands.reverse_refund(refund_id, is_return=True)


@job(queue="fast")
def reverse_lost_dispute(dispute_id: UUID) -> None:
    """A dispute was decided: where it was lost, the fee's share of it goes back."""
    commands.reverse_lost_dispute(dispute_id)


@job(queue="fast")
def book_fee_decision(fee_accrual_id: UUID) -> None:
    """A fee beyond a cap was granted or waived: book it."""
    commands.book_decision(fee_accrual_id)


@job(queue="fast")
def book_traffic_fee(usage_event_id: UUID) -> None:
    """A channel claimed a visit: book what it is owed, once the visit has been accrued."""
    commands.book_traffic_fee(usage_event_id)


@job(queue="fast")
def book_fee_adjustment(fee_adjustment_id: UUID) -> None:
    """Both parties agreed on an adjustment: book it."""
    commands.book_adjustment(fee_adjustment_id)


@job(queue="slow")
def book_settlement_payment(statement_id: UUID) -> None:
    """A statement was paid: book it on both sides."""
    commands.book_payment(statement_id)


@job(queue="slow")
def settle_employer_statements() -> None:
    """An invoice was paid, credited or voided: statements of which nothing is left open are paid. [employer]"""
    commands.settle_employer_statements()


@job(queue="slow")
def draft_last_month(scheduled_at: datetime) -> None:
    """A month is over: draft the employer's statements of it, one for each currency of its books. [employer]"""
    through = scheduled_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date().replace(day=1) - timedelta(days=1)
    for currency in book_currencies():
        with suppress(PeriodAlreadySettled):
            commands.draft_employer_statement(through, currency=currency)


@job(queue="fast", timeout_seconds=90, outside=True)
def send_transfer(transfer_id: UUID) -> None:
    """Ask the provider to send what the operator owes: the oldest first, as far as its balance goes. [hospital]"""
    with transaction():
        wish = commands.transfer_wish(transfer_id, is_live=is_live())
    if wish is None:
        return
    if wish.asked_at is not None:
        known = next((each for each in gateway().transfers_of(str(wish.statement_id)) if each.is_of(transfer_id)), None)
        if known is not None:
            with transaction():
                commands.fold_transfer(transfer_id, known)
            return
    with across_tenants(reason="oldest transfers first"):
        before_minor = queries.waiting_before_minor(transfer_id, wish.created_at, wish.currency)
    # What waits longer comes first, also of other hospitals; the sweeper comes back when there is money again.
    if gateway().transferable_minor(wish.currency) - before_minor < wish.amount_minor:
        # Whoever asked so long ago has its answer, and the provider knows of no transfer.
        if wish.asked_at is not None and wish.asked_at < clock.now() - PATIENCE:
            with transaction():
                commands.rest_transfer(transfer_id, asked_at=wish.asked_at)
        return
    _ask_for(wish)


@job(queue="slow", timeout_seconds=300, outside=True)
def sweep_transfers() -> None:
    """Transfers and returns without an answer are asked for again; what was sent lately may have come back. [hospital]

    Returns made at the provider itself are found so, too.
    """
    with transaction():
        waiting = queries.transfers_waiting(older_than=clock.now() - PATIENCE, limit=AT_ONCE)
        sent = queries.transfers_sent(since=clock.now() - REVERSIBLE, limit=AT_ONCE)
        returning = queries.returns_waiting(older_than=clock.now() - PATIENCE, limit=AT_ONCE)
    for transfer_id in waiting:
        send_transfer(transfer_id)
    for return_id in returning:
        send_return(return_id)
    for transfer_id, statement_id, reversed_minor in sent:
        for told in gateway().transfers_of(str(statement_id)):
            if told.is_of(transfer_id) and told.reversed_minor > reversed_minor:
                _read_returns(transfer_id, told.id)


@job(queue="fast", timeout_seconds=90, outside=True)
def send_return(return_id: UUID) -> None:
    """Ask the provider to take a transfer back, and book what it took back. [hospital]

    Asked before and not answered, it is looked for first: the provider may have done it, and forgets keys in a day.
    """
    with transaction():
        wish = commands.begin_return(return_id)
    if wish is None:
        return
    if wish.is_again:
        _read_returns(wish.transfer_id, wish.provider_transfer_id)
        with transaction():
            wish = commands.begin_return(return_id)
        if wish is None:
            return
    try:
        gateway().reverse_transfer(wish.provider_transfer_id, key=return_id, amount_minor=wish.amount_minor)
    except Refused as no:
        with transaction():
            commands.fail_return(return_id, no.code)
        return
    _read_returns(wish.transfer_id, wish.provider_transfer_id)


def _read_returns(transfer_id: UUID, provider_transfer_id: str) -> None:
    """Fold all that came back of a transfer."""
    told = gateway().reversals_of(provider_transfer_id)
    with transaction():
        commands.fold_returns(transfer_id, told)


def _ask_for(wish: commands.TransferWish) -> None:
    with transaction():
        asked_at = commands.begin_transfer(wish.transfer_id)
    if asked_at is None:
        return
    try:
        told = gateway().transfer(
            wish.account_id,
            key=wish.transfer_id,
            amount_minor=wish.amount_minor,
            currency=wish.currency,
            group=str(wish.statement_id),
        )
    except Refused as no:
        with transaction():
            # Under one key the provider repeats its refusal, so nobody who asks beside us can still be answered yes.
            if no.code == "balance_insufficient":
                commands.rest_transfer(wish.transfer_id, asked_at=asked_at)
            else:
                commands.fail_transfer(wish.transfer_id, no.code)
        return
    with transaction():
        commands.fold_transfer(wish.transfer_id, told)
