"""Reads of the books. Every statement names its tenant: row-level security is the wall, this is the route."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Row, RowMapping, func, select, text

from tandem.billing.arrays import text_array
from tandem.billing.ledger.models import (
    Account,
    AccountBalance,
    Book,
    Entry,
    Journal,
    MoneyHold,
    PostingRuleVersion,
)
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

Row_ = TypeVar("Row_", Account, AccountBalance, Book, MoneyHold)
LOOPS_OFF: Final = text("SET LOCAL enable_nestloop = off")
"""Said before a window is read: a young table has no statistics, and a loop within a loop over one takes a day."""

_JOURNAL_SHOWN: Final = tuple(
    column for column in Journal.__table__.c if column.key not in {"prev_hash", "body_sha256", "hash"}
)


def journals_by_key(names: Sequence[tuple[str, str]]) -> Sequence[Row[Any]]:
    """What is already booked under these (kind, key) pairs."""
    # Each key is looked up by itself: a planner may think it cheaper to read the book (seen: five times as dear).
    found = session.execute(
        text(
            "SELECT j.idem_scope, j.idem_key, j.body_sha256, j.id, j.seq FROM unnest(CAST(:scopes AS text[]), "
            "CAST(:keys AS text[])) AS u(scope, key) CROSS JOIN LATERAL (SELECT idem_scope, idem_key, body_sha256, id, "
            "seq FROM journal WHERE tenant_id = :tenant AND idem_scope = u.scope AND idem_key = u.key OFFSET 0) j"
        ),
        {
            "tenant": tenant_id(),
            "scopes": text_array([scope for scope, _ in names]),
            "keys": text_array([key for _, key in names]),
        },
    )
    return found.all()


def reversals(journal_ids: Collection[UUID]) -> dict[UUID, str]:
    """Which of these journals are reversed already, and which are reversals themselves."""
    if not journal_ids:
        return {}
    wanted = list(journal_ids)
    undone = select(Journal.reverses_id).where(Journal.tenant_id == tenant_id(), Journal.reverses_id.in_(wanted))
    undoing = select(Journal.id).where(
        Journal.tenant_id == tenant_id(), Journal.id.in_(wanted), Journal.reverses_id.is_not(None)
    )
    return {each: "reversed" for each in session.scalars(undone) if each is not None} | dict.fromkeys(
        session.scalars(undoing), "is reversal"
    )


def book_of(currency: str) -> Row[UUID, int, bytes, str] | None:
    """The tenant's book in a currency, without locking it."""
    return session.execute(
        select(Book.id, Book.next_seq, Book.last_hash, Book.currency).where(
            Book.tenant_id == tenant_id(), Book.currency == currency
        )
    ).one_or_none()


def book_currencies() -> Sequence[str]:
    """The currencies in which the scope keeps books."""
    return session.scalars(select(Book.currency).where(Book.tenant_id == tenant_id()).order_by(Book.currency)).all()


def cut_of(currency: str) -> int:
    """The last booked place: every journal up to it is committed, because a book has one writer at a time."""
    book = book_of(currency)
    return 0 if book is None else book.next_seq - 1


def book_opened_at(currency: str) -> datetime | None:
    """The earliest moment at which something in the book was true; None for an empty book."""
    book = book_of(currency)
    if book is None:
        return None
    return session.scalar(
        select(func.min(Journal.effective_at)).where(Journal.tenant_id == tenant_id(), Journal.book_id == book.id)
    )


def books() -> Sequence[RowMapping]:
    """The tenant's books."""
    return rows(select(Book.id, Book.currency, Book.next_seq, Book.frozen_at).where(Book.tenant_id == tenant_id()))


def balances(at: datetime | None = None) -> Sequence[RowMapping]:
    """What every account stands at: now, or counting only what was true before `at` (debit positive)."""
    source = _posted_before(at) if at is not None else AccountBalance.__table__
    posted = source.c.posted_minor
    return rows(
        select(
            Account.id,
            Account.code,
            Account.party_id,
            Account.kind,
            Book.currency,
            func.coalesce(posted, 0).label("balance_minor"),
        )
        .join(Book, (Book.tenant_id == Account.tenant_id) & (Book.id == Account.book_id))
        .outerjoin(source, (source.c.tenant_id == Account.tenant_id) & (source.c.id == Account.id))
        .where(Account.tenant_id == tenant_id())
        .order_by(Book.currency, Account.code, Account.party_id)
    )


def balance_minor(code: str, *, currency: str = "CNY", party_id: UUID | None = None) -> int:
    """What one account stands at now; with no `party_id`, all parties of that code together."""
    wanted = select(func.coalesce(func.sum(AccountBalance.posted_minor), 0)).select_from(Account)
    wanted = (
        wanted.join(Book, (Book.tenant_id == Account.tenant_id) & (Book.id == Account.book_id))
        .join(AccountBalance, (AccountBalance.tenant_id == Account.tenant_id) & (AccountBalance.id == Account.id))
        .where(Account.tenant_id == tenant_id(), Account.code == code, Book.currency == currency)
    )
    if party_id is not None:
        wanted = wanted.where(Account.party_id == party_id)
    return int(session.execute(wanted).scalar_one())


def journal_with_lines(journal_id: UUID) -> Mapping[str, Any]:
    """A journal and its entries in order. Raises NotFound."""
    found = rows(
        select(*Journal.__table__.c, func.encode(Journal.hash, "hex").label("seal"), Book.currency)
        .join(Book, (Book.tenant_id == Journal.tenant_id) & (Book.id == Journal.book_id))
        .where(Journal.tenant_id == tenant_id(), Journal.id == journal_id)
    )
    if not found:
        raise NotFound
    journal = dict(found[0])
    return journal | {"lines": lines_of(journal["book_id"], journal["seq"])}


