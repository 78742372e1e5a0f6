"""Turns: how tenants share the workers of a queue.

A bell is answered with at most fifty jobs or two seconds of work, then rung again at the back of the queue, and each
tenant has one waiting bell: a hospital with ten thousand jobs gets the same turns as a hospital with one. (RQ's own
RateLimit keeps the slot of a killed worker for minutes: docs/decisions/0010.)
"""

import threading
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import redis

from tandem.kernel import doorbell, telemetry
from tandem.kernel.jobs.running import recover_lapsed, run_next
from tandem.kernel.jobs.sweeping import due_bells

TURN_JOBS: Final = 50
TURN_SECONDS: Final = 2.0

stopping: Final = threading.Event()
"""Set when this worker was told to end: the job at hand is finished, the turn is passed on."""


def take_turn(tenant: UUID, queue: str) -> int:
    """Run up to fifty due jobs or two seconds' worth; ring again when more may wait. Returns how many ran."""
    began = time.monotonic()
    _unless_away(lambda: doorbell.answered(tenant, queue))
    recover_lapsed(tenant, queue)
    ran = 0
    while run_next(tenant, queue):
        ran += 1
        if ran >= TURN_JOBS or time.monotonic() - began >= TURN_SECONDS or stopping.is_set():
            _unless_away(lambda: doorbell.ring([(tenant, queue)]))
            break
    return ran


def run_due(at_most: int = 10_000) -> int:
    """Run every due job of every tenant in this process, those they ask for too. Returns how many ran.

    For a process that is alone with the database (tests, a one-shot command); Redis is not asked.
    """
    ran = 0
    while bells := due_bells(patience_seconds=0):
        for tenant, queue in bells:
            recover_lapsed(tenant, queue)
            while ran < at_most and run_next(tenant, queue):
                ran += 1
        if ran >= at_most:
            break
    return ran


def _unless_away(ask: Callable[[], object]) -> None:
    try:
        ask()
    except redis.RedisError as error:
        telemetry.log.warning("redis_away", reason=type(error).__name__)
