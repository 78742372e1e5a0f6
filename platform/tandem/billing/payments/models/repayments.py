"""Money that the operator owes back to a customer: what for, which way it goes, and who decided."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

REPAYMENT_METHODS: Final = ("refund", "bank_transfer")
REPAYMENT_NEXT: Final = {
    "proposed": {"approved", "refused"},
    "approved": {"paid", "failed"},
    # A refund may come back after it succeeded: the card was closed, the bank returned it.
    "paid": {"failed"},
    "refused": set[str](),
    "failed": set[str](),
}


class Repayment(TenantOwned, Model):
    """One sum owed back, for an invoice or for a prepayment's rest: by refund where it was paid online. 退回客户款项

    `reference` goes with a bank transfer, so that the bank's file says which it was. What was refused or has failed is
    owed again. `is_posted`, `is_returned`: its money left, and came back.
    """

    __tablename__ = "repayment"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(REPAYMENT_NEXT),
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "prepayment_closing_id"], ["prepayment_closing.tenant_id", "prepayment_closing.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "invoice_intent_id"], ["invoice_intent.tenant_id", "invoice_intent.id"]),
        UniqueConstraint("tenant_id", "provider_refund_id"),
        UniqueConstraint("tenant_id", "reference"),
        Index("repayment_by_time", "tenant_id", "proposed_at", "id"),
        Index("repayment_by_invoice", "tenant_id", "invoice_id"),
        Index("repayment_waiting_idx", "tenant_id", "proposed_at", postgresql_where=text("status = 'approved'")),
        CheckConstraint("(invoice_id IS NULL) <> (prepayment_closing_id IS NULL)", name="for_one_thing"),
        CheckConstraint("method IN ('refund', 'bank_transfer')", name="method"),
        CheckConstraint("(method = 'refund') = (invoice_intent_id IS NOT NULL)", name="refund_of_an_attempt"),
        CheckConstraint(
            "method = 'refund' OR (payee_name IS NOT NULL AND payee_bank IS NOT NULL AND payee_account IS NOT NULL)",
            name="payee",
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        one_of("currency", CURRENCIES),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status IN ('proposed', 'refused') OR decided_by <> proposed_by", name="four_eyes"),
    )

    invoice_id: Mapped[UUID | None]
    prepayment_closing_id: Mapped[UUID | None]
    method: Mapped[str]
    invoice_intent_id: Mapped[UUID | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    because: Mapped[str]
    payee_name: Mapped[str | None]
    payee_bank: Mapped[str | None]
    payee_account: Mapped[str | None]
    reference: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    provider_refund_id: Mapped[str | None]
    failure_code: Mapped[str | None]
    paid_on: Mapped[date | None]
    bank_reference: Mapped[str | None]
    is_posted: Mapped[bool] = mapped_column(default=False)
    is_returned: Mapped[bool] = mapped_column(default=False)
