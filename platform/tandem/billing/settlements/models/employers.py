"""What employer and operator have between them: prepaid, drawn, unspent; sums by programme, never people."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.settlements.models.periods import OfAPeriod, one_after_another
from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.states import states

EMPLOYER_NEXT: Final = {
    "draft": {"proposed"},
    "proposed": {"confirmed"},
    "confirmed": {"paid"},
    "paid": {"closed"},
    "closed": set[str](),
}
FIGURES: Final = ("invoiced", "paid", "drawn")
"""What can be disputed of a programme's line: open and unspent follow from these."""
CORRECTION_KINDS: Final = ("adjustment", "credit_note", "invoice", "other", "payment", "void")
EMPLOYER_LAYOUT: Final = 2
"""How statements are written now; each row says how it was written, and is run again in that way for ever."""


class EmployerStatement(OfAPeriod, TenantOwned, Versioned, Model):
    """Employer and operator, one period: what both books say at a cut. 企业结算单

    `invoiced_minor`, `paid_minor`, `drawn_minor` and `adjusted_minor` (agreed corrections of what was drawn) are of the
    period and of what came late; `open_minor` and `unspent_minor` are what stands at its end. Positive `unspent_minor`
    is the employer's money with the operator. `operator_cut_seq` is the place in the operator's book, where programmes'
    prepayments are drawn on. It is paid once its invoices have no more open than `withheld_minor`.
    """

    __tablename__ = "employer_statement"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(EMPLOYER_NEXT),
        *one_after_another(),
    )

    operator_cut_seq: Mapped[int]
    layout: Mapped[int] = mapped_column(default=EMPLOYER_LAYOUT)
    status: Mapped[str] = mapped_column(default="draft")
    invoiced_minor: Mapped[int]
    paid_minor: Mapped[int]
    drawn_minor: Mapped[int]
    adjusted_minor: Mapped[int] = mapped_column(default=0)
    open_minor: Mapped[int]
    unspent_minor: Mapped[int]
    document_sha256: Mapped[str]
    drafted_at: Mapped[datetime] = mapped_column(default=clock.now)
    proposed_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    withheld_minor: Mapped[int | None]
    closed_at: Mapped[datetime | None]


class EmployerStatementLine(TenantOwned, Model):
    """One programme on an employer's statement. 企业结算行

    Draws are told up to a place of the operator's book and a moment: `drawn_after_seq` and `drawn_since` say how far
    earlier statements told them. Where too few members stand behind those since (`is_told` is false), this one tells
    none and the next takes them up, so nothing is lost and nothing points at anybody.
    """

    __tablename__ = "employer_statement_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "statement_id"], ["employer_statement.tenant_id", "employer_statement.id"]),
        UniqueConstraint("tenant_id", "statement_id", "programme_id"),
        CheckConstraint("is_told = (drawn_minor IS NOT NULL)", name="told"),
        CheckConstraint("(drawn_minor IS NULL) = (units_drawn IS NULL)", name="units"),
    )

    statement_id: Mapped[UUID]
    line_no: Mapped[int]
    programme_id: Mapped[UUID]
    drawn_after_seq: Mapped[int]
    drawn_since: Mapped[datetime | None]
    is_told: Mapped[bool]
    invoiced_minor: Mapped[int]
    paid_minor: Mapped[int]
    units_drawn: Mapped[int | None]
    drawn_minor: Mapped[int | None]
    adjusted_minor: Mapped[int] = mapped_column(default=0)
    open_minor: Mapped[int]
    unspent_minor: Mapped[int]
    currency: Mapped[str]
