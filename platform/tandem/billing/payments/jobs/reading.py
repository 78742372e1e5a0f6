"""The gap filler: the provider's lists, read since the last time. It is the guarantee; webhooks only make it sooner.

A long silence is read in windows of a day, each whole before the next and each advancing the watermark, so a run that
is cut short is gone on with where it stopped.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from tandem.billing.payments import commands, queries
from tandem.billing.payments.jobs.folding import Fact, look_up, parking
from tandem.billing.payments.queries import payouts
from tandem.billing.provider_facts import ProviderHint, kind_of
from tandem.billing.stripe_gateway import gateway, is_live
from tandem.kernel import clock, telemetry
from tandem.kernel.jobs import enqueue, job
from tandem.kernel.tenancy import transaction

OVERLAP: Final = timedelta(hours=2)
"""Read again each time: objects appear in lists a little after they were made."""
EVENTS_KEPT: Final = timedelta(days=30)
"""How far back the provider lists events: https://docs.stripe.com/api/events"""
WINDOW: Final = timedelta(days=1)
AT_ONCE: Final = 100
UNEXPLAINED_AT_ONCE: Final = 500
OPEN_AT_ONCE: Final = 200
BUDGET_SECONDS: Final = 240
"""A run begins no further window after this; it asks for the next run instead."""


@job(queue="slow", timeout_seconds=600, outside=True)
def read_provider() -> None:
    """Read what happened on the hospital's account since the last reading; after a long silence, in several runs."""
    if not _read(None, BUDGET_SECONDS):
        with transaction():
            enqueue(read_provider)


def fetch_provider_facts(since: datetime | None = None) -> None:
    """Fetch and fold whatever the provider lists since `since` (default: the last reading, with an overlap).

    For callers without an open transaction, in the hospital's scope; it may take minutes after a long silence. A
    fact that cannot be booked is parked (`parked_facts`) and does not stop the others. Raises GatewayAway when the
    provider does not answer; what was folded until then stays, and the next reading goes on from there.
    """
    _read(since, None)


def _read(since: datetime | None, budget_seconds: int | None) -> bool:
    """Read window after window up to now; False when the budget was spent first."""
    began, started = clock.now(), time.monotonic()
    with transaction():
        account, until = queries.account_of_hospital(is_live()), queries.read_until()
    if account is None:
        return True
    first = since or ((until - OVERLAP) if until is not None else began - EVENTS_KEPT)
    # A reading that begins after the last one's end would leave a gap behind the watermark.
    is_seamless = until is None or first <= until
    for start, end in windows(first if until is not None else max(first, _first_moment(account)), began):
        window = _Window(account, start, end)
        window.read_objects()
        window.explain_movements()
        window.read_events()
        if is_seamless:
            with transaction():
                commands.advance_reading(end or began)
        if end is not None and budget_seconds is not None and time.monotonic() - started > budget_seconds:
            return False
    _compose_payouts(account)
    _look_again(account, is_long_silence=began - first > WINDOW)
    return True


def _first_moment(account: str) -> datetime:
    """Nothing happened on an account before it was opened."""
    with transaction():
        return queries.account_opened_at(account) - OVERLAP


