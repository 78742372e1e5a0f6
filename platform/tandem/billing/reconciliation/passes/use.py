"""R5, in the hospital's own rows: what was delivered against what was paid, metered, accrued and booked for it."""

from typing import Final

from tandem.billing.reconciliation.matching import Comparison, Keys, books
from tandem.billing.reconciliation.passes.faults import fault, fee_adjusted, over_or_under

_USE_ID: Final = "CAST(split_part(s.key, ':', 2) AS uuid)"
_USE: Final = {
    "currency": "u.currency",
    "at": "u.at",
    "evidence": "jsonb_build_object('usage_event_id', u.id)",
}
_USED_ON_DAY: Final = (
    "SELECT '{}\\:' || u.id AS key FROM usage_event u WHERE u.tenant_id = :tenant AND u.is_sold "
    "AND u.at >= :since AND u.at < :until"
)


def _accrued(keys: Keys) -> str:
    missing = fault(
        "usage_not_accrued", "missing_right", "operator", expected="u.amount_minor", actual="0", no_journal="own_job",
        **_USE,
    )  # fmt: skip
    differs = fault(
        "basis_differs", over_or_under("u.amount_minor", "a.basis_minor"), "operator", expected="u.amount_minor",
        actual="a.basis_minor", no_journal="adjust_statement", **_USE,
    )  # fmt: skip
    return f"""
SELECT 'usage\\:' || u.id AS key, u.amount_minor || ' ' || u.currency AS left_text,
       a.basis_minor || ' ' || a.currency AS right_text, u.amount_minor - coalesce(a.basis_minor, 0) AS diff_minor,
       CASE WHEN a.id IS NULL THEN {missing} WHEN a.basis_minor <> u.amount_minor THEN {differs} END AS fault
FROM usage_event u LEFT JOIN fee_accrual a ON a.tenant_id = u.tenant_id AND a.usage_event_id = u.id
WHERE u.tenant_id = :tenant AND u.is_sold AND {keys.within("u.id", _USE_ID)}"""


ACCRUED: Final = Comparison(
    "R5.accrued",
    _accrued,
    dirty="SELECT 'usage\\:' || a.usage_event_id AS key FROM fee_accrual a WHERE a.tenant_id = :tenant "
    "AND a.changed_xid >= :xid",
    of_day=_USED_ON_DAY.format("usage"),
)
"""Every use is accrued once, on what it was sold for."""


def _paid(keys: Keys) -> str:
    unpaid = fault(
        "usage_unpaid", "missing_right", "hospital", expected="u.amount_minor", actual="0",
        no_journal="collect_or_waive", **_USE,
    )  # fmt: skip
    return f"""
SELECT 'unpaid\\:' || u.id AS key, u.amount_minor::text AS left_text, p.status AS right_text,
       CASE WHEN p.status = 'succeeded' THEN 0 ELSE u.amount_minor END AS diff_minor,
       CASE WHEN u.amount_minor > 0 AND p.status IS DISTINCT FROM 'succeeded' THEN {unpaid} END AS fault
FROM usage_event u LEFT JOIN payment p ON p.tenant_id = u.tenant_id AND p.id = u.payment_id
WHERE u.tenant_id = :tenant AND u.is_sold AND {keys.within("u.id", _USE_ID)}"""


PAID: Final = Comparison(
    "R5.paid",
    _paid,
    dirty="SELECT 'unpaid\\:' || u.id AS key FROM payment p JOIN usage_event u ON u.tenant_id = p.tenant_id "
    "AND u.payment_id = p.id WHERE p.tenant_id = :tenant AND u.tenant_id = :tenant AND p.changed_xid >= :xid",
    of_day=_USED_ON_DAY.format("unpaid"),
    stores_matches=False,
)
"""Every use that costs something is paid for."""


def _metered(keys: Keys) -> str:
    missing = fault(
        "paid_not_metered", "missing_left", "hospital", expected="p.amount_minor", actual="0", currency="p.currency",
        at="p.completed_at", evidence="jsonb_build_object('payment_id', p.id)", no_journal="own_job",
    )  # fmt: skip
    return f"""
SELECT 'payment\\:' || p.id AS key, p.amount_minor::text AS left_text, min(u.id::text) AS right_text,
       CASE WHEN min(u.id::text) IS NULL THEN p.amount_minor ELSE 0 END AS diff_minor,
       CASE WHEN min(u.id::text) IS NULL THEN {missing} END AS fault
FROM payment p LEFT JOIN usage_event u ON u.tenant_id = p.tenant_id AND u.payment_id = p.id
WHERE p.tenant_id = :tenant AND p.completed_at IS NOT NULL AND {keys.within("p.id", _USE_ID)}
GROUP BY p.tenant_id, p.id"""


