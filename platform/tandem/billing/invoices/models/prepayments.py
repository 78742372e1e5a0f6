"""What a programme leaves of its prepayment when its contract is over, in the employer's tenant."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

POLICIES: Final = ("refunded", "rolled_over")
CLOSING_NEXT: Final = {
    "proposed": {"accepted", "declined"},
    "accepted": set[str](),
    "declined": set[str](),
}


class PrepaymentClosing(TenantOwned, Model):
    """The rest of a prepayment and what becomes of it: proposed by the operator, decided by the employer. 预付结余

    One sum for the whole programme: what is owed back must be told, and nothing else of its draws is. One at a time:
    what comes back to a programme after its rest was dealt with (a visit refunded late) is a rest again.
    """

    __tablename__ = "prepayment_closing"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(CLOSING_NEXT),
        Index(
            "prepayment_closing_once_key",
            "tenant_id",
            "programme_id",
            "currency",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("prepayment_closing_by_time", "tenant_id", "proposed_at", "id"),
        CheckConstraint("policy IN ('refunded', 'rolled_over')", name="policy"),
        CheckConstraint("(policy = 'rolled_over') = (following_programme_id IS NOT NULL)", name="following_named"),
        CheckConstraint("following_programme_id <> programme_id", name="following_another"),
        CheckConstraint("unused_minor > 0", name="unused"),
        CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status <> 'accepted' OR decided_by <> proposed_by", name="another_hand_accepts"),
        one_of("currency", CURRENCIES),
    )

    programme_id: Mapped[UUID]
    policy: Mapped[str]
    following_programme_id: Mapped[UUID | None]
    unused_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
