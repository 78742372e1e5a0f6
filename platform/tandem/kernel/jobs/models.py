"""The table of jobs: the row is the job, whatever becomes of Redis."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.database import Model, Reference, TenantOwned, Wall

STATES: Final = ("queued", "running", "done", "dead")


class JobRow(TenantOwned, Model):
    """One piece of work of one tenant, from being asked for to being done or given up. 任务"""

    __tablename__ = "job"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        UniqueConstraint("tenant_id", "name", "key"),
        CheckConstraint("state IN ('queued', 'running', 'done', 'dead')", name="state"),
        CheckConstraint("(state = 'running') = (lease_token IS NOT NULL)", name="leased_while_running"),
        CheckConstraint("attempts >= 0 AND max_attempts >= 1", name="attempts"),
        Index("job_due_idx", "tenant_id", "queue", "run_at", postgresql_where=text("state = 'queued'")),
        Index("job_leased_idx", "tenant_id", "queue", "lease_until", postgresql_where=text("state = 'running'")),
        Index("job_done_idx", "tenant_id", "finished_at", postgresql_where=text("state = 'done'")),
        # The sweeper's and the operator's looks over all tenants.
        Index("job_dead_idx", "finished_at", "tenant_id", "id", postgresql_where=text("state = 'dead'")),
        Index("job_waiting_idx", "run_at", postgresql_where=text("state IN ('queued', 'running')")),
    )

    name: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)
    key: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default="queued")
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int]
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    # Class of the fault only: its message may quote a person.
    error: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class CronMark(Reference, Model):
    """Up to which minute one line of the timetable has been turned into jobs. 定时进度"""

    __tablename__ = "cron_mark"
    __reason__ = "one row per line of the timetable, the same for all tenants; only the scheduler touches it"
    __grants__: ClassVar[dict[str, str]] = {"tandem_operator": "SELECT, INSERT, UPDATE"}
    __on_coordinator__ = True

    line: Mapped[str] = mapped_column(Text, primary_key=True)
    minute: Mapped[datetime]
