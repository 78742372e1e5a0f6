"""R10: what an invoice's document says against its lines, its taxes and the credit notes that correct it."""

from typing import Final

from tandem.billing.invoices import ISSUE_KINDS
from tandem.billing.reconciliation.matching import Comparison, Keys, books
from tandem.billing.reconciliation.passes.faults import fault
from tandem.kernel.choices import listed

_ID: Final = "CAST(split_part(s.key, ':', 2) AS uuid)"
_DOCUMENT: Final = {
    "currency": "i.currency",
    "at": "i.issued_at",
    "evidence": "jsonb_build_object('invoice_id', i.id, 'document_no', i.document_no)",
    "no_journal": "document_only",
}


def _documents(keys: Keys) -> str:
    sums = fault(
        "document_sums_differ", "split", "operator", expected="i.total_minor", actual="i.lines_minor",
        at_risk="greatest(abs(i.total_minor - i.lines_minor), abs(i.tax_minor - i.line_tax_minor))", **_DOCUMENT,
    )  # fmt: skip
    noted = fault(
        "credits_differ", "split", "operator", expected="i.credited_minor", actual="i.notes_minor", **_DOCUMENT
    )
    return f"""
SELECT 'document\\:' || i.id AS key, i.total_minor || ' ' || i.tax_minor || ' ' || i.credited_minor AS left_text,
       i.lines_minor || ' ' || i.line_tax_minor || ' ' || i.notes_minor AS right_text,
       i.total_minor - i.lines_minor AS diff_minor,
       CASE WHEN (i.total_minor, i.tax_minor) <> (i.lines_minor, i.line_tax_minor)
              OR i.net_minor + i.tax_minor <> i.total_minor THEN {sums}
            WHEN i.credited_minor <> i.notes_minor THEN {noted} END AS fault
FROM (
    SELECT v.*, coalesce(l.gross, 0) AS lines_minor, coalesce(l.tax, 0) AS line_tax_minor,
           coalesce(n.noted, 0) AS notes_minor
    FROM invoice v
    LEFT JOIN (SELECT invoice_id, sum(net_minor + tax_minor)::bigint AS gross, sum(tax_minor)::bigint AS tax
               FROM invoice_line WHERE tenant_id = :tenant AND {keys.within("invoice_id", _ID)} GROUP BY invoice_id) l
      ON l.invoice_id = v.id
    LEFT JOIN (SELECT corrects_id, sum(abs(total_minor))::bigint AS noted FROM invoice
               WHERE tenant_id = :tenant AND kind = 'credit_note' AND status NOT IN ('draft', 'void')
                 AND {keys.within("corrects_id", _ID)} GROUP BY corrects_id) n ON n.corrects_id = v.id
    WHERE v.tenant_id = :tenant AND v.issued_at IS NOT NULL AND v.status <> 'void' AND {keys.within("v.id", _ID)}) i"""


_ISSUED: Final = books("j.idem_key", listed("j.idem_scope", ISSUE_KINDS))

DOCUMENTS: Final = Comparison(
    "R10.documents",
    _documents,
    dirty=f"SELECT 'document\\:' || x.key AS key FROM ({_ISSUED}) x UNION ALL SELECT 'document\\:' || c.corrects_id "
    f"FROM invoice c WHERE c.tenant_id = :tenant AND c.id = ANY(ARRAY(SELECT CAST(x.key AS uuid) FROM ({_ISSUED}) x)) "
    "AND c.corrects_id IS NOT NULL",
    of_day="SELECT 'document\\:' || i.id AS key FROM invoice i WHERE i.tenant_id = :tenant AND i.issued_at >= :since "
    "AND i.issued_at < :until",
)
"""Every issued document is the sum of its lines and taxes, and what was credited is what its credit notes say."""
