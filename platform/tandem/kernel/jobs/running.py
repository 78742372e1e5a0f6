"""Claiming and running jobs of one tenant: leased, fenced, bounded, and done together with their effect.

A worker owns a job by a lease and a token. The lease is real database time, renewed by the worker's pulse; when a
worker is killed it lapses and another worker takes the job with a fresh token. The row becomes "done" in the same
transaction as the effect, and only for the holder of the token: whoever was overtaken rolls everything back.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from rq.timeouts import BaseTimeoutException, JobTimeoutException, TimerDeathPenalty, UnixSignalDeathPenalty
from sqlalchemy import Update, func, select, update
from sqlalchemy.exc import DBAPIError

from tandem.kernel import clock, telemetry
from tandem.kernel.database import session
from tandem.kernel.errors import Problem
from tandem.kernel.identity import WORKER, act_as, current_actor
from tandem.kernel.jobs.declaration import Job, Later, Plain, job_named
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.jobs.pulse import pulse, timing
from tandem.kernel.tenancy import acting_for, tenant_id, transaction

BACKOFF_FIRST_SECONDS: Final = 1.0
BACKOFF_MOST_SECONDS: Final = 600.0

_job = JobRow.__table__


class Overtaken(Exception):
    """The lease lapsed and somebody else has the job, or somebody replayed it: nothing of ours may stay."""


class UnknownJob(Exception):
    """The row names a job that this release does not have."""


@dataclass(frozen=True)
class Claim:
    """One job in our hands: what to call, and the token that lets us finish it."""

    tenant_id: UUID
    id: UUID
    name: str
    args: dict[str, Plain]
    attempts: int
    max_attempts: int
    lease_token: UUID
    run_at: datetime
    request_id: str | None
    actor: str | None


def run_next(tenant: UUID, queue: str) -> bool:
    """Claim the tenant's next due job of `queue` and run it to an end, good or bad. False when none is due."""
    with acting_for(tenant), transaction():
        claim = _claim(queue)
    if claim is None:
        return False
    telemetry.observe("job_wait", max(0.0, (clock.now() - claim.run_at).total_seconds()), queue=queue)
    facts = {"job_id": str(claim.id), "request_id": claim.request_id, "asked_by": claim.actor}
    bound = telemetry.bound(tenant_id=str(tenant), job=claim.name, **facts)
    with bound, telemetry.timed("job", queue=queue), _as_worker():
        outcome = _run(claim)
    telemetry.count("jobs", queue=queue, outcome=outcome)
    return True


@contextmanager
def _as_worker() -> Iterator[None]:
    before = current_actor()
    act_as(WORKER)
    try:
        yield
    finally:
        act_as(before)


def recover_lapsed(tenant: UUID, queue: str) -> int:
    """Put back the tenant's jobs whose worker died (dead after the last attempt). Returns how many."""
    with acting_for(tenant), transaction():
        lapsed = (
            update(_job)
            .where(_job.c.tenant_id == tenant_id(), _job.c.queue == queue, _job.c.state == "running")
            .where(_job.c.lease_until < func.statement_timestamp())
        )
        spent = _job.c.attempts >= _job.c.max_attempts
        dead = session.execute(_over(lapsed.where(spent), "dead", error="WorkerLost"))
        back = session.execute(_put_back(lapsed.where(~spent), clock.now(), error="WorkerLost"))
    recovered = _count(dead) + _count(back)
    if recovered:
        telemetry.count("jobs_recovered", recovered, queue=queue)
        telemetry.log.warning("jobs_recovered", queue=queue, jobs=recovered, dead=_count(dead))
    return recovered


