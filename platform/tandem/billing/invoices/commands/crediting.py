"""Credit notes: what was issued is never edited, it is taken back, in whole or in part, by a document of its own."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import RowMapping

from tandem.billing.invoices import queries
from tandem.billing.invoices.commands.drafting import line_row, tax_rows, write_lines, write_taxes
from tandem.billing.invoices.commands.issuing import number_document
from tandem.billing.invoices.commands.paying import settle_if_nothing_is_open
from tandem.billing.invoices.drafts import InvoiceLine, LineCredit
from tandem.billing.invoices.errors import CreditTooLarge, InvoiceNotOpen, PrepaymentClosed
from tandem.billing.invoices.events import CreditNoteIssued
from tandem.billing.invoices.models import Invoice
from tandem.billing.invoices.taxes import Parts, RuleTax, RuleTerms, Taxed
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import allocate_cumulative
from tandem.kernel.tenancy import tenant_id

Row = RowMapping


def credit_invoice(invoice_id: UUID, *, because: str, lines: Sequence[LineCredit] | None = None) -> Invoice:
    """Issue a credit note on an invoice: on these lines, or on all that is left of it. [customer]

    Tax is taken back by the cumulative share, so that the last credit closes each line to nothing, and with it the
    rounding lines. Raises CreditTooLarge, InvoiceNotOpen for what was never issued, PrepaymentClosed,
    NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    if row.kind != "invoice" or row.status not in {"issued", "settled"}:
        raise InvoiceNotOpen
    if row.programme_id is not None and queries.is_being_closed(row.programme_id, row.currency):
        # Its rest is given back as such; credited too, it would be given back twice.
        raise PrepaymentClosed
    held = queries.invoice_lines(invoice_id)
    before = queries.credited_by_line(invoice_id)
    now = _credits(held, before, lines)
    taken = [(line, *_taken(row, line, before.get(line["line_no"], 0), now)) for line in held]
    taken = [each for each in taken if each[1] or each[2].tax_minor]
    if not taken:
        raise CreditTooLarge(line=0, left_minor=0)
    note = _note(row, taken)
    row.credited_minor += note.total_minor
    settle_if_nothing_is_open(row)
    audit.record(
        action="invoice.credited",
        object_type="invoice",
        object_id=row.id,
        details={"because": because, "credit_note_id": str(note.id), "total_minor": note.total_minor},
    )
    outbox.add(CreditNoteIssued(note.id))
    return note


def _credits(held: Sequence[Row], before: Mapping[int, int], lines: Sequence[LineCredit] | None) -> dict[int, int]:
    left = {
        line["line_no"]: line["amount_minor"] - before.get(line["line_no"], 0)
        for line in held
        if line["kind"] != "rounding"
    }
    wanted = left if lines is None else _summed(lines)
    for line_no, amount in wanted.items():
        its = left.get(line_no, 0)
        # A negative line is taken back by a negative credit; neither may go beyond what the line says.
        if amount * its < 0 or abs(amount) > abs(its):
            raise CreditTooLarge(line=line_no, left_minor=its)
    closes = all(left[line_no] == wanted.get(line_no, 0) for line_no in left)
    rounding = {line["line_no"]: line["amount_minor"] for line in held if line["kind"] == "rounding" and closes}
    return dict(wanted) | rounding


def _summed(lines: Sequence[LineCredit]) -> dict[int, int]:
    summed: dict[int, int] = {}
    for line in lines:
        summed[line.line_no] = summed.get(line.line_no, 0) + line.amount_minor
    return summed


def _taken(row: Invoice, line: Row, before_minor: int, now: Mapping[int, int]) -> tuple[int, Parts]:
    now_minor = now.get(line["line_no"], 0)
    if line["kind"] == "rounding":
        is_taken = line["line_no"] in now
        return now_minor, Parts(line["net_minor"], line["tax_minor"]) if is_taken else Parts(0, 0)
    whole, tax = line["amount_minor"], line["tax_minor"]
    # Cumulatively: credits that add up to the line take exactly its tax, in whatever parts they come.
    tax_now = allocate_cumulative(before_minor, now_minor, [abs(tax), abs(whole - tax)])[0] if whole else 0
    return now_minor, Parts(now_minor - tax_now if row.prices_include_tax else now_minor, tax_now)


def _note(row: Invoice, taken: Sequence[tuple[Row, int, Parts]]) -> Invoice:
    rules = {tax["tax_rule_id"]: RuleTerms(
        tax["tax_rule_id"], tax["jurisdiction"], tax["category"], tax["treatment"], tax["rate"], tax["reason"],
        tax["circular"],
    ) for tax in queries.invoice_taxes(row.id)}  # fmt: skip
    taxed = Taxed([parts for _, _, parts in taken], _taxes(taken, rules), [])
    total_minor = taxed.net_minor + taxed.tax_minor
    if not 0 < total_minor <= row.total_minor - row.credited_minor:
        raise CreditTooLarge(line=0, left_minor=row.total_minor - row.credited_minor)
    note = Invoice(
        tenant_id=tenant_id(),
        id=new_id(),
        kind="credit_note",
        series=f"{row.series}-CN",
        chain_id=row.chain_id,
        corrects_id=row.id,
        customer_id=row.customer_id,
        customer_kind=row.customer_kind,
        programme_id=row.programme_id,
        contract_id=row.contract_id,
        status="issued",
        first_day=row.first_day,
        last_day=row.last_day,
        due_on=clock.today(),
        currency=row.currency,
        prices_include_tax=row.prices_include_tax,
        tax_rounding=row.tax_rounding,
        net_minor=taxed.net_minor,
        tax_minor=taxed.tax_minor,
        total_minor=total_minor,
    )
    # Its number comes before its lines: a row that says "issued" has one.
    number_document(note, seller=row.seller or {}, buyer=row.buyer or {})
    session.add(note)
    session.flush()
    head = {"id": note.id, "currency": note.currency}
    write_lines(
        [
            line_row(head, line_no, _line(held, amount), rules[held["tax_rule_id"]], parts)
            for line_no, (held, amount, parts) in enumerate(taken, start=1)
        ]
    )
    write_taxes(tax_rows(head, taxed))
    return note


def _taxes(taken: Sequence[tuple[Row, int, Parts]], rules: Mapping[UUID, RuleTerms]) -> list[RuleTax]:
    return [
        RuleTax(
            rule,
            sum(parts.net_minor for line, _, parts in taken if line["tax_rule_id"] == rule_id),
            sum(parts.tax_minor for line, _, parts in taken if line["tax_rule_id"] == rule_id),
            0,
        )
        for rule_id, rule in rules.items()
        if any(line["tax_rule_id"] == rule_id for line, _, _ in taken)
    ]


def _line(held: Row, amount_minor: int) -> InvoiceLine:
    whole = amount_minor == held["amount_minor"]
    return InvoiceLine(
        code=held["code"],
        text=held["text"],
        quantity=held["quantity"] if whole else Decimal(1),
        unit_price=held["unit_price"] if whole else None,
        amount_minor=amount_minor,
        unit=held["unit"] if whole else None,
        kind=held["kind"],
        credits_line_no=held["line_no"],
    )
