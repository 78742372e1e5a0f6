"""What runs hold against what, and how far they are; rules, and the closing of days."""

from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, FetchedValue, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, Reference, TenantOwned, Wall
from tandem.kernel.ids import new_id

ITEM_STATES: Final = ("matched", "differs", "settled", "gone")
MODES: Final = ("full", "incremental", "day", "told")


class ReconItem(TenantOwned, Model):
    """What came of holding two sides against each other under one natural key. 对账结果

    `comparison` is the pass and which of its comparisons ("R1.booked"). The hashes are of what each side says, NULL
    where it says nothing; a run that finds the same hashes and the same fault writes nothing. `settled`: it still
    differs, and both parties have agreed what that means.
    """

    __tablename__ = "recon_item"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index(
            "recon_item_differs_idx",
            "tenant_id",
            "comparison",
            "natural_key",
            postgresql_where=text("status = 'differs'"),
        ),
        Index(
            "recon_item_settled_idx",
            "tenant_id",
            "comparison",
            "natural_key",
            postgresql_where=text("status = 'settled'"),
        ),
        one_of("status", ITEM_STATES),
        CheckConstraint("(status IN ('differs', 'settled')) = (fault IS NOT NULL)", name="fault"),
    )

    id = None  # type: ignore[assignment]  # its key is what is compared; a second unique index would double its price
    comparison: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    natural_key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    status: Mapped[str]
    diff_minor: Mapped[int]
    left_hash: Mapped[int | None]
    right_hash: Mapped[int | None]
    fault: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    run_id: Mapped[UUID]


class ReconWatermark(TenantOwned, Model):
    """Up to where a comparison has seen a source change; its row is the lock of whoever compares. 对账水位

    `source` is "xid" (transactions, for rows that bear `changed_xid`) or a book's id (places in it). `horizon` is
    written by the database on the node where the tenant's rows are: the oldest transaction still running there.
    """

    __tablename__ = "recon_watermark"
    __wall__ = Wall(operator="write")

    id = None  # type: ignore[assignment]  # its key is the comparison and the source
    comparison: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    source: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    horizon: Mapped[int] = mapped_column(server_default=FetchedValue())
    parked_at: Mapped[datetime | None]
    parked_because: Mapped[str | None]


class PassRun(TenantOwned, Model):
    """One run of one comparison: how much it looked at, what changed, what is new, under which rules. 对账运行"""

    __tablename__ = "recon_pass_run"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        Index("recon_pass_run_by_time_idx", "tenant_id", "comparison", "finished_at", "id"),
        one_of("mode", MODES),
    )

    comparison: Mapped[str]
    mode: Mapped[str]
    checked_count: Mapped[int]
    changed_count: Mapped[int]
    new_count: Mapped[int]
    open_count: Mapped[int]
    is_parked: Mapped[bool]
    rule_version: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]


class ReconciliationRun(TenantOwned, Model):
    """The latest run over one day of one tenant, and what it found. 对账批次"""

    __tablename__ = "reconciliation_run"
    __wall__ = Wall(operator="read")
    __table_args__ = (UniqueConstraint("tenant_id", "day"),)

    day: Mapped[date]
    day_close_id: Mapped[UUID | None]
    statement_id: Mapped[UUID | None]
    run_count: Mapped[int] = mapped_column(default=0)
    checked_count: Mapped[int] = mapped_column(default=0)
    found_count: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime]


class ReconciliationRule(Reference, Model):
    """One version of one rule by which differences are judged, for every organisation alike. 对账规则"""

    __tablename__ = "reconciliation_rule"
    __reason__ = "both parties of every difference are judged by the same rules"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (UniqueConstraint("version"), CheckConstraint("value >= 0", name="value"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int]
    name: Mapped[str]
    value: Mapped[int]
    because: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(default=clock.now)


class DayClose(TenantOwned, Model):
    """The operator's wish to close a day: every hospital proposes its statement and reconciles. 日结"""

    __tablename__ = "day_close"
    __wall__ = Wall(operator="write")
    __table_args__ = (Index("day_close_by_day", "tenant_id", "day", "id"),)

    day: Mapped[date]
    requested_at: Mapped[datetime] = mapped_column(default=clock.now)
    tenant_count: Mapped[int | None]
