"""R4 and R5: roll-ups against the events they count, against the claims that bill them, and lines against bills."""

from datetime import datetime
from typing import Final

from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.findings import Finding
from tandem.billing.reconciliation.matching import Comparison, Keys
from tandem.billing.reconciliation.passes.faults import fault
from tandem.billing.reconciliation.passes.told import Told
from tandem.billing.usage import recount


def rollups_and_events(since: datetime, until: datetime) -> Told:
    """R4: every roll-up of [since, until) says what a recount of its events says."""
    told = Told("R4.rollups", looked_at=queries.open_keys("R4.rollups", since, until), checked_count=1)
    for row in recount(since, until):
        key = f"rollup:{row['meter']}:{row['subject']}:{row['hour'].isoformat()}"
        kept, counted = int(row["kept_event_count"] or 0), int(row["counted_event_count"] or 0)
        evidence = {
            name: str(row[name]) for name in ("meter", "subject", "kept_quantity", "counted_quantity") if name in row
        }
        sort = "amount_over" if kept < counted else "amount_under"
        told.found.append(
            Finding(key, "rollup_differs", sort, "operator", counted, kept, row["hour"],
                    group=f"rollup_differs:{row['meter']}", evidence=evidence, no_journal="recount")
        )  # fmt: skip
    return told


_HOUR_KEY: Final = "'claimed\\:' || u.meter || '\\:' || u.hour::text || '\\:' || u.subject"


def _claimed(keys: Keys) -> str:
    told = {
        "expected": "k.fact_count", "actual": "coalesce(k.claimed, 0)", "currency": "'CNY'", "at": "k.hour",
        "at_risk": "0",
        "evidence": "jsonb_build_object('meter', k.meter, 'subject', k.subject, 'hour', k.hour)",
        "no_journal": "rate_again",
    }  # fmt: skip
    late = fault(
        "usage_late", "late", "operator", group="'usage_late\\:' || k.meter",
        cause="'came after its period was rated; the next rating takes it'", **told,
    )  # fmt: skip
    unclaimed = fault("usage_unclaimed", "unclaimed_usage", "operator", group="'usage_unclaimed\\:' || k.meter", **told)
    double = fault(
        "usage_claimed_twice", "double_claim", "operator", group="'usage_claimed_twice\\:' || k.meter", **told
    )
    mine = "true" if keys.are_all else f"{_HOUR_KEY} = ANY(ARRAY(SELECT s.key FROM scope s))"
    return f"""
SELECT k.key, k.fact_count::text AS left_text, k.claimed::text AS right_text,
       k.fact_count - coalesce(k.claimed, 0) AS diff_minor,
       CASE WHEN k.subscriptions > 1 THEN {double} WHEN k.claimed IS NULL AND NOT k.is_late THEN {unclaimed}
            WHEN k.claimed IS DISTINCT FROM k.fact_count THEN {late} END AS fault
FROM (
    SELECT {_HOUR_KEY} AS key, u.meter, u.subject, u.hour, u.fact_count, u.is_late, max(c.fact_count) AS claimed,
           count(DISTINCT l.subscription_id) AS subscriptions
    FROM usage_rollup u
    JOIN subscription n ON n.tenant_id = u.tenant_id AND n.subject = u.subject
     AND u.hour >= n.first_day::timestamp AT TIME ZONE 'Asia/Shanghai'
     AND u.hour < least(n.rated_until, n.until_day)::timestamp AT TIME ZONE 'Asia/Shanghai'
    JOIN plan_component p ON p.tenant_id = n.tenant_id AND p.plan_version_id = n.plan_version_id AND p.meter = u.meter
    LEFT JOIN usage_claim c ON c.tenant_id = u.tenant_id AND c.meter = u.meter AND c.subject = u.subject
     AND c.hour = u.hour
    LEFT JOIN rated_line l ON l.tenant_id = c.tenant_id AND l.id = c.rated_line_id
    WHERE u.tenant_id = :tenant AND n.tenant_id = :tenant AND p.tenant_id = :tenant AND u.fact_count > 0 AND {mine}
    GROUP BY u.tenant_id, u.meter, u.subject, u.hour, u.fact_count, u.is_late) k"""


CLAIMED: Final = Comparison(
    "R5.claimed",
    _claimed,
    dirty=f"SELECT {_HOUR_KEY} AS key FROM usage_rollup u WHERE u.tenant_id = :tenant AND u.changed_xid >= :xid "
    f"UNION ALL SELECT {_HOUR_KEY} FROM usage_rollup u JOIN usage_claim c ON c.tenant_id = u.tenant_id "
    "AND c.meter = u.meter AND c.subject = u.subject AND c.hour = u.hour WHERE u.tenant_id = :tenant "
    "AND c.tenant_id = :tenant AND c.changed_xid >= :xid",
    stores_matches=False,
)
"""Every roll-up of a rated period is claimed, as it stands, by the lines of one subscription."""


def _billed(keys: Keys) -> str:
    missing = fault(
        "line_not_billed", "missing_right", "operator", expected="l.amount_minor", actual="0", currency="l.currency",
        at="l.period_until::timestamp AT TIME ZONE 'Asia/Shanghai'",
        evidence="jsonb_build_object('rated_line_id', l.id, 'code', l.code)", no_journal="document_only",
    )  # fmt: skip
    # A month's bill can only be written when the month is over: its time is counted from there.
    return f"""
SELECT 'billed\\:' || l.id AS key, l.amount_minor::text AS left_text, o.invoice_id::text AS right_text,
       CASE WHEN o.id IS NULL THEN l.amount_minor ELSE 0 END AS diff_minor,
       CASE WHEN o.id IS NULL AND l.raised_for + interval '1 month' < CAST(:billed_until AS date) THEN {missing} END
       AS fault
FROM rated_line l LEFT JOIN invoice_origin o ON o.tenant_id = l.tenant_id AND o.id = l.id
WHERE l.tenant_id = :tenant AND l.parked_reason IS NULL AND l.amount_minor <> 0
  AND {keys.within("l.id", "CAST(split_part(s.key, ':', 2) AS uuid)")}"""


BILLED: Final = Comparison(
    "R5.billed",
    _billed,
    # Time itself makes a line late: what is not billed yet is looked at in every run.
    dirty="SELECT 'billed\\:' || l.id AS key FROM rated_line l WHERE l.tenant_id = :tenant AND NOT EXISTS (SELECT FROM "
    "invoice_origin o WHERE o.tenant_id = :tenant AND o.id = l.id)",
    stores_matches=False,
)
"""Every rated line stands on an invoice within the time that billing may take."""
