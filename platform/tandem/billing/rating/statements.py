"""Rating as SQL: each step is one statement for all subscriptions and months of a chunk.

A chunk is arrays of (subscription, month, revision), joined to the tenant's own rows. First the roll-ups are claimed,
by copy; then the lines are computed from the claims alone, so that what ingest does meanwhile cannot come between.
Everything is NUMERIC, rounded once per line, half away from zero.

What is written WITH parts has them behind the INSERT, not before it: before it, a cluster leaves the tables in them
unnamed to its node, which then refuses.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text

from tandem.billing.arrays import plain_array, text_array
from tandem.billing.usage import aggregations
from tandem.kernel.tenancy import tenant_id

AMOUNT_LIMIT: Final = 10**14
"""A line beyond a trillion yuan is a fault in what was metered: it is parked, not billed."""

_PARTS: Final = {
    "limit": str(AMOUNT_LIMIT),
    "keys": "unnest(CAST(:ids AS uuid[]), CAST(:firsts AS date[]), CAST(:untils AS date[]), "
    "CAST(:revisions AS bigint[])) AS k(id, p0, p1, revision)",
    # How each meter is added up comes along: a table that lies on every node would send what is written to every shard.
    "meters": "unnest(CAST(:meters AS text[]), CAST(:aggregations AS text[])) AS m(code, aggregation)",
    # A subscription's part of a month, as days and as instants of the business zone.
    "term": "SELECT s.tenant_id, s.id, s.subject, s.contract_id, s.plan_version_id, v.currency, v.minimum_minor, "
    "v.cap_minor, v.terms_sha256, k.p0, k.p1, k.revision, greatest(s.first_day, k.p0) AS c0, "
    "least(coalesce(s.until_day, k.p1), k.p1) AS c1 FROM {keys} JOIN subscription s ON s.tenant_id = :tenant "
    "AND s.id = k.id JOIN plan_version v ON v.tenant_id = :tenant AND v.id = s.plan_version_id",
    # Every row carries its term: joined to it again by estimate, ten thousand rows become a hundred million.
    "t": "t.tenant_id, t.id, t.subject, t.contract_id, t.plan_version_id, t.currency, t.terms_sha256, t.p0, t.p1, "
    "t.c0, t.c1, t.revision",
    "since": "(CAST(t.c0 AS timestamp) AT TIME ZONE 'Asia/Shanghai')",
    "until": "(CAST(t.c1 AS timestamp) AT TIME ZONE 'Asia/Shanghai')",
    # A line's id follows from what it is, so a claim can name it before it is written. It begins as its subscription's
    # does, with the moment of its making: a chunk goes by subscription, and so writes its ids in order.
    "line_id": "CAST(left(CAST(t.id AS text), 13) "
    "|| right(md5(concat_ws('|', t.tenant_id, t.id, t.p0, {code}, t.revision)), 20) AS uuid)",
    # A month's share of an amount by days. Cumulative, so that the parts of one month add up to it exactly.
    "share": "(round(CAST({amount} AS numeric) * (t.c1 - t.p0) / (t.p1 - t.p0)) "
    "- round(CAST({amount} AS numeric) * (t.c0 - t.p0) / (t.p1 - t.p0)))",
    # The tenant of a written row is read from a row of the tenant's own: through a union a cluster cannot follow it,
    # and would fetch all rows to the coordinator, whence the wall lets none back.
    "here": "(SELECT x.tenant_id FROM subscription x WHERE x.tenant_id = :tenant "
    "AND x.id = (CAST(:ids AS uuid[]))[1]) g",
    "columns": "tenant_id, id, subscription_id, contract_id, plan_version_id, period_first, period_until, "
    "covered_first, covered_until, raised_for, revision, code, kind, meter, text_en, text_zh, quantity, unit_price, "
    "amount_minor, currency, pool_id, parked_reason, line_input_hash",
    "hash": "encode(sha256(convert_to(concat_ws('|', t.terms_sha256, t.id, t.code, t.p0, t.p1, t.c0, t.c1, t.input), "
    "'UTF8')), 'hex')",
    "claims": "SELECT c.* FROM usage_claim c WHERE c.tenant_id = :tenant AND c.meter = {metered_by} "
    "AND c.subject = t.subject AND c.hour >= {since} AND c.hour < {until}",
    "claimed": "SELECT DISTINCT ON (c.meter, c.subject, c.hour) c.* FROM usage_claim c "
    "WHERE c.tenant_id = :tenant AND c.meter = {metered_by} AND c.subject = t.subject AND c.hour >= {since} "
    "AND c.hour < {until} ORDER BY c.meter, c.subject, c.hour, c.fact_count DESC",
    "bounded": "(t.minimum_minor > 0 OR t.cap_minor IS NOT NULL)",
}


def chunk_of(months: Sequence[tuple[UUID, date]], revisions: Sequence[int]) -> dict[str, Any]:
    """What the statements are told: subscriptions, each with the first day of a month, and revisions of their lines."""
    meters = aggregations()
    return {
        "tenant": tenant_id(),
        "meters": text_array(list(meters)),
        "aggregations": text_array(list(meters.values())),
        "ids": plain_array(subscription for subscription, _ in months),
        "firsts": plain_array(first for _, first in months),
        "untils": plain_array(next_month(first) for _, first in months),
        "revisions": plain_array(revisions),
    }


def next_month(first: date) -> date:
    """The first day of the month after."""
    return (first + timedelta(days=32)).replace(day=1)


def _filled(statement: str, **more: str) -> str:
    # Parts are made of parts: five rounds fill the deepest.
    for _ in range(5):
        statement = statement.format_map(_Kept(_PARTS | more))
    return statement


def _sql(statement: str, **more: str) -> TextClause:
    return text(_filled(statement, **more))


class _Kept(dict[str, str]):
    """Leaves a name that is filled in later as it stands."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


