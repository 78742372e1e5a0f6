"""Giving a draft its number, and withdrawing what was issued by mistake."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Text, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.invoices import queries
from tandem.billing.invoices.commands.drafting import draft_invoice
from tandem.billing.invoices.commands.parking import require_not_parked
from tandem.billing.invoices.commands.parties import buyer_now, seller_on
from tandem.billing.invoices.drafts import Buyer
from tandem.billing.invoices.errors import (
    InvoiceCredited,
    InvoiceOverpaid,
    PrepaymentClosed,
    TaxRuleOutdated,
    VoidTooLate,
)
from tandem.billing.invoices.events import InvoiceIssued, InvoiceVoided
from tandem.billing.invoices.models import NEXT, Invoice, InvoiceOrigin, NumberSeries
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH: Final = 10


def issue_invoice(*, buyer: Buyer | None = None, **said: Any) -> Invoice:
    """Write an invoice and issue it at once; takes what `draft_invoice` takes. [customer]

    Raises InvoiceLinesWrong, TaxRuleUnknown.
    """
    return issue_draft(draft_invoice(**said).id, buyer=buyer)


def rate_draft(invoice_id: UUID) -> Invoice:
    """Its lines and taxes are final. [customer] Raises TransitionRefused, TaxRuleOutdated, NotFound."""
    row = queries.invoice(invoice_id, for_update=True)
    _require_rules_in_force(row)
    move(row, "rated", NEXT)
    return row


def issue_draft(invoice_id: UUID, *, buyer: Buyer | None = None) -> Invoice:
    """Give an invoice the next number of its series; from now on it is owed. A draft is rated first. [customer]

    Seller and buyer are frozen as they are now. Raises BillingParked for a run's invoice to a parked customer,
    PrepaymentClosed, TransitionRefused, TaxRuleOutdated, NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    if row.programme_id is not None and queries.is_being_closed(row.programme_id, row.currency):
        # Nobody could draw on it any more, and what was paid for it could not go back.
        raise PrepaymentClosed
    if row.run_key is not None:
        require_not_parked()
    _require_rules_in_force(row)
    if row.status == "draft":
        move(row, "rated", NEXT)
    move(row, "issued", NEXT)
    seller = seller_on(clock.today())
    number_document(row, seller=seller, buyer=buyer_now(buyer))
    outbox.add(InvoiceIssued(row.id))
    return row


def issue_rated(series: str, invoice_ids: Sequence[UUID]) -> None:
    """Issue many rated invoices of one series at once, in this order: one lock, one statement. [customer]

    Those that somebody issued or voided meanwhile are left as they are, and take no number.
    """
    seller, buyer, now = seller_on(clock.today()), buyer_now(None), clock.now()
    held = session.scalars(
        select(Invoice.id)
        .where(Invoice.tenant_id == tenant_id(), Invoice.id.in_(list(invoice_ids)), Invoice.status == "rated")
        .order_by(Invoice.created_at, Invoice.id)
        .with_for_update()
    ).all()
    if not held:
        return
    first = _next_numbers(series, len(held))
    table, code = Invoice.__table__, customer_code(tenant_id())
    numbered = (
        select(table.c.id, (func.row_number().over(order_by=[table.c.created_at, table.c.id]) + first - 1).label("no"))
        .where(table.c.tenant_id == tenant_id(), table.c.id.in_(held))
        .subquery()
    )
    digits = func.lpad(cast(numbered.c.no, Text), func.greatest(6, func.length(cast(numbered.c.no, Text))), "0")
    session.execute(
        update(table)
        .where(table.c.tenant_id == tenant_id(), table.c.id == numbered.c.id)
        .values(
            status="issued",
            number=numbered.c.no,
            document_no=literal(f"{series}-{code}-") + digits,
            issued_at=now,
            seller=seller,
            buyer=buyer,
            version=table.c.version + 1,
        )
    )
    for invoice_id in held:
        audit.record(
            action="invoice.issued", object_type="invoice", object_id=invoice_id, details={"from": "rated", "by": "run"}
        )
        outbox.add(InvoiceIssued(invoice_id))


def number_document(row: Invoice, *, seller: dict[str, Any], buyer: dict[str, Any]) -> None:
    """Give an invoice or a credit note its number and freeze its parties. The series' lock is taken last and held
    until the commit: a rolled back issue gives its number back, so numbers have no gap."""
    number = _next_numbers(row.series, 1)
    row.number, row.document_no = number, f"{row.series}-{customer_code(row.tenant_id)}-{number:06d}"
    row.issued_at, row.seller, row.buyer = clock.now(), seller, buyer
    session.flush()


def customer_code(customer: UUID) -> str:
    """Ten letters and digits that stand for a customer in its document numbers: the last fifty bits of its id."""
    code, rest = "", customer.int
    for _ in range(_CODE_LENGTH):
        rest, digit = divmod(rest, 32)
        code = _CROCKFORD[digit] + code
    return code


def void_invoice(invoice_id: UUID, *, because: str) -> Invoice:
    """Withdraw an invoice in the month of its issue; its number stays used. [customer]

    Raises InvoiceOverpaid when something was paid, InvoiceCredited, VoidTooLate, TransitionRefused, NotFound.
    """
    row = queries.invoice(invoice_id, for_update=True)
    if row.paid_minor:
        # What was paid must be given back first; a void invoice owes nothing to anybody.
        raise InvoiceOverpaid(open_minor=0)
    if row.credited_minor or row.fapiao_minor or row.kind == "credit_note":
        raise InvoiceCredited
    if row.issued_at is not None and row.issued_at < clock.day_bounds(clock.today().replace(day=1))[0]:
        raise VoidTooLate(issued_at=row.issued_at.isoformat())
    was_issued = row.status == "issued"
    move(row, "void", NEXT, because=because)
    row.voided_at, row.void_reason = clock.now(), because
    # What it billed is unbilled again: the next run takes it up.
    session.execute(
        delete(InvoiceOrigin).where(InvoiceOrigin.tenant_id == row.tenant_id, InvoiceOrigin.invoice_id == row.id)
    )
    row.run_key = None
    if was_issued:
        outbox.add(InvoiceVoided(row.id))
    return row


def _require_rules_in_force(row: Invoice) -> None:
    taxes = queries.invoice_taxes(row.id)
    in_force = queries.tax_rules_at({tax["category"] for tax in taxes}, clock.today())
    ids = {category: rule.id for category, rule in in_force.items()}
    outdated = [tax["category"] for tax in taxes if ids.get(tax["category"]) != tax["tax_rule_id"]]
    if outdated:
        raise TaxRuleOutdated(categories=outdated)


def _next_numbers(series: str, count: int) -> int:
    """Take so many numbers of a series; returns the first."""
    first = insert(NumberSeries.__table__).values(tenant_id=tenant_id(), id=new_id(), series=series, next_number=1)
    session.execute(first.on_conflict_do_nothing())
    locked = select(NumberSeries).where(NumberSeries.tenant_id == tenant_id(), NumberSeries.series == series)
    row = session.scalars(locked.with_for_update().execution_options(populate_existing=True)).one()
    number = row.next_number
    row.next_number = number + count
    return number
