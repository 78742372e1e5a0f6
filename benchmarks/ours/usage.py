"""Usage through its own door: batches of ten thousand, deduplicated and rolled up, each a transaction."""

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.stopwatch import Task
from benchmarks.workload import Use, uses
from tandem.billing.usage import ingest
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
