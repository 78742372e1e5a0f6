"""Reads of attempts to pay an invoice online, in the customer's scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select

from tandem.billing.payments.models import WAITING, InvoiceIntent
from tandem.kernel.database import locked, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def intent(invoice_id: UUID, intent_id: UUID) -> InvoiceIntent:
    """One attempt to pay an invoice. Raises NotFound."""
    wanted = select(InvoiceIntent).where(
        InvoiceIntent.tenant_id == tenant_id(), InvoiceIntent.id == intent_id, InvoiceIntent.invoice_id == invoice_id
    )
    found = session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


def intent_for_update(intent_id: UUID) -> InvoiceIntent | None:
    """One attempt, locked, as it is now."""
    return locked(select(InvoiceIntent).where(InvoiceIntent.tenant_id == tenant_id(), InvoiceIntent.id == intent_id))


def unended(*, older_than: datetime, since: datetime, limit: int) -> Sequence[InvoiceIntent]:
    """Attempts that have been waiting for an end, or whose fee was never told, oldest first."""
    fee_untold = (InvoiceIntent.status == "succeeded") & InvoiceIntent.fee_minor.is_(None)
    wanted = select(InvoiceIntent).where(
        InvoiceIntent.tenant_id == tenant_id(),
        InvoiceIntent.created_at.between(since, older_than),
        or_(InvoiceIntent.status.in_(sorted(WAITING)), fee_untold),
    )
    return session.scalars(wanted.order_by(InvoiceIntent.created_at).limit(limit)).all()
