"""Roll-ups: added to by the batch that wrote the events, or counted anew from all events there are."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import TextClause, text

from tandem.billing.arrays import array_of, plain_array, text_array
from tandem.billing.usage import queries
from tandem.billing.usage.columns import MOMENT, microseconds
from tandem.billing.usage.commands.closing import hold_gate
from tandem.billing.usage.facts import Name, Use
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id


def count(uses: Sequence[Use]) -> None:
    """Add events that this very transaction wrote, so that each is counted exactly once; voided ones count nothing."""
    if not uses:
        return
    voided = queries.voided_before(uses)
    session.execute(_ADD, {"tenant": tenant_id()} | _hourly(uses, voided))
    counted = [use for use in uses if (use.source, use.event_key) not in voided] if voided else uses
    latest = set(_latest())
    of_latest = [use for use in counted if use.meter in latest]
    if of_latest:
        more = {"quantities": plain_array(use.quantity for use in of_latest)}
        session.execute(_ADD_LATEST, _columns(of_latest) | more | {"seqs": plain_array(use.seq for use in of_latest)})
    of_values = [use for use in counted if use.value_sha256 is not None]
    if of_values:
        values = array_of("bytea", [use.value_sha256 for use in of_values])
        session.execute(_ADD_VALUES, _columns(of_values) | {"values": values})


def _hourly(uses: Sequence[Use], voided: Collection[Name]) -> dict[str, str]:
    """The uses by meter, subject and hour: what each hour is to be raised by."""
    quantities: dict[tuple[str, str, int], list[Decimal]] = defaultdict(list)
    facts: dict[tuple[str, str, int], int] = defaultdict(int)
    moments = list({use.at for use in uses})
    hour_of = {at: since - since % _HOUR for at, since in zip(moments, microseconds(moments), strict=True)}
    # Plain names for the parts of ten thousand tuples: asking each for them by name costs as much as all the rest.
    for source, key, meter, subject, at, quantity, *_ in uses:
        hour = meter, subject, hour_of[at]
        if voided and (source, key) in voided:
            facts[hour] += 2  # the event and its void
            quantities[hour] += []
        else:
            quantities[hour].append(quantity)
    hours = sorted(quantities)
    kept = [quantities[hour] for hour in hours]
    meters, subjects, begun = zip(*hours, strict=True)
    return {
        "meters": text_array(meters),
        "subjects": text_array(subjects),
        "hours": plain_array(begun),
        "event_counts": plain_array(map(len, kept)),
        "fact_counts": plain_array(len(quantities[hour]) + facts[hour] for hour in hours),
        # Exact: ten thousand numbers of twenty digits have 24 together, and a Decimal keeps 28.
        "quantities": plain_array(map(sum, kept)),
        "maxima": plain_array(max(each) if each else "NULL" for each in kept),
    }


def take_back(voids: Sequence[Use]) -> None:
    """Count anew the hours whose events these voids take back. The gate is held alone."""
    if not voids:
        return
    named = {
        "tenant": tenant_id(),
        "sources": [use.source for use in voids],
        "keys": [use.voids_key for use in voids],
    }
    touched = session.execute(_HOURS_OF, named).all()
    if touched:
        _recount({
            "tenant": tenant_id(),
            "meters": [row.meter for row in touched],
            "subjects": [row.subject for row in touched],
            "hours": [row.hour for row in touched],
        })  # fmt: skip


def rebuild_rollups(since: datetime, until: datetime) -> int:
    """Count [since, until) anew from its events, whatever the roll-ups said; returns how many were wrong.

    Batches wait meanwhile, so bound it: a day at a time is a second's work for a million events. [any tenant]
    """
    hold_gate(alone=True)
    wrong = queries.recount(since, until)
    if wrong:
        _recount({
            "tenant": tenant_id(),
            "meters": [row["meter"] for row in wrong],
            "subjects": [row["subject"] for row in wrong],
            "hours": [row["hour"] for row in wrong],
        })  # fmt: skip
    return len(wrong)


def _columns(uses: Sequence[Use]) -> dict[str, Any]:
    return {
        "tenant": tenant_id(),
        "sources": text_array([use.source for use in uses]),
        "keys": text_array([use.event_key for use in uses]),
        "meters": text_array([use.meter for use in uses]),
        "subjects": text_array([use.subject for use in uses]),
        "moments": plain_array(microseconds([use.at for use in uses])),
    }


def _recount(hours: dict[str, Any]) -> None:
    these = hours | {"latest": _latest()}
    for statement in (_FORGET_VALUES, _FORGET, _COUNT, _COUNT_LATEST, _COUNT_VALUES):
        session.execute(statement, these)


def _latest() -> list[str]:
    return [code for code, aggregation in queries.aggregations().items() if aggregation == "latest"]


_HOUR: Final = 3_600_000_000
_PARTS: Final = {
    "counted": queries.COUNTED,
    "at": MOMENT,
    "hour": f"date_trunc('hour', {MOMENT}, 'UTC')",
    "these": "unnest(CAST(:meters AS text[]), CAST(:subjects AS text[]), CAST(:hours AS timestamptz[])) "
    "AS k(meter, subject, hour)",
    "events": "usage_event e ON e.tenant_id = :tenant AND e.meter = k.meter AND e.subject = k.subject "
    "AND e.at >= k.hour AND e.at < k.hour + interval '1 hour' LEFT JOIN usage_event v ON v.tenant_id = :tenant "
    "AND v.source_type = e.source_type AND v.voids_key = e.event_key",
    "arrays": "CAST(:sources AS text[]), CAST(:keys AS text[]), CAST(:meters AS text[]), CAST(:subjects AS text[]), "
    "CAST(:moments AS bigint[])",
    "names": "source, event_key, meter, subject, at",
    "gate": "usage_gate g ON g.tenant_id = :tenant",
    # Two events at the same instant are told apart by their source's own order, then by name: never by who came first.
    "key": "(u.source || ' ' || u.event_key)",
    "key_of_e": "(e.source_type || ' ' || e.event_key)",
}


def _sql(statement: str) -> TextClause:
    return text(statement.format_map(_PARTS))


_ADD: Final = _sql(
    "INSERT INTO usage_rollup AS r (tenant_id, meter, subject, hour, event_count, fact_count, is_late, "
    "quantity, maximum) SELECT g.tenant_id, u.meter, u.subject, {at}, u.event_count, u.fact_count, "
    "{at} < g.closed_until, u.quantity, u.maximum FROM unnest(CAST(:meters AS text[]), CAST(:subjects AS text[]), "
    "CAST(:hours AS bigint[]), CAST(:event_counts AS bigint[]), CAST(:fact_counts AS bigint[]), "
    "CAST(:quantities AS numeric[]), CAST(:maxima AS numeric[])) "
    "AS u(meter, subject, at, event_count, fact_count, quantity, maximum) JOIN {gate} ORDER BY 2, 3, 4 "
    "ON CONFLICT (tenant_id, meter, subject, hour) DO UPDATE SET "
    "event_count = r.event_count + EXCLUDED.event_count, fact_count = r.fact_count + EXCLUDED.fact_count, "
    "is_late = r.is_late OR EXCLUDED.is_late, quantity = r.quantity + EXCLUDED.quantity, "
    "maximum = greatest(r.maximum, EXCLUDED.maximum), changed_xid = EXCLUDED.changed_xid"
)
_ADD_LATEST: Final = _sql(
    "INSERT INTO usage_rollup AS r (tenant_id, meter, subject, hour, event_count, fact_count, is_late, quantity, "
    "latest_quantity, latest_at, latest_seq, latest_key) "
    "SELECT DISTINCT ON (u.meter, u.subject, {hour}) g.tenant_id, u.meter, u.subject, {hour}, 0, 0, false, 0, "
    "u.quantity, {at}, u.seq, {key} "
    "FROM unnest({arrays}, CAST(:quantities AS numeric[]), CAST(:seqs AS bigint[])) AS u({names}, quantity, seq) "
    "JOIN {gate} "
    'ORDER BY u.meter, u.subject, {hour}, u.at DESC, u.seq DESC, {key} COLLATE "C" DESC '
    "ON CONFLICT (tenant_id, meter, subject, hour) DO UPDATE SET latest_quantity = EXCLUDED.latest_quantity, "
    "latest_at = EXCLUDED.latest_at, latest_seq = EXCLUDED.latest_seq, latest_key = EXCLUDED.latest_key "
    'WHERE r.latest_at IS NULL OR (EXCLUDED.latest_at, EXCLUDED.latest_seq, EXCLUDED.latest_key COLLATE "C") > '
    '(r.latest_at, r.latest_seq, r.latest_key COLLATE "C")'
)
_ADD_VALUES: Final = _sql(
    "INSERT INTO usage_value AS r (tenant_id, meter, subject, hour, value_sha256, event_count) "
    "SELECT g.tenant_id, u.meter, u.subject, {hour}, u.value_sha256, count(*) "
    "FROM unnest({arrays}, CAST(:values AS bytea[])) AS u({names}, value_sha256) JOIN {gate} "
    "GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4, 5 "
    "ON CONFLICT (tenant_id, meter, subject, hour, value_sha256) DO UPDATE SET "
    "event_count = r.event_count + EXCLUDED.event_count"
)
_HOURS_OF: Final = text(
    "SELECT DISTINCT e.meter, e.subject, date_trunc('hour', e.at, 'UTC') AS hour FROM "
    "unnest(CAST(:sources AS text[]), CAST(:keys AS text[])) AS u(source, event_key) JOIN usage_event e "
    "ON e.tenant_id = :tenant AND e.source_type = u.source AND e.event_key = u.event_key AND e.voids_key IS NULL"
)
_FORGET: Final = _sql(
    "DELETE FROM usage_rollup r USING {these} WHERE r.tenant_id = :tenant AND r.meter = k.meter "
    "AND r.subject = k.subject AND r.hour = k.hour"
)
_FORGET_VALUES: Final = _sql(
    "DELETE FROM usage_value r USING {these} WHERE r.tenant_id = :tenant AND r.meter = k.meter "
    "AND r.subject = k.subject AND r.hour = k.hour"
)
_COUNT: Final = _sql(
    "INSERT INTO usage_rollup (tenant_id, meter, subject, hour, event_count, fact_count, quantity, maximum, "
    "is_late) SELECT e.tenant_id, k.meter, k.subject, k.hour, {counted}, bool_or(k.hour < g.closed_until) "
    "FROM {these} JOIN {events} JOIN {gate} GROUP BY 1, 2, 3, 4"
)
# An INSERT that always meets its row: an UPDATE from such a selection brings a Citus coordinator down.
_COUNT_LATEST: Final = _sql(
    "INSERT INTO usage_rollup AS r (tenant_id, meter, subject, hour, event_count, fact_count, is_late, quantity, "
    "latest_quantity, latest_at, latest_seq, latest_key) SELECT DISTINCT ON (k.meter, k.subject, k.hour) e.tenant_id, "
    "k.meter, k.subject, k.hour, 0, 0, false, 0, e.quantity, e.at, e.seq, {key_of_e} FROM {these} JOIN {events} "
    "WHERE v.id IS NULL AND k.meter = ANY(:latest) "
    'ORDER BY k.meter, k.subject, k.hour, e.at DESC, e.seq DESC, {key_of_e} COLLATE "C" DESC '
    "ON CONFLICT (tenant_id, meter, subject, hour) DO UPDATE SET latest_quantity = EXCLUDED.latest_quantity, "
    "latest_at = EXCLUDED.latest_at, latest_seq = EXCLUDED.latest_seq, latest_key = EXCLUDED.latest_key"
)
_COUNT_VALUES: Final = _sql(
    "INSERT INTO usage_value (tenant_id, meter, subject, hour, value_sha256, event_count) "
    "SELECT e.tenant_id, k.meter, k.subject, k.hour, e.value_sha256, count(*) FROM {these} JOIN {events} "
    "WHERE v.id IS NULL AND e.value_sha256 IS NOT NULL GROUP BY 1, 2, 3, 4, 5"
)
