"""Usage through its own doors: batches of ten thousand, deduplicated and rolled up, each a transaction."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg

from benchmarks.load import drive
from benchmarks.servers import CHECKOUT, family, pss_bytes, serving
from benchmarks.stopwatch import Task
from benchmarks.workload import Use, uses
from tandem.billing.usage import ingest
from tandem.kernel import clock, identity
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import REPORT_TIMEOUT_MS, acting_for, transaction

BATCH: Final = 10_000
METER: Final = "visit"


def report(task: Task) -> None:
    """Report `count` events of one hospital; with `again`, all of them a second time, and only that is timed."""
    told = 0
    if task.facts.get("again"):
        for batch in _batches(task):
            _reported(batch)
    for batch in _batches(task):
        with task.timed():
            outcomes = _reported(batch)
        told += outcomes.count("duplicate" if task.facts.get("again") else "accepted")
    if told != task.count:
        raise RuntimeError(f"{told} of {task.count} events were taken")
    task.tell(batch=BATCH)


def post(task: Task) -> None:
    """The same batches as requests to gunicorn over one connection, each item answered in the response."""
    hospital = derived_id("benchmark", "hospital", "0")
    head = (
        f"POST /api/hospital/v1/usage_events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {_key(hospital)}\r\n"
    )
    requests = [
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in (orjson.dumps({"events": batch}) for batch in _batches(task))
    ]
    log = Path(task.home) / "log" / "usage.log"
    with serving("tandem", "wsgi:app", str(CHECKOUT / "deploy" / "gunicorn.conf.py"), {}, log) as web:
        with task.timed():
            outcome = drive(web.port, requests, connections=1)
        held = sum(map(pss_bytes, family(web.pid))) / 1e6
    with psycopg.connect(task.url) as admin:
        stored = admin.execute("SELECT count(*) FROM usage_event").fetchone()
    if set(outcome.statuses) != {b"200"} or stored != (task.count,):
        raise RuntimeError(f"{outcome.statuses} {stored} {outcome.sample.decode(errors='replace')[:300]}")
    task.tell(peak_rss_mb=held, batch=BATCH, longest_ms=max(outcome.latencies) * 1000)


def _key(hospital: UUID) -> str:
    token, secret_hash = identity.make_token("tdm_test", hospital)
    until = clock.now() + timedelta(days=1)
    key = {"name": "benchmark", "hint": token[-4:], "secret_hash": secret_hash, "expires_at": until}
    with acting_for(hospital), transaction():
        session.add(identity.ApiKey(tenant_id=hospital, audience="hospital", roles=["hospital_admin"], **key))
    return token


def _batches(task: Task) -> Iterator[list[dict[str, Any]]]:
    events = uses(task.seed, task.count)
    for first in range(0, task.count, BATCH):
        yield [_item(next(events)) for _ in range(min(BATCH, task.count - first))]


def _item(use: Use) -> dict[str, Any]:
    at = f"2026-10-{use.minute // 1440 + 1:02}T{use.minute // 60 % 24:02}:{use.minute % 60:02}:00Z"
    return {"event_id": use.key, "meter": METER, "subject": use.subject, "at": at, "quantity": use.quantity}


def _reported(batch: list[dict[str, Any]]) -> list[str]:
    hospital = derived_id("benchmark", "hospital", "0")
    with acting_for(hospital, statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
        return [answer.outcome for answer in ingest(batch, reporter="hospital")]
