"""Which differences a group's resolution is about, each with the journal that was agreed for it."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.database import Model, TenantOwned, Wall


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
