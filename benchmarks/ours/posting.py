"""Batch posting through the ledger's own door: balanced journals of two or four legs, spread or through one account."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from benchmarks.stopwatch import Task
from benchmarks.workload import Journal, journals
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, acting_for, transaction

BATCH: Final = 5_000
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Accounts by party: as many of each as there are parties. The last is the one that the hot load goes through.
CODES: Final = ("ar.hospital", "ar.enterprise", "ap.hospital", "prepaid.programme")
HOT: Final = "inc.platform"


def spread(task: Task) -> None:
    """Post `count` journals of `legs` legs in batches, each batch a transaction and durable before the next."""
    legs, hot = int(task.facts.get("legs", 4)), bool(task.facts.get("hot"))
    parties = [derived_id("benchmark", "party", str(number)) for number in range(int(task.facts.get("parties", 250)))]
    work = journals(task.seed, task.count, legs=legs, accounts=len(CODES) * len(parties), hot=hot)
    posted = 0
    for first in range(0, task.count, BATCH):
        batch = [next(work) for _ in range(min(BATCH, task.count - first))]
        with task.timed():
            drafts = [_draft(each, parties) for each in batch]
            with acting_for(OPERATOR_ID, statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
                posted += len(post(drafts).items)
    task.tell(posted, batch=BATCH)


def _draft(journal: Journal, parties: list[UUID]) -> JournalDraft:
    return JournalDraft(
        kind="benchmark",
        key=journal.key,
        effective_at=BEGAN + timedelta(seconds=journal.number),
        lines=[_line(account, amount, parties) for account, amount in journal.legs],
        source_type="benchmark",
        source_id=journal.key,
    )


def _line(account: int, amount_minor: int, parties: list[UUID]) -> Line:
    if account == 0:
        return Line(HOT, amount_minor)
    number = account - 1
    return Line(CODES[number % len(CODES)], amount_minor, parties[number // len(CODES)])
