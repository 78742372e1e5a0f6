"""A whole running stack of this checkout, in a home of its own, as `make run` would start it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_SECONDS = 120


@dataclass
class Stack:
    """Where it is, and how to speak to it."""

    home: Path
    supervisor: subprocess.Popen[bytes]
    log: Path

    def tandem(self, *words: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
        """Run a `tandem` command against it."""
        return subprocess.run(
            [sys.executable, "-m", "tandem.cli", *words],
            cwd=ROOT,
            env=environment(self.home),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def processes(self) -> dict[int, str]:
        """Every process below the supervisor, with its command line."""
        listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in listed.splitlines() if len(line.split(None, 2)) == 3]
        family = {self.supervisor.pid}
        while grown := {int(pid) for pid, parent, _ in rows if int(parent) in family} - family:
            family |= grown
        return {int(pid): args for pid, _, args in rows if int(pid) in family and int(pid) != self.supervisor.pid}


@contextmanager
def running(home: Path) -> Iterator[Stack]:
    """Start the stack, wait until its demonstration is seeded, and stop it at the end."""
    log = home / "up.log"
    home.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "tandem.cli", "up"],
            cwd=ROOT,
            env=environment(home),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_seed(log, supervisor)
        yield Stack(home, supervisor, log)
    finally:
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(60)


def environment(home: Path) -> dict[str, str]:
    """The tests' own environment, without any word about other servers."""
    others = ("DATABASE_URL", "REDIS_URL", "STRIPE_", "TANDEM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | {"TANDEM_HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}


def account_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What `tandem demo day --json` told."""
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _await_seed(log: Path, supervisor: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while "One login for each audience" not in log.read_text():
        if supervisor.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"the stack did not come up:\n{log.read_text()}")
        time.sleep(0.2)
