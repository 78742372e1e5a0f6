"""What a party does not accept of a statement, and what both agreed to correct: hospitals' and employers' alike."""

from datetime import datetime
from typing import Final, cast
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.states import states

LINE_DISPUTE_NEXT: Final = {
    "open": {"agreed", "moved", "withdrawn"},
    "agreed": set[str](),
    "moved": set[str](),
    "withdrawn": set[str](),
}
ADJUSTMENT_NEXT: Final = {
    "proposed": {"accepted", "declined", "withdrawn"},
    "accepted": set[str](),
    "declined": set[str](),
    "withdrawn": set[str](),
}


class OfAStatement:
    """What a party says of a statement that it has with the operator: a hospital's or an employer's, never both."""

    statement_id: Mapped[UUID | None]
    employer_statement_id: Mapped[UUID | None]
    programme_id: Mapped[UUID | None]

    @property
    def of_id(self) -> UUID:
        """The statement, whosever it is."""
        return cast("UUID", self.statement_id or self.employer_statement_id)


def _of_a_statement() -> tuple[SchemaItem, ...]:
    return (
        ForeignKeyConstraint(
            ["tenant_id", "statement_id"], ["settlement_statement.tenant_id", "settlement_statement.id"]
        ),
        ForeignKeyConstraint(
            ["tenant_id", "employer_statement_id"], ["employer_statement.tenant_id", "employer_statement.id"]
        ),
        CheckConstraint("(statement_id IS NULL) <> (employer_statement_id IS NULL)", name="one_statement"),
        CheckConstraint("(employer_statement_id IS NULL) = (programme_id IS NULL)", name="programme"),
    )


class LineDispute(OfAStatement, TenantOwned, Versioned, Model):
    """What a hospital or an employer does not accept of one line; the rest of the statement goes on without it. 行争议

    An employer's line is a programme, and `kind` is which of its figures. `withheld_minor` is held back from what the
    statement leaves due to the operator until the dispute is resolved: then it goes to the next statement, beside
    whatever adjustment was agreed.
    """

    __tablename__ = "line_dispute"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        *_of_a_statement(),
        states(LINE_DISPUTE_NEXT),
        Index(
            "line_dispute_open_key",
            "tenant_id",
            "statement_id",
            "kind",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index(
            "line_dispute_open_of_employer_key",
            "tenant_id",
            "employer_statement_id",
            "programme_id",
            "kind",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        CheckConstraint("withheld_minor >= 0", name="withheld"),
        CheckConstraint("evidence_sha256 ~ '^[0-9a-f]{64}$'", name="evidence"),
    )

    kind: Mapped[str]
    withheld_minor: Mapped[int]
    is_withheld: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(default="open")
    because: Mapped[str]
    evidence: Mapped[str]
    evidence_sha256: Mapped[str | None]
    raised_by: Mapped[UUID | None]
    raised_at: Mapped[datetime] = mapped_column(default=clock.now)
    resolution: Mapped[str | None]
    resolved_at: Mapped[datetime | None]


class FeeAdjustment(OfAStatement, TenantOwned, Versioned, Model):
    """A correction of what a statement said, proposed by one party and accepted by the other, never by the same. 调整

    `amount_minor` is what it adds to the operator's fee, or to what an employer's programme has drawn; negative: it
    takes away. It is booked in the open period and points back at the statement it adjusts.
    """

    __tablename__ = "fee_adjustment"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        *_of_a_statement(),
        ForeignKeyConstraint(["tenant_id", "line_dispute_id"], ["line_dispute.tenant_id", "line_dispute.id"]),
        states(ADJUSTMENT_NEXT),
        CheckConstraint("amount_minor <> 0", name="amount"),
        CheckConstraint("proposed_party IN ('hospital', 'employer', 'operator')", name="proposed_party"),
        CheckConstraint("decided_party IN ('hospital', 'employer', 'operator')", name="decided_party"),
        # Four eyes across parties: whoever proposed it can take it back and never say yes to it.
        CheckConstraint("status <> 'accepted' OR decided_party <> proposed_party", name="other_party_accepts"),
        CheckConstraint("status <> 'accepted' OR decided_by <> proposed_by", name="another_hand_accepts"),
        CheckConstraint("status = 'proposed' OR decided_party IS NOT NULL", name="decided"),
    )

    line_dispute_id: Mapped[UUID | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    because: Mapped[str]
    status: Mapped[str] = mapped_column(default="proposed")
    proposed_party: Mapped[str]
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_party: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