# The lines of a chunk, as they are by the claims there are. `{of_hours}` is what differs between a first rating, where
# an hour has one claim, and all later looks, where its newest claim counts. Each step is linear whatever the planner
# believes: claims are found by index, and sets that were made here meet in full joins, which are never nested loops.
# OFFSET 0 keeps a value from being worked out again wherever it is mentioned.
_LADDERS: Final = (
    "WITH term AS ({term}), "
    # Each ladder once, as arrays: `bases` is what all steps below come to, with the step's own flat amount.
    "ladder AS MATERIALIZED (SELECT s.plan_version_id, s.code, s.kind, s.meter, s.aggregation, s.title_en, s.title_zh, "
    "s.included, s.package_size, array_agg(s.above ORDER BY s.above) AS aboves, "
    "array_agg(s.up_to ORDER BY s.above) AS ups, array_agg(s.unit_price ORDER BY s.above) AS prices, "
    "array_agg(s.flat_minor ORDER BY s.above) AS flats, array_agg(s.base ORDER BY s.above) AS bases FROM ("
    "SELECT p.plan_version_id, p.code, p.kind, p.meter, m.aggregation, p.title_en, p.title_zh, p.included, "
    "p.package_size, s.above, s.up_to, s.unit_price, s.flat_minor, s.flat_minor + coalesce(sum((s.up_to - s.above) "
    "* s.unit_price + s.flat_minor) OVER (PARTITION BY p.plan_version_id, p.code ORDER BY s.above "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS base FROM (SELECT DISTINCT plan_version_id FROM term) v "
    "JOIN plan_component p ON p.tenant_id = :tenant AND p.plan_version_id = v.plan_version_id "
    "JOIN {meters} ON m.code = p.meter JOIN plan_tier s ON s.tenant_id = :tenant "
    "AND s.plan_version_id = p.plan_version_id AND s.component = p.code) s GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9), "
    "plan AS MATERIALIZED (SELECT p.plan_version_id, array_agg(DISTINCT p.meter) AS meters FROM ladder p GROUP BY 1), "
    "used AS (SELECT t.*, u.* FROM (SELECT t.*, n.meters FROM term t FULL JOIN plan n "
    "ON n.plan_version_id = t.plan_version_id) t CROSS JOIN LATERAL (SELECT c.meter AS used, "
    "sum(c.event_count) AS event_count, sum(c.fact_count) AS fact_count, sum(c.quantity) AS quantity, "
    "max(c.maximum) AS maximum FROM ({of_hours}) c GROUP BY c.meter) u), "
)
_PRICES: Final = (
    "metered AS (SELECT {t}, t.minimum_minor, t.cap_minor, p.code, p.kind, p.meter, p.title_en, p.title_zh, "
    "p.included, p.package_size, p.aboves, p.ups, p.prices, p.flats, p.bases, t.fact_count, "
    "CASE WHEN p.aggregation = 'sum' THEN t.quantity WHEN p.aggregation = 'count' THEN t.event_count "
    "WHEN p.aggregation = 'max' THEN coalesce(t.maximum, 0) WHEN p.aggregation = 'distinct' "
    "THEN (SELECT count(DISTINCT d.value_sha256) FROM usage_value d "
    "WHERE d.tenant_id = :tenant AND d.meter = p.meter AND d.subject = t.subject "
    "AND d.hour >= {since} AND d.hour < {until}) ELSE coalesce((SELECT l.latest_quantity FROM ({of_meter}) l "
    'WHERE l.latest_at IS NOT NULL ORDER BY l.latest_at DESC, l.latest_seq DESC, l.latest_key COLLATE "C" DESC '
    "LIMIT 1), 0) END AS quantity FROM used t FULL JOIN ladder p ON p.plan_version_id = t.plan_version_id "
    "AND p.meter = t.used WHERE coalesce(t.fact_count, 0) > 0 OFFSET 0), "
    "billable AS (SELECT t.*, CASE WHEN t.kind = 'package' "
    "THEN ceil(greatest(t.quantity - t.included, 0) / t.package_size) "
    "ELSE greatest(t.quantity - t.included, 0) END AS b FROM metered t OFFSET 0), "
    # The step that b lies on: above its lower bound, up to its upper one. None for nothing.
    "placed AS (SELECT t.*, width_bucket(t.b, t.aboves) "
    "- CASE WHEN t.b = ANY(t.aboves) THEN 1 ELSE 0 END AS step FROM billable t OFFSET 0), "
    "priced AS (SELECT t.*, round(CASE WHEN t.step = 0 THEN 0 WHEN t.kind = 'volume' "
    "THEN t.b * t.prices[t.step] + t.flats[t.step] "
    "ELSE t.bases[t.step] + (least(t.b, t.ups[t.step]) - t.aboves[t.step]) * t.prices[t.step] END) AS amount, "
    "CASE WHEN cardinality(t.prices) = 1 THEN t.prices[1] END AS unit_price FROM placed t OFFSET 0), "
    "charge AS MATERIALIZED (SELECT {t}, t.minimum_minor, t.cap_minor, t.code, t.kind, t.meter, t.title_en, "
    "t.title_zh, t.quantity, t.unit_price, CASE WHEN t.amount > {limit} THEN 0 ELSE t.amount END AS amount, "
    "CASE WHEN t.amount > {limit} THEN 'out-of-range' WHEN t.quantity < 0 THEN 'negative-quantity' END AS parked, "
    "concat_ws('|', t.fact_count, trim_scale(t.quantity)) AS input FROM priced t "
    "UNION ALL SELECT {t}, t.minimum_minor, t.cap_minor, p.code, p.kind, NULL, p.title_en, p.title_zh, 1, NULL, "
    "{flat}, NULL, '' FROM term t JOIN plan_component p ON p.tenant_id = :tenant "
    "AND p.plan_version_id = t.plan_version_id AND p.kind = 'flat' "
    # A row of nothing for each term with a bound, so that one without any use still has a total.
    "UNION ALL SELECT {t}, t.minimum_minor, t.cap_minor, NULL, 'nothing', NULL, NULL, NULL, 0, NULL, 0, NULL, NULL "
    "FROM term t WHERE {bounded}), "
    "total AS (SELECT {t}, sum(t.amount) AS amount, {minimum} AS minimum, {cap} AS cap FROM charge t "
    "WHERE {bounded} GROUP BY {t}, t.minimum_minor, t.cap_minor), "
    "line AS (SELECT {t}, t.code, t.kind, t.meter, t.title_en, t.title_zh, t.quantity, t.unit_price, t.amount, "
    "t.parked, t.input FROM charge t WHERE t.kind <> 'nothing' "
    "UNION ALL SELECT {t}, 'minimum', 'minimum', NULL, 'Minimum commitment', '最低消费补足', 1, NULL, "
    "t.minimum - t.amount, NULL, CAST(t.amount AS text) FROM total t WHERE t.amount < t.minimum "
    "UNION ALL SELECT {t}, 'spend_cap', 'spend_cap', NULL, 'Above the spend cap', '超出消费上限减免', 1, NULL, "
    "t.cap - greatest(t.amount, t.minimum), NULL, CAST(t.amount AS text) FROM total t "
    "WHERE greatest(t.amount, t.minimum) > t.cap) "
)
_AMOUNTS = {
    "flat": _filled("{share}", amount="p.flat_minor"),
    "minimum": _filled("{share}", amount="t.minimum_minor"),
    "cap": _filled("{share}", amount="t.cap_minor"),
}


