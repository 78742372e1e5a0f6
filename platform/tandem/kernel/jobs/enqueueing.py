"""Asking for work: a row in the transaction at hand, so that the work exists exactly when its cause does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from tandem.kernel import clock, doorbell, ids, telemetry
from tandem.kernel.audit import actor_name
from tandem.kernel.database import session
from tandem.kernel.jobs.declaration import Job
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.tenancy import tenant_id

_ONCE: Final = insert(JobRow.__table__).on_conflict_do_nothing().returning(JobRow.__table__.c.id)


def enqueue(work: Job[Any], *, at: datetime | None = None, key: str | None = None, **args: Any) -> UUID | None:
    """Ask for `work` as the scope's tenant, once this transaction commits; not before `at` if given.

    A `key` makes it once per tenant and job: None comes back when that key was used already. A key is kept 400
    days after its job is done. Raises NotAnId for an argument that is not an id.
    """
    row = _row(work, work.pack(args), at, key)
    if key is None:
        session.add(JobRow(**row))
    elif session.connection().execute(_ONCE, row).scalar_one_or_none() is None:
        return None
    if at is None or at <= row["created_at"]:
        doorbell.note(session, row["tenant_id"], work.queue)
    job_id: UUID = row["id"]
    return job_id


def _row(work: Job[Any], args: Mapping[str, Any], at: datetime | None, key: str | None) -> dict[str, Any]:
    now = clock.now()
    return {
        "tenant_id": tenant_id(),
        "id": ids.new_id(),
        "name": work.name,
        "queue": work.queue,
        "args": args,
        "key": key,
        "state": "queued",
        "run_at": at or now,
        "attempts": 0,
        "max_attempts": work.attempts,
        "request_id": telemetry.fact("request_id"),
        "actor": actor_name(),
        "created_at": now,
    }
