"""Proving a book from its own rows: gapless, balanced, sealed, with the right balances, mirrored to the fen.

It runs in windows of the sequence, so memory and statements stay small whatever the size of the book. The database
looks at every journal where it lies; a window it finds wrong is gone through again here, to say what is wrong.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, select, text

from tandem.billing.ledger import queries
from tandem.billing.ledger.chart import CHART, fund_of
from tandem.billing.ledger.mirrors import mirrored_journals, mirrors_of
from tandem.billing.ledger.models import Account, Entry, Journal, PostingRuleVersion
from tandem.billing.ledger.posting_rules import recorded_rules
from tandem.billing.ledger.sealing import GENESIS, body_hash_of, seal, written
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, acting_for, in_public, tenant_id

WINDOW: Final = 20_000
TURNS: Final = 4
"""Windows for each worker at least: the last of them ends not long after the others."""
FAULTS_TOLD: Final = 20


class _Seen(NamedTuple):
    """What the database found in one window; `moved` is (account, sum, entries, last place) for each account."""

    journals: int
    entries: int
    is_sound: bool
    moved: Sequence[Row[*tuple[Any, ...]]]


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


def verify_books(*, workers: int = 1) -> list[BookVerdict]:
    """Prove every book of the scope's tenant, each as it stands when its turn comes; `workers` windows at once."""
    return [_verify_book(book["id"], book["currency"], workers) for book in queries.books()]


def differing_rules() -> list[str]:
    """Posting rules that are not recorded exactly as the code reads them; opens the scope it needs."""
    read = {(row["code"], row["version"]): row["sha256"] for row in recorded_rules()}
    with in_public():
        found = session.execute(select(PostingRuleVersion.code, PostingRuleVersion.version, PostingRuleVersion.sha256))
        recorded = {(row.code, row.version): row.sha256 for row in found}
    differing = {name for name in read.keys() | recorded.keys() if read.get(name) != recorded.get(name)}
    return [f"{code}@{version}" for code, version in sorted(differing)]


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


