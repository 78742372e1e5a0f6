"""What people decide about lines of a bank: one of them proposes, another agrees, and the database sees to it."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

PROPOSAL_NEXT: Final = {"proposed": {"approved", "refused"}, "approved": set[str](), "refused": set[str]()}
TARGETS: Final = ("invoice", "payout")
EXIT_NEXT: Final = {
    "proposed": {"approved", "refused"},
    "approved": {"undoing", "returned"},
    # The transfer may have left the bank while people thought about calling it off.
    "undoing": {"undone", "kept", "returned"},
    "kept": {"undoing", "returned"},
    "refused": set[str](),
    "undone": set[str](),
    "returned": set[str](),
}
EXITS_AWAITED: Final = ("approved", "undoing", "kept")
"""States in which what is to be returned to its sender has not left the bank."""
EXIT_REASONS: Final = ("return_to_sender", "bank_charge", "bank_interest", "unexplained")


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


class BankLineExit(TenantOwned, Model):
    """A sum of one bank line that is nobody's: why, who says so and who agrees, and who takes that back. 流水出口

    `amount_minor` has the line's direction. `reference` goes with the transfer that returns it to its sender; the
    outgoing line that names it (`returned_line_id`) settles that. A line has one exit of one sum at a time.
    """

    __tablename__ = "bank_line_exit"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(EXIT_NEXT),
        ForeignKeyConstraint(["tenant_id", "bank_line_id"], ["bank_line.tenant_id", "bank_line.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "returned_line_id"],
            ["bank_line.tenant_id", "bank_line.id"],
            name="bank_line_exit_returned_line_fkey",
        ),
        UniqueConstraint("tenant_id", "reference"),
        # What the parts of a line refer to, so that the database itself knows how much leaves it.
        UniqueConstraint("tenant_id", "id", "bank_line_id", "amount_minor", name="bank_line_exit_part_key"),
        Index("bank_line_exit_by_time_idx", "tenant_id", "proposed_at", "id"),
        Index(
            "bank_line_exit_once_key",
            "tenant_id",
            "bank_line_id",
            "amount_minor",
            unique=True,
            postgresql_where=text("status NOT IN ('refused', 'undone')"),
        ),
        Index(
            "bank_line_exit_to_return_idx",
            "tenant_id",
            "decided_at",
            "id",
            postgresql_where=text("reason = 'return_to_sender' AND status IN ('approved', 'undoing', 'kept')"),
        ),
        one_of("reason", EXIT_REASONS),
        one_of("currency", CURRENCIES),
        CheckConstraint("amount_minor <> 0", name="amount"),
        CheckConstraint("amount_minor > 0 OR reason IN ('bank_charge', 'bank_interest')", name="outgoing"),
        CheckConstraint(
            "(status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        CheckConstraint("status IN ('proposed', 'refused') OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(status = 'refused') = (refused_because IS NOT NULL)", name="refused"),
        CheckConstraint(
            "status NOT IN ('undoing', 'undone') OR num_nulls(undo_proposed_by, undo_because) = 0", name="undoing"
        ),
        CheckConstraint(
            "status <> 'undone' OR (num_nulls(undo_decided_by, undone_at) = 0 AND undo_decided_by <> undo_proposed_by)",
            name="undone",
        ),
        CheckConstraint(
            "(status = 'returned') = (returned_line_id IS NOT NULL) AND num_nulls(returned_line_id, returned_on) <> 1",
            name="returned",
        ),
        CheckConstraint("status <> 'returned' OR reason = 'return_to_sender'", name="returns"),
    )

    bank_line_id: Mapped[UUID]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str]
    because: Mapped[str]
    reference: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]
    undo_because: Mapped[str | None]
    undo_proposed_by: Mapped[UUID | None]
    undo_decided_by: Mapped[UUID | None]
    undone_at: Mapped[datetime | None]
    returned_line_id: Mapped[UUID | None]
    returned_on: Mapped[date | None]
