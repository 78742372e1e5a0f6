"""`tandem scheduler`: once a second, fire what is due, ring for what was lost, seal what waits."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import Final

import click
import redis
from sqlalchemy.exc import SQLAlchemyError

from tandem.kernel import audit, doorbell, jobs, telemetry

ROUND_SECONDS: Final = 1.0
BACKLOG_SECONDS: Final = 10.0
# Another scheduler takes over after this; by then the database's own marks and keys have kept all jobs single.
LEASE_MS: Final = 5_000


@click.command()
def scheduler() -> None:
    """Ring the jobs that are due, until TERM or INT. Of several, one works and the others wait."""
    with import_module("wsgi").app.app_context():
        run_scheduler()


def run_scheduler() -> None:
    """Rounds until TERM or INT, in the application context at hand."""
    stopping = threading.Event()

    def _stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    rounds(stopping, duties())


@dataclass
class Duty:
    """Something done again and again, at most once in so many seconds."""

    name: str
    act: Callable[[], object]
    every_seconds: float = 0.0
    due_at: float = 0.0


def duties() -> list[Duty]:
    """What a scheduler does, in this order."""
    return [
        Duty("fire_due", jobs.fire_due),
        Duty("sweep", jobs.sweep),
        Duty("seal", audit.seal_pending),
        Duty("measure_backlog", jobs.measure_backlog, BACKLOG_SECONDS),
    ]


def rounds(stopping: threading.Event, todo: Sequence[Duty]) -> None:
    """One round a second until `stopping` is set; the lease is given back at the end."""
    own = f"{os.getpid()}-{secrets.token_hex(8)}"
    while not stopping.is_set():
        began = time.monotonic()
        if holds_lease(own):
            for duty in todo:
                if began >= duty.due_at:
                    duty.due_at = began + duty.every_seconds
                    _attempt(duty)
        stopping.wait(max(0.0, ROUND_SECONDS - (time.monotonic() - began)))
    _give_back(own)


def holds_lease(own: str) -> bool:
    """Take or renew the lease. With Redis away everyone may work: double work is refused by the database's keys."""
    try:
        client = doorbell.connection()
        if client.set(doorbell.SCHEDULER_LEASE, own, nx=True, px=LEASE_MS):
            return True
        if client.get(doorbell.SCHEDULER_LEASE) != own.encode():
            return False
        return bool(client.pexpire(doorbell.SCHEDULER_LEASE, LEASE_MS))
    except redis.RedisError:
        return True


def _attempt(duty: Duty) -> None:
    """What fails now is tried again in the next round; the other duties do not wait for it."""
    try:
        duty.act()
    except (redis.RedisError, SQLAlchemyError, OSError) as error:
        telemetry.count("scheduler_faults", duty=duty.name)
        telemetry.log.warning("scheduler_duty_failed", duty=duty.name, reason=type(error).__name__)


def _give_back(own: str) -> None:
    try:
        client = doorbell.connection()
        if client.get(doorbell.SCHEDULER_LEASE) == own.encode():
            client.delete(doorbell.SCHEDULER_LEASE)
    except redis.RedisError as error:
        telemetry.log.warning("redis_away", reason=type(error).__name__)
