"""A month's bills as SQL: each step is one statement for all contracts of a chunk.

A chunk is a range of payers: however much stands on a month's bills, it reads its own lines, by an index that has them
in the order of payers. It is told as arrays: rated lines with the invoice that bills each, and invoices with their
keys. Rated lines never change, so what the steps read is the same in each of them. Prices include tax, which is worked
out line by line: exactly, and rounded half away from zero (`taxes.py` says the same of invoices written by hand).
"""

from typing import Final

from sqlalchemy import TextClause, text

_PARTS: Final = {
    "payer": "coalesce(l.contract_id, l.subscription_id)",
    "lines": "unnest(CAST(:line_ids AS uuid[]), CAST(:invoice_ids AS uuid[])) AS k(id, invoice_id) "
    "JOIN rated_line l ON l.tenant_id = :tenant AND l.id = k.id AND l.raised_for = CAST(:month AS date) "
    "AND {payer} >= CAST(:first_payer AS uuid) AND {payer} <= CAST(:last_payer AS uuid)",
    # Half away from zero: twice the tax and one, halved and cut, which numeric's div does exactly.
    "tax": "CAST(CASE WHEN CAST(:rate AS numeric) IS NULL THEN 0 ELSE sign(t.amount_minor) * div(2 "
    "* abs(t.amount_minor) * CAST(:rate AS numeric) + 1 + CAST(:rate AS numeric), 2 * (1 + CAST(:rate AS numeric))) "
    "END AS bigint)",
    # `is_merged`: the customer is an enterprise, and use whose people were not counted is told it in one sum. Over
    # several tiers no one price times the quantity is the amount; then none is told.
    "taxed": "WITH billed AS (SELECT l.tenant_id, l.subscription_id, l.period_first, l.period_until, l.revision, "
    "l.code, l.text_zh, l.text_en, l.quantity, l.unit_price, l.amount_minor, l.currency, l.line_input_hash, "
    "k.invoice_id, CAST(:is_merged AS boolean) AND l.meter IS NOT NULL AS is_hidden FROM {lines}), "
    "told AS (SELECT b.tenant_id, b.invoice_id, 0 AS place, b.subscription_id, b.period_first, b.revision, "
    "CASE WHEN b.revision > 0 THEN 'adjustment' ELSE 'item' END AS kind, b.code, "
    "btrim(b.text_zh || ' ' || b.text_en) AS text, b.quantity, "
    "CASE WHEN round(b.quantity * b.unit_price) = b.amount_minor THEN b.unit_price END AS unit_price, b.amount_minor, "
    "b.currency, CASE WHEN b.revision > 0 THEN b.period_first END AS of_first_day, "
    "CASE WHEN b.revision > 0 THEN b.period_until - 1 END AS of_last_day, b.line_input_hash "
    "FROM billed b WHERE NOT b.is_hidden UNION ALL SELECT b.tenant_id, b.invoice_id, 1, NULL, NULL, NULL, 'merged', "
    "CAST(:merged_code AS text), CAST(:merged_text AS text), 1, NULL, CAST(sum(b.amount_minor) AS bigint), "
    "min(b.currency), NULL, NULL, NULL FROM billed b WHERE b.is_hidden GROUP BY b.tenant_id, b.invoice_id), "
    "taxed AS (SELECT t.*, {tax} AS tax_minor FROM told t)",
    # As when lines were rated (rating/statements.py): a written row's tenant is read from one of the tenant's own rows.
    "here": "(SELECT x.tenant_id FROM rated_line x WHERE x.tenant_id = :tenant "
    "AND x.id = (CAST(:line_ids AS uuid[]))[1]) g",
    # What runs have billed, by run and month: a run is its payer and currency, as its invoices' keys begin.
    "months": "(SELECT 'rating\\:' || split_part(i.run_key, '\\:', 2) || '\\:' || split_part(i.run_key, '\\:', 3) "
    "|| '\\:' AS run, i.first_day, CAST(sum(i.total_minor) AS bigint) AS total_minor FROM invoice i "
    "WHERE i.tenant_id = :tenant AND i.first_day >= :since AND i.run_key LIKE 'rating\\:%' AND i.status <> 'void'"
    "{runs} GROUP BY 1, 2) m",
    "history": "array_agg(m.total_minor ORDER BY m.first_day DESC) FILTER (WHERE m.first_day < :month) AS history",
}


def _sql(statement: str, **more: str) -> TextClause:
    # Parts are made of parts.
    for _ in range(3):
        statement = statement.format_map(_PARTS | more)
    return text(statement)


PAGE: Final = _sql(
    "SELECT p.payer, p.currency, count(*) OVER () AS payers FROM (SELECT DISTINCT {payer} AS payer, l.currency "
    "FROM rated_line l WHERE l.tenant_id = :tenant AND l.raised_for = CAST(:month AS date) "
    "AND ({payer}, l.currency) > (CAST(:payer AS uuid), CAST(:currency AS text)) ORDER BY 1, 2 LIMIT :at_most) p "
    "ORDER BY 1 DESC, 2 DESC LIMIT 1"
)
"""The last payer of a chunk, and how many it has: whoever stands on a month's bills, billed or not."""

