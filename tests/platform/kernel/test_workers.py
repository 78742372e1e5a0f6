"""Real worker processes, killed and stopped: nothing lost, nothing done twice, nothing left half done."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest

from tandem.kernel import doorbell
from tandem.kernel.jobs import enqueue, sweep
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.kernel import counted_jobs as work
from tests.platform.kernel.stories import ask_for, counted, job_row, states

pytestmark = pytest.mark.usefixtures("app")
LEASE_SECONDS = 1.5
# A process loads the application first; on a busy machine that takes a while.
START_SECONDS = 60
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


@pytest.fixture
def start(process_environment: dict[str, str]) -> Iterator[Start]:
    """Starts worker processes of the fast queue and ends what is left of them."""
    doorbell.flush()
    doorbell.connection().flushdb()
    environment = {**os.environ, **process_environment, "PYTHONPATH": ".:platform"}
    command = [sys.executable, "-m", "tests.platform.kernel.worker_process", "worker", "fast", str(LEASE_SECONDS)]
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([*command, *words], env=environment, stderr=subprocess.DEVNULL))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def until(true: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until it is true, sweeping meanwhile as the scheduler does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        sweep()
        time.sleep(0.1)
    return true()


def test_a_worker_does_what_it_is_rung_for_and_outlives_an_emptied_redis(hospital: UUID, start: Start) -> None:
    start()
    first = ask_for(hospital, work.count_visit, visit_id=uuid4())
    assert until(lambda: job_row(hospital, first).state == "done", seconds=START_SECONDS)

    doorbell.connection().flushall()
    second = ask_for(hospital, work.count_visit, visit_id=uuid4())

    assert until(lambda: job_row(hospital, second).state == "done", seconds=START_SECONDS)
    assert sum(counted(hospital).values()) == 2


def test_a_worker_told_to_end_finishes_the_job_at_hand_and_passes_the_turn_on(hospital: UUID, start: Start) -> None:
    with acting_for(hospital), transaction():
        for _ in range(20):
            enqueue(work.count_visit_slowly, visit_id=uuid4(), milliseconds=200)
    worker = start()
    assert until(lambda: states(hospital)["done"] >= 1, seconds=START_SECONDS)

    worker.send_signal(signal.SIGTERM)
    worker.wait(5)

    left = states(hospital)
    assert left["running"] == 0
    assert left["queued"] > 0
    assert sum(counted(hospital).values()) == left["done"]


def test_killed_workers_lose_no_job_and_double_none(hospital: UUID, start: Start) -> None:
    dice = random.Random(7)
    visits = [uuid4() for _ in range(100)]
    with acting_for(hospital), transaction():
        for visit in visits:
            enqueue(work.count_visit_slowly, visit_id=visit)
    workers = [start(), start()]
    assert until(lambda: states(hospital)["done"] >= 1, seconds=START_SECONDS)

    for _ in range(3):
        time.sleep(dice.uniform(0.05, 0.4))
        victim = workers.pop(dice.randrange(len(workers)))
        victim.kill()
        victim.wait()
        workers.append(start())

    until(lambda: states(hospital)["done"] == len(visits), seconds=START_SECONDS + 90)
    assert states(hospital) == {"done": len(visits)}
    assert counted(hospital) == dict.fromkeys(map(str, visits), 1)


def test_a_long_job_keeps_its_lease_while_its_worker_lives(hospital: UUID, start: Start) -> None:
    start()
    start()

    job_id = ask_for(hospital, work.count_visit_slowly, visit_id=uuid4(), milliseconds=int(LEASE_SECONDS * 2500))

    assert until(lambda: job_row(hospital, job_id).state == "done", seconds=60)
    assert job_row(hospital, job_id).attempts == 1
    assert sum(counted(hospital).values()) == 1


def test_a_large_worker_leaves_to_be_forked_anew_when_it_rests_and_the_next_one_finds_what_came_meanwhile(
    hospital: UUID, start: Start
) -> None:
    worker = start("75")
    first = ask_for(hospital, work.count_visit, visit_id=uuid4())
    assert until(lambda: job_row(hospital, first).state == "done", seconds=START_SECONDS)

    assert worker.wait(START_SECONDS) == 75
    second = ask_for(hospital, work.count_visit, visit_id=uuid4())
    start("75")

    assert until(lambda: job_row(hospital, second).state == "done", seconds=START_SECONDS)