def _lines(claims: str) -> str:
    of_hours, of_meter = (claims.replace("{metered_by}", metered_by) for metered_by in ("ANY(t.meters)", "p.meter"))
    return _filled(_LADDERS + _PRICES, of_hours=of_hours, of_meter=of_meter, **_AMOUNTS)


_FIRST_LINES = _lines(_PARTS["claims"])
_LATEST_LINES = _lines(_PARTS["claimed"])


DUE: Final = text(
    "SELECT s.id, CAST(date_trunc('month', s.rated_until) AS date) AS p0 FROM subscription s "
    "WHERE s.tenant_id = :tenant AND s.rated_until < :until AND (s.until_day IS NULL OR s.rated_until < s.until_day) "
    "ORDER BY s.rated_until, s.id LIMIT :at_most FOR UPDATE SKIP LOCKED"
)
"""Subscriptions with a month to rate that nobody else is rating, the longest due first."""

CLAIM: Final = _sql(
    "INSERT INTO usage_claim (tenant_id, meter, subject, hour, fact_count, rated_line_id, "
    "event_count, quantity, maximum, latest_quantity, latest_at, latest_seq, latest_key) "
    "WITH term AS ({term}) SELECT r.tenant_id, r.meter, r.subject, r.hour, r.fact_count, {line_id}, r.event_count, "
    "r.quantity, r.maximum, r.latest_quantity, r.latest_at, r.latest_seq, r.latest_key FROM term t "
    "JOIN plan_component p ON p.tenant_id = :tenant AND p.plan_version_id = t.plan_version_id JOIN usage_rollup r "
    "ON r.tenant_id = :tenant AND r.meter = p.meter AND r.subject = t.subject AND r.hour >= {since} "
    "AND r.hour < {until} WHERE NOT EXISTS (SELECT FROM usage_claim c WHERE c.tenant_id = :tenant "
    "AND c.meter = r.meter AND c.subject = r.subject AND c.hour = r.hour AND c.fact_count = r.fact_count)",
    code="p.code",
)
"""Claim every state of a roll-up in the chunk that no line has claimed. Two claims of one state cannot both be kept."""

