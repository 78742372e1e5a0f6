"""The gap filler: the provider's lists, read since the last time. It is the guarantee; webhooks only make it sooner."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from tandem.billing.payments import commands, queries
from tandem.billing.payments.jobs.folding import kind_of, look_up
from tandem.billing.provider_facts import ProviderHint
from tandem.billing.stripe_gateway import gateway, is_live
from tandem.kernel import clock, telemetry
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import transaction

OVERLAP: Final = timedelta(hours=2)
"""Read again each time: objects appear in lists a little after they were made."""
EVENTS_KEPT: Final = timedelta(days=30)
"""How far back the provider lists events: https://docs.stripe.com/api/events"""
AT_ONCE: Final = 100
UNEXPLAINED_AT_ONCE: Final = 500

Fact = TypeVar("Fact")
Seen = set[tuple[str, str]]


@job(queue="slow", timeout_seconds=600, outside=True)
def read_provider() -> None:
    """Read what happened on the hospital's account since the last reading."""
    fetch_provider_facts()


def fetch_provider_facts(since: datetime | None = None) -> None:
    """Fetch and fold whatever the provider lists since `since` (default: the last reading, with an overlap).

    For callers without an open transaction, in the hospital's scope; it may take minutes after a long silence.
    Raises GatewayAway when the provider does not answer; what was folded until then stays.
    """
    began = clock.now()
    with transaction():
        account, until = queries.account_of_hospital(is_live()), queries.read_until()
    if account is None:
        return
    since = since or ((until - OVERLAP) if until is not None else began - EVENTS_KEPT)
    seen = _read_objects(account, since)
    _explain_movements(account)
    _read_events(account, since, seen)
    with transaction():
        commands.advance_reading(began)


def _read_objects(account: str, since: datetime) -> Seen:
    """Fold every object made since. Movements come last: by then the facts they belong to are booked."""
    provider, seen = gateway(), Seen()
    for intent in _folding(provider.intents_since(account, since), commands.fold_intent):
        seen.add(("payment_intent", intent.id))
        if intent.charge is not None:
            seen.add(("charge", intent.charge.id))
    seen |= {("refund", each.id) for each in _folding(provider.refunds_since(account, since), commands.fold_refund)}
    seen |= {("dispute", each.id) for each in _folding(provider.disputes_since(account, since), commands.fold_dispute)}
    seen |= {("payout", each.id) for each in _folding(provider.payouts_since(account, since), commands.fold_payout)}
    for _ in _folding(provider.movements_since(account, since), commands.fold_movement):
        pass
    return seen


def _read_events(account: str, since: datetime, seen: Seen) -> None:
    """Store events that no webhook brought. Those about objects made earlier are what only events can tell."""
    missed = 0

    def store(told: tuple[ProviderHint, bytes]) -> None:
        nonlocal missed
        hint, raw = told
        is_folded = (hint.object_kind, hint.object_id or "") in seen
        missed += commands.store_event(hint, raw, is_routable=True, is_folded=is_folded) is not None

    for _ in _folding(gateway().events_since(account, since), store):
        pass
    if missed:
        telemetry.count("webhooks_missed", missed)


def _explain_movements(account: str) -> None:
    """Movements without a booked fact: look up what caused them; what nothing of ours explains goes to suspense."""
    with transaction():
        waiting = [(each.id, each.source_id) for each in queries.unexplained_movements(UNEXPLAINED_AT_ONCE)]
    for movement_id, source_id in waiting:
        fold = look_up(account, kind_of(source_id), source_id) if source_id is not None else None
        with transaction():
            if fold is not None:
                fold()
            movement = queries.movement_for_update(movement_id)
            if movement is not None and movement.posted_as is None:
                commands.suspend_movement(movement)


def _folding(facts: Iterable[Fact], fold: Callable[[Fact], None]) -> Iterator[Fact]:
    """Fold facts one transaction each: each locks a row, then the book, and a second row would be out of order.

    A batch is fetched before its first transaction begins, so that none is open during a call.
    """
    iterator = iter(facts)
    while batch := list(islice(iterator, AT_ONCE)):
        for fact in batch:
            with transaction():
                fold(fact)
        yield from batch
