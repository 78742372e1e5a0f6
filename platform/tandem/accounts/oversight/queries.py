"""Reads about what was done."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, func, select

from tandem.kernel import clock, jobs
from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import Page, page, session
from tandem.kernel.tenancy import tenant_id


def audit_events(filters: Mapping[str, Any], *, limit: int, after: str | None) -> Page:
    """The scope's audit trail, newest first. [any tenant]"""
    exact = {
        "action": AuditEvent.action,
        "object_type": AuditEvent.object_type,
        "object_id": AuditEvent.object_id,
        "actor": AuditEvent.actor,
    }
    chosen = [column == filters[name] for name, column in exact.items() if filters.get(name) is not None]
    statement = select(AuditEvent.__table__).where(AuditEvent.tenant_id == tenant_id(), *chosen)
    return page(statement, by=[AuditEvent.at, AuditEvent.id], limit=limit, after=after, newest_first=True)


def job_totals() -> dict[str, int]:
    """How many jobs of all organisations are due, running, wait for their time, or were given up. [across tenants]"""
    job, now = jobs.JobRow, clock.now()
    due = and_(job.state == "queued", job.run_at <= now)
    counted = session.execute(
        select(
            func.count().filter(due),
            func.count().filter(job.state == "running"),
            func.count().filter(job.state == "queued", job.run_at > now),
            func.count().filter(job.state == "dead"),
        ).where(job.state != "done")
    ).one()
    return dict(zip(("due", "running", "later", "dead"), counted, strict=True))