RATE: Final = _sql(
    "INSERT INTO rated_line ({columns}) {lines} "
    "SELECT g.tenant_id, {line_id}, t.id, t.contract_id, t.plan_version_id, t.p0, t.p1, t.c0, t.c1, t.p0, "
    "t.revision, t.code, t.kind, t.meter, t.title_en, t.title_zh, t.quantity, t.unit_price, "
    "CAST(t.amount AS bigint), t.currency, NULL, t.parked, {hash} FROM line t JOIN {here} ON true",
    lines=_FIRST_LINES,
    code="t.code",
)
"""Write a chunk's lines from its claims."""

ADVANCE: Final = _sql(
    "UPDATE subscription s SET rated_until = k.p1 FROM {keys} WHERE s.tenant_id = :tenant AND s.id = k.id"
)

RERATE: Final = _sql(
    "{lines} SELECT t.id AS subscription_id, t.p0 AS period_first, t.code, t.quantity, CAST(t.amount AS bigint) "
    "AS amount_minor, t.parked AS parked_reason, {hash} AS line_input_hash FROM line t ORDER BY 1, 2, 3",
    lines=_LATEST_LINES,
)
"""What a chunk comes to by the claims there are now: reads only."""

ADJUST: Final = _sql(
    "INSERT INTO rated_line ({columns}) {lines}, told AS (SELECT {t}, t.code, t.kind, t.meter, t.title_en, t.title_zh, "
    "t.quantity, t.amount, t.parked, t.input, CAST(0 AS numeric) AS billed_quantity, CAST(0 AS numeric) AS billed "
    "FROM line t UNION ALL SELECT {t}, r.code, r.kind, r.meter, r.text_en, r.text_zh, 0, 0, NULL, NULL, r.quantity, "
    "r.amount_minor FROM term t JOIN rated_line r ON r.tenant_id = :tenant AND r.subscription_id = t.id "
    "AND r.period_first = t.p0 AND r.kind <> 'prepaid'), "
    "changed AS (SELECT {t}, t.code, max(t.kind) AS kind, max(t.meter) AS meter, max(t.title_en) AS title_en, "
    "max(t.title_zh) AS title_zh, sum(t.quantity - t.billed_quantity) AS quantity, sum(t.amount - t.billed) AS amount, "
    "max(t.parked) AS parked, concat_ws('|', max(t.input), 'billed', trim_scale(sum(t.billed_quantity)), "
    "sum(t.billed)) AS input FROM told t GROUP BY {t}, t.code) "
    "SELECT g.tenant_id, {line_id}, t.id, t.contract_id, t.plan_version_id, t.p0, t.p1, t.c0, t.c1, "
    "CAST(:raised_for AS date), t.revision, t.code, t.kind, t.meter, t.title_en, t.title_zh, t.quantity, NULL, "
    "CAST(t.amount AS bigint), t.currency, NULL, t.parked, {hash} FROM changed t JOIN {here} ON true "
    "WHERE t.amount <> 0 OR EXISTS (SELECT FROM usage_claim c WHERE c.tenant_id = :tenant AND c.meter = t.meter "
    "AND c.subject = t.subject AND c.hour >= {since} AND c.hour < {until} AND c.rated_line_id = {line_id})",
    lines=_LATEST_LINES,
    code="t.code",
)
"""Write what late use changed: the price of everything by the newest claims, less what was billed, code by code."""

