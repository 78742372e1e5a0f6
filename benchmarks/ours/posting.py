"""Batch posting through the ledger's own door: balanced journals of two or four legs, spread or through one account."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from benchmarks.stopwatch import Task
from benchmarks.workload import Journal, journals
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, acting_for, transaction

BATCH: Final = 10_000
BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Accounts by party: as many of each as there are parties. The last is the one that the hot load goes through.
CODES: Final = ("ar.hospital", "ar.enterprise", "ap.hospital", "prepaid.programme")
HOT: Final = "inc.platform"


def spread(task: Task) -> None:
    """Post `count` journals of `legs` legs in batches, each batch a transaction and durable before the next."""
    legs, hot = int(task.facts.get("legs", 4)), bool(task.facts.get("hot"))
    sides = _sides(int(task.facts.get("parties", 250)))
    work = journals(task.seed, task.count, legs=legs, accounts=len(sides) - 1, hot=hot)
    posted = 0
    for first in range(0, task.count, BATCH):
        batch = [next(work) for _ in range(min(BATCH, task.count - first))]
        with task.timed():
            drafts = [_draft(each, sides) for each in batch]
            with acting_for(OPERATOR_ID, statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
                posted += len(post(drafts).items)
    task.tell(posted, batch=BATCH)


def _draft(journal: Journal, sides: list[tuple[str, UUID | None]]) -> JournalDraft:
    return JournalDraft(
        kind="benchmark",
        key=journal.key,
        effective_at=BEGAN + timedelta(seconds=journal.number),
        lines=[Line(sides[account][0], amount, sides[account][1]) for account, amount in journal.legs],
        source_type="benchmark",
        source_id=journal.key,
    )


def _sides(parties: int) -> list[tuple[str, UUID | None]]:
    """What the accounts of the workload are here, by their numbers: 0 is the hot one."""
    ids = [derived_id("benchmark", "party", str(number)) for number in range(parties)]
    return [(HOT, None), *((code, party) for party in ids for code in CODES)]
