"""The schedule of reminders, and those that were sent."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, Reference, TenantOwned, Wall


class DunningStep(Reference, Model):
    """One step of one version of the schedule: so many days after the due date, these words. 催款步骤

    {document_no}, {due_on} and {open} in a text are filled in. The version in force is the latest whose day has come.
    """

    __tablename__ = "dunning_step"
    __reason__ = "the operator reminds all its customers alike"
    __grants__: ClassVar = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        UniqueConstraint("version", "step"),
        UniqueConstraint("effective_from", "step"),
        CheckConstraint("version > 0 AND step > 0", name="counted"),
        CheckConstraint("days_after_due BETWEEN -30 AND 365", name="days_after_due"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    step: Mapped[int]
    days_after_due: Mapped[int]
    text_zh: Mapped[str]
    text_en: Mapped[str]
    effective_from: Mapped[date]


class InvoiceReminder(TenantOwned, Model):
    """A reminder as it was sent: its words, and what was open then. Each step of an invoice once. 催款通知"""

    __tablename__ = "invoice_reminder"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        UniqueConstraint("tenant_id", "invoice_id", "step"),
    )

    invoice_id: Mapped[UUID]
    version: Mapped[int]
    step: Mapped[int]
    days_overdue: Mapped[int]
    open_minor: Mapped[int]
    currency: Mapped[str]
    text_zh: Mapped[str]
    text_en: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(default=clock.now)
