"""Asking for work: a row in the transaction at hand, so that the work exists exactly when its cause does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from tandem.kernel import clock, doorbell, ids, telemetry
from tandem.kernel.audit import actor_name
from tandem.kernel.database import session
from tandem.kernel.jobs.declaration import Job
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import tenant_id

_ONCE: Final = Statement.inserting(
    JobRow.__tablename__,
    "tenant_id id name queue args key state run_at attempts max_attempts request_id actor created_at",
    "ON CONFLICT DO NOTHING RETURNING id",
)

_OF_ASKED: Final = (
    "id uuid, name text, queue text, args jsonb, state text, run_at timestamptz, attempts bigint, max_attempts bigint, "
    "request_id text, actor text, created_at timestamptz"
)
_ASKED: Final = ", ".join(each.split()[0] for each in _OF_ASKED.split(", "))


def asking_after(cause: str) -> str:
    """SQL that asks for the jobs in its parameter `jobs` (see `asked`) when the query `cause` has its row.

    For a statement that itself finds out whether there is something to do; `cause` has a column `tenant_id`. It returns
    ids that nobody reads: only so does a cluster write them on the nodes, and does not COPY them, which walls forbid.
    """
    return (
        f"INSERT INTO job (tenant_id, {_ASKED}) SELECT {cause}.tenant_id, asked.* "  # noqa: S608  # names of ours
        f"FROM {cause}, jsonb_to_recordset(CAST(%(jobs)s AS jsonb)) AS asked ({_OF_ASKED}) "
        "RETURNING id"
    )


def asked(wanted: Sequence[tuple[Job[Any], Mapping[str, Any]]]) -> str:
    """Jobs and their arguments as `asking_after` takes them. Raises NotAnId for an argument that is not an id."""
    return orjson.dumps([_row(work, work.pack(dict(args)), None, None) for work, args in wanted]).decode()


def enqueue(work: Job[Any], *, at: datetime | None = None, key: str | None = None, **args: Any) -> UUID | None:
    """Ask for `work` as the scope's tenant, once this transaction commits; not before `at` if given.

    A `key` makes it once per tenant and job: None comes back when that key was used already. A key is kept 400
    days after its job is done. Raises NotAnId for an argument that is not an id.
    """
    row = _row(work, work.pack(args), at, key)
    if key is None:
        session.add(JobRow(**row))
    elif _ONCE.row(row | {"args": Jsonb(row["args"])}) is None:
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
