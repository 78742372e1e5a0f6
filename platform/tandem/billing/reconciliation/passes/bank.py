"""R2 and R3: what payouts are made of, and payouts against the bank's lines as the ladder has matched them."""

from typing import Any, Final

from tandem.billing.reconciliation.matching import Comparison, Keys
from tandem.billing.reconciliation.passes.faults import fault, journal_by, over_or_under
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import clock
from tandem.kernel.tenancy import OPERATOR_ID

_ID: Final = "CAST(split_part(s.key, ':', 2) AS uuid)"
_PAYOUT: Final = {
    "expected": "p.amount_minor",
    "currency": "p.currency",
    "at": "p.arrives_at",
    "evidence": "jsonb_build_object('payout_id', p.id, 'provider_id', p.provider_payout_id)",
}


def bank_terms(rules: Rules) -> dict[str, Any]:
    """Which payouts should have arrived by now, as a parameter of `R3.arrived`."""
    return {"payouts_due": clock.now() - rules.days("sla_days.payout")}


def _arrived(keys: Keys) -> str:
    missing = fault("payout_not_at_bank", "missing_right", "provider", actual="0", no_journal="ask_provider", **_PAYOUT)
    other = fault(
        "payout_in_other_currency", "currency", "provider", actual="o.amount_minor", at_risk="p.amount_minor",
        no_journal="rate_needed", **_PAYOUT,
    )  # fmt: skip
    kept = fault(
        "bank_fee_deducted", "amount_under", "hospital", at_risk="m.payouts_minor - m.bank_minor",
        **(_PAYOUT | {"expected": "m.payouts_minor"}), actual="m.bank_minor", no_journal="by_hand",
        journal=journal_by("bank_fee", "m.payouts_minor - m.bank_minor"),
    )  # fmt: skip
    # Whoever sends no bank files is not told that nothing has arrived.
    return f"""
SELECT 'payout\\:' || p.id AS key, p.amount_minor || ' ' || p.currency AS left_text,
       m.bank_minor || ' ' || m.rule AS right_text,
       coalesce(m.payouts_minor - m.bank_minor, p.amount_minor) AS diff_minor,
       CASE WHEN m.match_id IS NOT NULL
            THEN CASE WHEN m.payouts_minor <> m.bank_minor AND m.first_id = p.id THEN {kept} END
            WHEN o.id IS NOT NULL THEN {other}
            WHEN p.arrives_at < CAST(:payouts_due AS timestamptz)
             AND EXISTS (SELECT FROM bank_statement b WHERE b.tenant_id = :tenant) THEN {missing} END AS fault
FROM payout p
LEFT JOIN LATERAL (
    SELECT c.match_id, min(x.rule) AS rule,
           coalesce(sum(x.amount_minor) FILTER (WHERE x.side = 'bank'), 0)::bigint AS bank_minor,
           coalesce(sum(x.amount_minor) FILTER (WHERE x.side = 'payout'), 0)::bigint AS payouts_minor,
           (min(x.claimed_id::text) FILTER (WHERE x.side = 'payout'))::uuid AS first_id
    FROM recon_claim c JOIN recon_claim x ON x.tenant_id = c.tenant_id AND x.match_id = c.match_id
    WHERE c.tenant_id = :tenant AND x.tenant_id = :tenant AND c.side = 'payout' AND c.claimed_id = p.id
    GROUP BY c.match_id) m ON true
LEFT JOIN LATERAL (
    SELECT l.id, l.amount_minor FROM bank_line l WHERE m.match_id IS NULL AND l.tenant_id = :tenant
     AND l.currency <> p.currency AND l.amount_minor > 0
     AND strpos(l.reference || ' ' || l.bank_reference, p.provider_payout_id) > 0
    LIMIT 1) o ON true
WHERE p.tenant_id = :tenant AND p.is_posted AND p.status <> 'failed' AND {keys.within("p.id", _ID)}
UNION ALL
{_explained(keys)}"""


