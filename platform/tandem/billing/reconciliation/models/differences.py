"""Differences, their history, and what people agree on about them. 差异"""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.reconciliation.findings import FAULTS, OWNERS, PASSES
from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "open": {"explained", "resolved"},
    "explained": {"open", "resolved"},
    # Seen again after all: it is the same fault, with its history.
    "resolved": {"open", "explained"},
}
RESOLUTION_NEXT: Final = {"proposed": {"approved", "rejected"}, "approved": set[str](), "rejected": set[str]()}
PARTIES: Final = ("hospital", "operator")


class Discrepancy(TenantOwned, Versioned, Model):
    """One difference between two who should agree, once, however often it is seen. 差异

    `fault` is its sort, `kind` its own name; those of one `cause_group` have one root. `proposed_journal` would mend it
    (`proposals.py`), or `no_journal_because` says why none does. `explained_by` says whether a
    rule or a party explained it, `settled_by` which party agreed to let it be ("rule": a tolerance did); nobody, when
    it went away. `state_run_id` is the run, or the resolution, that moved it last.
    """

    __tablename__ = "discrepancy"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "reconciliation_pass", "natural_key"),
        Index("discrepancy_by_status", "tenant_id", "status", "first_seen_at", "id"),
        Index("discrepancy_by_state_run_idx", "tenant_id", "state_run_id"),
        Index("discrepancy_by_money_idx", "tenant_id", "status", "amount_at_risk_minor", "id"),
        Index("discrepancy_by_cause_idx", "tenant_id", "reconciliation_pass", "kind", "cause_group"),
        Index(
            "discrepancy_unresolved_idx",
            "tenant_id",
            "comparison",
            "natural_key",
            postgresql_where=text("status <> 'resolved'"),
        ),
        one_of("owner", OWNERS),
        one_of("reconciliation_pass", PASSES, name="pass"),
        one_of("fault", FAULTS),
        one_of("currency", CURRENCIES),
        CheckConstraint("(proposed_journal IS NULL) = (no_journal_because IS NOT NULL)", name="journal_or_reason"),
    )

    reconciliation_pass: Mapped[str]
    comparison: Mapped[str] = mapped_column(Text(collation="C"), default="")
    natural_key: Mapped[str] = mapped_column(Text(collation="C"))
    kind: Mapped[str]
    fault: Mapped[str] = mapped_column(default="status")
    cause_group: Mapped[str] = mapped_column(default="")
    day: Mapped[date]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    cause: Mapped[str | None]
    explained_by: Mapped[str | None]
    settled_by: Mapped[str | None]
    expected_minor: Mapped[int]
    actual_minor: Mapped[int]
    amount_at_risk_minor: Mapped[int]
    currency: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    proposed_journal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    no_journal_because: Mapped[str | None]
    first_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_count: Mapped[int] = mapped_column(default=1)
    deadline_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    state_run_id: Mapped[UUID | None]
    previous_status: Mapped[str | None]


class DiscrepancyStep(TenantOwned, Model):
    """One step in the life of a difference: opened, explained, resolved, opened again, and by whom. 差异履历"""

    __tablename__ = "discrepancy_step"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (Index("discrepancy_step_by_discrepancy_idx", "tenant_id", "discrepancy_id", "at", "id"),)

    discrepancy_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    by: Mapped[str]
    because: Mapped[str | None]


class DiscrepancyResolution(TenantOwned, Model):
    """How a difference, or a whole group of one cause, is to be settled: one party proposes, one decides. 处理方案

    `proposed_journal` is the difference's own, as it was when this was proposed; or `lines` are a journal by hand,
    account code to signed amount. Neither: nothing is to be booked. `refused_because`: the book refused what was
    agreed, and the difference is open again. A group's `member_count` differences are `resolution_member`.
    """

    __tablename__ = "discrepancy_resolution"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(RESOLUTION_NEXT),
        Index("discrepancy_resolution_by_discrepancy_idx", "tenant_id", "discrepancy_id", "proposed_at"),
        Index(
            "discrepancy_resolution_one_proposed",
            "tenant_id",
            "discrepancy_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        one_of("maker_party", PARTIES, name="maker"),
        CheckConstraint("checker_party IS NULL OR checker_party <> maker_party", name="two_parties"),
        CheckConstraint("(status = 'proposed') = (checker_party IS NULL)", name="decided"),
        CheckConstraint("(discrepancy_id IS NULL) <> (cause_group IS NULL)", name="one_or_group"),
        CheckConstraint("proposed_journal IS NULL OR lines = '{}'", name="one_journal"),
        CheckConstraint("journal_id IS NULL OR refused_because IS NULL", name="booked_or_refused"),
        one_of("currency", CURRENCIES),
    )

    discrepancy_id: Mapped[UUID | None]
    reconciliation_pass: Mapped[str]
    kind: Mapped[str]
    cause_group: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="proposed")
    cause: Mapped[str]
    lines: Mapped[dict[str, Any]]
    proposed_journal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    currency: Mapped[str]
    maker_party: Mapped[str]
    maker: Mapped[str]
    checker_party: Mapped[str | None]
    checker: Mapped[str | None]
    member_count: Mapped[int | None]
    settled_count: Mapped[int] = mapped_column(default=0)
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_at: Mapped[datetime | None]
    journal_id: Mapped[UUID | None]
    refused_because: Mapped[str | None]


class ResolutionMember(TenantOwned, Model):
    """One difference of a group that is to be settled at once, as it was when that was proposed. 批量处理明细

    `proposed_journal` is the difference's own, which is booked once; NULL where nothing is to be booked. `is_settled`:
    it still said the same when the other party agreed. `refused_because`: the book refused it, and it is open again.
    """

    __tablename__ = "resolution_member"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "resolution_id"], ["discrepancy_resolution.tenant_id", "discrepancy_resolution.id"]
        ),
        # No key to the differences: one statement writes these rows from them, and nobody can delete a difference.
        Index(
            "resolution_member_to_book_idx",
            "tenant_id",
            "resolution_id",
            "discrepancy_id",
            postgresql_where=text(
                "is_settled AND proposed_journal IS NOT NULL AND journal_id IS NULL AND refused_because IS NULL"
            ),
        ),
        CheckConstraint("journal_id IS NULL OR refused_because IS NULL", name="booked_or_refused"),
        CheckConstraint("is_settled OR (journal_id IS NULL AND refused_because IS NULL)", name="settled_first"),
        CheckConstraint("proposed_journal IS NOT NULL OR journal_id IS NULL", name="as_proposed"),
    )

    id = None  # type: ignore[assignment]  # its key is the resolution and the difference
    resolution_id: Mapped[UUID] = mapped_column(primary_key=True)
    discrepancy_id: Mapped[UUID] = mapped_column(primary_key=True)
    proposed_journal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    is_settled: Mapped[bool] = mapped_column(default=False)
    journal_id: Mapped[UUID | None]
    refused_because: Mapped[str | None]
