"""Of several schedulers one works, and another takes over when it falls silent."""

import threading

import pytest
import redis
from flask import Flask

from tandem.cli import scheduler
from tandem.cli.scheduler import Duty
from tandem.kernel import doorbell


@pytest.fixture
def lease(app: Flask, redis_url: str) -> redis.Redis:
    with redis.Redis.from_url(redis_url) as client:
        client.delete("tandem:scheduler")
        yield client
        client.delete("tandem:scheduler")


def test_one_of_two_schedulers_holds_the_lease_and_renews_it(lease: redis.Redis) -> None:
    assert scheduler.holds_lease("first")
    lease.pexpire("tandem:scheduler", 50)

    assert not scheduler.holds_lease("second")
    assert scheduler.holds_lease("first")
    assert lease.pttl("tandem:scheduler") > 1_000


def test_another_takes_over_when_the_lease_lapses(lease: redis.Redis) -> None:
    scheduler.holds_lease("first")

    lease.delete("tandem:scheduler")

    assert scheduler.holds_lease("second")
    assert not scheduler.holds_lease("first")


def test_a_scheduler_works_on_while_redis_is_away(lease: redis.Redis, redis_url: str) -> None:
    doorbell.configure("redis://127.0.0.1:1/0")

    try:
        assert scheduler.holds_lease("alone")
    finally:
        doorbell.configure(redis_url)


def test_a_scheduler_that_is_stopped_gives_the_lease_back(lease: redis.Redis) -> None:
    stopping = threading.Event()
    held = []

    scheduler.rounds(stopping, [Duty("look", lambda: held.append(lease.exists("tandem:scheduler")) or stopping.set())])

    assert held == [1]
    assert not lease.exists("tandem:scheduler")


def test_a_duty_that_fails_does_not_keep_the_others_waiting(lease: redis.Redis) -> None:
    stopping = threading.Event()

    def fail() -> None:
        raise OSError("the database is away")

    scheduler.rounds(stopping, [Duty("fails", fail), Duty("follows", stopping.set)])

    assert stopping.is_set()


def test_a_duty_with_a_rhythm_is_not_done_in_every_round(lease: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "ROUND_SECONDS", 0.01)
    stopping = threading.Event()
    often, seldom = [], []

    def count() -> None:
        often.append(1)
        if len(often) == 5:
            stopping.set()

    scheduler.rounds(stopping, [Duty("often", count), Duty("seldom", lambda: seldom.append(1), every_seconds=60)])

    assert (len(often), len(seldom)) == (5, 1)
