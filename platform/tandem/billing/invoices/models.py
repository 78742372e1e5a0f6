"""Invoices of the operator to an employer, in the employer's tenant, where both can see them."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "draft": {"issued", "void"},
    "issued": {"paid", "void"},
    "paid": set[str](),
    "void": set[str](),
}
_CURRENCY: Final = "currency IN ({})".format(", ".join(f"'{each}'" for each in CURRENCIES))


class NumberSeries(TenantOwned, Model):
    """The next number of a series; its row lock makes numbers gapless. 发票号段"""

    __tablename__ = "number_series"
    __wall__ = Wall(operator="write")
    __table_args__ = (UniqueConstraint("tenant_id", "series"), CheckConstraint("next_number > 0", name="next_number"))

    series: Mapped[str]
    next_number: Mapped[int] = mapped_column(default=1)


class Invoice(TenantOwned, Versioned, Model):
    """What an employer owes for a programme: numbered at issue, never edited afterwards. 发票"""

    __tablename__ = "invoice"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "series", "number"),
        Index("invoice_by_creation", "tenant_id", "created_at", "id"),
        CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name="numbered_at_issue"),
        CheckConstraint("status NOT IN ('issued', 'paid') OR number IS NOT NULL", name="issued_has_number"),
        CheckConstraint("paid_minor BETWEEN 0 AND total_minor", name="paid_within_total"),
        CheckConstraint(_CURRENCY, name="currency"),
        CheckConstraint("first_day <= last_day", name="days"),
    )

    series: Mapped[str]
    number: Mapped[int | None]
    customer_id: Mapped[UUID]
    programme_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(default="draft")
    first_day: Mapped[date]
    last_day: Mapped[date]
    due_on: Mapped[date]
    currency: Mapped[str]
    total_minor: Mapped[int]
    paid_minor: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    issued_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]


class InvoiceLineRow(TenantOwned, Model):
    """One line of an invoice. 发票行"""

    __tablename__ = "invoice_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        UniqueConstraint("tenant_id", "invoice_id", "line_no"),
        CheckConstraint("amount_minor = quantity * unit_price_minor", name="amount"),
    )

    invoice_id: Mapped[UUID]
    line_no: Mapped[int]
    code: Mapped[str]
    text: Mapped[str]
    quantity: Mapped[int]
    unit_price_minor: Mapped[int]
    amount_minor: Mapped[int]
    currency: Mapped[str]


class InvoicePayment(TenantOwned, Model):
    """Money that arrived for an invoice, once per bank reference. 发票收款"""

    __tablename__ = "invoice_payment"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        UniqueConstraint("tenant_id", "invoice_id", "reference"),
        CheckConstraint("amount_minor > 0", name="amount"),
    )

    invoice_id: Mapped[UUID]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    paid_on: Mapped[date]
    reference: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
