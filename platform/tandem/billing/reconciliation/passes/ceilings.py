"""R9: what patients paid for sold use, held against the public circulars of its day as they are known today."""

from typing import Final

from tandem.billing.reconciliation.matching import Comparison, Keys
from tandem.billing.reconciliation.passes.faults import fault

_ID: Final = "CAST(split_part(s.key, ':', 2) AS uuid)"
_DAY: Final = "(e.at AT TIME ZONE 'Asia/Shanghai')::date"
_KEY: Final = "'ceiling\\:' || e.id"
_SOLD: Final = "e.tenant_id = :tenant AND e.is_sold AND e.price_region IS NOT NULL"


def _ceilings(keys: Keys) -> str:
    above = fault(
        "charged_above_ceiling", "cap_breach", "hospital", expected="u.ceiling_minor", actual="u.kept_minor",
        currency="u.currency", at="u.at", group="'charged_above_ceiling\\:' || u.circular", no_journal="refund_payer",
        evidence="jsonb_build_object('usage_event_id', u.id, 'payment_id', u.payment_id, 'circular', u.circular, "
        "'item', u.price_item)",
    )  # fmt: skip
    # What was given back is not charged: a refund down to the ceiling mends the fault.
    return f"""
SELECT u.key, u.ceiling_minor || ' ' || u.circular AS left_text, u.kept_minor::text AS right_text,
       least(0, u.ceiling_minor - u.kept_minor) AS diff_minor,
       CASE WHEN u.kept_minor > u.ceiling_minor THEN {above} END AS fault
FROM (
    SELECT DISTINCT ON (e.id) {_KEY} AS key, e.id, e.at, e.currency, e.payment_id, e.price_item, c.ceiling_minor,
           c.circular, e.amount_minor - least(e.amount_minor, coalesce(p.refunded_minor, 0)) AS kept_minor
    FROM usage_event e
    JOIN price_ceiling c ON c.region = e.price_region AND c.grade = e.price_grade AND c.item = e.price_item
     AND c.currency = e.currency AND c.effective_from <= {_DAY}
     AND (c.effective_to IS NULL OR c.effective_to > {_DAY})
    LEFT JOIN payment p ON p.tenant_id = e.tenant_id AND p.id = e.payment_id
    LEFT JOIN usage_event v ON v.tenant_id = e.tenant_id AND v.source_type = e.source_type
     AND v.voids_key = e.event_key
    WHERE {_SOLD} AND v.id IS NULL AND {keys.within("e.id", _ID)}
    ORDER BY e.id, c.effective_from DESC) u"""


CEILINGS: Final = Comparison(
    "R9.ceilings",
    _ceilings,
    # A use and its void are written with the roll-up that counts them, whose row says when.
    dirty=f"SELECT {_KEY} AS key FROM usage_rollup r JOIN usage_event e ON e.tenant_id = r.tenant_id "
    "AND e.at >= r.hour AND e.at < r.hour + interval '1 hour' AND e.meter = r.meter AND e.subject = r.subject "
    f"WHERE r.tenant_id = :tenant AND r.changed_xid >= :xid AND {_SOLD} "
    f"UNION ALL SELECT {_KEY} FROM payment p JOIN usage_event e ON e.tenant_id = p.tenant_id AND e.payment_id = p.id "
    f"WHERE p.tenant_id = :tenant AND p.changed_xid >= :xid AND {_SOLD}",
    of_day=f"SELECT {_KEY} AS key FROM usage_event e WHERE {_SOLD} AND e.at >= :since AND e.at < :until",
    stores_matches=False,
)
"""No patient paid more, refunds taken off, than the circular in force on the day allows."""
CIRCULARS: Final = "circulars"
"""The source whose place is how many circulars a run has seen: one more, and everything is looked at."""
