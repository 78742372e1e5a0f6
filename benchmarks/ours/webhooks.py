"""Webhooks at a gunicorn: our inbox, and dj-stripe's endpoint behind the very same settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from runpy import run_path
from typing import Final

import psycopg

from benchmarks.load import drive, percentile
from benchmarks.servers import CHECKOUT, Web, cpu_seconds, family, pss_bytes, serving
from benchmarks.stopwatch import Task
from benchmarks.webhook_events import ACCOUNT, SECRET, deliveries
from tandem.kernel.ids import new_id

CONNECTIONS: Final = 8
WARM: Final = 100
CONFIG: Final = CHECKOUT / "deploy" / "gunicorn.conf.py"
_DJSTRIPE_PATH: Final = "/stripe/webhook/5f0c2f0e-2f6f-4f0e-9b8f-2b1f0e5f0c2f/"
_PLAIN: Final = (int, float, str, bool)


def inbox(task: Task) -> None:
    """Our route, through gunicorn, without workers: the folding comes later, as it does in production."""
    with psycopg.connect(task.url) as admin:
        admin.execute(
            "INSERT INTO provider_account (id, tenant_id, is_live, created_at) VALUES (%s, %s, false, now())",
            [ACCOUNT, new_id()],
        )
    environment = {"STRIPE_WEBHOOK_SECRET": SECRET}
    with serving("tandem", "wsgi:app", str(CONFIG), environment, Path(task.home) / "log" / "webhooks.log") as web:
        _load(task, web, "/webhooks/stripe", "SELECT count(*) FROM provider_event")


def djstripe(task: Task) -> None:
    """dj-stripe's view; `queued` leaves the work on an event to a queue that nobody empties meanwhile."""
    home = Path(task.home)
    config = home / "djstripe.conf.py"
    config.write_text(_same_settings())
    environment = {"BENCHMARK_URL": task.url, "PYTHONPATH": str(CHECKOUT)}
    if task.facts.get("queued"):
        environment["BENCHMARK_QUEUE"] = os.environ["REDIS_URL"]
    counted = "SELECT count(*) FROM djstripe_" + ("webhookeventtrigger" if task.facts.get("queued") else "event")
    target = "benchmarks.peers.djstripe_site:application"
    with _provider() as address:
        environment["BENCHMARK_PROVIDER"] = address
        log = home / "log" / "djstripe_web.log"
        with serving("djstripe", target, str(config), environment, log, python=task.facts["python"]) as web:
            _load(task, web, _DJSTRIPE_PATH, counted)


def _load(task: Task, web: Web, path: str, counted: str) -> None:
    # The first requests open connections and fill caches, on both sides; their events are delivered again later.
    drive(web.port, deliveries(task.seed, WARM, path), connections=CONNECTIONS)
    requests = deliveries(task.seed, task.count, path)
    busy = cpu_seconds(family(web.pid))
    with task.timed():
        outcome = drive(web.port, requests, connections=CONNECTIONS)
    busy = cpu_seconds(family(web.pid)) - busy
    if set(outcome.statuses) != {b"200"}:
        raise RuntimeError(f"{outcome.statuses} {outcome.sample.decode(errors='replace')[:300]}")
    with psycopg.connect(task.url) as admin:
        stored = admin.execute(counted).fetchone()
    expected = task.count + WARM if "trigger" in counted else task.count // 2
    if stored is None or stored[0] != expected:
        raise RuntimeError(f"{stored} stored of {expected}")
    held = sum(map(pss_bytes, family(web.pid))) / 1e6
    p99 = percentile(outcome.latencies, 0.99)
    task.tell(peak_rss_mb=held, web_cpu=busy, p50_ms=percentile(outcome.latencies, 0.5), p99_ms=p99)


def _same_settings() -> str:
    """deploy/gunicorn.conf.py as plain values: its hooks know the platform's engines and cannot be loaded there."""
    kept = {
        name: value
        for name, value in run_path(str(CONFIG)).items()
        if not name.startswith("_") and (value is None or isinstance(value, _PLAIN)) and name != "bind"
    }
    # Ours is gunicorn's gthread with a habit for idle hours, which is in the platform's own packages.
    kept["worker_class"] = "gthread"
    lines = [f"{name} = {value!r}" for name, value in kept.items()]
    return "\n".join(["import os", 'bind = os.environ["TANDEM_BIND"]', *lines, ""])


@contextmanager
def _provider() -> Iterator[str]:
    words = [sys.executable, str(CHECKOUT / "benchmarks" / "peers" / "provider_stub.py")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline()) if process.stdout else 0
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
