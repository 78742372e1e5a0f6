"""A book as plain text that other bookkeepers read: CSV with everything, beancount, hledger. Streamed in windows.

Books written one behind the other into one text need names that differ: `book` stands in each of their accounts.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, func

from tandem.billing.ledger import queries
from tandem.billing.ledger.models import Account, Book, Entry, Journal
from tandem.billing.ledger.queries import LOOPS_OFF
from tandem.billing.ledger.sealing import written
from tandem.kernel import clock
from tandem.kernel.database import rows, session
from tandem.kernel.money import EXPONENTS

WINDOW: Final = 5_000
ROOTS: Final = {"asset": "Assets", "liability": "Liabilities", "income": "Income", "expense": "Expenses"}
COLUMNS: Final = (
    "tenant_id", "seq", "line_no", "journal_id", "kind", "key", "effective_at", "booked_at", "account_code", "party_id",
    "amount_minor", "currency", "source_type", "source_id", "rule_version", "reverses_id", "correlation_id",
    "body_sha256", "prev_hash", "hash",
)  # fmt: skip

Row = RowMapping


def csv_head(_currency: str) -> str:
    """The names of the columns."""
    return _csv_line(COLUMNS)


def as_csv(currency: str, *, book: str | None = None) -> Iterator[str]:
    """Every entry with all that its journal says and its seals, in order of the book; `tenant_id` says whose it is."""
    for row in _entries(currency, queries.cut_of(currency)):
        yield _csv_line([_plain(row[column]) for column in COLUMNS])


def beancount_head(currency: str) -> str:
    """What a file says once per currency."""
    return f'option "operating_currency" "{currency}"\n\n'


def as_beancount(currency: str, *, book: str | None = None) -> Iterator[str]:
    """The book in beancount's syntax: https://beancount.github.io/docs/beancount_language_syntax.html"""
    cut = queries.cut_of(currency)
    for account in queries.balances():
        if account["currency"] == currency:
            yield f"1970-01-01 open {_name(account, book)} {currency}\n"
    for journal in _journals(currency, cut):
        first = journal[0]
        yield f'\n{_day(first)} * "{first["kind"]}" "{_quoted(first["key"])}"\n  seq: {first["seq"]}\n'
        yield from (f"  {_name(line, book)}  {_amount(line)} {currency}\n" for line in journal)
    yield "\n"


def hledger_head(currency: str) -> str:
    """What a file says once per currency."""
    # The decimal mark is part of the syntax, also where no decimals follow.
    return f"commodity 1000.{'0' * EXPONENTS[currency]} {currency}\n"


def as_hledger(currency: str, *, book: str | None = None) -> Iterator[str]:
    """The book in hledger's journal format: https://hledger.org/hledger.html#journal"""
    cut = queries.cut_of(currency)
    for account in queries.balances():
        if account["currency"] == currency:
            yield f"account {_name(account, book)}\n"
    for journal in _journals(currency, cut):
        first = journal[0]
        yield f"\n{_day(first)} * ({first['seq']}) {first['kind']}  ; key: {_quoted(first['key'])}\n"
        yield from (f"    {_name(line, book)}  {_amount(line)} {currency}\n" for line in journal)
    yield "\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """A format: what a text says once per currency, and how one book is written behind it."""

    head: Callable[[str], str]
    body: Callable[..., Iterator[str]]

    def __call__(self, currency: str) -> Iterator[str]:
        """One book as a text of its own."""
        yield self.head(currency)
        yield from self.body(currency)


FORMATS: Final[Mapping[str, Shape]] = {
    "csv": Shape(csv_head, as_csv),
    "beancount": Shape(beancount_head, as_beancount),
    "hledger": Shape(hledger_head, as_hledger),
}


def book_name(tenant: UUID, currency: str) -> str:
    """What tells one book's accounts from another's in one text."""
    return f"B-{tenant}-{currency}"


def _journals(currency: str, cut: int) -> Iterator[list[Row]]:
    for _, lines in groupby(_entries(currency, cut), key=lambda row: row["seq"]):
        yield list(lines)


def _entries(currency: str, cut: int) -> Iterator[Row]:
    # Window by window and not through one long cursor: whatever the size of the book, no statement sorts more than a
    # window, and the cut keeps all of them to one state of the book.
    session.execute(LOOPS_OFF)
    for first in range(1, cut + 1, WINDOW):
        yield from rows(
            queries.entries(
                *(Book.tenant_id, Entry.seq, Entry.line_no, Entry.amount_minor, Entry.currency),
                *(
                    Account.code.label("account_code"),
                    Account.code,
                    Account.kind.label("account_kind"),
                    Account.party_id,
                ),
                *(Journal.id.label("journal_id"), Journal.kind, Journal.idem_key.label("key"), Journal.effective_at),
                *(Journal.booked_at, Journal.source_type, Journal.source_id, Journal.rule_version),
                *(Journal.reverses_id, Journal.correlation_id),
                func.encode(Journal.body_sha256, "hex").label("body_sha256"),
                func.encode(Journal.prev_hash, "hex").label("prev_hash"),
                func.encode(Journal.hash, "hex").label("hash"),
            )
            .where(Book.currency == currency, Entry.seq.between(first, min(first + WINDOW - 1, cut)))
            .order_by(Entry.seq, Entry.line_no)
        )


def _name(row: Row, book: str | None) -> str:
    kind = row["account_kind"] if "account_kind" in row else row["kind"]
    parts = [
        ROOTS[kind],
        *([book] if book else []),
        *("-".join(word.title() for word in part.split("_")) for part in row["code"].split(".")),
    ]
    return ":".join([*parts, f"P-{row['party_id']}"] if row["party_id"] is not None else parts)


def _amount(row: Row) -> str:
    return str(Decimal(row["amount_minor"]).scaleb(-EXPONENTS[row["currency"]]))


def _day(row: Row) -> str:
    return str(row["effective_at"].astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date())


def _quoted(text: str) -> str:
    return text.replace("\\", "").replace('"', "'").replace("\n", " ").replace(";", ",")


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return written(value) if hasattr(value, "astimezone") else str(value)


def _csv_line(values: Any) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