STALE: Final = text(
    "SELECT DISTINCT s.id, CAST(date_trunc('month', r.hour AT TIME ZONE 'Asia/Shanghai') AS date) AS p0 "
    "FROM usage_rollup r JOIN subscription s ON s.tenant_id = :tenant AND s.subject = r.subject "
    "AND r.hour >= CAST(s.first_day AS timestamp) AT TIME ZONE 'Asia/Shanghai' "
    "AND r.hour < CAST(least(s.until_day, s.rated_until) AS timestamp) AT TIME ZONE 'Asia/Shanghai' "
    "JOIN plan_component p ON p.tenant_id = :tenant AND p.plan_version_id = s.plan_version_id AND p.meter = r.meter "
    "LEFT JOIN usage_claim c ON c.tenant_id = :tenant AND c.meter = r.meter AND c.subject = r.subject "
    "AND c.hour = r.hour AND c.fact_count = r.fact_count WHERE r.tenant_id = :tenant AND r.is_late "
    "AND c.tenant_id IS NULL ORDER BY 2, 1 LIMIT :at_most"
)
"""Months that have been rated, and whose roll-ups have grown since."""

LOCK: Final = text(
    "SELECT s.id FROM subscription s WHERE s.tenant_id = :tenant AND s.id = ANY(CAST(:ids AS uuid[])) ORDER BY s.id "
    "FOR UPDATE SKIP LOCKED"
)
REVISIONS: Final = _sql(
    "SELECT k.id, k.p0, max(r.revision) AS revision FROM {keys} JOIN rated_line r ON r.tenant_id = :tenant "
    "AND r.subscription_id = k.id AND r.period_first = k.p0 GROUP BY 1, 2"
)
SETTLE_LATE: Final = text(
    "UPDATE usage_rollup r SET is_late = false WHERE r.tenant_id = :tenant AND r.is_late AND EXISTS ("
    "SELECT FROM usage_claim c WHERE c.tenant_id = :tenant AND c.meter = r.meter AND c.subject = r.subject "
    "AND c.hour = r.hour AND c.fact_count = r.fact_count)"
)
"""What is claimed as it stands is late no longer."""

