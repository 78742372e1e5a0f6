"""Proving a book from its own rows: gapless, balanced, sealed, with the right balances, mirrored to the fen.

It runs in windows of the sequence, so memory stays small whatever the size of the book.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select, text

from tandem.billing.ledger import queries
from tandem.billing.ledger.mirrors import mirrored_journals, mirrors_of
from tandem.billing.ledger.models import Account, Entry, Journal
from tandem.billing.ledger.sealing import GENESIS, body_hash_of, seal, written
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, acting_for, tenant_id

WINDOW: Final = 5_000
FAULTS_TOLD: Final = 20


@dataclass
class BookVerdict:
    """What was found in one book. `faults` are sentences for people, the first twenty of them."""

    tenant_id: UUID
    currency: str
    journals: int = 0
    entries: int = 0
    faults: list[str] = field(default_factory=list)
    fault_count: int = 0

    @property
    def is_sound(self) -> bool:
        return self.fault_count == 0

    def find(self, fault: str) -> None:
        self.fault_count += 1
        if len(self.faults) < FAULTS_TOLD:
            self.faults.append(fault)


def verify_books() -> list[BookVerdict]:
    """Prove every book of the scope's tenant, each as it stands when its turn comes."""
    return [_verify_book(book["id"], book["currency"]) for book in queries.books()]


def verify_mirrors(tenant: UUID) -> list[str]:
    """Journals of a tenant that the operator's book does not mirror to the fen; opens the scopes it needs."""
    faults: list[str] = []
    after_seq = 0
    while True:
        with acting_for(tenant, statement_timeout_ms=REPORT_TIMEOUT_MS):
            window = mirrored_journals(after_seq=after_seq, limit=WINDOW)
        if not window:
            return faults
        with acting_for(OPERATOR_ID, statement_timeout_ms=REPORT_TIMEOUT_MS):
            mirrors = mirrors_of([journal.id for journal in window])
        faults += [
            f"journal {journal.seq} ({journal.kind}): {journal.amount_minor} here, {mirrors.get(journal.id)} mirrored"
            for journal in window
            if mirrors.get(journal.id) != -journal.amount_minor
        ]
        after_seq = window[-1].seq


def _verify_book(book_id: UUID, currency: str) -> BookVerdict:
    verdict = BookVerdict(tenant_id(), currency)
    cut = queries.cut_of(currency)
    previous = GENESIS
    for first in range(1, cut + 1, WINDOW):
        previous = _verify_window(verdict, book_id, first, min(first + WINDOW - 1, cut), previous)
    _verify_head(verdict, book_id)
    _verify_strays(verdict, book_id)
    _verify_balances(verdict, book_id)
    return verdict


def _verify_window(verdict: BookVerdict, book_id: UUID, first: int, last: int, previous: bytes) -> bytes:
    journals = session.execute(
        select(Journal.__table__)
        .where(Journal.tenant_id == tenant_id(), Journal.book_id == book_id, Journal.seq.between(first, last))
        .order_by(Journal.seq)
    ).all()
    lines = _lines(book_id, first, last)
    expected = first
    for journal in journals:
        if journal.seq != expected:
            verdict.find(f"journal {expected} is missing")
        expected = journal.seq + 1
        mine = lines.get(journal.seq, [])
        _verify_journal(verdict, journal, mine, previous)
        previous = bytes(journal.hash)
        verdict.journals += 1
        verdict.entries += len(mine)
    if expected != last + 1:
        verdict.find(f"journals {expected} to {last} are missing")
    strays = sum(len(lines[seq]) for seq in lines.keys() - {journal.seq for journal in journals})
    if strays:
        verdict.find(f"{strays} entries belong to no journal")
    return previous


def _lines(book_id: UUID, first: int, last: int) -> dict[int, list[Row[Any]]]:
    found = session.execute(
        select(
            Entry.seq,
            Entry.amount_minor,
            Entry.currency,
            Entry.fund,
            Account.code,
            Account.party_id,
            Account.fund.label("account_fund"),
        )
        .outerjoin(Account, (Account.tenant_id == Entry.tenant_id) & (Account.id == Entry.account_id))
        .where(Entry.tenant_id == tenant_id(), Entry.book_id == book_id, Entry.seq.between(first, last))
        .order_by(Entry.seq, Entry.line_no)
    )
    lines: dict[int, list[Any]] = defaultdict(list)
    for row in found:
        lines[row.seq].append(row)
    return lines