def _claim(queue: str) -> Claim | None:
    mine = [_job.c.tenant_id == tenant_id(), _job.c.queue == queue, _job.c.state == "queued"]
    due = (
        select(_job.c.id)
        .where(*mine, _job.c.run_at <= clock.now())
        .order_by(_job.c.run_at, _job.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    token = uuid4()
    statement = (
        update(_job)
        .where(*mine, _job.c.id == due)
        .values(state="running", attempts=_job.c.attempts + 1, lease_token=token, lease_until=timing.leased_until())
        .returning(*(_job.c[name] for name in Claim.__dataclass_fields__))
    )
    row = session.execute(statement).mappings().one_or_none()
    return None if row is None else Claim(**row)


def _run(claim: Claim) -> str:
    try:
        work = job_named(claim.name)
        if work is None:
            raise UnknownJob(claim.name)
        with pulse.beating_for(claim.tenant_id, claim.id, claim.lease_token), _deadline(work.timeout_seconds):
            _perform(work, claim)
    except Later as later:
        return _settle(claim, _put_back(_mine(claim), _in(later.seconds), attempts=claim.attempts - 1), "later")
    except Overtaken:
        telemetry.log.warning("job_overtaken")
        return "overtaken"
    except Exception as error:  # noqa: BLE001  # whatever a job raises, its row must say so and be tried again
        return _fail(claim, error)
    return "done"


def _perform(work: Job[Any], claim: Claim) -> None:
    args = work.unpack(claim.args)
    if work.outside:
        with acting_for(claim.tenant_id):
            work.function(**args)
        with acting_for(claim.tenant_id), transaction():
            _finish(claim)
        return
    with acting_for(claim.tenant_id), _dropping_a_cut_connection(), transaction():
        work.function(**args)
        session.flush()
        _finish(claim)


def _finish(claim: Claim) -> None:
    if _count(session.execute(_over(_mine(claim), "done"))) != 1:
        raise Overtaken


def _fail(claim: Claim, error: Exception) -> str:
    name = _fault(error)
    if isinstance(error, Problem) and error.waits_seconds is not None:
        telemetry.log.warning("job_waits", error=name)
        waits = _put_back(_mine(claim), _in(error.waits_seconds), attempts=claim.attempts - 1, error=name)
        return _settle(claim, waits, "later")
    if claim.attempts >= claim.max_attempts:
        telemetry.log.error("job_dead", attempts=claim.attempts, exc_info=error)
        return _settle(claim, _over(_mine(claim), "dead", error=name), "dead")
    telemetry.log.warning("job_failed", attempts=claim.attempts, exc_info=error)
    return _settle(claim, _put_back(_mine(claim), _in(_backoff_seconds(claim.attempts)), error=name), "failed")


def _settle(claim: Claim, statement: Update, outcome: str) -> str:
    with acting_for(claim.tenant_id), transaction():
        mine = _count(session.execute(statement)) == 1
    return outcome if mine else "overtaken"


def _mine(claim: Claim) -> Update:
    return update(_job).where(
        _job.c.tenant_id == claim.tenant_id, _job.c.id == claim.id, _job.c.lease_token == claim.lease_token
    )


def _over(jobs: Update, state: str, error: str | None = None) -> Update:
    return jobs.values(state=state, lease_token=None, lease_until=None, finished_at=clock.now(), error=error)


def _put_back(jobs: Update, run_at: datetime, **changes: Any) -> Update:
    return jobs.values(state="queued", lease_token=None, lease_until=None, run_at=run_at, **changes)


def _in(seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _backoff_seconds(attempts: int) -> float:
    """Doubling from a second to ten minutes, halved at random so that a herd of failures spreads."""
    most = min(BACKOFF_FIRST_SECONDS * 2.0 ** (attempts - 1), BACKOFF_MOST_SECONDS)
    return most * random.uniform(0.5, 1.0)  # noqa: S311  # spreading load is no secret


def _fault(error: Exception) -> str:
    if isinstance(error, Problem):
        return f"problem:{error.slug}"
    cause = error.orig if isinstance(error, DBAPIError) else None
    return type(cause or error).__name__


def _count(result: Any) -> int:
    return int(result.rowcount)


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
    # The signal interrupts a wait inside the driver too, but only the main thread may set it.
    here = threading.current_thread() is threading.main_thread()
    penalty = UnixSignalDeathPenalty if here else TimerDeathPenalty
    with penalty(seconds, JobTimeoutException):
        yield


@contextmanager
def _dropping_a_cut_connection() -> Iterator[None]:
    """A job cut off in the middle may leave an answer unread in the connection: it is never used again."""
    try:
        yield
    except BaseTimeoutException:
        session.invalidate()
        raise