UNBILLED: Final = _sql(
    "SELECT {payer} AS payer, l.currency, "
    "bool_and(l.contract_id IS NOT NULL) AS is_contract, CAST(sum(l.amount_minor) AS bigint) AS amount_minor, "
    "count(*) AS lines, array_agg(DISTINCT l.parked_reason) FILTER (WHERE l.parked_reason IS NOT NULL) AS doubts, "
    "array_agg(CAST(l.id AS text)) AS line_ids FROM rated_line l WHERE l.tenant_id = :tenant "
    "AND l.raised_for = CAST(:month AS date) AND ({payer}, l.currency) > (CAST(:payer AS uuid), "
    "CAST(:currency AS text)) AND ({payer}, l.currency) <= (CAST(:last_payer AS uuid), CAST(:last_currency AS text)) "
    "AND NOT EXISTS (SELECT 1 FROM invoice_origin o WHERE o.tenant_id = :tenant AND o.id = l.id) "
    "GROUP BY 1, 2 ORDER BY 1, 2"
)
"""What a month's bill has for each contract (or subscription without one) and currency, and nobody has billed."""

ENOUGH_MEMORY: Final = text("SET LOCAL work_mem = '32MB'")
"""A chunk's lines are some ten megabytes: they are joined and sorted where they are, not in files."""

INVOICES: Final = _sql(
    "INSERT INTO invoice (tenant_id, id, kind, series, chain_id, customer_id, customer_kind, contract_id, run_key, "
    "status, first_day, last_day, due_on, currency, prices_include_tax, tax_rounding, net_minor, tax_minor, "
    "total_minor, paid_minor, credited_minor, fapiao_minor, created_at, version) "
    "{taxed} SELECT g.tenant_id, i.id, 'invoice', :series, i.id, g.tenant_id, :customer_kind, i.contract_id, "
    "i.run_key, 'rated', CAST(:first_day AS date), CAST(:last_day AS date), CAST(:due_on AS date), min(t.currency), "
    "true, 'line', sum(t.amount_minor) - sum(t.tax_minor), sum(t.tax_minor), sum(t.amount_minor), 0, 0, 0, "
    "CAST(:now AS timestamptz), 1 FROM taxed t JOIN unnest(CAST(:ids AS uuid[]), CAST(:run_keys AS text[]), "
    "CAST(:contract_ids AS uuid[])) AS i(id, run_key, contract_id) ON i.id = t.invoice_id JOIN {here} ON true "
    "GROUP BY g.tenant_id, i.id, i.contract_id, i.run_key"
)
LINES: Final = _sql(
    "INSERT INTO invoice_line (tenant_id, id, invoice_id, line_no, kind, code, text, quantity, unit_price, "
    "amount_minor, net_minor, tax_minor, tax_rule_id, currency, of_first_day, of_last_day, line_input_hash) "
    "{taxed} SELECT g.tenant_id, CAST(left(CAST(t.invoice_id AS text), 13) "
    "|| right(md5(concat_ws('|', t.invoice_id, t.line_no)), 20) AS uuid), t.invoice_id, t.line_no, t.kind, t.code, "
    "t.text, t.quantity, t.unit_price, t.amount_minor, t.amount_minor - t.tax_minor, t.tax_minor, "
    "CAST(:tax_rule_id AS uuid), t.currency, t.of_first_day, t.of_last_day, t.line_input_hash "
    "FROM (SELECT t.*, row_number() OVER (PARTITION BY t.invoice_id ORDER BY t.place, t.subscription_id, "
    "t.period_first, t.code, t.revision) AS line_no FROM taxed t) t JOIN {here} ON true"
)
TAXES: Final = text(
    "INSERT INTO invoice_tax (tenant_id, id, invoice_id, tax_rule_id, jurisdiction, category, treatment, rate, reason, "
    "circular, base_minor, tax_minor, residual_minor, currency) "
    # One tax for each invoice: it can bear the invoice's own id.
    "SELECT i.tenant_id, i.id, i.id, CAST(:tax_rule_id AS uuid), :jurisdiction, :category, :treatment, "
    "CAST(:rate AS numeric), :reason, :circular, i.net_minor, i.tax_minor, 0, i.currency "
    "FROM invoice i WHERE i.tenant_id = :tenant AND i.id = ANY(CAST(:ids AS uuid[]))"
)
ORIGINS: Final = _sql(
    "INSERT INTO invoice_origin (tenant_id, id, invoice_id, billed_at) "
    "SELECT l.tenant_id, l.id, k.invoice_id, CAST(:now AS timestamptz) FROM {lines}"
)
"""A line that two runs would bill meets its own key here, and the second run fails."""

HISTORY: Final = _sql(
    "SELECT m.run, {history} FROM {months} WHERE m.run = ANY(CAST(:runs AS text[])) GROUP BY m.run",
    # The runs of a chunk lie together among the keys: by their index, and not among everybody's of a year.
    runs=" AND i.run_key >= :first_run AND i.run_key <= :last_run",
)
"""What these runs have billed before a month, newest first."""

SILENT: Final = _sql(
    "SELECT m.run, {history} FROM {months} GROUP BY m.run "
    "HAVING bool_or(m.first_day = :month_before) AND NOT bool_or(m.first_day = :month)",
    runs="",
)
"""Runs that billed the month before and not this one."""