def _explained(keys: Keys) -> str:
    """What is left of each line that came in, when what it pays and what left it is taken off."""
    # The operator's own line has no other party to agree: two of its people allocate it, or let it out.
    ours = f"CAST(:tenant AS uuid) = '{OPERATOR_ID}'"
    stray = fault(
        "bank_line_unmatched", "missing_left", f"CASE WHEN {ours} THEN 'operator' ELSE 'hospital' END", expected="0",
        actual="t.left_minor", currency="l.currency", at="l.booked_on::timestamp AT TIME ZONE 'Asia/Shanghai'",
        evidence="jsonb_build_object('bank_line_id', l.id, 'statement_id', l.statement_id)",
        no_journal="allocate_or_exit",
        journal=f"CASE WHEN NOT {ours} THEN {journal_by('bank_unexplained', 't.left_minor')} END",
    )  # fmt: skip
    return f"""
SELECT 'bank\\:' || l.id, nullif(l.amount_minor - t.left_minor, 0)::text, l.amount_minor || ' ' || l.currency,
       -t.left_minor,
       CASE WHEN t.left_minor <> 0 THEN {stray} END
FROM bank_line l
LEFT JOIN recon_claim c ON c.tenant_id = l.tenant_id AND c.side = 'bank' AND c.claimed_id = l.id
CROSS JOIN LATERAL (
    SELECT (l.amount_minor - coalesce(sum(a.amount_minor), CASE WHEN c.match_id IS NULL THEN 0
            ELSE l.amount_minor END))::bigint AS left_minor
    FROM bank_allocation a WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id) t
WHERE l.tenant_id = :tenant AND l.amount_minor > 0 AND {keys.within("l.id", _ID)}"""


ARRIVED: Final = Comparison(
    "R3.arrived",
    _arrived,
    # Time itself makes a payout late: those not matched yet are looked at in every run.
    dirty="SELECT 'payout\\:' || p.id AS key FROM payout p WHERE p.tenant_id = :tenant AND (p.changed_xid >= :xid "
    "OR NOT EXISTS (SELECT FROM recon_claim c WHERE c.tenant_id = :tenant AND c.side = 'payout' "
    "AND c.claimed_id = p.id)) "
    "UNION ALL SELECT 'bank\\:' || l.id FROM bank_line l WHERE l.tenant_id = :tenant AND l.changed_xid >= :xid "
    "UNION ALL SELECT c.side || '\\:' || c.claimed_id FROM recon_claim c WHERE c.tenant_id = :tenant "
    "AND c.changed_xid >= :xid AND c.side IN ('bank', 'payout') "
    "UNION ALL SELECT 'bank\\:' || a.bank_line_id FROM bank_allocation a WHERE a.tenant_id = :tenant "
    "AND a.changed_xid >= :xid",
)
"""Every payout stands on the bank's statement, and nothing unexplained does."""


BY_HAND: Final = "paid out by hand: the provider names no movements; allocated first in, first out"


def _composed(keys: Keys) -> str:
    first = "m.so_far > p.so_far - p.amount_minor"
    part = "(SELECT m.provider_id FROM moves m WHERE m.currency = p.currency AND {} ORDER BY m.n LIMIT 1)"
    evidence = (
        f"jsonb_build_object('payout_id', p.id, 'from', {part.format(first)}, "
        f"'through', {part.format('m.so_far >= p.so_far')})"
    )
    told = {"expected": "p.so_far", "actual": "coalesce(t.moved, 0)", "currency": "p.currency", "at": "p.sent_at"}
    flagged = fault(
        "payout_uncomposed",
        "split",
        "provider",
        cause=f"'{BY_HAND}'",
        at_risk="p.amount_minor",
        evidence=evidence,
        no_journal="ask_provider",
        **told,
    )
    beyond = fault(
        "payout_beyond_movements", "amount_over", "operator", evidence="jsonb_build_object('payout_id', p.id)",
        no_journal="ask_provider", **told,
    )  # fmt: skip
    # Only a payout by hand has no composition; where there is none, nothing is added up.
    return f"""
WITH outs AS (
    SELECT o.*, sum(o.amount_minor) OVER (PARTITION BY o.currency ORDER BY o.sent_at, o.id)::bigint AS so_far
    FROM payout o WHERE o.tenant_id = :tenant AND o.is_posted AND o.status <> 'failed'),
moves AS (
    SELECT m.provider_id, m.currency, row_number() OVER w AS n, sum(m.net_minor) OVER w AS so_far
    FROM balance_transaction m WHERE m.tenant_id = :tenant AND m.kind NOT LIKE 'payout%'
     AND EXISTS (SELECT FROM outs o WHERE NOT o.is_automatic)
    WINDOW w AS (PARTITION BY m.currency ORDER BY m.provider_created_at, m.provider_id)),
total AS (SELECT currency, max(so_far)::bigint AS moved FROM moves GROUP BY currency)
SELECT 'composed\\:' || p.id AS key, p.amount_minor::text AS left_text, p.so_far::text AS right_text,
       greatest(0, p.so_far - coalesce(t.moved, 0)) AS diff_minor,
       CASE WHEN p.so_far > coalesce(t.moved, 0) THEN {beyond} ELSE {flagged} END AS fault
FROM outs p LEFT JOIN total t ON t.currency = p.currency WHERE NOT p.is_automatic AND {keys.within("p.id", _ID)}"""


