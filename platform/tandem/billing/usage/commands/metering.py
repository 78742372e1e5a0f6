"""Writing use: one statement writes a batch's new events, one counts exactly the events that the first one wrote."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text

from tandem.billing.arrays import array_of
from tandem.billing.prices import PriceBasis
from tandem.billing.usage import facts, queries
from tandem.billing.usage.commands import rollups
from tandem.billing.usage.commands.closing import hold_gate
from tandem.billing.usage.errors import MeterExists, UsageConflict, UsageInTheFuture
from tandem.billing.usage.events import UsageRecorded
from tandem.billing.usage.facts import Fault, Outcome, Use, read_use
from tandem.billing.usage.models import WHOLE_TENANT, Meter, UsageEvent
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True, slots=True)
class Answer:
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
    read, now = _read(items, reporter), clock.now()
    first: dict[tuple[str, str], Use] = {}
    for use in read:
        if isinstance(use, Use):
            first.setdefault(use.name, use)
    written = _write(list(first.values()), now)
    return [
        Answer("rejected", _told_id(item), fault=use) if isinstance(use, Fault) else written.answer(use, first)
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
        at=at,
        quantity=Decimal(quantity),
        source_id=source_id,
        is_sold=True,
        amount_minor=amount_minor,
        currency=currency,
        service_id=service_id,
        payment_id=payment_id,
        programme_id=programme_id,
        price_region=priced_as.region if priced_as is not None else None,
        price_grade=priced_as.grade if priced_as is not None else None,
        price_item=priced_as.item if priced_as is not None else None,
    )
    written = _write([use], clock.now())
    if use.name in written.ids:
        outbox.add(UsageRecorded(written.ids[use.name]))
        return queries.usage_event(written.ids[use.name])
    before = queries.usage_by_source(source_type, source_id, meter)
    if any(getattr(before, name) != getattr(use, name) for name in _SOLD_FACTS):
        raise UsageConflict(usage_event_id=before.id)
    return before


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


class _Written:
    """What a batch wrote, and what was there before it."""

    def __init__(self, ids: dict[tuple[str, str], UUID], before: dict[tuple[str, str], Any], closed: datetime) -> None:
        self.ids = ids
        self._before = before
        self._closed_until = closed

    def answer(self, use: Use, first: dict[tuple[str, str], Use]) -> Answer:
        is_late = use.voids_key is None and use.at < self._closed_until
        if use.name in self.ids:
            kept: Any = first[use.name]
            if kept is use:
                return Answer("accepted", use.event_key, is_late)
        else:
            kept = self._before.get(use.name)
        if kept is None:
            # Nothing of that name was there, and still it was not written: another void took the same event back.
            return Answer("conflict", use.event_key, fault=facts.VOIDED_BEFORE)
        if isinstance(kept, Fault):
            return Answer("rejected", use.event_key, fault=kept)
        if all(getattr(kept, name) == getattr(use, name) for name in _FACTS):
            return Answer("duplicate", use.event_key)
        return Answer("conflict", use.event_key, fault=facts.OTHER_FACTS)


_FACTS: Final = ("meter", "subject", "at", "quantity", "seq", "value_sha256", "voids_key")
_SOLD_FACTS: Final = ("quantity", "amount_minor", "currency", "payment_id", "service_id", "programme_id")


def _read(items: Sequence[object], reporter: str) -> list[Use | Fault]:
    meters = queries.aggregations()
    now, salt = clock.now(), tenant_id().bytes
    return [read_use(item, reporter=reporter, meters=meters, now=now, salt=salt) for item in items]


def _told_id(item: object) -> str | None:
    told: Any = item.get("event_id") if isinstance(item, dict) else None
    # Half a surrogate pair has no UTF-8: an answer that repeated it could not be written, and refused the whole batch.
    is_tellable = isinstance(told, str) and len(told) <= 200 and not _HALF_PAIR.search(told)
    return told if is_tellable else None


_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


def _write(uses: Sequence[Use], now: datetime) -> _Written:
    """Write what is new of `uses` and count it. A void waits for batches under way, so it never misses its event."""
    has_voids = any(use.voids_key is not None for use in uses)
    closed_until = hold_gate(alone=has_voids)
    refused: dict[tuple[str, str], Any] = {}
    if has_voids:
        final = {use.name for use in uses if use.voids_key is not None}
        final |= queries.voids_named([(use.source, use.voids_key) for use in uses if use.voids_key is not None])
        refused = {use.name: facts.VOID_IS_FINAL for use in uses if (use.source, use.voids_key) in final}
    # In the order of the unique key: two batches that meet wait for each other in one direction only.
    wanted = sorted((use for use in uses if use.name not in refused), key=attrgetter("source", "event_key"))
    fresh = _insert(wanted, closed_until, now)
    rollups.count([use for use in fresh.values() if use.voids_key is None])
    voids = [use for use in fresh.values() if use.voids_key is not None]
    if voids:
        rollups.take_back(voids)
    ids = {use.name: event_id for event_id, use in fresh.items()}
    missing = [use.name for use in wanted if use.name not in ids] if len(ids) < len(wanted) else []
    return _Written(ids, queries.events_named(missing) | refused, closed_until)


def _insert(uses: Sequence[Use], closed_until: datetime, now: datetime) -> dict[UUID, Use]:
    """Write these events; returns those that were not there before, by their new ids."""
    if not uses:
        return {}
    is_sold = any(use.is_sold for use in uses)
    kinds = _SOLD if is_sold else _COUNTED
    ids = {new_id(): use for use in uses}
    columns: dict[str, list[Any]] = {name: [getattr(use, name) for use in uses] for name in kinds.keys() - _MADE}
    columns["id"] = list(ids)
    columns["is_late"] = [use.voids_key is None and use.at < closed_until for use in uses]
    told = {name: array_of(kinds[name], column) for name, column in columns.items()}
    wish = _INSERT_SOLD if is_sold else _INSERT
    added = session.scalars(wish, told | {"tenant": tenant_id(), "now": now}).all()
    return {event_id: ids[event_id] for event_id in added}


_MADE: Final = {"id", "is_late"}
_COUNTED: Final = {
    "id": "uuid",
    "source": "text",
    "event_key": "text",
    "meter": "text",
    "subject": "text",
    "at": "timestamptz",
    "quantity": "numeric",
    "seq": "bigint",
    "value_sha256": "bytea",
    "is_late": "boolean",
    "voids_key": "text",
}
_SOLD: Final = _COUNTED | {
    "source_id": "uuid",
    "is_sold": "boolean",
    "amount_minor": "bigint",
    "currency": "text",
    "service_id": "uuid",
    "payment_id": "uuid",
    "programme_id": "uuid",
    "price_region": "text",
    "price_grade": "text",
    "price_item": "text",
}


def _statement(columns: Mapping[str, str], fixed: Mapping[str, str]) -> TextClause:
    """An INSERT from arrays, one for each column, and of what is the same in every row.

    Rows that arrive as arrays are joined to a row of their tenant: a cluster then sends them to the node where it lies.
    """
    written = {"source": "source_type"}
    parts = {
        "into": ", ".join([*(written.get(name, name) for name in columns), *fixed]),
        "values": ", ".join([*(f"u.{name}" for name in columns), *fixed.values()]),
        "arrays": ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items()),
        "names": ", ".join(columns),
    }
    return text(_ADD_EVENTS.format_map(parts))


_ADD_EVENTS: Final = (
    "INSERT INTO usage_event (tenant_id, received_at, {into}) SELECT g.tenant_id, CAST(:now AS timestamptz), {values} "
    "FROM unnest({arrays}) AS u({names}) JOIN usage_gate g ON g.tenant_id = :tenant "
    "ON CONFLICT DO NOTHING RETURNING id"
)
_INSERT: Final = _statement(_COUNTED, {"is_sold": "false", "amount_minor": "0", "currency": "'CNY'"})
_INSERT_SOLD: Final = _statement(_SOLD, {})
