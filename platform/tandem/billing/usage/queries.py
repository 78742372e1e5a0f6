"""Reads of usage, in the scope of the tenant that used."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, select, text

from tandem.billing.arrays import text_array
from tandem.billing.binary_arrays import uuids
from tandem.billing.usage.columns import arrays_of, columns_of, unnested, value_of
from tandem.billing.usage.facts import Name, Use
from tandem.billing.usage.models import Meter, UsageEvent, UsageRollup
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

METERS_MAX: Final = 1_000


def usage_event(event_id: UUID) -> UsageEvent:
    """One event. Raises NotFound."""
    found = session.scalar(select(UsageEvent).where(UsageEvent.tenant_id == tenant_id(), UsageEvent.id == event_id))
    if found is None:
        raise NotFound
    return found


def key_of_source(source_id: UUID, meter: str) -> str:
    """How the event is called that one of our own rooms reports of a source."""
    return f"{source_id}:{meter}"


def usage_by_source(source_type: str, source_id: UUID, meter: str = "visit") -> UsageEvent:
    """The event of a source. Raises NotFound."""
    found = session.scalar(
        select(UsageEvent).where(
            UsageEvent.tenant_id == tenant_id(),
            UsageEvent.source_type == source_type,
            UsageEvent.event_key == key_of_source(source_id, meter),
        )
    )
    if found is None:
        raise NotFound
    return found


def usage_between(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """All events in [since, until), in order of time."""
    wanted = select(*UsageEvent.__table__.c).where(
        UsageEvent.tenant_id == tenant_id(), UsageEvent.at >= since, UsageEvent.at < until
    )
    return rows(wanted.order_by(UsageEvent.at, UsageEvent.id))


def usage_page(*, since: datetime | None, until: datetime | None, limit: int, after: str | None) -> Page:
    """Events, newest first."""
    wanted = select(*UsageEvent.__table__.c).where(UsageEvent.tenant_id == tenant_id())
    if since is not None:
        wanted = wanted.where(UsageEvent.at >= since)
    if until is not None:
        wanted = wanted.where(UsageEvent.at < until)
    return page(wanted, by=[UsageEvent.at, UsageEvent.id], limit=limit, after=after, newest_first=True)


def meters_page(*, limit: int, after: str | None) -> Page:
    """Every unit of measure there is, by code."""
    return page(select(*Meter.__table__.c), by=[Meter.code], limit=limit, after=after)


def aggregations() -> Mapping[str, str]:
    """How each meter makes one quantity of many events."""
    found = session.execute(select(Meter.code, Meter.aggregation).order_by(Meter.code).limit(METERS_MAX))
    return {row.code: row.aggregation for row in found}


def rollups_page(*, since: datetime | None, until: datetime | None, limit: int, after: str | None) -> Page:
    """Hourly roll-ups, oldest first."""
    wanted = select(*UsageRollup.__table__.c).where(UsageRollup.tenant_id == tenant_id())
    if since is not None:
        wanted = wanted.where(UsageRollup.hour >= since)
    if until is not None:
        wanted = wanted.where(UsageRollup.hour < until)
    return page(wanted, by=[UsageRollup.hour, UsageRollup.meter, UsageRollup.subject], limit=limit, after=after)


def events_with(ids: Sequence[bytes]) -> set[bytes]:
    """Those of these ids, as their sixteen bytes, that are of events that are kept."""
    found: Iterable[UUID] = session.scalars(_WITH_ID, {"tenant": tenant_id(), "ids": uuids(ids)})
    return {each.bytes for each in found}


def differing(uses: Sequence[Use]) -> dict[Use, bool]:
    """Those of these uses that are not kept as they are told, and whether something else is kept under their name."""
    if not uses:
        return {}
    columns = columns_of(uses)
    found = session.execute(_differing(tuple(columns)), arrays_of(columns) | {"tenant": tenant_id()})
    return {uses[row.place - 1]: row.is_known for row in found}


def voided_before(uses: Sequence[Use]) -> set[Name]:
    """Those of these uses that a void took back before they came."""
    sources = {use.source for use in uses}
    if not session.scalar(_HAS_VOIDS, {"tenant": tenant_id(), "sources": sorted(sources)}):
        return set()
    columns = {"sources": text_array([use.source for use in uses]), "keys": text_array([use.event_key for use in uses])}
    found = session.execute(_VOIDED, {"tenant": tenant_id()} | columns)
    return {(row.source, row.event_key) for row in found}


def voids_named(names: Collection[Name]) -> set[Name]:
    """Those of these (source, key) pairs that are themselves voids."""
    columns = {"sources": [source for source, _ in names], "keys": [key for _, key in names]}
    return {(row.source, row.event_key) for row in session.execute(_VOIDS, {"tenant": tenant_id()} | columns)}


def recount(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """The roll-ups of the hours that touch [since, until) which do not say what their events say; empty when all do.

    Each row: meter, subject, hour, and kept_ and counted_ event_count, fact_count and quantity (None: no such row).
    """
    span = {"tenant": tenant_id(), "since": _hour(since), "until": _hour(until + timedelta(hours=1, microseconds=-1))}
    kinds = set(aggregations().values())
    statements = [_RECOUNT, *([_RECOUNT_LATEST] if "latest" in kinds else [])]
    statements += [_RECOUNT_VALUES] if "distinct" in kinds else []
    found = [row for statement in statements for row in session.execute(statement, span).mappings()]
    return list({(row["meter"], row["subject"], row["hour"]): row for row in reversed(found)}.values())


def charged_above_ceiling(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Sold use of [since, until) whose price is above what the circulars of its day allow, as they are known today.

    A ceiling that was lowered retroactively shows here. Each row: id, at, amount_minor, currency, ceiling_minor,
    circular.
    """
    span = {"tenant": tenant_id(), "since": since, "until": until}
    return session.execute(_ABOVE_CEILING, span).mappings().all()


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


