"""Reads of the schedule, of what is due to be reminded, and of what was."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Integer, RowMapping, cast, exists, func, literal, select

from tandem.billing.dunning.models import DunningStep, InvoiceReminder
from tandem.billing.invoices import Invoice
from tandem.kernel.database import Page, page, rows
from tandem.kernel.tenancy import tenant_id


def steps_on(day: date) -> Sequence[RowMapping]:
    """The steps of the schedule in force on a day, in order."""
    newest = select(func.max(DunningStep.version)).where(DunningStep.effective_from <= day).scalar_subquery()
    return rows(select(*DunningStep.__table__.c).where(DunningStep.version == newest).order_by(DunningStep.step))


def newest_version() -> int:
    """The number of the newest schedule; 0 when there is none."""
    return int(rows(select(func.coalesce(func.max(DunningStep.version), 0).label("version")))[0]["version"])


def steps(*, limit: int, after: str | None) -> Page:
    """Every step of every version, the newest first."""
    wanted = select(*DunningStep.__table__.c)
    return page(wanted, by=[DunningStep.version, DunningStep.step], limit=limit, after=after, newest_first=True)


def due_reminders(version: int, on: date, *, limit: int) -> Sequence[RowMapping]:
    """Open, undisputed invoices whose latest due step has not been sent, the longest overdue first. [customer]

    Where several steps have come due at once only the latest is sent: nobody gets three letters in one night.
    """
    days = cast(literal(on) - Invoice.due_on, Integer)
    open_minor = Invoice.total_minor - Invoice.paid_minor - Invoice.credited_minor
    due = (
        select(
            Invoice.id,
            Invoice.document_no,
            Invoice.due_on,
            Invoice.currency,
            open_minor.label("open_minor"),
            days.label("days_overdue"),
            func.max(DunningStep.step).label("step"),
        )
        .join(DunningStep, (DunningStep.version == version) & (DunningStep.days_after_due <= days))
        .where(
            Invoice.tenant_id == tenant_id(),
            Invoice.kind == "invoice",
            Invoice.status == "issued",
            Invoice.disputed_at.is_(None),
            open_minor > 0,
        )
        .group_by(Invoice.tenant_id, Invoice.id)
        .subquery()
    )
    sent = exists().where(
        InvoiceReminder.tenant_id == tenant_id(),
        InvoiceReminder.invoice_id == due.c.id,
        InvoiceReminder.step >= due.c.step,
    )
    return rows(select(due).where(~sent).order_by(due.c.due_on, due.c.id).limit(limit))


def reminders(invoice_id: UUID, *, limit: int, after: str | None) -> Page:
    """Reminders of one invoice, oldest first."""
    wanted = select(*InvoiceReminder.__table__.c).where(
        InvoiceReminder.tenant_id == tenant_id(), InvoiceReminder.invoice_id == invoice_id
    )
    return page(wanted, by=[InvoiceReminder.sent_at, InvoiceReminder.id], limit=limit, after=after)
