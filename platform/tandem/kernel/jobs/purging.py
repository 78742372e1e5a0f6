"""Finished jobs are kept a while for whoever asks what happened, then dropped; dead ones wait for a person."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, or_, select

from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.tenancy import tenant_id

KEPT_DAYS: Final = 7
# A caller's key promises "once"; the timetable's keys name a minute and need no longer memory than the rest.
KEYED_KEPT_DAYS: Final = 400
PURGE_ROWS: Final = 5_000

_job = JobRow.__table__


def purge_finished(limit: int = PURGE_ROWS) -> int:
    """Drop up to `limit` of the scope's tenant's done jobs that are old enough. Returns how many."""
    now = clock.now()
    unkeyed = or_(_job.c.key.is_(None), _job.c.key.like("cron:%"))
    old = (
        select(_job.c.id)
        .where(_job.c.tenant_id == tenant_id(), _job.c.state == "done")
        .where(
            _job.c.finished_at < now - timedelta(days=KEPT_DAYS),
            or_(unkeyed, _job.c.finished_at < now - timedelta(days=KEYED_KEPT_DAYS)),
        )
        .limit(limit)
    )
    gone = delete(_job).where(_job.c.tenant_id == tenant_id(), _job.c.id.in_(old)).returning(_job.c.id)
    return len(session.execute(gone).all())
