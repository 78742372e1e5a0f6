"""A book and its lock: one writer at a time, so no gaps and no deadlocks."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from tandem.billing.ledger.errors import CurrencyUnknown
from tandem.billing.ledger.sealing import GENESIS
from tandem.kernel import ids
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


_LOCK_BOOK = text(
    "SELECT id, next_seq, last_hash, frozen_at FROM book WHERE tenant_id = :tenant AND currency = :currency FOR UPDATE"
)
_OPEN_BOOK = text(
    "INSERT INTO book (tenant_id, id, currency, next_seq, last_hash) VALUES (:tenant, :id, :currency, 1, :genesis) "
    "ON CONFLICT (tenant_id, currency) DO NOTHING"
)
