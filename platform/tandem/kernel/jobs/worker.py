"""The worker: answers bells, one tenant's turn at a time, with the application loaded before the first.

Started as `tandem worker QUEUE`, one queue to a process; see turns for how tenants share it.
"""

import os
import sys
from typing import Final
from uuid import UUID

import redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from setproctitle import setproctitle
from sqlalchemy.exc import SQLAlchemyError

from tandem.kernel import doorbell, footprint, telemetry
from tandem.kernel.jobs.turns import stopping, take_turn

RECYCLE_TURNS: Final = 20_000
# By so much a worker may grow, whatever it held when it was forked.
RECYCLE_GROWTH_BYTES: Final = 400 << 20
# What a worker at rest keeps of its own if it can be forked anew: twice what it holds before its first job.
REST_OWN_BYTES: Final = 20 << 20


def drain(tenant: str, queue: str) -> None:
    """Answer one bell: the tenant's turn at this worker."""
    try:
        take_turn(UUID(tenant), queue)
    except (SQLAlchemyError, OSError) as error:
        # The database is away. Nothing is lost: rows wait, the sweeper rings. No message: it may quote a row.
        telemetry.count("turns_broken", queue=queue)
        telemetry.log.error("turn_broken", queue=queue, tenant_id=tenant, exc_info=error)


class TandemWorker(SimpleWorker):
    """RQ's worker without a fork per job, for exactly one queue: with two, a killed RQ 3 worker loses bells."""

    log_job_description = False
    log_result_lifespan = False
    # Whether being renewed costs next to nothing: then nothing that work left behind is kept at rest.
    is_light: bool = False
    _has_worked: bool = False
    _began_with_bytes: int = 0

    def procline(self, message: str) -> None:
        # Under its own name in `ps`, with which queue it works.
        setproctitle(f"tandem worker {' '.join(self.queue_names())}: {message}")

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ leaves it untyped
        stopping.set()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        wait = super().dequeue_job_and_maintain_ttl
        if self._has_worked and timeout is not None:
            found = wait(timeout, footprint.REST_SECONDS)
            if found is not None:
                return found
            footprint.give_back()
            if self.is_light and footprint.own_bytes() > REST_OWN_BYTES:
                return None  # RQ takes it for the end of this worker's work, and work() renews the process
        if not self._has_worked:
            self._has_worked, self._began_with_bytes = True, footprint.resident_bytes()
        return wait(timeout, max_idle_time)

    def execute_job(self, job: Job, queue: Queue) -> None:
        super().execute_job(job, queue)
        if (grown := footprint.resident_bytes() - self._began_with_bytes) > RECYCLE_GROWTH_BYTES:
            telemetry.log.info("worker_too_big", grown_bytes=grown)
            self._stop_requested = True


def work(queue: str, *, renewal: int | None = None) -> None:
    """Answer the bells of one queue until TERM or INT. After many turns or much memory the process starts anew.

    With a `renewal`, an exit status that tells our parent to fork us again at once, that is how it starts anew; and as
    it costs next to nothing, it does so also when it rests after work that left it large.
    Raises ValueError for a queue that does not exist.
    """
    wait_seconds = 1.0
    while not stopping.is_set():
        try:
            bells = doorbell.redis_queue(queue, doorbell.patient_connection())
            worker = TandemWorker(
                [bells], connection=bells.connection, job_class=doorbell.Bells, serializer=JSONSerializer
            )
            worker.is_light = renewal is not None
            worker.work(logging_level=None, max_jobs=RECYCLE_TURNS)
        except redis.RedisError as error:
            telemetry.log.warning("redis_away", reason=type(error).__name__, retry_seconds=wait_seconds)
            stopping.wait(wait_seconds)
            wait_seconds = min(wait_seconds * 2, 10.0)
            continue
        if not stopping.is_set():
            telemetry.log.info("worker_starts_anew")
            _start_anew() if renewal is None else sys.exit(renewal)


def _start_anew() -> None:
    """Become a fresh process under the same pid, so that any supervisor may stand above."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own command line again
