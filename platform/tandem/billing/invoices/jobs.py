"""What happens to the books when something has happened to an invoice."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from tandem.billing.invoices import commands, queries
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants, acting_for, transaction


@job(queue="slow")
def book_invoice(invoice_id: UUID) -> None:
    """An invoice was issued: it is owed."""
    commands.book_invoice(invoice_id)


@job(queue="slow")
def book_credit_note(credit_note_id: UUID) -> None:
    """A credit note was issued: so much is not owed after all."""
    commands.book_credit_note(credit_note_id)


@job(queue="slow")
def book_void(invoice_id: UUID) -> None:
    """An invoice was voided: it is not owed after all."""
    commands.book_void(invoice_id)


@job(queue="slow", timeout_seconds=300)
def bill_month(month: date, payer: UUID | None = None, currency: str = "") -> None:
    """A month was rated: a chunk of its lines becomes invoices; then the next chunk, or what is in line goes out."""
    drafted = commands.draft_from_rating(month, after=None if payer is None else (payer, currency))
    if drafted.after is None:
        jobs.enqueue(issue_waiting)
    else:
        jobs.enqueue(bill_month, month=month, payer=drafted.after[0], currency=drafted.after[1])


@job(queue="slow", timeout_seconds=300)
def bill_last_month(scheduled_at: datetime) -> None:
    """On the second of each month: what the news of the rated month did not reach, and who fell silent."""
    day = scheduled_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date().replace(day=1) - timedelta(days=1)
    jobs.enqueue(bill_month, key=f"bill:{day:%Y-%m}", month=day.replace(day=1))


@job(queue="slow", timeout_seconds=300)
def issue_waiting(billing_park_id: UUID | None = None) -> None:
    """A month was billed, somebody released the customer, or asked for all that waits to be tried again."""
    if commands.issue_waiting() == commands.AT_MOST:
        jobs.enqueue(issue_waiting)


@job(queue="slow", timeout_seconds=120, outside=True)
def retry_waiting() -> None:
    """One job for each customer whose invoices wait."""
    with across_tenants(reason="waiting invoices are tried again"):
        customers = queries.customers_waiting()
    for customer in customers:
        with acting_for(customer, operator=True), transaction():
            jobs.enqueue(issue_waiting)


@job(queue="slow")
def book_invoice_payment(invoice_payment_id: UUID) -> None:
    """Money for an invoice arrived."""
    commands.book_invoice_payment(invoice_payment_id)


@job(queue="slow", outside=True)
def follow_prepayment_closing(prepayment_closing_id: UUID) -> None:
    """A rest that serves the following programme moves in the operator's book too, once."""
    with transaction():
        closing = queries.prepayment_closing(prepayment_closing_id)
        session.expunge(closing)
    if closing.policy == "rolled_over":
        with acting_for(OPERATOR_ID), transaction():
            commands.book_roll_over(closing)
