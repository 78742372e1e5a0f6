"""What was given up: jobs that failed their last attempt wait here until a person looks and replays them."""

from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from tandem.kernel import audit, clock, doorbell
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound, TransitionRefused
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.tenancy import current_scope

_job = JobRow.__table__


def dead(limit: int = 20, after: str | None = None) -> Page:
    """Dead jobs of the scope's tenant, or of all tenants in the operator's view, newest first."""
    wanted = [JobRow.tenant_id, JobRow.id, JobRow.name, JobRow.queue, JobRow.args, JobRow.error, JobRow.attempts]
    times = [JobRow.created_at, JobRow.finished_at, JobRow.request_id]
    found = select(*wanted, *times).where(JobRow.state == "dead", *_walls())
    by = (JobRow.finished_at, JobRow.tenant_id, JobRow.id)
    return page(found, by=by, limit=limit, after=after, newest_first=True)


def replay(job_id: UUID, *, only_look: bool = False) -> None:
    """Give a dead job its attempts back and ring for it; with `only_look`, only say whether that is possible.

    Raises NotFound when the scope sees no such job, TransitionRefused when it is not dead.
    """
    row = session.execute(
        select(_job.c.tenant_id, _job.c.state, _job.c.queue, _job.c.name).where(_job.c.id == job_id, *_walls())
    ).one_or_none()
    if row is None:
        raise NotFound
    if row.state != "dead":
        raise TransitionRefused(current=row.state, wanted="queued", allowed=[])
    if only_look:
        return
    session.execute(
        update(_job)
        .where(_job.c.tenant_id == row.tenant_id, _job.c.id == job_id, _job.c.state == "dead")
        .values(state="queued", attempts=0, run_at=clock.now(), finished_at=None, error=None)
    )
    audit.record(
        action="job.replayed",
        object_type="job",
        object_id=job_id,
        details={"job": row.name},
        of_tenant=row.tenant_id,
    )
    doorbell.note(session, row.tenant_id, row.queue)


def _walls() -> list[ColumnElement[bool]]:
    tenant = current_scope().tenant_id
    return [] if tenant is None else [_job.c.tenant_id == tenant]
