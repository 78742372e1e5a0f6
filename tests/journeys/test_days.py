"""Days on a running platform, with a provider that misbehaves and processes that are killed. Every proof must hold."""

import os
import random
import signal
import threading
import time

import pytest

from tests.journeys.stack import Stack, account_of, running

VICTIMS = ("tandem worker", "gunicorn", "tandem scheduler")
HIGHEST_WAIT_SECONDS = 6.0
# Whatever falls again and again is started again later and later, up to half a minute. A day that is slow anyway would
# then never end: it is killed no more often than a fast one.
MOST_KILLS = 8


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(tmp_path_factory.mktemp("days")) as up:
        yield up


def broken_proofs(account) -> list[str]:
    return [f"{proof['name']}: {proof['detail']}" for proof in account["proofs"] if not proof["holds"]]


@pytest.mark.slow
def test_a_day_with_a_misbehaving_provider_adds_up_and_the_same_seed_gives_the_same_totals(stack):
    first = stack.tandem(
        "demo", "day", "--hospitals", "2", "--patients", "24", "--days", "1", "--seed", "7", "--misbehave", "--json"
    )
    again = stack.tandem(
        "demo", "day", "--hospitals", "2", "--patients", "24", "--days", "1", "--seed", "7", "--misbehave", "--json"
    )

    assert first.returncode == 0, first.stdout + first.stderr
    assert again.returncode == 0, again.stdout + again.stderr
    assert account_of(first)["hospitals"] == account_of(again)["hospitals"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_killed_workers_and_web_processes_lose_nothing_and_double_nothing(stack, seed):
    over = threading.Event()
    killed: list[str] = []
    killer = threading.Thread(target=kill_at_random, args=(stack, seed, over, killed))

    killer.start()
    try:
        lived = stack.tandem(
            "demo",
            "day",
            "--hospitals",
            "2",
            "--patients",
            "24",
            "--days",
            "1",
            "--seed",
            str(seed),
            "--misbehave",
            "--json",
        )
    finally:
        over.set()
        killer.join()

    assert lived.returncode == 0, lived.stdout + lived.stderr
    assert broken_proofs(account_of(lived)) == []
    assert len(killed) >= 2
    verified = stack.tandem("ledger", "verify"), stack.tandem("audit", "verify")
    assert [done.returncode for done in verified] == [0, 0], [done.stdout + done.stderr for done in verified]


def kill_at_random(stack: Stack, seed: int, over: threading.Event, killed: list[str]) -> None:
    """kill -9 a worker, a web process or the scheduler, again and again, at moments that the seed decides."""
    dice = random.Random(seed)
    while len(killed) < MOST_KILLS and not over.wait(1 + dice.random() * HIGHEST_WAIT_SECONDS):
        candidates = sorted(
            (args, pid) for pid, args in stack.processes().items() if any(args.startswith(name) for name in VICTIMS)
        )
        if not candidates:
            continue
        args, pid = dice.choice(candidates)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        killed.append(args)
        time.sleep(0.5)
