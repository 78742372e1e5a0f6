"""An event says that something changed; what it is now, the provider is asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from tandem.billing.payments import commands, queries
from tandem.billing.payments.jobs.invoice_payments import fold_of_platform
from tandem.billing.stripe_gateway import Refused, gateway
from tandem.kernel.errors import Problem
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import transaction


@dataclass(frozen=True, slots=True)
class Fact:
    """One object of the provider as it was a moment ago, and the command that folds it."""

    kind: str
    id: str
    told: Any
    fold: Callable[[Any], None]

    def __call__(self) -> None:
        self.fold(self.told)


@job(queue="fast", timeout_seconds=60, outside=True)
def fold_event(event_id: UUID) -> None:
    """Look up what an event of the inbox is about, and fold it."""
    with transaction():
        event = queries.provider_event(event_id)
        is_open = event.status == "received"
        account, kind, object_id = event.provider_account_id, event.object_kind, event.object_id
        if not is_open or object_id is None:
            return
        if account is not None and queries.is_old_news(event.kind, object_id):
            commands.mark_folded(event_id)
            return
        if account is not None and kind == "charge" and (intent_id := queries.intent_of_charge(object_id)) is not None:
            kind, object_id = "payment_intent", intent_id
    if account is None and kind != "payout":
        fold_of_platform(kind, object_id)
        with transaction():
            commands.mark_folded(event_id)
        return
    fact = look_up(account, kind, object_id)
    fold_intent_before(account, fact)
    if fact is None:
        with transaction():
            commands.mark_folded(event_id)
        return
    with parking(fact, event_id), transaction():
        fact()
        commands.mark_folded(event_id)


def look_up(account: str | None, kind: str, object_id: str) -> Fact | None:
    """The object as it is now, ready to be folded; None when the provider has no such object or we do not fold it."""
    try:
        return _look_up(account, kind, object_id)
    except Refused:
        return None


@contextmanager
def parking(fact: Fact, event_id: UUID | None = None) -> Iterator[None]:
    """Around the transaction that folds a fact: what cannot be booked is parked for people, and the rest goes on.

    `event_id` is the event that told of it: parked, it is no longer the event's business.
    """
    try:
        yield
    except (Problem, IntegrityError) as why:
        with transaction():
            amount_minor, currency = getattr(fact.told, "amount_minor", None), getattr(fact.told, "currency", None)
            commands.park_fact(fact.kind, fact.id, why, amount_minor=amount_minor, currency=currency)
            if event_id is not None:
                commands.mark_folded(event_id)


def fold_intent_before(account: str | None, fact: Fact | None) -> None:
    """A refund or a dispute told before its payment's success: the intent is folded first, or it would be nobody's."""
    intent_id = getattr(fact.told, "intent_id", None) if fact is not None else None
    if fact is None or intent_id is None:
        return
    with transaction():
        payment = queries.payment_by_charge(fact.told.charge_id or "", intent_id)
        is_booked = payment is not None and payment.captured_at is not None
    intent = None if is_booked else look_up(account, "payment_intent", intent_id)
    if intent is not None:
        with parking(intent), transaction():
            intent()


def _look_up(account: str | None, kind: str, object_id: str) -> Fact | None:
    provider = gateway()
    if kind == "charge":
        # What a charge says is folded with its intent, which knows the payment.
        kind, object_id = "payment_intent", provider.charge(account, object_id).intent_id or ""
    ways: dict[str, tuple[Callable[[str | None, str], Any], Callable[[Any], None]]] = {
        "payment_intent": (provider.intent, commands.fold_intent),
        "refund": (provider.refund_now, commands.fold_refund),
        "dispute": (provider.dispute, commands.fold_dispute),
        "payout": (provider.payout, commands.fold_payout),
        "balance_transaction": (provider.movement, commands.fold_movement),
    }
    if kind not in ways or not object_id:
        return None
    ask, fold = ways[kind]
    return Fact(kind, object_id, ask(account, object_id), fold)