COUNTED: Final = (
    "count(*) FILTER (WHERE v.id IS NULL) AS event_count, count(*) + count(v.id) AS fact_count, "
    "coalesce(sum(e.quantity) FILTER (WHERE v.id IS NULL), 0) AS quantity, "
    "max(e.quantity) FILTER (WHERE v.id IS NULL) AS maximum"
)
"""What a roll-up says of events `e` whose voids are `v`."""

_WITH_ID: Final = text(
    "SELECT e.id FROM usage_event e WHERE e.tenant_id = :tenant AND e.id = ANY(CAST(:ids AS uuid[]))"
)
_VOIDS: Final = text(
    "SELECT u.source, u.event_key FROM unnest(CAST(:sources AS text[]), CAST(:keys AS text[])) AS u(source, event_key) "
    "JOIN usage_event e ON e.tenant_id = :tenant AND e.source_type = u.source AND e.event_key = u.event_key "
    "AND e.voids_key IS NOT NULL"
)
_VOIDED: Final = text(
    "SELECT u.source, u.event_key FROM unnest(CAST(:sources AS text[]), CAST(:keys AS text[])) AS u(source, event_key) "
    "JOIN usage_event v ON v.tenant_id = :tenant AND v.source_type = u.source AND v.voids_key = u.event_key"
)
_HAS_VOIDS: Final = text(
    "SELECT EXISTS (SELECT 1 FROM usage_event v WHERE v.tenant_id = :tenant AND v.voids_key IS NOT NULL "
    "AND v.source_type = ANY(CAST(:sources AS text[])))"
)


@lru_cache
def _differing(columns: tuple[str, ...]) -> TextClause:
    facts = ("meter", "subject", "at", "quantity", "seq", "value_sha256", "voids_key")
    kept, told = ", ".join(f"e.{name}" for name in facts), ", ".join(value_of(name, columns) for name in facts)
    return text(_DIFFERING.format(rows=unnested(columns), kept=kept, told=told))


_DIFFERING: Final = (
    "SELECT u.place, e.id IS NOT NULL AS is_known FROM {rows} JOIN usage_gate g ON g.tenant_id = :tenant "
    "LEFT JOIN usage_event e ON e.tenant_id = :tenant AND e.source_type = u.source AND e.event_key = u.event_key "
    "WHERE e.id IS NULL OR ({kept}) IS DISTINCT FROM ({told})"
)