def _verify_book(book_id: UUID, currency: str, workers: int) -> BookVerdict:
    verdict = BookVerdict(tenant_id(), currency)
    cut = queries.cut_of(currency)
    size = WINDOW if workers < 2 else max(1, min(WINDOW, cut // (workers * TURNS)))
    windows = [(first, min(first + size - 1, cut)) for first in range(1, cut + 1, size)]
    sums: dict[UUID, list[int]] = {}
    for window, seen in zip(windows, _looks(book_id, currency, windows, workers), strict=True):
        verdict.journals += seen.journals
        verdict.entries += seen.entries
        for account_id, moved, entries, last_seq in seen.moved:
            total = sums.setdefault(account_id, [0, 0, 0])
            total[0], total[1], total[2] = total[0] + moved, total[1] + entries, last_seq
        if not seen.is_sound:
            _explain_window(verdict, book_id, *window)
    _verify_head(verdict, book_id)
    _verify_strays(verdict, book_id)
    _verify_chart(verdict, book_id)
    _verify_balances(verdict, book_id, cut, sums)
    return verdict


def _looks(book_id: UUID, currency: str, windows: Sequence[tuple[int, int]], workers: int) -> Iterator[_Seen]:
    """Each window as seen by the database, in order; with more workers, several at once on connections of their own."""
    if workers < 2 or len(windows) < 2:
        yield from (_look(book_id, currency, *window) for window in windows)
        return
    tenant = tenant_id()

    def look(window: tuple[int, int]) -> _Seen:
        with acting_for(tenant, statement_timeout_ms=REPORT_TIMEOUT_MS):
            return _look(book_id, currency, *window)

    with ThreadPoolExecutor(workers) as pool:
        # A few windows ahead, not all: what was seen waits in memory until its turn.
        waiting: deque[Future[_Seen]] = deque()
        for window in windows:
            waiting.append(pool.submit(copy_context().run, look, window))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        yield from (each.result() for each in waiting)


def _look(book_id: UUID, currency: str, first: int, last: int) -> _Seen:
    window = {"tenant": tenant_id(), "book": book_id, "first": first, "last": last}
    for setting in _SETTINGS:
        session.execute(setting)
    row = session.execute(_LOOK, window | {"currency": currency, "previous": _seal_before(book_id, first)}).one()
    moved = session.execute(_MOVED, window).all()
    is_sound = row.journals == last - first + 1 and row.faulty == 0 and row.entries == sum(each[2] for each in moved)
    return _Seen(row.journals, row.entries, is_sound, moved)


def _seal_before(book_id: UUID, first: int) -> bytes:
    found = session.scalar(
        select(Journal.hash).where(
            Journal.tenant_id == tenant_id(), Journal.book_id == book_id, Journal.seq == first - 1
        )
    )
    return GENESIS if found is None else bytes(found)


def _explain_window(verdict: BookVerdict, book_id: UUID, first: int, last: int) -> None:
    """Say what is wrong in a window that the database found wrong, with an arithmetic of its own."""
    before, previous = verdict.fault_count, _seal_before(book_id, first)
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
    if expected != last + 1:
        verdict.find(f"journals {expected} to {last} are missing")
    strays = sum(len(lines[seq]) for seq in lines.keys() - {journal.seq for journal in journals})
    if strays:
        verdict.find(f"{strays} entries belong to no journal")
    if verdict.fault_count == before:
        verdict.find(f"journals {first} to {last}: the database and the standard library do not agree on a hash")


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


def _verify_chart(verdict: BookVerdict, book_id: UUID) -> None:
    """Each account is what the chart says of its code: no seal covers that, and every report is cut by it."""
    here = tenant_id()
    found = select(Account.code, Account.kind, Account.fund).where(
        Account.tenant_id == here, Account.book_id == book_id
    )
    for code, kind, fund in session.execute(found.distinct().order_by(Account.code)):
        heading = CHART.get(code)
        if heading is None or (kind, fund) != (heading.kind, fund_of(code, here)):
            verdict.find(f"account {code}: it is kept as {kind} of {fund} money, the chart says otherwise")


def _verify_balances(verdict: BookVerdict, book_id: UUID, cut: int, sums: Mapping[UUID, Sequence[int]]) -> None:
    # One statement is one snapshot: what is posted meanwhile is in the balance and beyond the cut, or in neither.
    for row in session.execute(_BALANCES, {"tenant": tenant_id(), "book": book_id, "cut": cut}):
        before = sums.get(row.id, (0, 0, 0))
        summed = (before[0] + row.moved, before[1] + row.entries, row.last_seq or before[2])
        if (row.posted_minor, row.entry_count, row.counted_to) != summed:
            verdict.find(f"account {row.code}: the balance says {row.posted_minor}, its entries {summed[0]}")
    for row in session.execute(_CHECKPOINTS, {"tenant": tenant_id(), "book": book_id}):
        verdict.find(f"account {row.code}: its checkpoints by {row.basis} day do not add up")


# Bounds as scalar queries: the planner then reads an end of an index where a join would read the book.
_HEAD = text(
    "SELECT b.next_seq, b.last_hash, (SELECT j.hash FROM journal j WHERE j.tenant_id = :tenant AND j.book_id = :book "
    "AND j.seq = b.next_seq - 1) AS hash, (SELECT count(*) FROM journal k WHERE k.tenant_id = :tenant "
    "AND k.book_id = :book AND k.seq >= b.next_seq) AS beyond FROM book b WHERE b.tenant_id = :tenant AND b.id = :book"
)
_STRAYS = text(
    "SELECT (SELECT count(*) FROM entry e WHERE e.tenant_id = :tenant AND e.book_id = :book AND e.seq < 1) + "
    "(SELECT count(*) FROM entry e WHERE e.tenant_id = :tenant AND e.book_id = :book AND e.seq >= "
    "(SELECT next_seq FROM book b WHERE b.tenant_id = :tenant AND b.id = :book))"
)
# Checkpoints and what is not counted into them yet make the balance, on either basis.
_CHECKPOINTS = text(
    """
    SELECT a.code, bases.basis FROM account a
    JOIN account_balance b ON b.tenant_id = :tenant AND b.id = a.id
    CROSS JOIN (VALUES ('effective'), ('booked')) AS bases(basis)
    LEFT JOIN (
        SELECT id, basis, sum(moved_minor) AS moved, sum(entry_count) AS entries FROM balance_checkpoint
        WHERE tenant_id = :tenant GROUP BY id, basis
    ) c ON c.id = a.id AND c.basis = bases.basis
    LEFT JOIN (
        SELECT account_id, sum(amount_minor) AS moved, count(*) AS entries FROM entry
        WHERE tenant_id = :tenant AND book_id = :book AND seq > (
            SELECT counted_seq FROM checkpoint_cursor WHERE tenant_id = :tenant AND id = :book
        ) GROUP BY account_id
    ) r ON r.account_id = a.id
    WHERE a.tenant_id = :tenant AND a.book_id = :book
    AND (SELECT counted_seq FROM checkpoint_cursor WHERE tenant_id = :tenant AND id = :book) IS NOT NULL
    AND (b.posted_minor <> coalesce(c.moved, 0) + coalesce(r.moved, 0)
        OR b.entry_count <> coalesce(c.entries, 0) + coalesce(r.entries, 0))
    ORDER BY a.code, bases.basis
    """
)
# A window is read in the order of the indexes, whatever the planner believes of the table: reading all of a table for a
# part of it, or with helpers that this book's other windows keep busy, is dearer.
_SETTINGS = (
    queries.LOOPS_OFF,
    text("SET LOCAL enable_seqscan = off"),
    text("SET LOCAL enable_bitmapscan = off"),
    text("SET LOCAL max_parallel_workers_per_gather = 0"),
    text("SET LOCAL work_mem = '32MB'"),
)
_BALANCES = text(
    "SELECT a.id, a.code, b.posted_minor, b.entry_count, b.last_seq AS counted_to, coalesce(e.moved, 0) AS moved, "
    "coalesce(e.entries, 0) AS entries, e.last_seq FROM account a "
    "LEFT JOIN account_balance b ON b.tenant_id = :tenant AND b.id = a.id "
    "LEFT JOIN (SELECT account_id, CAST(sum(amount_minor) AS bigint) AS moved, count(*) AS entries, max(seq) AS "
    "last_seq FROM entry WHERE tenant_id = :tenant AND book_id = :book AND seq > :cut GROUP BY account_id) e "
    "ON e.account_id = a.id WHERE a.tenant_id = :tenant AND a.book_id = :book ORDER BY a.code, a.id"
)
_MOVED = text(
    "SELECT account_id, CAST(sum(amount_minor) AS bigint), count(*), max(seq) FROM entry WHERE tenant_id = :tenant "
    "AND book_id = :book AND seq BETWEEN :first AND :last GROUP BY account_id"
)
# The body of each journal is written as `sealing.body_hash_of` writes it, byte for byte, and hashed where it lies; what
# is sorted is made narrow first. `mark`: 1 medical money, 2 the operator's cash, 4 not as its account or book says.
_LOOK = text(
    """
    WITH said AS MATERIALIZED (
        SELECT id, fund, CASE WHEN fund = 'medical' THEN 1 WHEN fund = 'operator_cash' THEN 2 ELSE 0 END AS mark,
            '[' || CAST(to_json(code) AS text) || ',' || coalesce('"' || party_id || '"', 'null') || ',' AS head
        FROM account WHERE tenant_id = :tenant AND book_id = :book
    ), lines AS (
        SELECT seq, count(*) AS entries, sum(amount_minor) = 0 AND bit_or(mark) < 3 AS is_sound,
            string_agg(said, '],' ORDER BY line_no) AS said
        FROM (
            SELECT e.seq, e.line_no, e.amount_minor, a.head || e.amount_minor AS said,
                CASE WHEN e.fund = a.fund AND e.currency = :currency THEN a.mark ELSE 4 END AS mark
            FROM entry e LEFT JOIN said a ON a.id = e.account_id
            WHERE e.tenant_id = :tenant AND e.book_id = :book AND e.seq BETWEEN :first AND :last OFFSET 0
        ) AS line GROUP BY seq
    ), bodies AS (
        SELECT j.seq, j.prev_hash, j.hash, l.entries, l.is_sound
            AND j.hash = sha256(j.prev_hash || convert_to(j.seq || '|' || to_char(j.booked_at AT TIME ZONE 'UTC',
                'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00|"'), 'UTF8') || j.body_sha256)
            AND j.body_sha256 = sha256(convert_to('[' || CAST(to_json(j.kind) AS text) || ','
                || CAST(to_json(j.idem_key) AS text) || ',"' || CAST(:currency AS text) || '","'
                || to_char(j.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') || '",'
                || CAST(to_json(j.source_type) AS text) || ',' || CAST(to_json(j.source_id) AS text) || ','
                || CAST(to_json(j.rule_version) AS text) || ',' || coalesce('"' || j.reverses_id || '"', 'null') || ','
                || coalesce('"' || j.correlation_id || '"', 'null') || ',[' || l.said || ']]]', 'UTF8')) AS is_sound
        FROM journal j LEFT JOIN lines l ON l.seq = j.seq
        WHERE j.tenant_id = :tenant AND j.book_id = :book AND j.seq BETWEEN :first AND :last OFFSET 0
    ), looked AS (
        SELECT entries, is_sound AND seq = lag(seq, 1, CAST(:first AS bigint) - 1) OVER book_order + 1
            AND prev_hash = lag(hash, 1, CAST(:previous AS bytea)) OVER book_order AS is_sound
        FROM bodies WINDOW book_order AS (ORDER BY seq)
    )
    SELECT count(*) AS journals, CAST(coalesce(sum(entries), 0) AS bigint) AS entries,
        count(*) FILTER (WHERE is_sound IS NOT TRUE) AS faulty FROM looked
    """
)
