"""Daily checkpoints: what each day moved on each account, so that a balance of any instant is a short sum.

They are caches of the entries, counted forward in bounded windows; throwing them away and counting again gives the
same, which `tandem ledger verify` holds them to.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from tandem.billing.ledger import queries
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

WINDOW: Final = 20_000
WINDOWS_AT_ONCE: Final = 25


def count_checkpoints(at_most: int = WINDOW * WINDOWS_AT_ONCE) -> int:
    """Count what was booked since the last time; returns how many journals, never more than `at_most` of a book."""
    return sum(_count_book(book["id"], book["next_seq"] - 1, at_most) for book in queries.books())


def forget_checkpoints() -> None:
    """Throw the checkpoints of the tenant away; balances stay right and are counted again the next time."""
    session.execute(text("DELETE FROM balance_checkpoint WHERE tenant_id = :tenant"), {"tenant": tenant_id()})
    session.execute(text("DELETE FROM checkpoint_cursor WHERE tenant_id = :tenant"), {"tenant": tenant_id()})


def _count_book(book_id: UUID, cut: int, at_most: int) -> int:
    book = {"tenant": tenant_id(), "book": book_id}
    session.execute(_OPEN_CURSOR, book)
    # Whoever counts holds the cursor, so that no window is counted twice.
    counted: int = session.execute(_LOCK_CURSOR, book).scalar_one()
    session.execute(queries.LOOPS_OFF)
    until = min(cut, counted + at_most)
    for first in range(counted + 1, until + 1, WINDOW):
        window = book | {"first": first, "last": min(first + WINDOW - 1, until), "zone": clock.BUSINESS_ZONE}
        session.execute(_COUNT, window)
    session.execute(_ADVANCE, book | {"counted": until})
    return until - counted


_OPEN_CURSOR = text(
    "INSERT INTO checkpoint_cursor (tenant_id, id, counted_seq) SELECT b.tenant_id, b.id, 0 FROM book b "
    "WHERE b.tenant_id = :tenant AND b.id = :book ON CONFLICT (tenant_id, id) DO NOTHING"
)
_LOCK_CURSOR = text("SELECT counted_seq FROM checkpoint_cursor WHERE tenant_id = :tenant AND id = :book FOR UPDATE")
_ADVANCE = text("UPDATE checkpoint_cursor SET counted_seq = :counted WHERE tenant_id = :tenant AND id = :book")
_COUNT = text(
    """
    INSERT INTO balance_checkpoint AS c (tenant_id, id, basis, day, moved_minor, entry_count)
    SELECT e.tenant_id, e.account_id, d.basis, d.day, CAST(sum(e.amount_minor) AS bigint), count(*)
    FROM journal j
    JOIN entry e ON e.tenant_id = :tenant AND e.book_id = :book AND e.seq = j.seq
    CROSS JOIN LATERAL (VALUES
        ('effective', CAST(j.effective_at AT TIME ZONE :zone AS date)),
        ('booked', CAST(j.booked_at AT TIME ZONE :zone AS date))) AS d(basis, day)
    WHERE j.tenant_id = :tenant AND j.book_id = :book AND j.seq BETWEEN :first AND :last
    GROUP BY e.tenant_id, e.account_id, d.basis, d.day
    ON CONFLICT (tenant_id, id, basis, day) DO UPDATE
    SET moved_minor = c.moved_minor + EXCLUDED.moved_minor, entry_count = c.entry_count + EXCLUDED.entry_count
    """
)