def _verify_journal(verdict: BookVerdict, journal: Row[Any], lines: Sequence[Row[Any]], previous: bytes) -> None:
    off_by = sum(line.amount_minor for line in lines)
    if off_by:
        verdict.find(f"journal {journal.seq} is off by {off_by}")
    if any(line.currency != verdict.currency for line in lines):
        verdict.find(f"journal {journal.seq} has an entry in another currency")
    if any(line.code is None or line.fund != line.account_fund for line in lines):
        verdict.find(f"journal {journal.seq} has an entry without its account, or of another fund")
    if {"medical", "operator_cash"} <= {line.account_fund for line in lines}:
        verdict.find(f"journal {journal.seq} mixes medical money with the operator's cash")
    body = body_hash_of(
        kind=journal.kind,
        key=journal.idem_key,
        currency=verdict.currency,
        effective_at=journal.effective_at,
        source_type=journal.source_type,
        source_id=journal.source_id,
        rule_version=journal.rule_version,
        reverses=journal.reverses_id,
        correlation_id=journal.correlation_id,
        lines=[(line.code, line.party_id, line.amount_minor) for line in lines],
    )
    if body != bytes(journal.body_sha256):
        verdict.find(f"journal {journal.seq} does not say what it said when it was booked")
    sealed = seal(previous, journal.seq, written(journal.booked_at).encode(), bytes(journal.body_sha256))
    if bytes(journal.prev_hash) != previous or sealed != bytes(journal.hash):
        verdict.find(f"the chain breaks at journal {journal.seq}")


def _verify_head(verdict: BookVerdict, book_id: UUID) -> None:
    head = session.execute(_HEAD, {"tenant": tenant_id(), "book": book_id}).one()
    if head.next_seq > 1 and (head.hash is None or bytes(head.hash) != bytes(head.last_hash)):
        verdict.find("the book's last seal is not that of its last journal")
    if head.beyond:
        verdict.find(f"{head.beyond} journals stand beyond the book's end")


def _verify_strays(verdict: BookVerdict, book_id: UUID) -> None:
    strays = session.execute(_STRAYS, {"tenant": tenant_id(), "book": book_id}).scalar_one()
    if strays:
        verdict.find(f"{strays} entries stand beyond the book's end")


def _verify_balances(verdict: BookVerdict, book_id: UUID) -> None:
    for row in session.execute(_BALANCES, {"tenant": tenant_id(), "book": book_id}):
        verdict.find(f"account {row.code}: the balance says {row.cached}, its entries {row.summed}")


_HEAD = text(
    "SELECT b.next_seq, b.last_hash, j.hash, (SELECT count(*) FROM journal k WHERE k.tenant_id = :tenant "
    "AND k.book_id = :book AND k.seq >= b.next_seq) AS beyond FROM book b LEFT JOIN journal j "
    "ON j.tenant_id = :tenant AND j.book_id = b.id AND j.seq = b.next_seq - 1 "
    "WHERE b.tenant_id = :tenant AND b.id = :book"
)
_STRAYS = text(
    "SELECT count(*) FROM entry e WHERE e.tenant_id = :tenant AND e.book_id = :book AND (e.seq < 1 OR e.seq >= "
    "(SELECT next_seq FROM book b WHERE b.tenant_id = :tenant AND b.id = :book))"
)
# One statement is one snapshot: postings that commit meanwhile are in both sums or in neither.
_BALANCES = text(
    "SELECT a.code, b.posted_minor AS cached, e.summed FROM account a "
    "LEFT JOIN account_balance b ON b.tenant_id = :tenant AND b.id = a.id "
    "LEFT JOIN (SELECT account_id, sum(amount_minor) AS summed, count(*) AS entries, max(seq) AS last_seq FROM entry "
    "WHERE tenant_id = :tenant AND book_id = :book GROUP BY account_id) e ON e.account_id = a.id "
    "WHERE a.tenant_id = :tenant AND a.book_id = :book AND (b.posted_minor IS DISTINCT FROM coalesce(e.summed, 0) "
    "OR b.entry_count IS DISTINCT FROM coalesce(e.entries, 0) OR b.last_seq IS DISTINCT FROM coalesce(e.last_seq, 0)) "
    "ORDER BY a.code"
)
