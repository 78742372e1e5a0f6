"""Agreement versions between one hospital and the operator.

The row is the fee rule: what the operator may charge the hospital for a visit delivered within its dates. Percents
are percents (12.5 means 12.5 %) of what the patient paid, net of refunds. Caps bound the whole fee of one visit.
Fees never refer to drugs or examinations (Doctors Law art. 31), so there is no column for them.
"""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "draft": {"proposed", "withdrawn"},
    "proposed": {"in_force", "declined", "withdrawn"},
    "in_force": {"superseded"},
    "superseded": set[str](),
    "declined": set[str](),
    "withdrawn": set[str](),
}

TERMS: Final = (
    "currency",
    "percent_of_net",
    "per_visit_minor",
    "monthly_minor",
    "cap_percent",
    "cap_per_visit_minor",
    "cap_per_programme_minor",
    "zero_on_medical",
    "traffic_per_visit_minor",
    "refund_window_days",
    "effective_from",
)
"""The columns that are the terms, in the order in which their digest takes them."""

LATER_TERMS: Final = frozenset({"cap_per_programme_minor", "zero_on_medical", "traffic_per_visit_minor"})
"""Terms that older versions do not have: while they say nothing, a digest leaves them out and stays what it was."""

_PERCENT: Final = Numeric(7, 4)


class AgreementVersion(TenantOwned, Versioned, Model):
    """One version of the fee rules between a hospital and the operator. 合作协议版本"""

    __tablename__ = "agreement_version"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "organization_id"], ["organization.tenant_id", "organization.id"]),
        UniqueConstraint("tenant_id", "number"),
        states(NEXT),
        one_of("currency", CURRENCIES),
        CheckConstraint("percent_of_net >= 0 AND percent_of_net <= 100", name="percent_of_net"),
        CheckConstraint("per_visit_minor >= 0 AND monthly_minor >= 0", name="amounts_not_negative"),
        CheckConstraint("cap_percent >= 0 AND cap_percent <= 100", name="cap_percent"),
        CheckConstraint("cap_per_visit_minor >= 0", name="cap_per_visit_not_negative"),
        CheckConstraint("cap_per_programme_minor >= 0", name="cap_per_programme_not_negative"),
        CheckConstraint("traffic_per_visit_minor > 0", name="traffic_per_visit_positive"),
        CheckConstraint("refund_window_days BETWEEN 0 AND 365", name="refund_window_days"),
        CheckConstraint("status NOT IN ('in_force', 'superseded') OR effective_from IS NOT NULL", name="dated"),
        CheckConstraint("status = 'draft' OR status = 'withdrawn' OR terms_sha256 IS NOT NULL", name="sealed"),
        Index(
            "agreement_version_effective_from_key",
            "tenant_id",
            "effective_from",
            unique=True,
            postgresql_where=text("status IN ('in_force', 'superseded')"),
        ),
    )

    organization_id: Mapped[UUID]
    number: Mapped[int]
    status: Mapped[str] = mapped_column(default="draft")
    currency: Mapped[str] = mapped_column(default="CNY")
    percent_of_net: Mapped[Decimal] = mapped_column(_PERCENT, default=Decimal(0))
    per_visit_minor: Mapped[int] = mapped_column(default=0)
    monthly_minor: Mapped[int] = mapped_column(default=0)
    cap_percent: Mapped[Decimal | None] = mapped_column(_PERCENT)
    cap_per_visit_minor: Mapped[int | None]
    cap_per_programme_minor: Mapped[int | None]
    zero_on_medical: Mapped[bool] = mapped_column(default=False)
    traffic_per_visit_minor: Mapped[int | None]
    refund_window_days: Mapped[int] = mapped_column(default=7)
    effective_from: Mapped[datetime | None]
    effective_until: Mapped[datetime | None]
    terms_sha256: Mapped[str | None]
    drafted_by: Mapped[UUID | None]
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def share_of_net(self) -> Fraction:
        """percent_of_net as a fraction of one, ready for money.share()."""
        return Fraction(self.percent_of_net) / 100

    @property
    def cap_share(self) -> Fraction | None:
        """cap_percent as a fraction of one; None where the whole fee has no such cap."""
        return None if self.cap_percent is None else Fraction(self.cap_percent) / 100