_PARTS: Final = {
    "counted": COUNTED,
    "hour": "date_trunc('hour', e.at, 'UTC')",
    "events": "usage_event e LEFT JOIN usage_event v ON v.tenant_id = :tenant AND v.source_type = e.source_type "
    "AND v.voids_key = e.event_key",
    "span": "e.tenant_id = :tenant AND e.voids_key IS NULL AND e.at >= :since AND e.at < :until",
    "kept": "tenant_id = :tenant AND hour >= :since AND hour < :until",
    "key": "(e.source_type || ' ' || e.event_key)",
    "difference": "SELECT coalesce(c.meter, r.meter) AS meter, coalesce(c.subject, r.subject) AS subject, "
    "coalesce(c.hour, r.hour) AS hour, r.event_count AS kept_event_count, c.event_count AS counted_event_count, "
    "r.fact_count AS kept_fact_count, c.fact_count AS counted_fact_count, r.quantity AS kept_quantity, "
    "c.quantity AS counted_quantity FROM counted c FULL JOIN kept r ON r.meter = c.meter AND r.subject = c.subject "
    "AND r.hour = c.hour",
}


def _sql(statement: str) -> TextClause:
    return text(statement.format_map(_PARTS))


_RECOUNT: Final = _sql(
    "WITH counted AS (SELECT e.meter, e.subject, {hour} AS hour, {counted} FROM {events} WHERE {span} "
    "GROUP BY 1, 2, 3), kept AS (SELECT meter, subject, hour, event_count, fact_count, quantity, maximum "
    "FROM usage_rollup WHERE {kept}) {difference} WHERE (c.event_count, c.fact_count, c.quantity, c.maximum) "
    "IS DISTINCT FROM (r.event_count, r.fact_count, r.quantity, r.maximum)"
)
_RECOUNT_LATEST: Final = _sql(
    "WITH counted AS (SELECT DISTINCT ON (e.meter, e.subject, {hour}) e.meter, e.subject, {hour} AS hour, "
    "CAST(NULL AS bigint) AS event_count, CAST(NULL AS bigint) AS fact_count, e.quantity, {key} AS key FROM {events} "
    "JOIN meter m ON m.code = e.meter AND m.aggregation = 'latest' WHERE {span} AND v.id IS NULL "
    'ORDER BY e.meter, e.subject, {hour}, e.at DESC, e.seq DESC, {key} COLLATE "C" DESC), '
    "kept AS (SELECT meter, subject, hour, event_count, fact_count, latest_quantity AS quantity, latest_key AS key "
    "FROM usage_rollup WHERE {kept} AND latest_quantity IS NOT NULL) {difference} "
    "WHERE (c.quantity, c.key) IS DISTINCT FROM (r.quantity, r.key)"
)
_RECOUNT_VALUES: Final = _sql(
    "WITH counted AS (SELECT e.meter, e.subject, {hour} AS hour, count(DISTINCT e.value_sha256) AS event_count, "
    "CAST(NULL AS bigint) AS fact_count, CAST(count(*) AS numeric) AS quantity FROM {events} WHERE {span} "
    "AND v.id IS NULL AND e.value_sha256 IS NOT NULL GROUP BY 1, 2, 3), "
    "kept AS (SELECT meter, subject, hour, count(*) AS event_count, CAST(NULL AS bigint) AS fact_count, "
    "sum(event_count) AS quantity FROM usage_value WHERE {kept} GROUP BY 1, 2, 3) {difference} "
    "WHERE (c.event_count, c.quantity) IS DISTINCT FROM (r.event_count, r.quantity)"
)
_ABOVE_CEILING: Final = text(
    "SELECT e.id, e.at, e.amount_minor, e.currency, c.ceiling_minor, c.circular FROM usage_event e JOIN LATERAL ("
    "SELECT p.ceiling_minor, p.currency, p.circular FROM price_ceiling p WHERE p.region = e.price_region "
    "AND p.grade = e.price_grade AND p.item = e.price_item "
    "AND p.effective_from <= CAST(e.at AT TIME ZONE 'Asia/Shanghai' AS date) AND (p.effective_to IS NULL "
    "OR p.effective_to > CAST(e.at AT TIME ZONE 'Asia/Shanghai' AS date)) ORDER BY p.effective_from DESC LIMIT 1"
    ") c ON c.currency = e.currency AND c.ceiling_minor < e.amount_minor WHERE e.tenant_id = :tenant AND e.is_sold "
    "AND e.at >= :since AND e.at < :until ORDER BY e.at, e.id"
)
