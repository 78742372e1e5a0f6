"""`tandem serve`: one loaded application, forked into gunicorn, a worker for each queue and the scheduler.

Loading takes three seconds and a hundred megabytes; done once instead of four times, it is what makes `tandem up`
quick to start and small at rest. A process that falls is forked again in a moment. Where each process has a machine,
a container or a unit of its own, `gunicorn`, `tandem worker` and `tandem scheduler` do the same one by one.
"""

import gc
import os
import select
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

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 30.0
WELL_AFTER_SECONDS: Final = 60.0
GUNICORN: Final = ("-c", "deploy/gunicorn.conf.py", "wsgi:app")
# The exit status of a hand that wants to be forked again from the clean image; any other is a fall.
RENEWAL: Final = 75


@click.command()
@click.argument("queues", nargs=-1)
@click.option("--wait", is_flag=True, help="Start web only; the rest after a line (or the end) of standard input.")
def serve(queues: tuple[str, ...], *, wait: bool) -> None:
    """Run gunicorn, one worker per queue and the scheduler from one loaded application, until TERM or INT."""
    app = _loaded()
    web = Hand("web", ("-m", "gunicorn", *GUNICORN), _serve_web, stage=0)
    others = [Hand(f"worker {queue}", _tandem("worker", queue), partial(_work, queue), stage=1) for queue in queues]
    others.append(Hand("scheduler", _tandem("scheduler"), _run_scheduler, stage=1))
    Foreman(app, [web], others).keep_running(wait=wait)


def _loaded() -> Any:
    # A million things are made and hardly one dies: to look for garbage meanwhile is a fifth of the time.
    gc.disable()
    # By name, as gunicorn does: no arrow points from the platform up to the roof.
    app = import_module("wsgi").app
    gc.collect()
    # What is loaded now never becomes garbage; frozen, its pages stay shared after the fork.
    gc.freeze()
    # Rows and drafts are no cycles: looking through each batch of them for some is a sixth of a posting's time (0045).
    gc.set_threshold(50_000)
    gc.enable()
    return app


@dataclass
class Hand:
    """One forked process: its name, the command line it would have alone, what it does, and when it stops."""

    name: str
    words: tuple[str, ...]
    act: Callable[[], None]
    stage: int
    pid: int = 0
    began: float = 0
    falls: int = 0
    start_again_at: float | None = 0.0


class Foreman:
    """Forks hands, forks them again when they fall, and on TERM waits, stage by stage, until each has finished."""

    def __init__(self, app: Any, first: list[Hand], later: list[Hand]) -> None:
        self._app, self._hands, self._later, self._stopping = app, first, later, False

    def keep_running(self, *, wait: bool) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            if self._later and (not wait or select.select([sys.stdin], [], [], 0)[0]):
                self._hands, self._later = [*self._hands, *self._later], []
            for hand in self._hands:
                if hand.start_again_at is not None and time.monotonic() >= hand.start_again_at:
                    self._fork(hand)
            self._note_falls()
            time.sleep(0.1)
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
            # Who starts anew executes its own command line, which must be a hand's and not the foreman's.
            sys.orig_argv[:] = [sys.executable, *hand.words]
            import_module("tandem.app").dispose_engines(self._app)
            with self._app.app_context():
                hand.act()
            code = 0
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 0
        except Exception as error:  # noqa: BLE001 - the last frame of a process: what falls through here is told
            _telemetry().log.error("hand_fell", hand=hand.name, exc_info=error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _note_falls(self) -> None:
        for hand in self._hands:
            ended, status = os.waitpid(hand.pid, os.WNOHANG) if hand.pid else (0, 0)
            if ended and os.waitstatus_to_exitcode(status) == RENEWAL:
                hand.pid, hand.start_again_at = 0, time.monotonic()
            elif ended:
                lived = time.monotonic() - hand.began
                hand.falls = 1 if lived > WELL_AFTER_SECONDS else hand.falls + 1
                wait_seconds = min(FIRST_WAIT_SECONDS * 2 ** (hand.falls - 1), LONGEST_WAIT_SECONDS)
                hand.pid, hand.start_again_at = 0, time.monotonic() + wait_seconds
                _telemetry().log.warning("hand_fell", hand=hand.name, starts_again_in_seconds=wait_seconds)

    def _end_all(self) -> None:
        for stage in (0, 1):
            running = [hand for hand in self._hands if hand.pid and hand.stage == stage]
            for hand in running:
                os.kill(hand.pid, signal.SIGTERM)
            for hand in running:
                os.waitpid(hand.pid, 0)


def _tandem(*words: str) -> tuple[str, ...]:
    return ("-m", "tandem.cli", *words)


# Each of these loads what only its own process needs, so that the fork stays small.
def _serve_web() -> None:
    sys.argv = ["gunicorn", *GUNICORN]
    import_module("gunicorn.app.wsgiapp").run()


def _work(queue: str) -> None:
    import_module("tandem.kernel.jobs.worker").work(queue, renewal=RENEWAL)


def _run_scheduler() -> None:
    import_module("tandem.cli.scheduler").run_scheduler()


def _telemetry() -> Any:
    return import_module("tandem.kernel.telemetry")
