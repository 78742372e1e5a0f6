"""The operator's book mirrors what hospitals' and employers' books say of the operator.

The posting rule that made a journal says how it is mirrored: the same correlation, the opposite sign, keyed by the
source journal's id. So a mirror can be written at any time, by anybody, and is there once; reconciliation pass R6
proves that no two books disagree.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.ledger import commands, queries
from tandem.billing.ledger.chart import CHART
from tandem.billing.ledger.drafts import JournalDraft, Line
from tandem.billing.ledger.errors import PostingRuleUnknown
from tandem.billing.ledger.models import Account, Book, Entry, Journal, MirrorCursor
from tandem.billing.ledger.posting_rules import posting_rules, rule_at
from tandem.kernel.database import rows, session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id, transaction

BATCH: Final = 500
MIRROR: Final = "mirror"
MIRRORED_KINDS: Final = tuple(sorted(code for code, (newest, *_) in posting_rules().items() if newest.mirror))
"""Kinds of journal that the operator's book mirrors."""
_NOT_OWED: Final = {
    code: newest.mirror.facing
    for code, (newest, *_) in posting_rules().items()
    if newest.mirror and not any(CHART[account].interparty for account in newest.mirror.facing)
}
"""Kinds that are mirrored and move no account between the parties, with the accounts that face each other instead.

A correction of what visits drew is money of nobody yet: it moves an employer's expense and the operator's income.
"""


def mirror_book(currency: str = "CNY") -> int:
    """Bring the operator's book up to date with the scope's, in batches; returns how many journals were mirrored.

    Stands at the edge: called from a job with `outside=True`, it opens its own transactions, one after the other in
    the two tenants. Doing it again, or twice at once, changes nothing.
    """
    source, mirrored = tenant_id(), 0
    while True:
        with transaction():
            book_id, done, journals = _unmirrored(currency)
            drafts = [mirror_of(source, journal) for journal in journals]
        if book_id is None or not journals:
            return mirrored
        with acting_for(OPERATOR_ID), transaction():
            commands.post(drafts)
        with transaction():
            _advance(book_id, max(done, *(journal["seq"] for journal in journals)))
        mirrored += len(journals)


def mirror_of(source: UUID, journal: Mapping[str, Any]) -> JournalDraft:
    """The operator's side of a source journal, which comes with its lines. Raises PostingRuleUnknown."""
    rule = rule_at(journal["kind"], journal["effective_at"])
    if rule is None or rule.mirror is None:
        raise PostingRuleUnknown(kind=journal["kind"], key=str(journal["id"]))
    facing, rest = rule.mirror.facing, rule.mirror.rest
    parties = {line["party_id"] for line in journal["lines"] if line["party_id"] is not None}
    lines = [
        Line(facing[line["account_code"]], -line["amount_minor"], source if _is_by_party(facing, line) else None)
        for line in journal["lines"]
        if line["account_code"] in facing
    ]
    balance_minor = -sum(line.amount_minor for line in lines)
    if balance_minor:
        party = parties.pop() if CHART[rest].by_party else None
        lines.append(Line(rest, balance_minor, party))
    return JournalDraft(
        kind=MIRROR,
        key=str(journal["id"]),
        effective_at=journal["effective_at"],
        lines=lines,
        currency=journal["currency"],
        source_type="journal",
        source_id=journal["id"],
        correlation_id=journal["correlation_id"],
        rule_version=journal["rule_version"],
    )


def _is_by_party(facing: Mapping[str, str], line: Mapping[str, Any]) -> bool:
    return CHART[facing[line["account_code"]]].by_party


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A journal that the operator's book mirrors, and what it adds to this book's accounts that face the operator's."""

    id: UUID
    seq: int
    kind: str
    currency: str
    amount_minor: int


def mirrored_until(currency: str = "CNY") -> int:
    """Up to which place the scope's book has been mirrored."""
    cursor = (
        select(MirrorCursor.mirrored_seq)
        .join(Book, (Book.tenant_id == MirrorCursor.tenant_id) & (Book.id == MirrorCursor.id))
        .where(MirrorCursor.tenant_id == tenant_id(), Book.currency == currency)
    )
    return session.scalar(cursor) or 0


