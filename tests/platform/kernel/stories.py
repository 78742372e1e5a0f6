"""What the kernel's stories share: a tenant of their own, and looks at what became of its rows."""

from collections import Counter
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import session
from tandem.kernel.jobs import Job, JobRow, enqueue
from tandem.kernel.tenancy import acting_for, transaction


def ask_for(tenant: UUID, work: Job[Any], **args: Any) -> UUID:
    """Ask for a job as the tenant, committed."""
    with acting_for(tenant), transaction():
        job_id = enqueue(work, **args)
    assert job_id is not None
    return job_id


def job_row(tenant: UUID, job_id: UUID) -> JobRow:
    """The job as it stands."""
    with acting_for(tenant):
        return session.execute(select(JobRow).where(JobRow.id == job_id)).scalar_one()


def states(tenant: UUID) -> Counter[str]:
    """How many jobs of the tenant are in which state."""
    with acting_for(tenant):
        return Counter(session.execute(select(JobRow.state).where(JobRow.tenant_id == tenant)).scalars())


def counted(tenant: UUID, action: str = "visit.counted") -> Counter[str]:
    """How often each object was counted."""
    with acting_for(tenant):
        found = select(AuditEvent.object_id).where(AuditEvent.tenant_id == tenant, AuditEvent.action == action)
        return Counter(session.execute(found).scalars())
