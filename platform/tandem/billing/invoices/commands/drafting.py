"""Writing invoices: lines checked, few people hidden, taxes computed, and one statement per table for all of them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from tandem.billing.invoices import queries
from tandem.billing.invoices.commands.parties import customer_kind
from tandem.billing.invoices.drafts import InvoiceDraft, InvoiceLine, Period
from tandem.billing.invoices.errors import InvoiceLinesWrong, TaxRuleUnknown
from tandem.billing.invoices.models import Invoice, InvoiceLineRow, InvoiceTax
from tandem.billing.invoices.suppression import told_lines
from tandem.billing.invoices.taxes import Parts, RuleTerms, Taxed, tax_lines
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import share
from tandem.kernel.tenancy import tenant_id

CATEGORY_OF: Final = {"employer": "programme_prepayment", "hospital": "platform_service"}
"""What a line is taxed as unless it says: prepaying care is no taxable sale yet, the platform's service is one."""

ROUNDING_TEXT: Final = "税额尾差 Tax rounding"


def draft_invoice(
    *,
    customer_id: UUID,
    series: str,
    period: Period,
    lines: Sequence[InvoiceLine],
    due_on: date,
    currency: str = "CNY",
    programme_id: UUID | None = None,
    contract_id: UUID | None = None,
    corrects_id: UUID | None = None,
    prices_include_tax: bool = True,
    tax_rounding: str = "line",
) -> Invoice:
    """Write an invoice without a number. `programme_id` is the plan whose prepayment it asks for. [customer]

    `corrects_id` is the credited invoice that it replaces. Raises InvoiceLinesWrong, TaxRuleUnknown, NotFound.
    """
    draft = InvoiceDraft(
        series=series,
        period=period,
        lines=lines,
        due_on=due_on,
        currency=currency,
        programme_id=programme_id,
        contract_id=contract_id,
        corrects_id=corrects_id,
        prices_include_tax=prices_include_tax,
        tax_rounding=tax_rounding,
    )
    [invoice_id] = write_drafts([draft], customer_id=customer_id)
    return queries.invoice(invoice_id)


def write_drafts(
    drafts: Sequence[InvoiceDraft], *, customer_id: UUID | None = None, status: str = "draft"
) -> Sequence[UUID]:
    """Write invoices of the scope's customer, one statement per table; returns their ids, in order. [customer]

    A draft whose `run_key` was written before is left as it stands, and its id returned.
    Raises InvoiceLinesWrong, TaxRuleUnknown, NotFound.
    """
    kind, now = customer_kind(), clock.now()
    told = [_checked(draft, kind) for draft in drafts]
    rules = _rules({line.tax_category or CATEGORY_OF[kind] for lines in told for line in lines})
    invoices: list[dict[str, Any]] = []
    lines_of: dict[UUID, tuple[Sequence[InvoiceLine], Sequence[RuleTerms], Taxed]] = {}
    for draft, lines in zip(drafts, told, strict=True):
        its = [rules[line.tax_category or CATEGORY_OF[kind]] for line in lines]
        priced = [(line.amount_minor, rule) for line, rule in zip(lines, its, strict=True)]
        taxed = tax_lines(priced, rounding=draft.tax_rounding, included=draft.prices_include_tax)
        row = _invoice(draft, taxed) | {
            "customer_id": customer_id or tenant_id(),
            "customer_kind": kind,
            "status": status,
            "created_at": now,
        }
        invoices.append(row)
        lines_of[row["id"]] = (lines, its, taxed)
    fresh = _insert_invoices(invoices)
    written = [row for row in invoices if row["id"] in fresh]
    write_lines([each for row in written for each in line_rows(row, *lines_of[row["id"]])])
    write_taxes([each for row in written for each in tax_rows(row, lines_of[row["id"]][2])])
    session.flush()
    return [row["id"] if row["id"] in fresh else _known(row) for row in invoices]


def line_rows(
    invoice: dict[str, Any], lines: Sequence[InvoiceLine], rules: Sequence[RuleTerms], taxed: Taxed
) -> list[dict[str, Any]]:
    """Rows of an invoice's lines and, after them, of the rounding lines that its taxes need."""
    rounding = [
        InvoiceLine("rounding", ROUNDING_TEXT, 1, None, parts.gross_minor, rule.category, kind="rounding")
        for rule, parts in taxed.roundings
    ]
    all_rules = [*rules, *(rule for rule, _ in taxed.roundings)]
    all_parts = [*taxed.lines, *(parts for _, parts in taxed.roundings)]
    return [
        line_row(invoice, line_no, line, rule, parts)
        for line_no, (line, rule, parts) in enumerate(
            zip([*lines, *rounding], all_rules, all_parts, strict=True), start=1
        )
    ]


