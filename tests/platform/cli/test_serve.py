"""`tandem serve`: hands forked from one loaded application, and what they give back at rest."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from gunicorn.config import Config
from gunicorn.glogging import Logger
from sqlalchemy import text

from tandem.cli import resting
from tandem.cli.serve import RENEWAL, Foreman, Hand
from tandem.kernel import footprint
from tandem.kernel.database import db, session
from tandem.kernel.tenancy import in_public


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def worker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[resting.RestingWorker]:
    """A web worker of this application that has answered and has nothing to do."""
    monkeypatch.setattr(footprint, "REST_SECONDS", -1)
    # All of pytest is this process's own.
    monkeypatch.setattr(resting, "REST_OWN_BYTES", 1 << 40)
    settings = Config()
    made = resting.RestingWorker(1, os.getpid(), [], None, 30, settings, Logger(settings))
    made.wsgi, made.alive = app, True
    yield made
    made.tmp.close()


def idle_connections() -> int:
    return sum(engine.pool.checkedin() for engine in db.engines.values())


def test_a_hand_that_asks_for_renewal_is_forked_again_at_once_and_has_not_fallen(
    app: Flask, tmp_path: Path, signals_as_before: None
) -> None:
    lives = tmp_path / "lives"

    def act() -> None:
        with lives.open("a") as written:
            written.write(f"{os.getpid()}\n")
        if len(lives.read_text().splitlines()) == 1:
            raise SystemExit(RENEWAL)
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)

    hand = Hand("renewed", ("-m", "tandem.cli"), act, stage=0)
    Foreman(app, [hand], []).keep_running(wait=False)

    assert len(set(lives.read_text().splitlines())) == 2
    assert hand.falls == 0


def test_a_web_worker_at_rest_holds_no_connection_and_stays(app: Flask, worker: resting.RestingWorker) -> None:
    with in_public():
        session.execute(text("SELECT 1"))
    assert idle_connections() > 0

    worker.notify()

    assert idle_connections() == 0
    assert worker.alive
    with in_public():
        assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_web_worker_that_answers_does_not_rest(app: Flask, worker: resting.RestingWorker) -> None:
    with in_public():
        session.execute(text("SELECT 1"))
    worker.nr = 1

    worker.notify()

    assert idle_connections() > 0


@pytest.mark.skipif(not footprint.own_bytes(), reason="this system does not tell what a process shares")
def test_a_large_web_worker_at_rest_makes_room_for_another(
    worker: resting.RestingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "REST_OWN_BYTES", 1 << 20)

    worker.notify()

    assert not worker.alive
