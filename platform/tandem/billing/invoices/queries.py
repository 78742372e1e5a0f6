"""Reads of invoices, in the employer's scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, RowMapping, cast, func, select

from tandem.billing.invoices.models import Invoice, InvoiceLineRow, InvoicePayment
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def invoice(invoice_id: UUID, *, for_update: bool = False) -> Invoice:
    """One invoice. Raises NotFound."""
    wanted = select(Invoice).where(Invoice.tenant_id == tenant_id(), Invoice.id == invoice_id)
    if for_update:
        session.flush()
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


def invoice_lines(invoice_id: UUID) -> Sequence[RowMapping]:
    """An invoice's lines, in order."""
    return rows(
        select(*InvoiceLineRow.__table__.c)
        .where(InvoiceLineRow.tenant_id == tenant_id(), InvoiceLineRow.invoice_id == invoice_id)
        .order_by(InvoiceLineRow.line_no)
    )


def invoices(*, limit: int, after: str | None, issued_only: bool = False) -> Page:
    """Invoices, newest first; an employer sees no drafts."""
    wanted = select(*Invoice.__table__.c).where(Invoice.tenant_id == tenant_id())
    if issued_only:
        wanted = wanted.where(Invoice.number.is_not(None))
    return page(wanted, by=[Invoice.created_at, Invoice.id], limit=limit, after=after, newest_first=True)


def invoice_payment(invoice_payment_id: UUID) -> InvoicePayment:
    """One recorded payment. Raises NotFound."""
    found = session.scalar(
        select(InvoicePayment).where(InvoicePayment.tenant_id == tenant_id(), InvoicePayment.id == invoice_payment_id)
    )
    if found is None:
        raise NotFound
    return found


def payment_by_reference(invoice_id: UUID, reference: str) -> InvoicePayment | None:
    """The recorded payment of a bank reference."""
    return session.scalar(
        select(InvoicePayment).where(
            InvoicePayment.tenant_id == tenant_id(),
            InvoicePayment.invoice_id == invoice_id,
            InvoicePayment.reference == reference,
        )
    )


def invoiced_totals(currency: str = "CNY") -> RowMapping:
    """How many invoices are owed or paid, and their sums."""
    return rows(
        select(
            func.count(Invoice.id).label("invoices"),
            cast(func.coalesce(func.sum(Invoice.total_minor), 0), BigInteger).label("total_minor"),
            cast(func.coalesce(func.sum(Invoice.paid_minor), 0), BigInteger).label("paid_minor"),
        ).where(Invoice.tenant_id == tenant_id(), Invoice.status.in_(["issued", "paid"]), Invoice.currency == currency)
    )[0]


def invoices_issued(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Invoices issued in [since, until), with the sum of their lines."""
    lines = (
        select(InvoiceLineRow.invoice_id, cast(func.sum(InvoiceLineRow.amount_minor), BigInteger).label("lines_minor"))
        .where(InvoiceLineRow.tenant_id == tenant_id())
        .group_by(InvoiceLineRow.invoice_id)
        .subquery()
    )
    return rows(
        select(Invoice.id, Invoice.series, Invoice.number, Invoice.total_minor, Invoice.currency, lines.c.lines_minor)
        .outerjoin(lines, lines.c.invoice_id == Invoice.id)
        .where(Invoice.tenant_id == tenant_id(), Invoice.issued_at >= since, Invoice.issued_at < until)
    )


def numbering(series: str) -> tuple[int, int]:
    """How many invoices of a series have a number, and the highest: equal while there is no gap."""
    found = session.execute(
        select(func.count(Invoice.number), func.coalesce(func.max(Invoice.number), 0)).where(
            Invoice.tenant_id == tenant_id(), Invoice.series == series
        )
    ).one()
    return int(found[0]), int(found[1] or 0)