def line_row(invoice: dict[str, Any], line_no: int, line: InvoiceLine, rule: RuleTerms, parts: Parts) -> dict[str, Any]:
    """One line's row."""
    return {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "invoice_id": invoice["id"],
        "line_no": line_no,
        "kind": line.kind,
        "code": line.code,
        "text": line.text,
        "unit": line.unit,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount_minor": line.amount_minor,
        "net_minor": parts.net_minor,
        "tax_minor": parts.tax_minor,
        "tax_rule_id": rule.id,
        "currency": invoice["currency"],
        "of_first_day": line.of.first_day if line.of else None,
        "of_last_day": line.of.last_day if line.of else None,
        "line_input_hash": line.line_input_hash,
        "credits_line_no": line.credits_line_no,
    }


def tax_rows(invoice: dict[str, Any], taxed: Taxed) -> list[dict[str, Any]]:
    """Rows of an invoice's taxes, with the rules' words as they are now."""
    return [
        {
            "tenant_id": tenant_id(),
            "id": new_id(),
            "invoice_id": invoice["id"],
            "tax_rule_id": tax.rule.id,
            "jurisdiction": tax.rule.jurisdiction,
            "category": tax.rule.category,
            "treatment": tax.rule.treatment,
            "rate": tax.rule.rate,
            "reason": tax.rule.reason,
            "circular": tax.rule.circular,
            "base_minor": tax.base_minor,
            "tax_minor": tax.tax_minor,
            "residual_minor": tax.residual_minor,
            "currency": invoice["currency"],
        }
        for tax in taxed.taxes
    ]


def write_lines(rows: Sequence[dict[str, Any]]) -> None:
    """Insert lines of any number of invoices at once."""
    if rows:
        session.execute(insert(InvoiceLineRow.__table__), rows)


def write_taxes(rows: Sequence[dict[str, Any]]) -> None:
    """Insert taxes of any number of invoices at once."""
    if rows:
        session.execute(insert(InvoiceTax.__table__), rows)


def _checked(draft: InvoiceDraft, customer: str) -> Sequence[InvoiceLine]:
    for line_no, line in enumerate(draft.lines, start=1):
        if line.unit_price is not None and line.amount_minor != share(1, line.quantity * line.unit_price):
            raise InvoiceLinesWrong(line=line_no)
    if sum(line.amount_minor for line in draft.lines) <= 0:
        raise InvoiceLinesWrong(line=0)
    return told_lines(draft.lines) if customer == "employer" else draft.lines


def _rules(categories: set[str]) -> dict[str, RuleTerms]:
    rules = queries.tax_rules_at(categories, clock.today())
    if missing := sorted(categories - rules.keys()):
        raise TaxRuleUnknown(categories=missing)
    return rules


def _invoice(draft: InvoiceDraft, taxed: Taxed) -> dict[str, Any]:
    invoice_id = new_id()
    chain_id = invoice_id if draft.corrects_id is None else queries.invoice(draft.corrects_id).chain_id
    return {
        "tenant_id": tenant_id(),
        "id": invoice_id,
        "kind": "invoice",
        "series": draft.series,
        "chain_id": chain_id,
        "corrects_id": draft.corrects_id,
        "programme_id": draft.programme_id,
        "contract_id": draft.contract_id,
        "run_key": draft.run_key,
        "first_day": draft.period.first_day,
        "last_day": draft.period.last_day,
        "due_on": draft.due_on,
        "currency": draft.currency,
        "prices_include_tax": draft.prices_include_tax,
        "tax_rounding": draft.tax_rounding,
        "net_minor": taxed.net_minor,
        "tax_minor": taxed.tax_minor,
        "total_minor": taxed.net_minor + taxed.tax_minor,
        "paid_minor": 0,
        "credited_minor": 0,
        "fapiao_minor": 0,
        "version": 1,
    }


def _insert_invoices(invoices: Sequence[dict[str, Any]]) -> set[UUID]:
    if not invoices:
        return set()
    wish = upsert(Invoice.__table__).on_conflict_do_nothing(index_elements=["tenant_id", "run_key"])
    return set(session.execute(wish.values(list(invoices)).returning(Invoice.__table__.c.id)).scalars())


def _known(row: dict[str, Any]) -> UUID:
    known = queries.invoice_by_run_key(row["run_key"])
    if known is None:
        raise RuntimeError(f"invoice of run {row['run_key']} is neither written nor known")
    return known.id