METERED: Final = Comparison(
    "R5.metered",
    _metered,
    dirty="SELECT 'payment\\:' || p.id AS key FROM payment p WHERE p.tenant_id = :tenant AND p.changed_xid >= :xid "
    "AND p.completed_at IS NOT NULL",
    stores_matches=False,
)
"""Every payment whose service is said to be delivered has its use."""

_DAY: Final = "({} AT TIME ZONE 'Asia/Shanghai')::date"
_FEE_JOURNALS: Final = (
    "SELECT {day} AS day, b.currency, sum(e.amount_minor)::bigint AS amount_minor FROM book b JOIN journal j "
    "ON j.tenant_id = b.tenant_id AND j.book_id = b.id JOIN entry e ON e.tenant_id = j.tenant_id "
    "AND e.book_id = j.book_id AND e.seq = j.seq JOIN account a ON a.tenant_id = e.tenant_id AND a.id = e.account_id "
    "WHERE b.tenant_id = :tenant AND j.tenant_id = :tenant AND e.tenant_id = :tenant AND a.tenant_id = :tenant "
    "AND j.kind = 'operator_fee' AND a.code = 'exp.operator_fee' AND {within} GROUP BY 1, 2"
)
_FEE_ACCRUALS: Final = (
    "SELECT {day} AS day, f.currency, sum(f.fee_minor)::bigint AS amount_minor FROM fee_accrual f "
    "WHERE f.tenant_id = :tenant AND {within} GROUP BY 1, 2"
)


def _fees(keys: Keys) -> str:
    differ = fault(
        "fees_differ", over_or_under("coalesce(l.amount_minor, 0)", "coalesce(r.amount_minor, 0)"), "operator",
        expected="coalesce(l.amount_minor, 0)", actual="coalesce(r.amount_minor, 0)", currency="d.currency",
        at="d.day::timestamp AT TIME ZONE 'Asia/Shanghai'", evidence="jsonb_build_object('day', d.day)",
        no_journal="adjust_statement",
        journal=fee_adjusted("coalesce(l.amount_minor, 0) - coalesce(r.amount_minor, 0)", "d.day"),
    )  # fmt: skip
    accrued = _FEE_ACCRUALS.format(day=_DAY.format("f.at"), within=_on_days(keys, "f.at"))
    booked = _FEE_JOURNALS.format(day=_DAY.format("j.effective_at"), within=_on_days(keys, "j.effective_at"))
    return f"""
SELECT 'fees\\:' || d.day || '\\:' || d.currency AS key, l.amount_minor::text AS left_text,
       r.amount_minor::text AS right_text, coalesce(l.amount_minor, 0) - coalesce(r.amount_minor, 0) AS diff_minor,
       CASE WHEN coalesce(l.amount_minor, 0) <> coalesce(r.amount_minor, 0) THEN {differ} END AS fault
FROM ({accrued}) l FULL JOIN ({booked}) r USING (day, currency)
CROSS JOIN LATERAL (SELECT day, currency) d"""


def _on_days(keys: Keys, column: str) -> str:
    if keys.are_all:
        return "true"
    days = "SELECT min({}) FROM scope s"
    first = "CAST(split_part(s.key, ':', 2) AS date)::timestamp AT TIME ZONE 'Asia/Shanghai'"
    last = f"({first}) + interval '1 day'"
    return (
        f"{column} >= ({days.format(first)}) AND {column} < ({days.format(last).replace('min', 'max')}) "
        f"AND {_DAY.format(column)} = ANY(ARRAY(SELECT CAST(split_part(s.key, ':', 2) AS date) FROM scope s))"
    )


FEES_BY_DAY: Final = Comparison(
    "R5.fees",
    _fees,
    dirty=f"SELECT 'fees\\:' || {_DAY.format('f.at')} || '\\:' || f.currency AS key FROM fee_accrual f "
    "WHERE f.tenant_id = :tenant AND f.changed_xid >= :xid UNION ALL "
    + books(f"'fees\\:' || {_DAY.format('j.effective_at')} || '\\:' || b.currency", "j.idem_scope = 'operator_fee'"),
    of_day=f"SELECT 'fees\\:' || {_DAY.format('CAST(:since AS timestamptz)')} || '\\:' || b.currency AS key "
    "FROM book b WHERE b.tenant_id = :tenant",
)
"""What was accrued for a day's uses is what is booked for them."""