COMPOSED: Final = Comparison(
    "R2.composed",
    _composed,
    dirty="SELECT 'composed\\:' || p.id AS key FROM payout p WHERE p.tenant_id = :tenant AND NOT p.is_automatic "
    "AND p.changed_xid >= :xid",
    stores_matches=False,
)
"""A payout by hand, of which the provider names no parts, is covered by movements and flagged with those it took."""


TAKEN_BY_HAND: Final = "a payout by hand took parts of its movements first: the oldest money was assumed to go first"


def _paid_out(keys: Keys) -> str:
    told = {
        "expected": "p.amount_minor", "actual": "p.parts_minor", "currency": "p.currency", "at": "p.sent_at",
        "evidence": "jsonb_build_object('payout_id', p.id, 'provider_id', p.provider_payout_id, 'parts', p.parts)",
    }  # fmt: skip
    by_hand = (
        "CASE WHEN EXISTS (SELECT FROM payout h WHERE h.tenant_id = :tenant AND h.composition = 'assumed' "
        f"AND h.currency = p.currency AND h.sent_at <= p.sent_at) THEN '{TAKEN_BY_HAND}' END"
    )
    differs = fault(
        "payout_parts_differ", over_or_under("p.amount_minor", "p.parts_minor"), "provider", cause=by_hand,
        no_journal="ask_provider", **told,
    )  # fmt: skip
    untold = fault("payout_parts_untold", "late", "provider", no_journal="ask_provider", **told)
    return f"""
SELECT 'parts\\:' || p.id AS key, p.amount_minor || ' ' || p.currency AS left_text,
       p.parts_minor || ' ' || p.composition AS right_text, p.amount_minor - p.parts_minor AS diff_minor,
       CASE WHEN p.composition <> 'unknown'
            THEN CASE WHEN p.parts_minor <> p.amount_minor THEN {differs} END
            WHEN p.sent_at < CAST(:payouts_due AS timestamptz) THEN {untold} END AS fault
FROM (
    SELECT o.*, coalesce(c.total, 0) AS parts_minor, coalesce(c.parts, 0) AS parts
    FROM payout o
    LEFT JOIN (SELECT t.payout_id, sum(t.amount_minor)::bigint AS total, count(*) AS parts FROM payout_part t
               JOIN balance_transaction m ON m.tenant_id = t.tenant_id AND m.id = t.balance_transaction_id
               WHERE t.tenant_id = :tenant AND m.tenant_id = :tenant AND {keys.within("t.payout_id", _ID)}
               GROUP BY t.payout_id) c ON c.payout_id = o.id
    WHERE o.tenant_id = :tenant AND o.is_automatic AND o.is_posted AND o.status <> 'failed'
      AND {keys.within("o.id", _ID)}) p"""


PAID_OUT: Final = Comparison(
    "R2.paid_out",
    _paid_out,
    # Time itself makes a composition late: those not told yet are looked at in every run.
    dirty="SELECT 'parts\\:' || p.id AS key FROM payout p WHERE p.tenant_id = :tenant AND p.is_automatic "
    "AND (p.changed_xid >= :xid OR p.composition = 'unknown')",
    of_day="SELECT 'parts\\:' || p.id AS key FROM payout p WHERE p.tenant_id = :tenant AND p.is_automatic "
    "AND p.sent_at >= :since AND p.sent_at < :until",
    stores_matches=False,
)
"""An automatic payout is the sum of the movements that the provider says it paid out."""
