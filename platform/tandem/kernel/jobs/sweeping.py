"""The sweeper rings for work whose bell was lost: Redis away or emptied, a worker killed, a time that has come."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, literal, or_, select

from tandem.kernel import clock, doorbell, telemetry
from tandem.kernel.database import session
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.tenancy import across_tenants, transaction

# Younger work has just been rung for by its own transaction.
PATIENCE_SECONDS: Final = 2.0
SWEEP_BELLS: Final = 5_000

_job = JobRow.__table__


def due_bells(*, patience_seconds: float = PATIENCE_SECONDS, limit: int = SWEEP_BELLS) -> list[tuple[UUID, str]]:
    """Tenants and queues with work that is due or whose worker died, at most `limit`."""
    due = and_(_job.c.state == "queued", _job.c.run_at <= clock.now() - timedelta(seconds=patience_seconds))
    lapsed = and_(_job.c.state == "running", _job.c.lease_until < func.statement_timestamp())
    with across_tenants(reason="sweeper"), transaction():
        found = session.execute(select(_job.c.tenant_id, _job.c.queue).where(or_(due, lapsed)).distinct().limit(limit))
        return [(tenant, queue) for tenant, queue in found]


def sweep() -> int:
    """Ring for all lost work. Returns how many bells were added. Raises redis.RedisError while Redis is away."""
    added = doorbell.ring(due_bells())
    if added:
        telemetry.count("bells_swept", added)
    return added


def measure_backlog() -> None:
    """Set the gauges of the work waiting, by queue and state, and of the age of the oldest due job."""
    now = clock.now()
    waiting = (
        select(_job.c.queue, _job.c.state, func.count(), func.min(_job.c.run_at))
        .where(_job.c.state.in_(("queued", "running")), _job.c.run_at <= now)
        .group_by(_job.c.queue, _job.c.state)
    )
    given_up = (
        select(_job.c.queue, literal("dead"), func.count(), func.min(_job.c.run_at))
        .where(_job.c.state == "dead")
        .group_by(_job.c.queue)
    )
    with across_tenants(reason="backlog gauge"), transaction():
        found = [*session.execute(waiting), *session.execute(given_up)]
    counts = {(queue, state): number for queue, state, number, _ in found}
    oldest = {queue: at for queue, state, _, at in found if state == "queued"}
    for queue in doorbell.QUEUES:
        age = (now - oldest[queue]).total_seconds() if queue in oldest else 0.0
        telemetry.gauge("oldest_due_job_seconds", age, queue=queue)
        for state in ("queued", "running", "dead"):
            telemetry.gauge("jobs_waiting", counts.get((queue, state), 0), queue=queue, state=state)


@telemetry.readiness_part("outbox")
def outbox_age() -> str:
    """The age of the oldest due job. An old one is told, not failed on: idle workers are no reason to refuse pages."""
    now = clock.now()
    with across_tenants(reason="readiness"), transaction():
        oldest = session.execute(
            select(_job.c.run_at).where(_job.c.state == "queued", _job.c.run_at <= now).order_by(_job.c.run_at).limit(1)
        ).scalar_one_or_none()
    age = 0.0 if oldest is None else (now - oldest).total_seconds()
    return f"{age:.0f} s"
