"""Redis is a doorbell: it says that a tenant has work in a queue, never what the work is.

A bell is one RQ job `drain(tenant, queue)`; the work itself is rows of the table `job`. So a lost Redis loses
nothing (the sweeper rings again), and a Redis that is down never fails nor delays a request: bells noted in a
transaction are handed to a thread of this process once the commit is through, and that thread alone talks to Redis.
"""

import atexit
import os
import threading
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from sqlalchemy.orm import Session

from tandem.kernel import telemetry
from tandem.kernel.tenancy import AFTER_COMMIT

QUEUES: Final = ("fast", "slow")
"""`fast` is what somebody waits for; the timetable is `slow`: its turns of all hospitals come before a payment's."""

DRAIN: Final = "tandem.kernel.jobs.worker.drain"
# How long one waiting bell stands for further ones. A worker killed between taking a bell and answering it
# leaves the mark behind, so it bounds how long that tenant waits.
BELL_SECONDS: Final = 15
# Asking Redis may hold a thread this long; only the ringing thread, readiness and the CLI ever ask.
REDIS_TIMEOUT_SECONDS: Final = 2
# Held by the one scheduler that works; its expiry says that none does.
SCHEDULER_LEASE: Final = "tandem:scheduler"
_NOTES: Final = "tandem.bells"

Bell = tuple[UUID, str]


class Bells(RqJob):
    """The only RQ job there is. A function's name planted in Redis is refused before anything is imported."""

    @property
    def func(self) -> Any:
        if self.func_name != DRAIN or self.instance is not None:
            raise PermissionError("only the doorbell is rung through Redis")
        return super().func

    def restore(self, raw_data: dict[Any, Any]) -> None:
        super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None


def configure(redis_url: str) -> None:
    """Say which Redis holds the bells; called once per process before anything is committed."""
    _Redis.url = redis_url
    _Redis.client = None


def connection() -> redis.Redis:
    """This process's Redis client (a forked child opens its own). Raises RuntimeError before `configure`."""
    if _Redis.client is None or _Redis.pid != os.getpid():
        if _Redis.url is None:
            raise RuntimeError("doorbell.configure(redis_url) was not called")
        _Redis.client = redis.Redis.from_url(
            _Redis.url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            # One fresh try mends a connection that a restarted Redis dropped; more would only hold the asker up.
            retry=Retry(NoBackoff(), 1),
        )
        _Redis.pid = os.getpid()
    return _Redis.client


class _Redis:
    url: str | None = None
    client: redis.Redis | None = None
    pid: int = 0


def note(session: Session, tenant_id: UUID, queue: str) -> None:
    """Remember that this transaction leaves work for `queue` behind; rung only if it commits."""
    session.info.setdefault(_NOTES, set()).add((tenant_id, queue))


def ring_bells(session: Session) -> None:
    """Hand the noted bells to the ringing thread; the transaction calls this after its commit."""
    bells = session.info.pop(_NOTES, None)
    if bells:
        ring_soon(bells)


def ring_soon(bells: set[Bell]) -> None:
    """Hand bells to the ringing thread. What they stand for is committed."""
    if bells:
        _ringer.hand_over(bells)


AFTER_COMMIT.append(ring_bells)


def ring(bells: Iterable[Bell]) -> int:
    """Ring now, one waiting bell per tenant and queue. Returns how many were added. Raises redis.RedisError."""
    wanted = sorted(set(bells), key=lambda bell: (bell[1], bell[0].bytes))
    client = connection()
    with client.pipeline(transaction=False) as pipe:
        for tenant_id, queue in wanted:
            pipe.set(_mark(tenant_id, queue), 1, nx=True, ex=BELL_SECONDS)
        fresh = [bell for bell, added in zip(wanted, pipe.execute(), strict=True) if added]
    by_queue: dict[str, list[UUID]] = {}
    for tenant_id, queue in fresh:
        by_queue.setdefault(queue, []).append(tenant_id)
    for queue, tenant_ids in by_queue.items():
        redis_queue(queue).enqueue_many([_bell(tenant_id, queue) for tenant_id in tenant_ids])
    return len(fresh)


def answered(tenant_id: UUID, queue: str) -> None:
    """A worker took the bell: from now on new work rings anew. Raises redis.RedisError."""
    connection().delete(_mark(tenant_id, queue))


def patient_connection() -> redis.Redis:
    """A client that may wait long for an answer, for the worker that waits for bells."""
    if _Redis.url is None:
        raise RuntimeError("doorbell.configure(redis_url) was not called")
    return redis.Redis.from_url(_Redis.url, socket_connect_timeout=REDIS_TIMEOUT_SECONDS, socket_keepalive=True)


def redis_queue(queue: str, client: redis.Redis | None = None) -> Queue:
    """The RQ queue of that name. Raises ValueError for a name we do not have."""
    if queue not in QUEUES:
        raise ValueError(f"no queue is called {queue!r}; there are {', '.join(QUEUES)}")
    return Queue(queue, connection=client or connection(), serializer=JSONSerializer, job_class=Bells)


def flush(timeout_seconds: float = REDIS_TIMEOUT_SECONDS) -> bool:
    """Wait until every bell handed over is rung or given up; False when that took too long."""
    return _ringer.flush(timeout_seconds)


def _mark(tenant_id: UUID, queue: str) -> str:
    return f"tandem:bell:{queue}:{tenant_id}"


def _bell(tenant_id: UUID, queue: str) -> Any:
    # No timeout of RQ's own: the drain bounds itself and each job. Results and failures hold nothing to keep.
    return Queue.prepare_data(
        DRAIN, args=(str(tenant_id), queue), timeout=-1, result_ttl=0, failure_ttl=600, description=f"drain {queue}"
    )


class _Ringer:
    """The one thread of a process that rings; started by the first commit that leaves work behind."""

    def __init__(self) -> None:
        self._pid = 0
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._waiting: set[Bell] = set()
        self._changed = threading.Condition()
        self._busy = False

    def hand_over(self, bells: set[Bell]) -> None:
        if self._pid != os.getpid():
            # A fork copies the bells but not the thread; the parent rings its own.
            self._start_afresh()
            self._pid = os.getpid()
            threading.Thread(target=self._ring_for_ever, name="doorbell", daemon=True).start()
        with self._changed:
            self._waiting |= bells
            self._changed.notify_all()

    def _ring_for_ever(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting))
                bells, self._waiting, self._busy = self._waiting, set(), True
            try:
                ring(bells)
            except (redis.RedisError, OSError, RuntimeError) as error:
                # The rows are committed: the sweeper rings for them when Redis answers again.
                telemetry.count("bells_lost", len(bells))
                telemetry.log.warning("bells_lost", bells=len(bells), reason=type(error).__name__)

    def flush(self, timeout_seconds: float) -> bool:
        if self._pid != os.getpid():
            return True
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_seconds)


_ringer = _Ringer()
atexit.register(flush)


@telemetry.readiness_part("redis")
def _redis_answers() -> str | None:
    connection().ping()
    return None
