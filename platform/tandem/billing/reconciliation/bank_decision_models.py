"""What people decide about lines of a bank: one of them proposes, another agrees, and the database sees to it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.states import states

PROPOSAL_NEXT: Final = {"proposed": {"approved", "refused"}, "approved": set[str](), "refused": set[str]()}
TARGETS: Final = ("invoice", "payout")


class BankLineProposal(TenantOwned, Model):
    """What one person says a line of a bank is for, until another one agrees: then it is spent or matched so. 分配提议

    `parts`: how much of the line is for which invoice (operator), or which payouts it is the sum of (hospital). What
    was proposed never changes. It keeps nothing: what is left of the line is looked at again when it is approved.
    """

    __tablename__ = "bank_line_proposal"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(PROPOSAL_NEXT),
        ForeignKeyConstraint(["tenant_id", "bank_line_id"], ["bank_line.tenant_id", "bank_line.id"]),
        Index("bank_line_proposal_by_time_idx", "tenant_id", "proposed_at", "id"),
        Index(
            "bank_line_proposal_waiting_idx",
            "tenant_id",
            "proposed_at",
            "id",
            postgresql_where=text("status = 'proposed'"),
        ),
        CheckConstraint("target IN ('invoice', 'payout')", name="target"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint(
            "(status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(status = 'refused') = (refused_because IS NOT NULL)", name="refused"),
    )

    bank_line_id: Mapped[UUID]
    target: Mapped[str]
    parts: Mapped[dict[str, Any]]
    amount_minor: Mapped[int]
    because: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]
