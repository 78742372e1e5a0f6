"""Posting: one lock on the book, then one set-based statement per table, however many journals there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text

from tandem.billing.ledger import queries
from tandem.billing.ledger.chart import CHART, fund_of
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
from tandem.billing.ledger.sealing import GENESIS, body_hash, seal
from tandem.kernel import clock, ids
from tandem.kernel.database import session
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import tenant_id

AccountKey = tuple[str, UUID | None]


class PostingBroken(RuntimeError):
    """The database wrote another number of entries than it was given: a fault of ours, nothing is committed."""


@dataclass(frozen=True)
class LockedBook:
    """A book whose row this transaction holds."""

    id: UUID
    next_seq: int
    last_hash: bytes
    frozen_at: datetime | None


@dataclass(frozen=True)
class _Item:
    """A draft that will be booked, and where it stands in the batch."""

    place: int
    draft: JournalDraft
    body_sha256: bytes


def post(drafts: Sequence[JournalDraft], *, partly: bool = False) -> PostingResult:
    """Book facts in the scope's tenant; a fact booked before is a duplicate, which is success.

    One bad item raises its refusal and books nothing; with `partly` the others are booked, and the result says what
    was refused and why. Raises JournalRefused's subclasses.
    """
    outcomes: dict[int, Posted] = {}
    for currency in dict.fromkeys(draft.currency for draft in drafts):
        places = [place for place, draft in enumerate(drafts) if draft.currency == currency]
        outcomes |= _post_in_book(currency, drafts, places)
    result = PostingResult([outcomes[place] for place in range(len(drafts))])
    if result.refusals and not partly:
        raise result.refusals[0]
    return result


def lock_book(currency: str = "CNY") -> LockedBook:
    """Take the book's lock until the transaction ends; opens the book when it is the first time.

    Whoever decides on what the book says (an accrual, a refund of it, a statement's cut) holds it first.
    Raises CurrencyUnknown.
    """
    if currency not in EXPONENTS:
        raise CurrencyUnknown(currency=currency)
    key = {"tenant": tenant_id(), "currency": currency}
    row = session.execute(_LOCK_BOOK, key).one_or_none()
    if row is None:
        session.execute(_OPEN_BOOK, key | {"id": ids.new_id(), "genesis": GENESIS})
        row = session.execute(_LOCK_BOOK, key).one()
    return LockedBook(row.id, row.next_seq, bytes(row.last_hash), row.frozen_at)


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


def _post_in_book(currency: str, drafts: Sequence[JournalDraft], places: Sequence[int]) -> dict[int, Posted]:
    outcomes: dict[int, Posted] = {}
    try:
        book = lock_book(currency)
    except CurrencyUnknown as refusal:
        return {place: _refused(drafts[place], refusal) for place in places}
    fresh = _sift(book, drafts, places, outcomes)
    accounts = _accounts(book, fresh, outcomes)
    fresh = [item for item in fresh if item.place not in outcomes]
    if fresh:
        booked = _write(book, currency, fresh, accounts)
        outcomes.update(booked)
    first = {(p.kind, p.key): p for p in outcomes.values() if p.outcome == "posted"}
    # The second telling of a fact within one batch names the journal that the first one made.
    for place, outcome in outcomes.items():
        if outcome.outcome == "duplicate" and outcome.journal_id is None and (outcome.kind, outcome.key) in first:
            made = first[outcome.kind, outcome.key]
            outcomes[place] = replace(outcome, journal_id=made.journal_id, seq=made.seq)
    return outcomes


def _sift(
    book: LockedBook, drafts: Sequence[JournalDraft], places: Sequence[int], outcomes: dict[int, Posted]
) -> list[_Item]:
    """Set aside what was booked before and what can be refused without looking at accounts."""
    here = tenant_id()
    known = queries.journals_by_key([(drafts[place].kind, drafts[place].key) for place in places])
    reversed_before = queries.reversals({d.reverses for d in (drafts[p] for p in places) if d.reverses})
    told: dict[tuple[str, str], bytes] = {}
    fresh: list[_Item] = []
    for place in places:
        draft = drafts[place]
        name, body = (draft.kind, draft.key), body_hash(draft)
        earlier = known.get(name)
        if earlier is not None or name in told:
            same = body == (earlier.body_sha256 if earlier is not None else told[name])
            outcomes[place] = (
                Posted(*name, "duplicate", earlier and earlier.id, earlier and earlier.seq)
                if same
                else _refused(draft, JournalKeyReused(kind=draft.kind, key=draft.key))
            )
            continue
        refusal = _fault(book, draft, here) or _reversal_fault(draft, reversed_before)
        if refusal is not None:
            outcomes[place] = _refused(draft, refusal)
            continue
        if draft.reverses is not None:
            reversed_before[draft.reverses] = "reversed"
        told[name] = body
        fresh.append(_Item(place, draft, body))
    return fresh


def _fault(book: LockedBook, draft: JournalDraft, here: UUID) -> JournalRefused | None:
    facts = {"kind": draft.kind, "key": draft.key}
    if book.frozen_at is not None:
        return BookFrozen(**facts)
    if len(draft.lines) < 2 or any(line.amount_minor == 0 for line in draft.lines):
        return JournalTooShort(**facts)
    unknown = [line.account_code for line in draft.lines if line.account_code not in CHART]
    if unknown:
        return AccountUnknown(**facts, account=unknown[0])
    off_by = sum(line.amount_minor for line in draft.lines)
    if off_by:
        return JournalUnbalanced(**facts, off_by_minor=off_by)
    for line in draft.lines:
        if CHART[line.account_code].by_party is (line.party_id is None):
            return PartyMismatch(**facts, account=line.account_code)
    funds = {fund_of(line.account_code, here) for line in draft.lines}
    return MoneyMixed(**facts) if {"medical", "operator_cash"} <= funds else None


def _reversal_fault(draft: JournalDraft, reversed_before: Mapping[UUID, str]) -> JournalRefused | None:
    if draft.reverses is None or draft.reverses not in reversed_before:
        return None
    facts = {"kind": draft.kind, "key": draft.key, "reverses": draft.reverses}
    return ReversalIsFinal(**facts) if reversed_before[draft.reverses] == "is reversal" else AlreadyReversed(**facts)


def _accounts(book: LockedBook, fresh: Sequence[_Item], outcomes: dict[int, Posted]) -> dict[AccountKey, UUID]:
    """Ids of the accounts the drafts name, opened where missing; drafts on closed ones are refused."""
    wanted = list(dict.fromkeys((line.account_code, line.party_id) for item in fresh for line in item.draft.lines))
    found = queries.accounts_by_key(book.id, wanted)
    missing = [key for key in wanted if key not in found]
    opened = _open_accounts(book, missing)
    closed = {key for key, row in found.items() if row.closed_at is not None}
    for item in fresh:
        shut = [line.account_code for line in item.draft.lines if (line.account_code, line.party_id) in closed]
        if shut:
            refusal = AccountClosed(kind=item.draft.kind, key=item.draft.key, account=shut[0])
            outcomes[item.place] = _refused(item.draft, refusal)
    return {key: row.id for key, row in found.items()} | opened


def _open_accounts(book: LockedBook, missing: Sequence[AccountKey]) -> dict[AccountKey, UUID]:
    here = tenant_id()
    opened = {key: ids.new_id() for key in missing}
    if opened:
        session.execute(
            _OPEN_ACCOUNTS,
            {
                "tenant": here,
                "book": book.id,
                "ids": list(opened.values()),
                "codes": [code for code, _ in opened],
                "parties": [party for _, party in opened],
                "kinds": [CHART[code].kind for code, _ in opened],
                "funds": [fund_of(code, here) for code, _ in opened],
                "interparty": [CHART[code].interparty for code, _ in opened],
            },
        )
    return opened


def _write(
    book: LockedBook, currency: str, fresh: Sequence[_Item], accounts: Mapping[AccountKey, UUID]
) -> dict[int, Posted]:
    booked_at, seq, last = clock.now(), book.next_seq, book.last_hash
    journals: dict[str, list[Any]] = {name: [] for name in _JOURNAL_COLUMNS}
    entries: dict[str, list[Any]] = {"seqs": [], "line_nos": [], "accounts": [], "amounts": []}
    booked: dict[int, Posted] = {}
    for item in fresh:
        draft, journal_id = item.draft, ids.new_id()
        sealed = seal(last, seq, booked_at, item.body_sha256)
        values = (
            *(journal_id, seq, draft.kind, draft.key, item.body_sha256, draft.effective_at, draft.source_type),
            *(str(draft.source_id), draft.rule_version, draft.reverses, draft.correlation_id, last, sealed),
        )
        for name, value in zip(_JOURNAL_COLUMNS, values, strict=True):
            journals[name].append(value)
        for line_no, line in enumerate(draft.lines, start=1):
            entries["seqs"].append(seq)
            entries["line_nos"].append(line_no)
            entries["accounts"].append(accounts[(line.account_code, line.party_id)])
            entries["amounts"].append(line.amount_minor)
        booked[item.place] = Posted(draft.kind, draft.key, "posted", journal_id, seq)
        seq, last = seq + 1, sealed
    here = {"tenant": tenant_id(), "book": book.id}
    session.execute(_INSERT_JOURNALS, here | journals | {"booked_at": booked_at})
    written: CursorResult[Any] = session.execute(_INSERT_ENTRIES, here | entries | {"currency": currency})  # type: ignore[assignment]  # an INSERT's result counts rows
    if written.rowcount != len(entries["seqs"]):
        raise PostingBroken(f"{written.rowcount} entries written of {len(entries['seqs'])}")
    session.execute(_UPDATE_BALANCES, {name: here[name] for name in ("tenant",)} | entries)
    session.execute(_ADVANCE_BOOK, here | {"next_seq": seq, "last_hash": last})
    return booked


def _refused(draft: JournalDraft, refusal: JournalRefused) -> Posted:
    return Posted(draft.kind, draft.key, "refused", refusal=refusal)


_LOCK_BOOK = text(
    "SELECT id, next_seq, last_hash, frozen_at FROM book WHERE tenant_id = :tenant AND currency = :currency FOR UPDATE"
)
_OPEN_BOOK = text(
    "INSERT INTO book (tenant_id, id, currency, next_seq, last_hash) VALUES (:tenant, :id, :currency, 1, :genesis) "
    "ON CONFLICT (tenant_id, currency) DO NOTHING"
)
# Rows that arrive as arrays are joined to a row of their tenant: on a cluster the statement then goes to the one node
# where that row lies, instead of being spread row by row.
_OPEN_ACCOUNTS = text(
    "INSERT INTO account (tenant_id, id, book_id, code, party_id, kind, fund, is_interparty) "
    "SELECT b.tenant_id, u.id, b.id, u.code, u.party_id, u.kind, u.fund, u.is_interparty FROM unnest("
    "CAST(:ids AS uuid[]), CAST(:codes AS text[]), CAST(:parties AS uuid[]), CAST(:kinds AS text[]), "
    "CAST(:funds AS text[]), CAST(:interparty AS boolean[])) AS u(id, code, party_id, kind, fund, is_interparty) "
    "JOIN book b ON b.tenant_id = :tenant AND b.id = :book"
)
_JOURNAL_COLUMNS = (
    "ids", "seqs", "kinds", "keys", "bodies", "effective", "source_types", "source_ids", "rules", "reverses",
    "correlations", "prevs", "hashes",
)  # fmt: skip
_INSERT_JOURNALS = text(
    "INSERT INTO journal (tenant_id, id, book_id, seq, kind, idem_scope, idem_key, body_sha256, effective_at, "
    "booked_at, source_type, source_id, rule_version, reverses_id, correlation_id, prev_hash, hash) "
    "SELECT b.tenant_id, u.id, b.id, u.seq, u.kind, u.kind, u.idem_key, u.body, u.effective_at, :booked_at, "
    "u.source_type, u.source_id, u.rule_version, u.reverses_id, u.correlation_id, u.prev_hash, u.hash FROM unnest("
    "CAST(:ids AS uuid[]), CAST(:seqs AS bigint[]), CAST(:kinds AS text[]), CAST(:keys AS text[]), "
    "CAST(:bodies AS bytea[]), CAST(:effective AS timestamptz[]), CAST(:source_types AS text[]), "
    "CAST(:source_ids AS text[]), CAST(:rules AS text[]), CAST(:reverses AS uuid[]), CAST(:correlations AS uuid[]), "
    "CAST(:prevs AS bytea[]), CAST(:hashes AS bytea[])) AS u(id, seq, kind, idem_key, body, effective_at, "
    "source_type, source_id, rule_version, reverses_id, correlation_id, prev_hash, hash) "
    "JOIN book b ON b.tenant_id = :tenant AND b.id = :book"
)
# The join is the foreign key: an entry can only be written to an open account of this very book.
_INSERT_ENTRIES = text(
    "INSERT INTO entry (tenant_id, book_id, seq, line_no, account_id, amount_minor, currency, fund) "
    "SELECT a.tenant_id, a.book_id, u.seq, u.line_no, a.id, u.amount_minor, :currency, a.fund FROM unnest("
    "CAST(:seqs AS bigint[]), CAST(:line_nos AS bigint[]), CAST(:accounts AS uuid[]), CAST(:amounts AS bigint[])"
    ") AS u(seq, line_no, account_id, amount_minor) JOIN account a ON a.tenant_id = :tenant AND a.book_id = :book "
    "AND a.id = u.account_id AND a.closed_at IS NULL"
)
_UPDATE_BALANCES = text(
    "INSERT INTO account_balance AS b (tenant_id, id, posted_minor, entry_count, last_seq) "
    "SELECT a.tenant_id, a.id, sum(u.amount_minor), count(*), max(u.seq) FROM unnest("
    "CAST(:seqs AS bigint[]), CAST(:accounts AS uuid[]), CAST(:amounts AS bigint[])) "
    "AS u(seq, account_id, amount_minor) JOIN account a ON a.tenant_id = :tenant AND a.id = u.account_id "
    "GROUP BY a.tenant_id, a.id ON CONFLICT (tenant_id, id) DO UPDATE SET "
    "posted_minor = b.posted_minor + EXCLUDED.posted_minor, entry_count = b.entry_count + EXCLUDED.entry_count, "
    "last_seq = EXCLUDED.last_seq"
)
_ADVANCE_BOOK = text(
    "UPDATE book SET next_seq = :next_seq, last_hash = :last_hash WHERE tenant_id = :tenant AND id = :book"
)
