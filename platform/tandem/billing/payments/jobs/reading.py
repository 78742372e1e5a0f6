"""The gap filler: the provider's lists, read since the last time. It is the guarantee; webhooks only make it sooner."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy.exc import IntegrityError

from tandem.billing.payments import commands, queries
from tandem.billing.payments.jobs.folding import kind_of, look_up
from tandem.billing.provider_facts import ProviderHint
from tandem.billing.stripe_gateway import gateway, is_live
from tandem.kernel import clock, telemetry
from tandem.kernel.errors import Problem
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import transaction

OVERLAP: Final = timedelta(hours=2)
"""Read again each time: objects appear in lists a little after they were made."""
EVENTS_KEPT: Final = timedelta(days=30)
"""How far back the provider lists events: https://docs.stripe.com/api/events"""
AT_ONCE: Final = 100
UNEXPLAINED_AT_ONCE: Final = 500

Fact = TypeVar("Fact")


class FactsRefused(Exception):
    """So many facts of the provider could not be folded; the others were. The log says which, the next run retries."""


@job(queue="slow", timeout_seconds=600, outside=True)
def read_provider() -> None:
    """Read what happened on the hospital's account since the last reading; a dead job when a fact is refused."""
    if refused := fetch_provider_facts():
        raise FactsRefused(refused)


def fetch_provider_facts(since: datetime | None = None) -> int:
    """Fetch and fold whatever the provider lists since `since` (default: the last reading, with an overlap).

    For callers without an open transaction, in the hospital's scope; it may take minutes after a long silence.
    Returns how many facts could not be folded (the log says which): then the reading does not count as made, and
    the next one begins where this one did. Raises GatewayAway when the provider does not answer; what was folded
    until then stays.
    """
    began = clock.now()
    with transaction():
        account, until = queries.account_of_hospital(is_live()), queries.read_until()
    if account is None:
        return 0
    since = since or ((until - OVERLAP) if until is not None else began - EVENTS_KEPT)
    reading = _Reading(account, since)
    reading.read_objects()
    reading.explain_movements()
    reading.read_events()
    if reading.refused == 0:
        with transaction():
            commands.advance_reading(began)
    return reading.refused


class _Reading:
    """One pass over an account's lists. A fact that cannot be folded is told of and does not stop the others."""

    def __init__(self, account: str, since: datetime) -> None:
        self.account = account
        self.since = since
        self.seen: set[tuple[str, str]] = set()
        self.refused = 0

    def read_objects(self) -> None:
        """Fold every object made since. Movements come last: by then the facts they belong to are booked."""
        provider, since = gateway(), (self.account, self.since)
        for intent in self._folding(provider.intents_since(*since), commands.fold_intent):
            self.seen.add(("payment_intent", intent.id))
            if intent.charge is not None:
                self.seen.add(("charge", intent.charge.id))
        for refund in self._folding(provider.refunds_since(*since), commands.fold_refund):
            self.seen.add(("refund", refund.id))
        for dispute in self._folding(provider.disputes_since(*since), commands.fold_dispute):
            self.seen.add(("dispute", dispute.id))
        for payout in self._folding(provider.payouts_since(*since), commands.fold_payout):
            self.seen.add(("payout", payout.id))
        for _ in self._folding(provider.movements_since(*since), commands.fold_movement):
            pass

    def read_events(self) -> None:
        """Store events that no webhook brought. Those about objects made earlier are what only events can tell."""
        missed = 0

        def store(told: tuple[ProviderHint, bytes]) -> None:
            nonlocal missed
            hint, raw = told
            is_folded = (hint.object_kind, hint.object_id or "") in self.seen
            missed += commands.store_event(hint, raw, is_routable=True, is_folded=is_folded) is not None

        for _ in self._folding(gateway().events_since(self.account, self.since), store):
            pass
        if missed:
            telemetry.count("webhooks_missed", missed)

    def explain_movements(self) -> None:
        """Look up what caused a movement without a booked fact; what nothing of ours explains goes to suspense."""
        with transaction():
            waiting = [(each.id, each.source_id) for each in queries.unexplained_movements(UNEXPLAINED_AT_ONCE)]
        for movement_id, source_id in waiting:
            fold = look_up(self.account, kind_of(source_id), source_id) if source_id is not None else None
            with self._telling(), transaction():
                if fold is not None:
                    fold()
                movement = queries.movement_for_update(movement_id)
                if movement is not None and movement.posted_as is None:
                    commands.suspend_movement(movement)

    def _folding(self, facts: Iterable[Fact], fold: Callable[[Fact], None]) -> Iterator[Fact]:
        """Fold facts one transaction each: each locks a row, then the book; a second row would be out of order.

        A batch is fetched before its first transaction begins, so that none is open during a call.
        """
        iterator = iter(facts)
        while batch := list(islice(iterator, AT_ONCE)):
            for fact in batch:
                with self._telling(), transaction():
                    fold(fact)
            yield from batch

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (Problem, IntegrityError) as error:
            self.refused += 1
            telemetry.log.error("provider_fact_refused", exc_info=error)
