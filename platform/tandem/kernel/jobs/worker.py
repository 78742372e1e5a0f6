"""The worker: answers bells, one tenant's turn at a time, with the application loaded before the first.

Fairness lies in the turn. A bell is answered with at most fifty jobs or two seconds of work, then rung again at the
back of the queue, and each tenant has one waiting bell: a hospital with ten thousand jobs gets the same turns as a
hospital with one. (RQ's own RateLimit keeps the slot of a killed worker; docs/decisions tells how long.)
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

import redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from tandem.kernel import doorbell, telemetry
from tandem.kernel.jobs.running import recover_lapsed, run_next

TURN_JOBS: Final = 50
TURN_SECONDS: Final = 2.0
RECYCLE_TURNS: Final = 20_000
RECYCLE_RSS_BYTES: Final = 512 << 20

_stopping = threading.Event()


def drain(tenant: str, queue: str) -> None:
    """Answer one bell: run the tenant's due jobs of `queue` for one turn, then pass the turn on."""
    tenant_id = UUID(tenant)
    try:
        take_turn(tenant_id, queue)
    except (SQLAlchemyError, OSError) as error:
        # The database is away. Nothing is lost: rows wait, the sweeper rings. No message: it may quote a row.
        telemetry.count("turns_broken", queue=queue)
        telemetry.log.error("turn_broken", queue=queue, tenant_id=tenant, exc_info=error)


def take_turn(tenant: UUID, queue: str) -> int:
    """Run up to fifty due jobs or two seconds' worth; ring again when more may wait. Returns how many ran."""
    began = time.monotonic()
    _quietly(lambda: doorbell.answered(tenant, queue))
    recover_lapsed(tenant, queue)
    ran = 0
    while run_next(tenant, queue):
        ran += 1
        if ran >= TURN_JOBS or time.monotonic() - began >= TURN_SECONDS or _stopping.is_set():
            _quietly(lambda: doorbell.ring([(tenant, queue)]))
            break
    return ran


def _quietly(ask: Callable[[], object]) -> None:
    try:
        ask()
    except redis.RedisError as error:
        telemetry.log.warning("redis_away", reason=type(error).__name__)


class TandemWorker(SimpleWorker):
    """RQ's worker without a fork per job, for exactly one queue: with two, a killed RQ 3 worker loses bells."""

    log_job_description = False
    log_result_lifespan = False

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()
        _stopping.set()

    def execute_job(self, job: Job, queue: Queue) -> None:
        super().execute_job(job, queue)
        if _resident_bytes() > RECYCLE_RSS_BYTES:
            telemetry.log.info("worker_too_big", bytes=_resident_bytes())
            self._stop_requested = True


def work(queue: str) -> None:
    """Answer the bells of one queue until TERM or INT. After many turns or much memory the process starts anew.

    Raises ValueError for a queue that does not exist.
    """
    wait_seconds = 1.0
    while not _stopping.is_set():
        try:
            bells = doorbell.redis_queue(queue, doorbell.patient_connection())
            worker = TandemWorker(
                [bells], connection=bells.connection, job_class=doorbell.Bells, serializer=JSONSerializer
            )
            worker.work(logging_level=None, max_jobs=RECYCLE_TURNS)
        except redis.RedisError as error:
            telemetry.log.warning("redis_away", reason=type(error).__name__, retry_seconds=wait_seconds)
            _stopping.wait(wait_seconds)
            wait_seconds = min(wait_seconds * 2, 10.0)
            continue
        if not _stopping.is_set():
            _start_anew()


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:  # no /proc, no measure: the bound on turns still holds
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _start_anew() -> None:
    """Become a fresh process under the same pid, so that any supervisor may stand above."""
    telemetry.log.info("worker_starts_anew")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own command line again
