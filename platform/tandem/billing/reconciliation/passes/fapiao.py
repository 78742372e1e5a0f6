"""R10: what fapiao were asked for, issued and taken back, held against what their invoices still say."""

from typing import Any, Final

from tandem.billing.invoices import CREDIT_KINDS
from tandem.billing.reconciliation.matching import Comparison, Keys, books
from tandem.billing.reconciliation.passes.faults import fault
from tandem.billing.reconciliation.rules import Rules
from tandem.kernel import clock
from tandem.kernel.choices import listed

RED_ON_ITS_WAY: Final = "a red letter has been asked for and is not issued yet"
_ID: Final = "CAST(split_part(s.key, ':', 2) AS uuid)"
_INVOICE: Final = {
    "currency": "i.currency",
    "at": "i.issued_at",
    "evidence": "jsonb_build_object('invoice_id', i.id, 'document_no', i.document_no)",
    "no_journal": "document_only",
}
_FAPIAO: Final = {
    "currency": "f.currency",
    "at": "f.requested_at",
    "evidence": "jsonb_build_object('fapiao_id', f.id, 'invoice_id', f.invoice_id, 'status', f.status)",
    "no_journal": "document_only",
}


def fapiao_terms(rules: Rules) -> dict[str, Any]:
    """Until when what was asked for should have been answered by now, as a parameter of `R10.fapiao`."""
    return {"fapiao_due": clock.now() - rules.days("sla_days.receipt")}


def _fapiao(keys: Keys) -> str:
    return f"{_by_invoice(keys)} UNION ALL {_one_by_one(keys)}"


def _by_invoice(keys: Keys) -> str:
    on_its_way = f"CASE WHEN i.reds_open > 0 THEN '{RED_ON_ITS_WAY}' END"
    beyond = fault(
        "red_letter_missing", "amount_over", "operator", expected="i.owed_minor", actual="i.issued_minor",
        cause=on_its_way, **_INVOICE,
    )  # fmt: skip
    held = fault(
        "fapiao_held_differs", "split", "operator", expected="i.fapiao_minor", actual="i.held_minor", **_INVOICE
    )
    return f"""
SELECT 'invoice\\:' || i.id AS key, i.fapiao_minor || ' ' || i.owed_minor AS left_text,
       i.held_minor || ' ' || i.issued_minor || ' ' || i.reds_open AS right_text,
       i.owed_minor - i.issued_minor AS diff_minor,
       CASE WHEN i.issued_minor > i.owed_minor THEN {beyond}
            WHEN i.held_minor <> i.fapiao_minor THEN {held} END AS fault
FROM (
    SELECT v.id, v.currency, v.issued_at, v.document_no, v.fapiao_minor,
           CASE WHEN v.status = 'void' THEN 0 ELSE v.total_minor - v.credited_minor END AS owed_minor,
           coalesce(b.held, 0) AS held_minor, coalesce(b.issued, 0) AS issued_minor, coalesce(b.reds, 0) AS reds_open
    FROM invoice v
    LEFT JOIN (SELECT invoice_id,
               (coalesce(sum(total_minor) FILTER (WHERE colour = 'blue' AND status <> 'rejected'), 0)
                - coalesce(sum(total_minor) FILTER (WHERE colour = 'red' AND status = 'issued'), 0))::bigint AS held,
               (coalesce(sum(total_minor) FILTER (WHERE colour = 'blue' AND status = 'issued'), 0)
                - coalesce(sum(total_minor) FILTER (WHERE colour = 'red' AND status = 'issued'), 0))::bigint AS issued,
               count(*) FILTER (WHERE colour = 'red' AND status IN ('requested', 'confirmed')) AS reds
               FROM fapiao WHERE tenant_id = :tenant AND {keys.within("invoice_id", _ID)} GROUP BY invoice_id) b
      ON b.invoice_id = v.id
    WHERE v.tenant_id = :tenant AND v.kind = 'invoice' AND v.issued_at IS NOT NULL
      AND {keys.within("v.id", _ID)}) i"""


def _one_by_one(keys: Keys) -> str:
    waiting = fault(
        "fapiao_waiting", "late", "operator", expected="f.total_minor", actual="0",
        group="'fapiao_waiting\\:' || f.status", **_FAPIAO,
    )  # fmt: skip
    lines = fault(
        "fapiao_lines_differ", "split", "operator", expected="f.total_minor", actual="f.lines_minor", **_FAPIAO
    )
    red = fault("red_letter_differs", "split", "operator", expected="f.blue_minor", actual="f.total_minor", **_FAPIAO)
    return f"""
SELECT 'fapiao\\:' || f.id, f.total_minor || ' ' || f.status, f.lines_minor || ' ' || coalesce(f.blue_minor, 0),
       f.total_minor - f.lines_minor,
       CASE WHEN f.lines_minor <> f.total_minor THEN {lines}
            WHEN f.blue_minor <> f.total_minor THEN {red}
            WHEN f.status NOT IN ('issued', 'rejected') AND f.requested_at < CAST(:fapiao_due AS timestamptz)
            THEN {waiting} END
FROM (
    SELECT x.*, coalesce(l.total, 0) AS lines_minor, o.total_minor AS blue_minor
    FROM fapiao x
    LEFT JOIN (SELECT fapiao_id, sum(net_minor + tax_minor)::bigint AS total FROM fapiao_line
               WHERE tenant_id = :tenant AND {keys.within("fapiao_id", _ID)} GROUP BY fapiao_id) l
      ON l.fapiao_id = x.id
    LEFT JOIN fapiao o ON o.tenant_id = x.tenant_id AND o.id = x.reverses_id
    WHERE x.tenant_id = :tenant AND {keys.within("x.id", _ID)}) f"""


_CREDITED: Final = books("j.idem_key", listed("j.idem_scope", CREDIT_KINDS))

FAPIAO: Final = Comparison(
    "R10.fapiao",
    _fapiao,
    # Time itself makes one late: those without an answer are looked at in every run.
    dirty="SELECT 'fapiao\\:' || f.id AS key FROM fapiao f WHERE f.tenant_id = :tenant AND (f.changed_xid >= :xid "
    "OR f.status NOT IN ('issued', 'rejected')) UNION ALL SELECT 'invoice\\:' || f.invoice_id FROM fapiao f "
    "WHERE f.tenant_id = :tenant AND f.changed_xid >= :xid UNION ALL SELECT 'invoice\\:' || n.corrects_id "
    "FROM invoice n WHERE n.tenant_id = :tenant "
    f"AND n.id = ANY(ARRAY(SELECT CAST(x.key AS uuid) FROM ({_CREDITED}) x))",
    of_day="SELECT 'invoice\\:' || i.id AS key FROM invoice i WHERE i.tenant_id = :tenant AND i.issued_at >= :since "
    "AND i.issued_at < :until UNION ALL SELECT 'fapiao\\:' || f.id FROM fapiao f WHERE f.tenant_id = :tenant "
    "AND f.requested_at >= :since AND f.requested_at < :until",
    stores_matches=False,
)
"""What is issued never exceeds what an invoice still owes, what is asked for is answered, and red letters match."""
