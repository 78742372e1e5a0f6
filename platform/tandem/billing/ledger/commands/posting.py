"""Posting: one lock on the book, one pass over the drafts, then one set-based statement per table.

The pass decides and writes down in the same breath: a draft is looked at once, and what is accepted goes straight
into the columns of the statements that follow. At twenty thousand journals a second every object counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final
from uuid import UUID

from tandem.billing.ledger import queries
from tandem.billing.ledger.chart import CHART
from tandem.billing.ledger.commands.accounts import (
    CLOSED,
    LIMITED,
    MIXED,
    OpenAccount,
    find_accounts,
    keep_in_mind,
    limits_broken,
)
from tandem.billing.ledger.commands.books import LockedBook, lock_book
from tandem.billing.ledger.commands.whole import taken_whole
from tandem.billing.ledger.commands.writing import LINE, Columns, write_columns
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
from tandem.billing.ledger.sealing import body_hash, body_of, seal, written
from tandem.kernel import clock, ids
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

CHUNK: Final = 10_000
"""Journals per statement: enough to be fast, few enough that memory stays small whatever the batch."""


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
    return reversals_of({journal_id: key}, kind=kind, effective_at=effective_at)[journal_id]


def reversals_of(keys: Mapping[UUID, str], *, kind: str, effective_at: datetime) -> dict[UUID, JournalDraft]:
    """Drafts that undo booked journals, by journal; `keys` says under which key each is undone. Raises NotFound."""
    found = queries.journals_with_lines(keys)
    if len(found) != len(keys):
        raise NotFound
    return {
        journal["id"]: JournalDraft(
            kind=kind,
            key=keys[journal["id"]],
            effective_at=effective_at,
            lines=[Line(each["account_code"], -each["amount_minor"], each["party_id"]) for each in journal["lines"]],
            currency=journal["currency"],
            source_type=journal["source_type"],
            source_id=journal["source_id"],
            correlation_id=journal["correlation_id"],
            reverses=journal["id"],
        )
        for journal in found
    }


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
    whole = batch.take_all()
    outcomes |= zip(places, whole or (), strict=whole is not None)
    for place in places if whole is None else ():
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
        self.drafts, self.lines = drafts, list(chain.from_iterable([draft.lines for draft in drafts]))
        keys = [(code, None if party is None else party.int) for code, _, party in self.lines]
        accounts = find_accounts(book.id, dict(zip(keys, self.lines, strict=True)))
        # In order of the lines: `take` is given the drafts in the order in which they are here.
        self.found = list(map(accounts.get, keys))
        self.next_found = iter(self.found)
        self.listed = list(accounts.values())
        self.booked_at = clock.now()
        self.booked_words = written(self.booked_at).encode()
        self.seq, self.last = book.next_seq, book.last_hash
        self.columns = Columns(book.id, book.next_seq, book.last_hash, self.booked_at)

    def take_all(self) -> list[Posted] | None:
        """Write all drafts down at once; None when there is something to decide draft by draft."""
        if self.booked or self.book.frozen_at is not None:
            return None
        return taken_whole(self.columns, self.currency, self.drafts, self.lines, self.found)

    def take(self, draft: JournalDraft) -> Posted:
        """Decide on one draft and, if it is to be booked, write it down."""
        kind, key, moment, lines, source_type, source_id, currency, correlation_id, rule_version, reverses = draft
        accounts = list(islice(self.next_found, len(lines)))
        if (kind, key) in self.booked:
            return self._told_before((kind, key), draft)
        off_by, marks, place = 0, 0, self.columns.first_line(self.seq)
        places: list[int] = []
        amounts: list[int] = []
        said: list[tuple[str, UUID | None, int]] = []
        for (code, amount, party), account in zip(lines, accounts, strict=True):
            if account is None or not amount:
                return _refused(draft, _fault(draft, self.here))
            place += LINE
            off_by += amount
            marks |= account.marks
            places.append(place + account.place)
            amounts.append(amount)
            said.append((code, party, amount))
        if off_by or marks or len(lines) < 2 or reverses or self.book.frozen_at:
            touched = list(zip([each for each in accounts if each is not None], amounts, strict=True))
            refusal = self._refusal(draft, touched, off_by, marks)
            if refusal is not None:
                return _refused(draft, refusal)
            if marks & LIMITED:
                keep_in_mind(touched)
        journal_id, seq, source = ids.new_id(), self.seq, source_id if type(source_id) is str else str(source_id)
        told = (kind, key, currency, written(moment), source_type, source, rule_version, reverses, correlation_id, said)
        body = body_of(told)
        self.last = sealed = seal(self.last, seq, self.booked_words, body)
        self.columns.add(
            (journal_id, kind, key, moment, source_type, source, rule_version, reverses, correlation_id, body, sealed),
            places,
            amounts,
        )
        if reverses is not None:
            self.reversed[reverses] = "reversed"
        self.booked[kind, key] = (body, journal_id, seq)
        self.seq = seq + 1
        return Posted(kind, key, "posted", journal_id, seq)

    def write(self) -> None:
        """One statement per table for all that was taken. Raises PostingBroken."""
        write_columns(self.columns, self.listed, self.currency)

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
