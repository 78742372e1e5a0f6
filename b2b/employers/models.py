"""An employer's billing profile."""

from typing import Final

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.database import Model, TenantOwned, Versioned, Wall

PAYMENT_DAYS_DEFAULT: Final = 30


class EmployerProfile(TenantOwned, Versioned, Model):
    """How an employer is invoiced; `id` is the employer's own. 企业开票信息"""

    __tablename__ = "employer_profile"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        CheckConstraint("tenant_id = id", name="one_per_employer"),
        CheckConstraint("payment_days BETWEEN 0 AND 180", name="payment_days"),
    )

    invoice_title: Mapped[str]
    tax_number: Mapped[str | None]
    payment_days: Mapped[int] = mapped_column(default=PAYMENT_DAYS_DEFAULT)
