"""Differences, the runs that found them, and the closing of days."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.reconciliation.findings import OWNERS, PASSES
from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "open": {"explained", "resolved"},
    "explained": {"open", "resolved"},
    # Seen again after all: it is the same fault, with its history.
    "resolved": {"open", "explained"},
}


class Discrepancy(TenantOwned, Versioned, Model):
    """One difference between two who should agree, once, however often it is seen. 差异"""

    __tablename__ = "discrepancy"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "reconciliation_pass", "natural_key"),
        Index("discrepancy_by_status", "tenant_id", "status", "first_seen_at", "id"),
        CheckConstraint("owner IN ({})".format(", ".join(f"'{each}'" for each in OWNERS)), name="owner"),
        CheckConstraint("reconciliation_pass IN ({})".format(", ".join(f"'{each}'" for each in PASSES)), name="pass"),
        CheckConstraint("currency IN ({})".format(", ".join(f"'{each}'" for each in CURRENCIES)), name="currency"),
    )

    reconciliation_pass: Mapped[str]
    natural_key: Mapped[str]
    kind: Mapped[str]
    day: Mapped[date]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    cause: Mapped[str | None]
    expected_minor: Mapped[int]
    actual_minor: Mapped[int]
    amount_at_risk_minor: Mapped[int]
    currency: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    first_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_count: Mapped[int] = mapped_column(default=1)
    deadline_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


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


class DayClose(TenantOwned, Model):
    """The operator's wish to close a day: every hospital proposes its statement and reconciles. 日结"""

    __tablename__ = "day_close"
    __wall__ = Wall(operator="write")
    __table_args__ = (Index("day_close_by_day", "tenant_id", "day", "id"),)

    day: Mapped[date]
    requested_at: Mapped[datetime] = mapped_column(default=clock.now)
    tenant_count: Mapped[int | None]
