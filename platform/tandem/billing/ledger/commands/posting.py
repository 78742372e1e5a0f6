"""Posting: one lock on the book, one pass over the drafts, then one set-based statement per table.

The pass decides and writes down in the same breath: a draft is looked at once, and what is accepted goes straight
into the columns of the statements that follow. At twenty thousand journals a second every object counts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CursorResult, text

from tandem.billing.arrays import bytes_array, plain_array, text_array
from tandem.billing.ledger import queries
from tandem.billing.ledger.chart import CHART
from tandem.billing.ledger.commands.accounts import (
    CLOSED,
    LIMITED,
    MIXED,
    AccountKey,
    OpenAccount,
    find_accounts,
    keep_in_mind,
    limits_broken,
    open_accounts,
)
from tandem.billing.ledger.commands.books import LockedBook, lock_book
from tandem.billing.ledger.drafts import JournalDraft, Line, Posted, PostingResult
from tandem.billing.ledger.errors import (
    AccountClosed,
    AccountUnknown,
    AlreadyReversed,
    BookFrozen,
    CurrencyUnknown,
    JournalKeyReused,
    JournalRefused,
    JournalTooShort,
    JournalUnbalanced,
    MoneyMixed,
    PartyMismatch,
    ReversalIsFinal,
)
from tandem.billing.ledger.sealing import body_hash, head_of, seal, sealed_body, written
from tandem.kernel import clock, ids
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

CHUNK: Final = 5_000
"""Journals per statement: enough to be fast, few enough that memory stays small whatever the batch."""
_COUNTED: Final = [[str(n) for n in range(1, size + 1)] for size in range(33)]


class PostingBroken(RuntimeError):
    """The database wrote another number of rows than it was given: a fault of ours, nothing is committed."""


def post(drafts: Sequence[JournalDraft], *, partly: bool = False) -> PostingResult:
    """Book facts in the scope's tenant; a fact booked before is a duplicate, which is success.

    One bad item raises its refusal and books nothing; with `partly` the others are booked, and the result says what
    was refused and why. Raises JournalRefused's subclasses.
    """
    outcomes: dict[int, Posted] = {}
    for currency in dict.fromkeys(draft.currency for draft in drafts):
        places = [place for place, draft in enumerate(drafts) if draft.currency == currency]
        for first in range(0, len(places), CHUNK):
            _post_in_book(currency, drafts, places[first : first + CHUNK], outcomes, partly=partly)
    return PostingResult([outcomes[place] for place in range(len(drafts))])


def reversal_of(journal_id: UUID, *, kind: str, key: str, effective_at: datetime) -> JournalDraft:
    """The draft that undoes a booked journal line by line. Raises NotFound for no journal of this tenant."""
    found = queries.journal_with_lines(journal_id)
    return JournalDraft(
        kind=kind,
        key=key,
        effective_at=effective_at,
        lines=[Line(each["account_code"], -each["amount_minor"], each["party_id"]) for each in found["lines"]],
        currency=found["currency"],
        source_type=found["source_type"],
        source_id=found["source_id"],
        correlation_id=found["correlation_id"],
        reverses=journal_id,
    )


def _post_in_book(
    currency: str, drafts: Sequence[JournalDraft], places: Sequence[int], outcomes: dict[int, Posted], *, partly: bool
) -> None:
    try:
        book = lock_book(currency)
    except CurrencyUnknown as refusal:
        if not partly:
            raise
        outcomes |= {place: _refused(drafts[place], refusal) for place in places}
        return
    batch = _Batch(book, currency, [drafts[place] for place in places])
    for place in places:
        outcome = outcomes[place] = batch.take(drafts[place])
        if outcome.refusal is not None and not partly:
            raise outcome.refusal
    batch.write()


class _Batch:
    """The drafts of one statement: what is known of their keys and accounts, and the columns that grow with each."""

    def __init__(self, book: LockedBook, currency: str, drafts: Sequence[JournalDraft]) -> None:
        self.book, self.currency, self.here = book, currency, tenant_id()
        self.booked: dict[tuple[str, str], tuple[bytes, UUID, int]] = {
            (row.idem_scope, row.idem_key): (bytes(row.body_sha256), row.id, row.seq)
            for row in queries.journals_by_key([(draft.kind, draft.key) for draft in drafts])
        }
        self.reversed = queries.reversals({draft.reverses for draft in drafts if draft.reverses is not None})
        wanted = {
            (code, None if party is None else party.int): (code, party)
            for draft in drafts
            for code, _, party in draft.lines
        }
        self.accounts: dict[AccountKey, OpenAccount] = find_accounts(book.id, wanted)
        self.listed = list(self.accounts.values())
        self.booked_at = clock.now()
        self.booked_words = written(self.booked_at).encode()
        self.seq, self.last = book.next_seq, book.last_hash
        self.journals: list[tuple[str, ...]] = []
        self.hashes: list[tuple[bytes, bytes]] = []
        self.seqs: list[str] = []
        self.line_nos: list[str] = []
        self.places: list[int] = []
        self.amounts: list[int] = []

    def take(self, draft: JournalDraft) -> Posted:
        """Decide on one draft and, if it is to be booked, write it down."""
        name = (draft.kind, draft.key)
        if name in self.booked:
            return self._told_before(name, draft)
        off_by, marks = 0, 0
        places: list[int] = []
        amounts: list[int] = []
        said: list[str] = []
        accounts, lines = self.accounts, draft.lines
        for code, amount, party in lines:
            account = accounts.get((code, None if party is None else party.int))
            if account is None or not amount:
                return _refused(draft, _fault(draft, self.here))
            off_by += amount
            marks |= account.marks
            places.append(account.place)
            amounts.append(amount)
            said.append(f"{account.said}{amount}]")
        if off_by or marks or len(lines) < 2 or draft.reverses or self.book.frozen_at:
            touched = [(self.listed[place - 1], amount) for place, amount in zip(places, amounts, strict=True)]
            refusal = self._refusal(draft, touched, off_by, marks)
            if refusal is not None:
                return _refused(draft, refusal)
            if marks & LIMITED:
                keep_in_mind(touched)
        self.places += places
        self.amounts += amounts
        effective_at = written(draft.effective_at)
        return self._accept(draft, effective_at, sealed_body(head_of(draft, effective_at), said))

    def write(self) -> None:
        """One statement per table for all that was taken. Raises PostingBroken."""
        if not self.journals:
            return
        here = {"tenant": self.here, "book": self.book.id}
        counts = Counter(self.places)
        used = [self.listed[place - 1] for place in counts]
        open_accounts(self.book.id, [account for account in used if account.is_new])
        columns = [list(column) for column in zip(*self.journals, strict=True)]
        bodies, hashes = zip(*self.hashes, strict=True)
        of_journals: dict[str, Any] = {
            name: array(column) for (name, array), column in zip(_JOURNAL_COLUMNS, columns, strict=True)
        } | {
            "bodies": bytes_array(bodies),
            "prevs": bytes_array([self.book.last_hash, *hashes[:-1]]),
            "hashes": bytes_array(hashes),
        }
        of_journals |= {"booked_at": self.booked_at, "first": self.book.next_seq}
        session.execute(_INSERT_JOURNALS, here | of_journals)
        of_entries = {
            "seqs": plain_array(self.seqs),
            "line_nos": plain_array(self.line_nos),
            "places": plain_array(self.places),
            "amounts": plain_array(self.amounts),
            "accounts": plain_array([account.id or "NULL" for account in self.listed]),
        }
        _all_written(len(self.seqs), _INSERT_ENTRIES, here | of_entries | {"currency": self.currency})
        moved, lasts = self._moved(), dict(zip(self.places, self.seqs, strict=True))
        of_accounts = {
            "accounts": plain_array([account.id for account in used]),
            "moved": plain_array([moved[place] for place in counts]),
            "counts": plain_array(counts.values()),
            "lasts": plain_array([lasts[place] for place in counts]),
        }
        _all_written(len(used), _UPDATE_BALANCES, {"tenant": self.here} | of_accounts)
        session.execute(_ADVANCE_BOOK, here | {"next_seq": self.seq, "last_hash": self.last})

    def _accept(self, draft: JournalDraft, effective_at: str, body: bytes) -> Posted:
        seq, journal_id = self.seq, ids.new_id()
        self.last = sealed = seal(self.last, seq, self.booked_words, body)
        kind, key, _, lines, source_type, source_id, _, correlation_id, rule_version, reverses = draft
        self.journals.append((
            journal_id.hex, kind, key, effective_at, source_type, str(source_id), rule_version,
            "NULL" if reverses is None else reverses.hex, "NULL" if correlation_id is None else correlation_id.hex,
        ))  # fmt: skip
        self.hashes.append((body, sealed))
        self.seqs.extend(repeat(str(seq), len(lines)))
        self.line_nos.extend(_COUNTED[len(lines)] if len(lines) < len(_COUNTED) else map(str, range(1, len(lines) + 1)))
        if reverses is not None:
            self.reversed[reverses] = "reversed"
        self.booked[kind, key] = (body, journal_id, seq)
        self.seq = seq + 1
        return Posted(kind, key, "posted", journal_id, seq)

    def _moved(self) -> list[int]:
        moved = [0] * (len(self.listed) + 1)
        for place, amount in zip(self.places, self.amounts, strict=True):
            moved[place] += amount
        return moved

    def _told_before(self, name: tuple[str, str], draft: JournalDraft) -> Posted:
        body, journal_id, seq = self.booked[name]
        if body_hash(draft) == body:
            return Posted(*name, "duplicate", journal_id, seq)
        return _refused(draft, JournalKeyReused(kind=draft.kind, key=draft.key))

    def _refusal(
        self, draft: JournalDraft, touched: Sequence[tuple[OpenAccount, int]], off_by: int, marks: int
    ) -> JournalRefused | None:
        facts: dict[str, Any] = {"kind": draft.kind, "key": draft.key}
        if self.book.frozen_at is not None:
            return BookFrozen(**facts)
        if len(draft.lines) < 2 or off_by:
            short = len(draft.lines) < 2
            return JournalTooShort(**facts) if short else JournalUnbalanced(**facts, off_by_minor=off_by)
        if marks & MIXED == MIXED:
            return MoneyMixed(**facts)
        if marks & CLOSED:
            shut = next(account for account, _ in touched if account.marks & CLOSED)
            return AccountClosed(**facts, account=shut.code)
        if draft.reverses is not None and draft.reverses in self.reversed:
            final = self.reversed[draft.reverses] == "is reversal"
            return (ReversalIsFinal if final else AlreadyReversed)(**facts, reverses=draft.reverses)
        return limits_broken(touched, facts) if marks & LIMITED else None


def _fault(draft: JournalDraft, here: UUID) -> JournalRefused:
    facts = {"kind": draft.kind, "key": draft.key}
    if len(draft.lines) < 2 or any(line.amount_minor == 0 for line in draft.lines):
        return JournalTooShort(**facts)
    unknown = [line.account_code for line in draft.lines if line.account_code not in CHART]
    if unknown:
        return AccountUnknown(**facts, account=unknown[0])
    off_by = sum(line.amount_minor for line in draft.lines)
    if off_by:
        return JournalUnbalanced(**facts, off_by_minor=off_by)
    misfit = next(line for line in draft.lines if CHART[line.account_code].by_party is (line.party_id is None))
    return PartyMismatch(**facts, account=misfit.account_code)


def _refused(draft: JournalDraft, refusal: JournalRefused) -> Posted:
    return Posted(draft.kind, draft.key, "refused", refusal=refusal)


def _all_written(expected: int, statement: Any, values: Mapping[str, Any]) -> None:
    written_rows: CursorResult[Any] = session.execute(statement, values)  # type: ignore[assignment]  # DML counts rows
    if written_rows.rowcount != expected:
        raise PostingBroken(f"{written_rows.rowcount} rows written of {expected}")


_JOURNAL_COLUMNS: Final = (
    ("ids", plain_array), ("kinds", text_array), ("keys", text_array), ("effective", plain_array),
    ("source_types", text_array), ("source_ids", text_array), ("rules", text_array), ("reverses", plain_array),
    ("correlations", plain_array),
)  # fmt: skip
_INSERT_JOURNALS = text(
    "INSERT INTO journal (tenant_id, id, book_id, seq, kind, idem_scope, idem_key, body_sha256, effective_at, "
    "booked_at, source_type, source_id, rule_version, reverses_id, correlation_id, prev_hash, hash) "
    "SELECT b.tenant_id, u.id, b.id, :first + u.place - 1, u.kind, u.kind, u.idem_key, u.body, u.effective_at, "
    ":booked_at, u.source_type, u.source_id, u.rule_version, u.reverses_id, u.correlation_id, u.prev_hash, u.hash "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:bodies AS bytea[]), "
    "CAST(:effective AS timestamptz[]), CAST(:source_types AS text[]), CAST(:source_ids AS text[]), "
    "CAST(:rules AS text[]), CAST(:reverses AS uuid[]), CAST(:correlations AS uuid[]), CAST(:prevs AS bytea[]), "
    "CAST(:hashes AS bytea[])) WITH ORDINALITY AS u(id, kind, idem_key, body, effective_at, source_type, source_id, "
    "rule_version, reverses_id, correlation_id, prev_hash, hash, place) "
    "JOIN book b ON b.tenant_id = :tenant AND b.id = :book"
)
# The join is the foreign key: an entry can only be written to an open account of this very book.
_INSERT_ENTRIES = text(
    "INSERT INTO entry (tenant_id, book_id, seq, line_no, account_id, amount_minor, currency, fund) "
    "SELECT a.tenant_id, a.book_id, u.seq, u.line_no, a.id, u.amount_minor, :currency, a.fund FROM unnest("
    "CAST(:seqs AS bigint[]), CAST(:line_nos AS bigint[]), CAST(:places AS integer[]), CAST(:amounts AS bigint[])"
    ") AS u(seq, line_no, place, amount_minor) JOIN account a ON a.tenant_id = :tenant AND a.book_id = :book "
    "AND a.id = (CAST(:accounts AS uuid[]))[u.place] AND a.closed_at IS NULL"
)
_UPDATE_BALANCES = text(
    "UPDATE account_balance b SET posted_minor = b.posted_minor + u.moved, entry_count = b.entry_count + u.entries, "
    "last_seq = u.last_seq FROM unnest(CAST(:accounts AS uuid[]), CAST(:moved AS bigint[]), "
    "CAST(:counts AS bigint[]), CAST(:lasts AS bigint[])) AS u(id, moved, entries, last_seq) "
    "WHERE b.tenant_id = :tenant AND b.id = u.id"
)
_ADVANCE_BOOK = text(
    "UPDATE book SET next_seq = :next_seq, last_hash = :last_hash WHERE tenant_id = :tenant AND id = :book"
)
