"""`tandem worker QUEUE` and `tandem workers QUEUE…`: the application is loaded before the first job."""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any, Final, NoReturn

import click
from setproctitle import setproctitle

from tandem.app import dispose_engines
from tandem.cli.scheduler import run_scheduler
from tandem.kernel import telemetry
from tandem.kernel.jobs.worker import work

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 30.0
WELL_AFTER_SECONDS: Final = 60.0


@click.command()
@click.argument("queue")
def worker(queue: str) -> None:
    """Work one queue until TERM or INT. One queue per process: with two, a killed worker loses jobs."""
    with _application().app_context():
        try:
            work(queue)
        except ValueError as refused:
            raise click.ClickException(str(refused)) from refused


@click.command()
@click.argument("queues", nargs=-1, required=True)
@click.option("--scheduler", "with_scheduler", is_flag=True, help="Run the scheduler beside them.")
def workers(queues: tuple[str, ...], *, with_scheduler: bool) -> None:
    """Load the application once and fork one worker per queue: a third of the memory, and quicker to start."""
    app = _application()
    hands = [Hand(f"worker {queue}", ("worker", queue), partial(work, queue)) for queue in queues]
    if with_scheduler:
        hands.append(Hand("scheduler", ("scheduler",), run_scheduler))
    # What is loaded now never becomes garbage; frozen, its pages stay shared after the fork.
    gc.collect()
    gc.freeze()
    Foreman(app, hands).keep_running()


@dataclass
class Hand:
    """One forked process: its name, the command line it would have had alone, and what it does."""

    name: str
    words: tuple[str, ...]
    act: Callable[[], None]
    pid: int = 0
    began: float = 0
    falls: int = 0
    start_again_at: float | None = 0.0


class Foreman:
    """Forks hands, starts them again when they fall, and on TERM waits until each has finished its job."""

    def __init__(self, app: Any, hands: list[Hand]) -> None:
        self._app, self._hands, self._stopping = app, hands, False

    def keep_running(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            for hand in self._hands:
                if hand.start_again_at is not None and time.monotonic() >= hand.start_again_at:
                    self._fork(hand)
            self._note_falls()
            time.sleep(0.2)
        self._end_all()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _fork(self, hand: Hand) -> None:
        hand.began, hand.start_again_at = time.monotonic(), None
        hand.pid = os.fork()
        if hand.pid == 0:
            self._become(hand)

    def _become(self, hand: Hand) -> NoReturn:
        """The child's whole life: it never returns into the foreman's loop."""
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            setproctitle(f"tandem {hand.name}")
            # A worker that starts anew executes its own command line, which must be a hand's and not the foreman's.
            sys.orig_argv[:] = [sys.executable, "-m", "tandem.cli", *hand.words]
            dispose_engines(self._app)
            with self._app.app_context():
                hand.act()
            code = 0
        except Exception as error:  # noqa: BLE001 - the last frame of a process: what falls through here is told
            telemetry.log.error("hand_fell", hand=hand.name, exc_info=error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _note_falls(self) -> None:
        for hand in self._hands:
            if hand.pid and os.waitpid(hand.pid, os.WNOHANG)[0]:
                lived = time.monotonic() - hand.began
                hand.falls = 1 if lived > WELL_AFTER_SECONDS else hand.falls + 1
                wait_seconds = min(FIRST_WAIT_SECONDS * 2 ** (hand.falls - 1), LONGEST_WAIT_SECONDS)
                hand.pid, hand.start_again_at = 0, time.monotonic() + wait_seconds
                telemetry.log.warning("hand_fell", hand=hand.name, starts_again_in_seconds=wait_seconds)

    def _end_all(self) -> None:
        for hand in self._hands:
            if hand.pid:
                os.kill(hand.pid, signal.SIGTERM)
        for hand in self._hands:
            if hand.pid:
                os.waitpid(hand.pid, 0)


def _application() -> Any:
    # By name, as gunicorn does: no arrow points from the platform up to the roof.
    return import_module("wsgi").app
