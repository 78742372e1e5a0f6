"""Writing use: one statement writes a batch's new events, one counts exactly the events that the first one wrote."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, text

from tandem.billing.prices import PriceBasis
from tandem.billing.usage import facts, faults, queries
from tandem.billing.usage.columns import arrays_of, columns_of, in_results, said_once, value_of
from tandem.billing.usage.commands import rollups
from tandem.billing.usage.commands.closing import hold_gate
from tandem.billing.usage.errors import MeterExists, UsageConflict, UsageInTheFuture
from tandem.billing.usage.events import UsageRecorded
from tandem.billing.usage.facts import Name, Outcome, Reading, Sale, Use, read_uses
from tandem.billing.usage.faults import Fault
from tandem.billing.usage.models import WHOLE_TENANT, Meter, UsageEvent
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_ids_as_bytes
from tandem.kernel.tenancy import tenant_id


class Answer(NamedTuple):
    """What became of one item of a batch; `fault` says why where it was not taken."""

    outcome: Outcome
    event_id: str | None = None
    is_late: bool = False
    fault: Fault | None = None


def ingest(items: Sequence[object], *, reporter: str) -> list[Answer]:
    """Meter a batch of up to 10,000 items; each is answered in its place, and a bad one harms no other. [any tenant]

    `reporter` (hospital, employer, operator) begins the name of every source, so that nobody speaks in another's name.
    Sent again, in whole or in part, in any order, a batch changes nothing. Raises ValueError for more items.
    """
    if len(items) > facts.BATCH_MAX:
        raise ValueError(f"a batch has at most {facts.BATCH_MAX} events")
    now = clock.now()
    read = read_uses(items, Reading(reporter, queries.aggregations(), now, tenant_id().bytes))
    uses = [use for use in read if type(use) is Use]
    # From the last to the first: of items that bear one name the first remains.
    first = dict(zip(map(_NAME, reversed(uses)), reversed(uses), strict=True))
    written = _write(first, now)
    if len(written.fresh) == len(items):
        return _all_accepted(uses, written.closed_until)
    verdict = _verdicts(uses, first, written)
    return [
        Answer("rejected", _told_id(item), fault=use) if isinstance(use, Fault) else verdict(use)
        for item, use in zip(items, read, strict=True)
    ]


def record_usage(
    *,
    meter: str = "visit",
    source_type: str,
    source_id: UUID,
    at: datetime,
    quantity: Decimal | int = 1,
    payment_id: UUID | None = None,
    amount_minor: int,
    currency: str = "CNY",
    service_id: UUID | None = None,
    programme_id: UUID | None = None,
    priced_as: PriceBasis | None = None,
) -> UsageEvent:
    """Meter one use that the scope's hospital sold. [hospital]

    Reported again, it is the first event that comes back. Raises UsageConflict when the same source comes with other
    facts, UsageInTheFuture more than five minutes ahead of the clock.
    """
    if at > clock.now() + facts.CLOCK_SLACK:
        raise UsageInTheFuture(at=at.isoformat())
    use = Use(
        source=source_type,
        event_key=queries.key_of_source(source_id, meter),
        meter=meter,
        subject=WHOLE_TENANT,
        at=at.astimezone(UTC),
        quantity=Decimal(quantity),
        sale=Sale(
            source_id=source_id,
            amount_minor=amount_minor,
            currency=currency,
            service_id=service_id,
            payment_id=payment_id,
            programme_id=programme_id,
            price_region=priced_as.region if priced_as is not None else None,
            price_grade=priced_as.grade if priced_as is not None else None,
            price_item=priced_as.item if priced_as is not None else None,
        ),
    )
    written = _write({_NAME(use): use}, clock.now())
    kept = queries.usage_by_source(source_type, source_id, meter)
    if written.fresh:
        outbox.add(UsageRecorded(kept.id))
        return kept
    if kept.quantity != use.quantity or any(getattr(kept, name) != getattr(use.sale, name) for name in _SOLD_FACTS):
        raise UsageConflict(usage_event_id=kept.id)
    return kept


def define_meter(*, code: str, aggregation: str, measures: str, unit: str, title: dict[str, str]) -> Meter:
    """Add a unit of measure for everybody. It never changes: a bill of last year must still mean the same. [operator]

    Raises MeterExists.
    """
    meter = Meter(
        code=code,
        aggregation=aggregation,
        measures=measures,
        unit=unit,
        title_en=title["en"],
        title_zh=title["zh"],
    )
    with refusing(meter_pkey=MeterExists):
        session.add(meter)
    audit.record(action="meter.defined", object_type="meter", object_id=code)
    return meter


_NAME: Final[Callable[[Use], Name]] = itemgetter(0, 1)
_WHAT: Final = itemgetter(slice(2, 9))
_SOLD_FACTS: Final = ("amount_minor", "currency", "payment_id", "service_id", "programme_id")
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


class _Written(NamedTuple):
    """What a batch wrote: the names of new events, voids that were refused, and until when use was closed."""

    fresh: Collection[Name]
    refused: Mapping[Name, Fault]
    closed_until: datetime


def _told_id(item: object) -> str | None:
    told: Any = item.get("event_id") if isinstance(item, dict) else None
    # Half a surrogate pair has no UTF-8: an answer that repeated it could not be written, and refused the whole batch.
    is_tellable = isinstance(told, str) and len(told) <= 200 and not _HALF_PAIR.search(told)
    return told if is_tellable else None


def _all_accepted(uses: Sequence[Use], closed_until: datetime) -> list[Answer]:
    if not uses:
        return []
    _, keys, _, _, moments, _, _, _, voids, _ = zip(*uses, strict=True)
    late: Iterable[bool] = repeat(False)
    if min(moments) < closed_until:
        late = [at < closed_until and voids_key is None for at, voids_key in zip(moments, voids, strict=True)]
    # What `Answer._make` does, without a call of Python's for each.
    return list(map(tuple.__new__, repeat(Answer), zip(repeat("accepted"), keys, late, repeat(None))))


def _verdicts(uses: Sequence[Use], first: Mapping[Name, Use], written: _Written) -> Callable[[Use], Answer]:
    """How each use is answered: by what this batch wrote under its name, or else by what is kept there."""
    fresh, refused, closed_until = written
    differing = queries.differing([use for use in uses if _NAME(use) not in fresh and _NAME(use) not in refused])

    def answer(use: Use) -> Answer:
        name = _NAME(use)
        if name in refused:
            return Answer("rejected", use.event_key, fault=refused[name])
        if first[name] is use and name in fresh:
            return Answer("accepted", use.event_key, use.at < closed_until and use.voids_key is None)
        is_other = _WHAT(first[name]) != _WHAT(use) if name in fresh else bool(differing) and use in differing
        if not is_other:
            return Answer("duplicate", use.event_key)
        # Nothing of that name is there, and still it was not written: another void took the same event back.
        is_unknown = name not in fresh and not differing[use]
        return Answer("conflict", use.event_key, fault=faults.VOIDED_BEFORE if is_unknown else faults.OTHER_FACTS)

    return answer


def _write(first: Mapping[Name, Use], now: datetime) -> _Written:
    """Write what is new of `first` and count it. A void waits for batches under way, so it never misses its event."""
    voids = [use for use in first.values() if use.voids_key is not None]
    closed_until = hold_gate(alone=bool(voids))
    refused: dict[Name, Fault] = {}
    if voids:
        voided = [(use.source, use.voids_key) for use in voids if use.voids_key is not None]
        final = {_NAME(use) for use in voids} | queries.voids_named(voided)
        refused = {_NAME(use): faults.VOID_IS_FINAL for use in voids if (use.source, use.voids_key) in final}
    # In the order of the unique key: two batches that meet wait for each other in one direction only.
    wanted = sorted(use for use in first.values() if _NAME(use) not in refused) if refused else sorted(first.values())
    fresh = _insert(wanted, now)
    rollups.count([use for use in fresh if use.voids_key is None])
    rollups.take_back([use for use in fresh if use.voids_key is not None])
    is_all_new = len(fresh) == len(first)
    return _Written(first.keys() if is_all_new else set(map(_NAME, fresh)), refused, closed_until)


def _insert(uses: Sequence[Use], now: datetime) -> Sequence[Use]:
    """Write these events; returns those that were not there before."""
    if not uses:
        return []
    ids = new_ids_as_bytes(len(uses))
    columns = columns_of(uses) | {"id": ids}
    same = said_once(columns)
    told = arrays_of(columns) | same | {"tenant": tenant_id(), "now": now}
    added = session.execute(_statement(tuple(columns), tuple(same)), told)
    count = added.rowcount if isinstance(added, CursorResult) else 0
    if count in {0, len(uses)}:
        return uses if count else []
    kept = queries.events_with(ids)
    return [use for use, event_id in zip(uses, ids, strict=True) if event_id in kept]


@lru_cache
def _statement(columns: tuple[str, ...], same: tuple[str, ...]) -> TextClause:
    """An INSERT from arrays, one for each of these columns, and of what is the `same` in every row.

    Rows that arrive as arrays are joined to a row of their tenant: a cluster then sends them to the node where it lies.
    """
    values = {name: f"u.{name}" for name in columns} | {name: f"CAST(:{name} AS text)" for name in same}
    values |= {"source_type": values.pop("source"), "is_sold": "true" if "amount_minor" in columns else "false"}
    values["is_late"] = f"u.at < g.closed_until AND {value_of('voids_key', columns)} IS NULL"
    values = {"seq": "0", "amount_minor": "0", "currency": "'CNY'"} | values
    # Without a void only its name can be taken: then no other unique index is asked before the row is written.
    of_name = "" if "voids_key" in columns else "(tenant_id, source_type, event_key) "
    parts = {"into": ", ".join(values), "values": ", ".join(values.values()), "rows": in_results(columns)}
    return text(_ADD_EVENTS.format(**parts, of_name=of_name))


_ADD_EVENTS: Final = (
    "INSERT INTO usage_event (tenant_id, received_at, {into}) SELECT g.tenant_id, CAST(:now AS timestamptz), {values} "
    "FROM (SELECT {rows}) u JOIN usage_gate g ON g.tenant_id = :tenant ON CONFLICT {of_name}DO NOTHING"
)