def is_mirrored(currency: str = "CNY") -> bool:
    """Whether the operator's book says all by now that the scope's book says of the operator."""
    return not _unmirrored(currency)[2]


def mirrored_journals(
    *, since: datetime | None = None, until: datetime | None = None, after_seq: int = 0, limit: int | None = None
) -> list[Mirrored]:
    """Journals that should have been mirrored by now, in order: of a half-open time, or from a place in the book on."""
    wanted = (
        queries.entries(
            Journal.id, Journal.seq, Journal.kind, Book.currency, func.sum(Entry.amount_minor).label("amount_minor")
        )
        .where(Journal.kind.in_(MIRRORED_KINDS), _faces_the_operator())
        .where(Journal.seq > after_seq, Journal.seq <= mirrored_until())
        .group_by(Journal.id, Journal.seq, Journal.kind, Book.currency)
        .order_by(Journal.seq)
        .limit(limit)
    )
    if since is not None:
        wanted = wanted.where(Journal.effective_at >= since)
    if until is not None:
        wanted = wanted.where(Journal.effective_at < until)
    return [Mirrored(row.id, row.seq, row.kind, row.currency, int(row.amount_minor)) for row in session.execute(wanted)]


def mirrors_of(journal_ids: Collection[UUID]) -> dict[UUID, int]:
    """What the mirrors of these journals add to the operator's accounts that face their party's. [operator]"""
    found = session.execute(
        queries.entries(Journal.idem_key, func.sum(Entry.amount_minor).label("amount_minor"))
        .where(Journal.idem_scope == MIRROR, _faces_the_party())
        .where(Journal.idem_key.in_([str(each) for each in journal_ids]))
        .group_by(Journal.idem_key)
    )
    return {UUID(row.idem_key): int(row.amount_minor) for row in found}


def _faces_the_operator() -> ColumnElement[bool]:
    not_owed = [and_(Journal.kind == kind, Account.code.in_(facing)) for kind, facing in _NOT_OWED.items()]
    return or_(Account.is_interparty, *not_owed)


def _faces_the_party() -> ColumnElement[bool]:
    # A mirror is of one kind whatever it mirrors; which rule made it is what its version begins with.
    rule = func.split_part(Journal.rule_version, "@", 1)
    not_owed = [and_(rule == kind, Account.code.in_(facing.values())) for kind, facing in _NOT_OWED.items()]
    return or_(Account.is_interparty, *not_owed)


def _unmirrored(currency: str) -> tuple[UUID | None, int, Sequence[dict[str, Any]]]:
    book = queries.book_of(currency)
    if book is None:
        return None, 0, []
    here = tenant_id()
    done = mirrored_until(currency)
    found = rows(
        select(*Journal.__table__.c)
        .where(
            Journal.tenant_id == here,
            Journal.book_id == book.id,
            Journal.seq > done,
            Journal.kind.in_(MIRRORED_KINDS),
        )
        .order_by(Journal.seq)
        .limit(BATCH)
    )
    lines = _lines_by_seq(book.id, [row["seq"] for row in found])
    return book.id, done, [dict(row) | {"currency": currency, "lines": lines[row["seq"]]} for row in found]


def _lines_by_seq(book_id: UUID, seqs: Sequence[int]) -> dict[int, list[Mapping[str, Any]]]:
    found = rows(
        select(Entry.seq, Account.code.label("account_code"), Account.party_id, Entry.amount_minor)
        .join(Account, (Account.tenant_id == Entry.tenant_id) & (Account.id == Entry.account_id))
        .where(Entry.tenant_id == tenant_id(), Entry.book_id == book_id, Entry.seq.in_(seqs))
        .order_by(Entry.seq, Entry.line_no)
    )
    lines: dict[int, list[Mapping[str, Any]]] = {seq: [] for seq in seqs}
    for row in found:
        lines[row["seq"]].append(dict(row))
    return lines


def _advance(book_id: UUID, seq: int) -> None:
    wish = insert(MirrorCursor.__table__).values(tenant_id=tenant_id(), id=book_id, mirrored_seq=seq)
    farther = MirrorCursor.__table__.c.mirrored_seq < seq
    session.execute(
        wish.on_conflict_do_update(index_elements=["tenant_id", "id"], set_={"mirrored_seq": seq}, where=farther)
    )