def windows(since: datetime, now: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """Half-open windows up to now. The last one has no end: what happens while it is read belongs to it."""
    while since + WINDOW < now:
        yield since, since + WINDOW
        since += WINDOW
    yield since, None


class _Window:
    """One window of an account's lists."""

    def __init__(self, account: str, since: datetime, until: datetime | None) -> None:
        self.account = account
        self.when = (since,) if until is None else (since, until)
        self.seen: set[tuple[str, str]] = set()

    def read_objects(self) -> None:
        """Fold every object made in the window. Movements come last: by then the facts they belong to are booked."""
        provider, listed = gateway(), (self.account, *self.when)
        for intent in self._folding("payment_intent", provider.intents_since(*listed), commands.fold_intent):
            if intent.charge is not None:
                self.seen.add(("charge", intent.charge.id))
        self._read_charges()
        for kind, told, fold in (
            ("refund", provider.refunds_since(*listed), commands.fold_refund),
            ("dispute", provider.disputes_since(*listed), commands.fold_dispute),
            ("payout", provider.payouts_since(*listed), commands.fold_payout),
        ):
            for _ in self._folding(kind, told, fold):
                pass
        for batch in in_batches(provider.movements_since(*listed)):
            with transaction():
                known = queries.known_movements([each.id for each in batch])
            fresh = [each for each in batch if each.id not in known]
            for _ in self._folding("balance_transaction", fresh, commands.fold_movement):
                pass

    def read_events(self) -> None:
        """Store events that no webhook brought. Those about objects made earlier are what only events can tell."""
        missed = 0
        for batch in in_batches(gateway().events_since(self.account, *self.when)):
            with transaction():
                known = queries.known_events([hint.id for hint, _ in batch])
                for hint, raw in batch:
                    if hint.id not in known:
                        missed += self._store(hint, raw)
        if missed:
            telemetry.count("webhooks_missed", missed)

    def explain_movements(self) -> None:
        """Look up what caused a movement without a booked fact; what nothing of ours explains goes to suspense."""
        with transaction():
            waiting = [(each.id, each.source_id) for each in queries.unexplained_movements(UNEXPLAINED_AT_ONCE)]
        for movement_id, source_id in waiting:
            fact = look_up(self.account, kind_of(source_id), source_id) if source_id is not None else None
            if fact is not None:
                with parking(fact), transaction():
                    fact()
            with transaction():
                movement = queries.movement_for_update(movement_id)
                if movement is not None and movement.posted_as is None:
                    commands.suspend_movement(movement)

    def _read_charges(self) -> None:
        """Charges of intents made before the window: their payer has agreed only now."""
        for batch in in_batches(gateway().charges_since(self.account, *self.when)):
            with transaction():
                known = queries.known_charges([each.id for each in batch])
            for charge in batch:
                is_told = charge.id in known or ("charge", charge.id) in self.seen or charge.intent_id is None
                if not is_told and charge.status == "succeeded":
                    _fold(look_up(self.account, "payment_intent", charge.intent_id or ""))
                self.seen.add(("charge", charge.id))

    def _store(self, hint: ProviderHint, raw: bytes) -> bool:
        is_folded = (hint.object_kind, hint.object_id or "") in self.seen
        return commands.store_event(hint, raw, is_routable=True, is_folded=is_folded) is not None

    def _folding(self, kind: str, told: Iterable[Any], fold: Callable[[Any], None]) -> Iterator[Any]:
        """Fold facts one transaction each: each locks a row, then the book; a second row would be out of order.

        A batch is fetched before its first transaction begins, so that none is open during a call.
        """
        for batch in in_batches(told):
            for each in batch:
                _fold(Fact(kind, each.id, each, fold))
                self.seen.add((kind, each.id))
            yield from batch


def _compose_payouts(account: str) -> None:
    """Say of each payout what it paid out, when that can be said: every movement before it has been read by now."""
    with transaction():
        waiting = payouts.uncomposed_payouts(OPEN_AT_ONCE)
    for payout_id, is_told in waiting:
        told = list(gateway().movements_of_payout(account, payout_id)) if is_told else None
        for movement in told or ():
            _fold(Fact("balance_transaction", movement.id, movement, commands.fold_movement))
        with transaction():
            commands.compose_payout(payout_id, None if told is None else [each.id for each in told])


def _look_again(account: str, *, is_long_silence: bool) -> None:
    """Facts that were parked may be bookable by now; after a silence longer than a day, what is open may have ended
    and its event may be gone."""
    with transaction():
        parked = queries.parked_keys(OPEN_AT_ONCE)
        unended = queries.open_at_provider(OPEN_AT_ONCE) if is_long_silence else []
    for kind, object_id in [*parked, *unended]:
        _fold(look_up(account, kind, object_id))


def _fold(fact: Fact | None) -> None:
    if fact is None:
        return
    with parking(fact), transaction():
        fact()
        commands.release_fact(fact.kind, fact.id)


def in_batches(told: Iterable[Any]) -> Iterator[list[Any]]:
    """A list of the provider's in parts, so that no transaction is open while the next is fetched."""
    iterator = iter(told)
    while batch := list(islice(iterator, AT_ONCE)):
        yield batch
