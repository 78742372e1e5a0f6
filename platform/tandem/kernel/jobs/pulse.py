"""A worker's pulse: it renews the lease of the job at hand, so that a short lease can mean a dead worker.

Leases are real database time. The business clock may be moved by days while a job runs.
"""

import contextvars
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.exc import SQLAlchemyError

from tandem.kernel import telemetry
from tandem.kernel.database import session
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.tenancy import acting_for, transaction

Lease = tuple[UUID, UUID, UUID]


@dataclass
class Timing:
    """How long a lease lasts and how often it is renewed, in seconds of real time."""

    # A killed worker's job is taken up after at most this; the pulse has three tries before that.
    lease_seconds: float = 20.0
    beat_seconds: float = 6.0

    def leased_until(self) -> ColumnElement[datetime]:
        """The end of a lease taken now, by the database's clock."""
        # The statement's, not the moment's: every node of a cluster must reckon with the same one.
        return func.statement_timestamp() + timedelta(seconds=self.lease_seconds)


timing = Timing()


class Pulse:
    """One thread per process; it beats for every lease this process holds."""

    def __init__(self) -> None:
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._leases: set[Lease] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating_for(self, tenant: UUID, job_id: UUID, token: UUID) -> Iterator[None]:
        """Renew this lease until the block ends."""
        if self._pid != os.getpid():
            self._start_afresh()
        lease = (tenant, job_id, token)
        with self._changed:
            self._leases.add(lease)
            if self._thread is None:
                # The copied context carries the application, whose connection pools the beat uses.
                here = contextvars.copy_context()
                self._thread = threading.Thread(target=here.run, args=(self._beat_for_ever,), name="pulse", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._leases.discard(lease)

    def _beat_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(timing.beat_seconds)
                leases = list(self._leases)
            for lease in leases:
                try:
                    renew(*lease)
                except (SQLAlchemyError, OSError, RuntimeError) as error:
                    # The fence keeps us safe if the lease lapses; the next beat tries again.
                    telemetry.log.warning("pulse_missed", reason=type(error).__name__)


def renew(tenant: UUID, job_id: UUID, token: UUID) -> None:
    """Push the lease's end away, if the lease is still ours."""
    job = JobRow.__table__
    with acting_for(tenant), transaction():
        session.execute(
            update(job)
            .where(job.c.tenant_id == tenant, job.c.id == job_id, job.c.lease_token == token)
            .values(lease_until=timing.leased_until())
        )


pulse = Pulse()
