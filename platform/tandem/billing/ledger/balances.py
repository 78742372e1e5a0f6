"""What accounts stand at: now, or at any instant, by when things were true or by when they were booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text

from tandem.billing.ledger.models import Account, AccountBalance, Book
from tandem.kernel import clock
from tandem.kernel.database import Page, page, session
from tandem.kernel.tenancy import tenant_id

Basis = Literal["effective", "booked"]


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in a book. `effective`: what was true before it, known today; `booked`: what the book said then."""

    at: datetime
    basis: Basis = "effective"


def balance_at(code: str, instant: Instant, *, currency: str = "CNY", party_id: UUID | None = None) -> int:
    """What one account stood at (debit positive, minor units); with no `party_id`, all parties of the code together."""
    wanted = select(Account.id).join(Book, (Book.tenant_id == Account.tenant_id) & (Book.id == Account.book_id))
    wanted = wanted.where(Account.tenant_id == tenant_id(), Account.code == code, Book.currency == currency)
    if party_id is not None:
        wanted = wanted.where(Account.party_id == party_id)
    return sum(balances_at(session.scalars(wanted).all(), instant).values())


def balances_at(account_ids: Sequence[UUID], instant: Instant) -> dict[UUID, int]:
    """What these accounts stood at: whole days from the checkpoints, the day itself and what is not counted yet."""
    if not account_ids:
        return {}
    day = instant.at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
    found = session.execute(
        _AT[instant.basis],
        {
            "tenant": tenant_id(),
            "accounts": "{" + ",".join(map(str, account_ids)) + "}",
            "basis": instant.basis,
            "day": day,
            "day_start": clock.day_bounds(day)[0],
            "at": instant.at,
        },
    )
    return dict.fromkeys(account_ids, 0) | {row.id: int(row.moved_minor) for row in found}


def balances_page(*, limit: int, after: str | None, instant: Instant | None = None) -> Page:
    """Accounts in order of their codes, with what they stand at."""
    found = page(
        _ACCOUNTS.where(Account.tenant_id == tenant_id()), by=[Account.code, Account.id], limit=limit, after=after
    )
    if instant is None:
        return found
    stood = balances_at([row["id"] for row in found.rows], instant)
    return Page([dict(row) | {"balance_minor": stood[row["id"]]} for row in found.rows], found.next)


_ACCOUNTS: Final = (
    select(
        Account.id,
        Account.code,
        Account.party_id,
        Account.kind,
        Account.floor_minor,
        Account.ceiling_minor,
        Account.closed_at,
        Book.currency,
        func.coalesce(AccountBalance.posted_minor, 0).label("balance_minor"),
    )
    .join(Book, (Book.tenant_id == Account.tenant_id) & (Book.id == Account.book_id))
    .outerjoin(AccountBalance, (AccountBalance.tenant_id == Account.tenant_id) & (AccountBalance.id == Account.id))
)


def _at(moment: str) -> Any:
    # `moment` is the name of a column, one of two. What is beyond the cursor is in no checkpoint, whatever its day.
    return text(
        f"""
        WITH wanted AS (
            SELECT a.id, a.book_id, coalesce(k.counted_seq, 0) AS counted_seq
            FROM unnest(CAST(:accounts AS uuid[])) AS u(id)
            JOIN account a ON a.tenant_id = :tenant AND a.id = u.id
            LEFT JOIN checkpoint_cursor k ON k.tenant_id = :tenant AND k.id = a.book_id
        )
        SELECT id, sum(moved_minor) AS moved_minor FROM (
            SELECT c.id, c.moved_minor FROM wanted w JOIN balance_checkpoint c
            ON c.tenant_id = :tenant AND c.id = w.id AND c.basis = :basis AND c.day < :day
            UNION ALL
            SELECT e.account_id, e.amount_minor FROM wanted w JOIN entry e
            ON e.tenant_id = :tenant AND e.account_id = w.id AND e.seq > w.counted_seq
            JOIN journal j ON j.tenant_id = :tenant AND j.book_id = w.book_id AND j.seq = e.seq AND j.{moment} < :at
            UNION ALL
            SELECT e.account_id, e.amount_minor FROM wanted w JOIN journal j
            ON j.tenant_id = :tenant AND j.book_id = w.book_id AND j.seq <= w.counted_seq
            AND j.{moment} >= :day_start AND j.{moment} < :at
            JOIN entry e ON e.tenant_id = :tenant AND e.book_id = w.book_id AND e.seq = j.seq AND e.account_id = w.id
        ) AS parts(id, moved_minor) GROUP BY id
        """  # noqa: S608 - the only thing put in is one of two column names
    )


_AT: Final[dict[Basis, Any]] = {"effective": _at("effective_at"), "booked": _at("booked_at")}
