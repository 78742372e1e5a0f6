"""`tandem scheduler`: once a second, fire what is due, ring for what was lost, seal what waits."""

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
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
_LEASE: Final = "tandem:scheduler"


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
    rounds(stopping)


def rounds(stopping: threading.Event) -> None:
    """One round a second until `stopping` is set; the lease is given back at the end."""
    own = f"{os.getpid()}-{secrets.token_hex(8)}"
    measured = 0.0
    while not stopping.is_set():
        began = time.monotonic()
        if holds_lease(own):
            _attempt("fire_due", jobs.fire_due)
            _attempt("sweep", jobs.sweep)
            _attempt("seal", audit.seal_pending)
            if began - measured >= BACKLOG_SECONDS:
                measured = began
                _attempt("measure_backlog", jobs.measure_backlog)
        stopping.wait(max(0.0, ROUND_SECONDS - (time.monotonic() - began)))
    _give_back(own)


def holds_lease(own: str) -> bool:
    """Take or renew the lease. With Redis away everyone may work: double work is refused by the database's keys."""
    try:
        client = doorbell.connection()
        if client.set(_LEASE, own, nx=True, px=LEASE_MS):
            return True
        if client.get(_LEASE) != own.encode():
            return False
        return bool(client.pexpire(_LEASE, LEASE_MS))
    except redis.RedisError:
        return True


def _attempt(name: str, act: Callable[[], object]) -> None:
    """What fails now is tried again in the next round; the other duties do not wait for it."""
    try:
        act()
    except (redis.RedisError, SQLAlchemyError, OSError) as error:
        telemetry.count("scheduler_faults", duty=name)
        telemetry.log.warning("scheduler_duty_failed", duty=name, reason=type(error).__name__)


def _give_back(own: str) -> None:
    try:
        client = doorbell.connection()
        if client.get(_LEASE) == own.encode():
            client.delete(_LEASE)
    except redis.RedisError as error:
        telemetry.log.warning("redis_away", reason=type(error).__name__)
