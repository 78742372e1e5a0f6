"""The operator's own account at the provider: its payouts, refunds and movements, folded into the operator's book.

What customers paid and got back there is a fact of theirs, and what hospitals were sent one of settlements: their
journals are mirrored here. So a movement is either a payout, a fee, the trace of such a fact, or nobody's, and then it
stands in suspense. Invoice payments whose news was lost are found on the way.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tandem.billing.payments import commands, queries
from tandem.billing.payments.jobs.folding import Fact, parking
from tandem.billing.payments.jobs.invoice_payments import fold, fold_dispute_of_platform
from tandem.billing.payments.jobs.reading import EVENTS_KEPT, OVERLAP, UNEXPLAINED_AT_ONCE, in_batches, windows
from tandem.billing.payments.jobs.repayments import fold_refund_of_platform
from tandem.billing.payments.queries import payouts
from tandem.billing.provider_facts import kind_of
from tandem.billing.stripe_gateway import Refused, gateway
from tandem.kernel import clock
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id, transaction

PAYOUTS_AT_ONCE: Final = 200
PATIENCE: Final = timedelta(minutes=10)
"""A movement of a fact that is just being folded is not nobody's yet."""


@job(queue="slow", timeout_seconds=600, outside=True)
def read_operators_account() -> None:
    """Read what happened on the operator's account since the last reading. [operator's tenant]"""
    if tenant_id() != OPERATOR_ID:
        return
    began = clock.now()
    with transaction():
        until = queries.read_until()
    for when in windows((until or began - EVENTS_KEPT) - (OVERLAP if until else timedelta()), began):
        _read_window(tuple(each for each in when if each is not None))
        with transaction():
            commands.advance_reading(when[1] or began)
    _compose_payouts()
    _explain()


def _read_window(when: tuple[datetime, ...]) -> None:
    for told in gateway().payouts_since(None, *when):
        _fold(Fact("payout", told.id, told, commands.fold_payout))
    for batch in in_batches(gateway().movements_since(None, *when)):
        with transaction():
            known = queries.known_movements([each.id for each in batch])
        for each in batch:
            if each.id not in known:
                _fold(Fact("balance_transaction", each.id, each, commands.fold_movement))


def _explain() -> None:
    """Find the fact of every movement that has none; what is older and nobody's goes to suspense."""
    with transaction():
        waiting = [
            (each.id, each.source_id, each.provider_created_at)
            for each in queries.unexplained_movements(UNEXPLAINED_AT_ONCE)
        ]
    for movement_id, source_id, created_at in waiting:
        told_as = _fact_of(source_id) if source_id is not None else None
        with transaction():
            movement = queries.movement_for_update(movement_id)
            if movement is None or movement.posted_as is not None:
                continue
            if told_as is not None:
                movement.posted_as = told_as
            elif created_at + PATIENCE < clock.now():
                commands.suspend_movement(movement)


def _fact_of(source_id: str) -> str | None:
    """Under which name the fact behind a movement is known, once it is folded where it lies."""
    ways: dict[str, Callable[[str], str | None]] = {
        "charge": _invoice_payment,
        "refund": fold_refund_of_platform,
        "dispute": fold_dispute_of_platform,
        "transfer": _transfer,
        "transfer_reversal": _reversal,
    }
    with suppress(Refused):
        way = ways.get(kind_of(source_id))
        return None if way is None else way(source_id)
    return None


def _invoice_payment(charge_id: str) -> str | None:
    intent_id = gateway().charge(None, charge_id).intent_id
    if intent_id is None:
        return None
    told = gateway().intent(None, intent_id)
    with suppress(ValueError), acting_for(UUID(told.tenant or "")):
        fold(told)
        with transaction():
            return f"invoice_intent:{told.key}" if commands.is_recorded(told) else None
    return None


def _transfer(transfer_id: str) -> str | None:
    told = gateway().transfer_now(transfer_id)
    return None if told.key is None else f"settlement_transfer:{told.key}"


def _reversal(reversal_id: str) -> str:
    # The provider lists it under its transfer only; settlements look at what was taken back of each they sent.
    return f"transfer_reversal:{reversal_id}"


def _compose_payouts() -> None:
    with transaction():
        waiting = payouts.uncomposed_payouts(PAYOUTS_AT_ONCE)
    for payout_id, is_told in waiting:
        told = list(gateway().movements_of_payout(None, payout_id)) if is_told else None
        for movement in told or ():
            _fold(Fact("balance_transaction", movement.id, movement, commands.fold_movement))
        with transaction():
            commands.compose_payout(payout_id, None if told is None else [each.id for each in told])


def _fold(fact: Fact) -> None:
    with parking(fact), transaction():
        fact()
        commands.release_fact(fact.kind, fact.id)