def journals_with_lines(journal_ids: Collection[UUID]) -> list[dict[str, Any]]:
    """Those of these journals that there are, each with its entries in order."""
    shown = ("id", "source_type", "source_id", "correlation_id")
    found = session.execute(
        entries(
            *(getattr(Journal, name) for name in shown),
            Book.currency,
            Account.code.label("account_code"),
            Account.party_id,
            Entry.amount_minor,
        )
        .where(Journal.id.in_(list(journal_ids)))
        .order_by(Journal.book_id, Journal.seq, Entry.line_no)
    )
    journals: dict[UUID, dict[str, Any]] = {}
    for row in found.mappings():
        head = {name: row[name] for name in (*shown, "currency")}
        journals.setdefault(row["id"], head | {"lines": []})["lines"].append(row)
    return list(journals.values())


def lines_of(book_id: UUID, seq: int) -> Sequence[RowMapping]:
    """The entries of one journal, in order."""
    return rows(
        select(
            Entry.seq,
            Entry.line_no,
            Account.code.label("account_code"),
            Account.party_id,
            Entry.amount_minor,
            Entry.currency,
        )
        .join(Account, (Account.tenant_id == Entry.tenant_id) & (Account.id == Entry.account_id))
        .where(Entry.tenant_id == tenant_id(), Entry.book_id == book_id, Entry.seq == seq)
        .order_by(Entry.line_no)
    )


def journals(*, currency: str, limit: int, after: str | None, kind: str | None = None) -> Page:
    """Journals of a book, newest first."""
    wanted = (
        select(*_JOURNAL_SHOWN, func.encode(Journal.hash, "hex").label("seal"))
        .join(Book, (Book.tenant_id == Journal.tenant_id) & (Book.id == Journal.book_id))
        .where(Journal.tenant_id == tenant_id(), Book.currency == currency)
    )
    if kind is not None:
        wanted = wanted.where(Journal.kind == kind)
    return page(wanted, by=[Journal.seq], limit=limit, after=after, newest_first=True)


def account_row(account_id: UUID) -> Account:
    """An account to be changed. Raises NotFound."""
    return _own(Account, account_id)


def balance_row(account_id: UUID) -> AccountBalance:
    """An account's balance and limits to be changed, locked. Raises NotFound."""
    return _own(AccountBalance, account_id, for_update=True)


def currency_of(book_id: UUID) -> str:
    """The currency of a book. Raises NotFound."""
    return _own(Book, book_id).currency


def hold(hold_id: UUID, *, for_update: bool = False) -> MoneyHold:
    """A hold. Raises NotFound."""
    return _own(MoneyHold, hold_id, for_update=for_update)


def holds(*, limit: int, after: str | None, status: str | None = None) -> Page:
    """Holds, newest first."""
    wanted = select(*MoneyHold.__table__.c).where(MoneyHold.tenant_id == tenant_id())
    if status is not None:
        wanted = wanted.where(MoneyHold.status == status)
    return page(wanted, by=[MoneyHold.placed_at, MoneyHold.id], limit=limit, after=after, newest_first=True)


def rule_versions(*, limit: int, after: str | None) -> Page:
    """The recorded posting rules, in order of their codes and versions."""
    listed = select(*PostingRuleVersion.__table__.c)
    return page(listed, by=[PostingRuleVersion.code, PostingRuleVersion.version], limit=limit, after=after)


def entries_of(account_id: UUID, *, limit: int, after: str | None) -> Page:
    """An account's entries with the journals they belong to, newest first."""
    account_row(account_id)
    wanted = (
        select(
            Entry.seq,
            Entry.line_no,
            Entry.amount_minor,
            Entry.currency,
            Journal.id.label("journal_id"),
            Journal.kind,
            Journal.effective_at,
            Journal.booked_at,
            Journal.source_type,
            Journal.source_id,
        )
        .join(
            Journal,
            (Journal.tenant_id == Entry.tenant_id) & (Journal.book_id == Entry.book_id) & (Journal.seq == Entry.seq),
        )
        .where(Entry.tenant_id == tenant_id(), Entry.account_id == account_id)
    )
    return page(wanted, by=[Entry.seq, Entry.line_no], limit=limit, after=after, newest_first=True)


def entries(*shown: Any) -> Any:
    """Entries of the tenant with their journals, accounts and books: what every sum over a book starts from."""
    return (
        select(*shown)
        .select_from(Entry)
        .join(
            Journal,
            (Journal.tenant_id == Entry.tenant_id) & (Journal.book_id == Entry.book_id) & (Journal.seq == Entry.seq),
        )
        .join(Account, (Account.tenant_id == Entry.tenant_id) & (Account.id == Entry.account_id))
        .join(Book, (Book.tenant_id == Entry.tenant_id) & (Book.id == Entry.book_id))
        .where(Entry.tenant_id == tenant_id())
    )


def _own(model: type[Row_], row_id: UUID, *, for_update: bool = False) -> Row_:
    wanted = select(model).where(model.tenant_id == tenant_id(), model.id == row_id)
    # A row this session has seen may have changed before it was locked.
    wanted = wanted.with_for_update().execution_options(populate_existing=True) if for_update else wanted
    found = session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


def _posted_before(at: datetime) -> Any:
    return (
        select(Entry.tenant_id, Entry.account_id.label("id"), func.sum(Entry.amount_minor).label("posted_minor"))
        .join(
            Journal,
            (Journal.tenant_id == Entry.tenant_id) & (Journal.book_id == Entry.book_id) & (Journal.seq == Entry.seq),
        )
        .where(Entry.tenant_id == tenant_id(), Journal.effective_at < at)
        .group_by(Entry.tenant_id, Entry.account_id)
        .subquery("before")
    )
