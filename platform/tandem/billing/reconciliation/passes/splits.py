"""R9: every split, worked out once more by the agreement it names, and what refunds took back of it."""

from typing import Final

from tandem.billing.reconciliation.matching import Comparison, Keys, books
from tandem.billing.reconciliation.passes.faults import fault, fee_adjusted

_ACCRUAL: Final = {
    "currency": "a.currency",
    "at": "a.at",
    "evidence": "jsonb_build_object('fee_accrual_id', a.id, 'agreement_version_id', a.agreement_version_id)",
    "no_journal": "book_is_right",
}
_DAY: Final = "(a.at AT TIME ZONE 'Asia/Shanghai')::date"


def _booked(kinds: str) -> str:
    """SQL for what the book says of an accrual's fee under these kinds: what is booked counts, not its record."""
    return (
        "(SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM journal j "
        "JOIN entry e ON e.tenant_id = j.tenant_id AND e.book_id = j.book_id AND e.seq = j.seq "
        "JOIN account c ON c.tenant_id = e.tenant_id AND c.id = e.account_id "
        "WHERE j.tenant_id = :tenant AND e.tenant_id = :tenant AND c.tenant_id = :tenant "
        f"AND j.correlation_id = a.usage_event_id AND j.kind IN ({kinds}) AND c.code = 'exp.operator_fee')"
    )


_FEE: Final = _booked("'operator_fee'")
_TAKEN_BACK: Final = _booked("'operator_fee_reversed', 'operator_fee_restored', 'operator_fee_lost'")
_REFUNDED: Final = (
    "(SELECT coalesce(sum(r.refund_minor), 0) FROM fee_reversal r WHERE r.tenant_id = :tenant "
    "AND r.fee_accrual_id = a.id)"
)


def _left_of(fee: str) -> str:
    """SQL for what refunds have left of a fee."""
    return f"({fee} - CASE WHEN a.basis_minor = 0 THEN 0 ELSE round({fee}::numeric * {_REFUNDED} / a.basis_minor) END)"


def _adjusted_to(fee: str) -> str:
    return fee_adjusted(f"({_left_of(fee)} - {_left_of(_FEE)})::bigint", _DAY)


_ID: Final = "CAST(split_part(s.key, ':', 2) AS uuid)"


def _split(keys: Keys) -> str:
    breach = fault(
        "fee_beyond_cap", "cap_breach", "operator", expected="a.fee", actual="a.fee_minor",
        at_risk="a.fee_minor - a.fee", journal=_adjusted_to("a.fee"), **_ACCRUAL,
    )  # fmt: skip
    differs = fault(
        "split_differs", "split", "operator", expected="a.fee", actual="a.fee_minor",
        at_risk="greatest(abs(a.fee_minor - a.fee), abs(a.uncapped_minor - a.uncapped))",
        journal=_adjusted_to("a.fee"), **_ACCRUAL,
    )  # fmt: skip
    elsewhen = fault(
        "agreement_not_in_force", "split", "operator", expected="0", actual="a.fee_minor", at_risk="a.fee_minor",
        journal=_adjusted_to("0"), **_ACCRUAL,
    )  # fmt: skip
    return f"""
SELECT 'split\\:' || a.id AS key, a.uncapped || ' ' || a.fee AS left_text,
       a.uncapped_minor || ' ' || a.fee_minor || ' ' || a.disputed_minor AS right_text,
       a.fee - a.fee_minor AS diff_minor,
       CASE WHEN NOT a.is_in_force THEN {elsewhen}
            WHEN a.fee_minor > a.capped THEN {breach}
            WHEN (a.uncapped, a.fee, a.uncapped - a.fee) <> (a.uncapped_minor, a.fee_minor, a.disputed_minor)
            THEN {differs} END AS fault
FROM (
    SELECT f.*, r.uncapped, r.capped, least(r.uncapped, r.capped) AS fee,
           g.id IS NULL AND f.agreement_version_id IS NULL OR coalesce(
               g.effective_from <= f.at AND (g.effective_until IS NULL OR g.effective_until > f.at), false)
               AS is_in_force
    FROM fee_accrual f
    LEFT JOIN agreement_version g ON g.tenant_id = f.tenant_id AND g.id = f.agreement_version_id
    CROSS JOIN LATERAL (SELECT
        round(f.basis_minor * coalesce(g.percent_of_net, 0) / 100 + coalesce(g.per_visit_minor, 0))::bigint AS uncapped,
        least(f.basis_minor, floor(f.basis_minor * g.cap_percent / 100)::bigint, g.cap_per_visit_minor,
              CASE WHEN g.zero_on_medical THEN 0 END,
              CASE WHEN f.programme_fees_before_minor IS NOT NULL
                   THEN greatest(0, g.cap_per_programme_minor - f.programme_fees_before_minor) END) AS capped) r
    WHERE f.tenant_id = :tenant AND {keys.within("f.id", _ID)}) a"""


SPLIT: Final = Comparison(
    "R9.split",
    _split,
    dirty="SELECT 'split\\:' || f.id AS key FROM fee_accrual f WHERE f.tenant_id = :tenant AND f.changed_xid >= :xid",
    of_day="SELECT 'split\\:' || f.id AS key FROM fee_accrual f WHERE f.tenant_id = :tenant AND f.at >= :since "
    "AND f.at < :until",
)
"""Every recorded split is what its agreement gives, within every cap, by an agreement that was in force."""


def _reversed(keys: Keys) -> str:
    differs = fault(
        "reversal_differs", "split", "operator", expected="a.due", actual="a.taken_minor",
        journal=fee_adjusted(f"({_left_of(_FEE)} - {_FEE} - {_TAKEN_BACK})::bigint", _DAY), **_ACCRUAL,
    )  # fmt: skip
    return f"""
SELECT 'reversed\\:' || a.id AS key, a.due::text AS left_text, a.taken_minor::text AS right_text,
       a.due - a.taken_minor AS diff_minor, CASE WHEN a.due <> a.taken_minor THEN {differs} END AS fault
FROM (
    SELECT f.*, sum(r.fee_minor)::bigint AS taken_minor,
           CASE WHEN f.basis_minor = 0 THEN 0
                ELSE round(f.fee_minor::numeric * sum(r.refund_minor) / f.basis_minor) END::bigint AS due
    FROM fee_accrual f JOIN fee_reversal r ON r.tenant_id = f.tenant_id AND r.fee_accrual_id = f.id
    WHERE f.tenant_id = :tenant AND r.tenant_id = :tenant AND {keys.within("f.id", _ID)}
    GROUP BY f.tenant_id, f.id) a"""


_REVERSALS: Final = books("j.idem_key", "j.idem_scope IN ('operator_fee_reversed', 'operator_fee_restored')")

REVERSED: Final = Comparison(
    "R9.reversed",
    _reversed,
    dirty="SELECT 'reversed\\:' || r.fee_accrual_id AS key FROM fee_reversal r WHERE r.tenant_id = :tenant "
    f"AND r.refund_id = ANY(ARRAY(SELECT CAST(x.key AS uuid) FROM ({_REVERSALS}) x))",
    of_day="SELECT 'reversed\\:' || r.fee_accrual_id AS key FROM fee_reversal r WHERE r.tenant_id = :tenant "
    "AND r.at >= :since AND r.at < :until",
)
"""Refunds took back their part of the recorded split, cumulatively, and never by another rule."""