LOCK_POOLS: Final = text(
    "SELECT p.id FROM prepaid_pool p WHERE p.tenant_id = :tenant AND p.remaining_minor > 0 AND p.subject IN ("
    "SELECT s.subject FROM subscription s WHERE s.tenant_id = :tenant AND s.id = ANY(CAST(:ids AS uuid[]))) "
    "ORDER BY p.id FOR UPDATE"
)
DRAW: Final = _sql(
    "INSERT INTO rated_line ({columns}) WITH term AS ({term}), "
    "bill AS (SELECT t.*, sum(r.amount_minor) AS amount FROM term t JOIN rated_line r ON r.tenant_id = :tenant "
    "AND r.subscription_id = t.id AND r.period_first = t.p0 AND r.revision = 0 AND r.parked_reason IS NULL "
    "GROUP BY t.tenant_id, t.id, t.subject, t.contract_id, t.plan_version_id, t.currency, t.minimum_minor, "
    "t.cap_minor, t.terms_sha256, t.p0, t.p1, t.revision, t.c0, t.c1 HAVING sum(r.amount_minor) > 0), "
    "owed AS (SELECT t.*, sum(t.amount) OVER w - t.amount AS low, sum(t.amount) OVER w AS high FROM bill t "
    "WINDOW w AS (PARTITION BY t.subject, t.currency, t.p0 ORDER BY t.id)), "
    "held AS (SELECT p.*, t.p0 AS month, sum(p.remaining_minor) OVER w - p.remaining_minor AS low, "
    "sum(p.remaining_minor) OVER w AS high FROM prepaid_pool p JOIN (SELECT DISTINCT subject, currency, p0, p1 "
    "FROM bill) t ON t.subject = p.subject AND t.currency = p.currency AND p.valid_from < t.p1 "
    "AND (p.expires_on IS NULL OR p.expires_on > t.p0) WHERE p.tenant_id = :tenant AND p.remaining_minor > 0 "
    "WINDOW w AS (PARTITION BY p.subject, p.currency, t.p0 "
    "ORDER BY p.expires_on NULLS LAST, p.priority, p.created_at, p.id)) "
    "SELECT g.tenant_id, {line_id}, t.id, t.contract_id, "
    "t.plan_version_id, t.p0, t.p1, t.c0, t.c1, t.p0, t.revision, {code}, 'prepaid', NULL, 'Paid from prepayment', "
    "'预付抵扣', 1, NULL, -CAST(least(t.high, p.high) - greatest(t.low, p.low) AS bigint), t.currency, p.id, NULL, "
    "encode(sha256(convert_to(concat_ws('|', t.id, t.p0, p.id, t.low, t.high, p.low, p.high), 'UTF8')), 'hex') "
    "FROM owed t JOIN held p ON p.subject = t.subject AND p.currency = t.currency AND p.month = t.p0 "
    "AND least(t.high, p.high) > greatest(t.low, p.low) JOIN {here} ON true",
    code="'prepaid:' || p.id",
)
"""Pay a chunk's bills from the pools of their subjects: both are laid end to end, and where they meet is drawn."""

BURN: Final = _sql(
    "UPDATE prepaid_pool p SET remaining_minor = p.remaining_minor + d.amount FROM ("
    "SELECT r.pool_id, sum(r.amount_minor) AS amount FROM {keys} JOIN rated_line r ON r.tenant_id = :tenant "
    "AND r.subscription_id = k.id AND r.period_first = k.p0 AND r.kind = 'prepaid' GROUP BY r.pool_id"
    ") d WHERE p.tenant_id = :tenant AND p.id = d.pool_id"
)
