"""A customer's wish to pay one of the operator's invoices online, into the operator's own account at the provider."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.payments.models.payments import PAYMENT_NEXT
from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

INVOICE_METHODS: Final = ("card", "alipay", "wechat_pay")
_WAITING: Final = text("status IN ('created', 'requires_action', 'processing')")


class InvoiceIntent(TenantOwned, Model):
    """One attempt to pay what is open of an invoice; one at a time. In the customer's tenant. 账单在线支付

    `fee_minor` is what the provider kept of it, once it is told; the operator bears it.
    """

    __tablename__ = "invoice_intent"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        Index("invoice_intent_one_at_a_time_key", "tenant_id", "invoice_id", unique=True, postgresql_where=_WAITING),
        UniqueConstraint("tenant_id", "provider_intent_id"),
        Index("invoice_intent_waiting_idx", "tenant_id", "created_at", postgresql_where=_WAITING),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        one_of("currency", CURRENCIES),
        CheckConstraint("method IN ('card', 'alipay', 'wechat_pay')", name="method"),
        states(PAYMENT_NEXT),
    )

    invoice_id: Mapped[UUID]
    method: Mapped[str]
    payment_method: Mapped[str | None]
    return_url: Mapped[str | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="created")
    provider_intent_id: Mapped[str | None]
    client_secret: Mapped[str | None]
    next_action: Mapped[str | None]
    failure_code: Mapped[str | None]
    fee_minor: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
