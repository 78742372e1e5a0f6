"""What a customer's bank takes back of an invoice's online payment, in the customer's tenant."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

CHARGEBACK_NEXT: Final = {
    "open": {"won", "lost", "closed"},
    "won": set[str](),
    "lost": set[str](),
    "closed": set[str](),
}


class InvoiceChargeback(TenantOwned, Model):
    """A dispute of a payment: while the money is gone, the invoice asks for it again. 拒付

    `taken_at`, `given_back_at`: when the provider took the money out of the operator's balance, and brought it back.
    """

    __tablename__ = "invoice_chargeback"
    __wall__ = Wall(operator="read", deletable=False)
    __table_args__ = (
        states(CHARGEBACK_NEXT),
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        ForeignKeyConstraint(["tenant_id", "invoice_payment_id"], ["invoice_payment.tenant_id", "invoice_payment.id"]),
        UniqueConstraint("tenant_id", "provider_dispute_id"),
        Index("invoice_chargeback_by_invoice_idx", "tenant_id", "invoice_id"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("given_back_at IS NULL OR taken_at IS NOT NULL", name="back_after_gone"),
        one_of("currency", CURRENCIES),
    )

    invoice_id: Mapped[UUID]
    invoice_payment_id: Mapped[UUID]
    provider_dispute_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    opened_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    given_back_at: Mapped[datetime | None]
