"""A book and its lock: one writer at a time, so no gaps and no deadlocks; and what closes books and accounts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update

from tandem.billing.ledger import queries
from tandem.billing.ledger.errors import AccountNotEmpty, BalanceLimitReached, CurrencyUnknown
from tandem.billing.ledger.models import Account, Book
from tandem.billing.ledger.sealing import GENESIS
from tandem.kernel import audit, clock, ids
from tandem.kernel.database import session
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True)
class LockedBook:
    """A book whose row this transaction holds."""

    id: UUID
    next_seq: int
    last_hash: bytes
    frozen_at: datetime | None


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


def freeze_book(currency: str = "CNY", *, because: str) -> None:
    """Let nothing be posted any more until it is thawed; a frozen book is still read and proven.

    Raises CurrencyUnknown.
    """
    book = lock_book(currency)
    if book.frozen_at is None:
        _set_frozen(book, currency, frozen=True, because=because)


def thaw_book(currency: str = "CNY", *, because: str) -> None:
    """Let a frozen book be posted to again. Raises CurrencyUnknown."""
    book = lock_book(currency)
    if book.frozen_at is not None:
        _set_frozen(book, currency, frozen=False, because=because)


def limit_account(account_id: UUID, *, floor_minor: int | None, ceiling_minor: int | None) -> None:
    """Let no posting take an account's balance (debit positive) below the floor or above the ceiling.

    Raises BalanceLimitReached when the balance is beyond them already, NotFound.
    """
    account = _locked_account(account_id)
    balance = queries.balance_row(account_id)
    if (floor_minor is not None and balance.posted_minor < floor_minor) or (
        ceiling_minor is not None and balance.posted_minor > ceiling_minor
    ):
        raise BalanceLimitReached(
            account=account.code,
            balance_minor=balance.posted_minor,
            floor_minor=floor_minor,
            ceiling_minor=ceiling_minor,
        )
    for row in (account, balance):
        row.floor_minor, row.ceiling_minor = floor_minor, ceiling_minor
    session.flush()
    limits = {"floor_minor": floor_minor, "ceiling_minor": ceiling_minor}
    audit.record(action="account.limited", object_type="account", object_id=account_id, details=limits)


def close_account(account_id: UUID, *, because: str) -> None:
    """Close an empty account: nothing is posted to it any more. Closing it again changes nothing.

    Raises AccountNotEmpty, NotFound. A balance is handed on first, by the rule account_succeeded.
    """
    account = _locked_account(account_id)
    if account.closed_at is not None:
        return
    balance_minor = queries.balance_row(account_id).posted_minor
    if balance_minor:
        raise AccountNotEmpty(account=account.code, balance_minor=balance_minor)
    account.closed_at = clock.now()
    session.flush()
    audit.record(action="account.closed", object_type="account", object_id=account_id, details={"because": because})


def _locked_account(account_id: UUID) -> Account:
    account = queries.account_row(account_id)
    # Under the book's lock no posting is under way that saw the account open, or its limits wider.
    lock_book(queries.currency_of(account.book_id))
    session.refresh(account)
    return account


def _set_frozen(book: LockedBook, currency: str, *, frozen: bool, because: str) -> None:
    at = clock.now() if frozen else None
    session.execute(update(Book).where(Book.tenant_id == tenant_id(), Book.id == book.id).values(frozen_at=at))
    action = "book.frozen" if frozen else "book.thawed"
    details = {"currency": currency, "because": because}
    audit.record(action=action, object_type="book", object_id=book.id, details=details)


_LOCK_BOOK = text(
    "SELECT id, next_seq, last_hash, frozen_at FROM book WHERE tenant_id = :tenant AND currency = :currency FOR UPDATE"
)
_OPEN_BOOK = text(
    "INSERT INTO book (tenant_id, id, currency, next_seq, last_hash) VALUES (:tenant, :id, :currency, 1, :genesis) "
    "ON CONFLICT (tenant_id, currency) DO NOTHING"
)
