"""Fapiao asked for, issued, rejected and taken back; and the numbers of hospitals' medical receipts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "pending": {"issued", "rejected"},
    "requested": {"confirmed", "rejected"},
    "confirmed": {"issued", "rejected"},
    "issued": set[str](),
    "rejected": set[str](),
}
"""A blue fapiao waits as `pending`. A red letter is `requested`, `confirmed` by the buyer, then issued."""

COLOURS: Final = ("blue", "red")
FORMS: Final = ("general", "special")
"""普通发票 and 专用发票: only the second lets the buyer deduct the tax."""
_SHA256: Final = "~ '^[0-9a-f]{64}$'"


class Fapiao(TenantOwned, Versioned, Changing, Model):
    """One fapiao of an invoice, in the customer's tenant. Its amounts are frozen when it is asked for. 发票

    A red letter (`colour` red, with `reverses_id`) takes a blue one back in whole; its sums are positive and say how
    much. `adapter` is who gets it issued; `number`, `code` and `file_sha256` are what came back.
    """

    __tablename__ = "fapiao"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(NEXT),
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        ForeignKeyConstraint(["tenant_id", "reverses_id"], ["fapiao.tenant_id", "fapiao.id"]),
        UniqueConstraint("tenant_id", "code", "number"),
        Index("fapiao_by_invoice", "tenant_id", "invoice_id"),
        Index("fapiao_by_time", "tenant_id", "requested_at", "id"),
        Index("fapiao_by_change_idx", "tenant_id", "changed_xid"),
        Index(
            "fapiao_reversed_once",
            "tenant_id",
            "reverses_id",
            unique=True,
            postgresql_where=text("reverses_id IS NOT NULL AND status <> 'rejected'"),
        ),
        CheckConstraint("colour IN ('blue', 'red')", name="colour"),
        CheckConstraint("form IN ('general', 'special')", name="form"),
        CheckConstraint("(colour = 'red') = (reverses_id IS NOT NULL)", name="red_takes_a_blue_one_back"),
        CheckConstraint("colour = 'red' OR status NOT IN ('requested', 'confirmed')", name="blue_is_not_confirmed"),
        CheckConstraint("colour = 'blue' OR status <> 'pending'", name="red_is_requested"),
        CheckConstraint("(status = 'issued') = (number IS NOT NULL)", name="issued_has_a_number"),
        CheckConstraint("(number IS NULL) = (file_sha256 IS NULL)", name="number_has_a_file"),
        CheckConstraint(f"file_sha256 {_SHA256}", name="file_sha256"),
        CheckConstraint("status <> 'rejected' OR rejection IS NOT NULL", name="rejected_has_a_reason"),
        CheckConstraint("total_minor = net_minor + tax_minor AND total_minor > 0", name="total"),
        one_of("currency", CURRENCIES),
    )

    invoice_id: Mapped[UUID]
    reverses_id: Mapped[UUID | None]
    colour: Mapped[str]
    form: Mapped[str] = mapped_column(default="general")
    adapter: Mapped[str]
    status: Mapped[str]
    because: Mapped[str | None]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    total_minor: Mapped[int]
    currency: Mapped[str]
    seller: Mapped[dict[str, Any]] = mapped_column(JSONB)
    buyer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    requested_at: Mapped[datetime] = mapped_column(default=clock.now)
    confirmed_at: Mapped[datetime | None]
    issued_on: Mapped[date | None]
    code: Mapped[str | None]
    number: Mapped[str | None]
    file_sha256: Mapped[str | None]
    rejection: Mapped[str | None]


class FapiaoLine(TenantOwned, Model):
    """How much of one line of the invoice stands on the fapiao. 发票明细"""

    __tablename__ = "fapiao_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fapiao_id"], ["fapiao.tenant_id", "fapiao.id"]),
        UniqueConstraint("tenant_id", "fapiao_id", "line_no"),
    )

    fapiao_id: Mapped[UUID]
    line_no: Mapped[int]
    invoice_line_no: Mapped[int]
    text: Mapped[str]
    tax_category: Mapped[str]
    rate: Mapped[Decimal | None]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    currency: Mapped[str]


class MedicalReceipt(TenantOwned, Model):
    """The number of a receipt that a hospital's own fiscal system gave a patient, and its file's hash. 医疗收费票据

    Nothing else of it is kept here: the receipt is the hospital's and says what a patient had.
    """

    __tablename__ = "medical_receipt"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "payment_id", "number"),
        UniqueConstraint("tenant_id", "number"),
        CheckConstraint(f"file_sha256 {_SHA256}", name="file_sha256"),
    )

    payment_id: Mapped[UUID]
    number: Mapped[str]
    file_sha256: Mapped[str]
    issued_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)
