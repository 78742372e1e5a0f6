"""A book as plain text that other bookkeepers read: CSV with everything, beancount, hledger. Streamed in windows."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
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
    "seq", "line_no", "journal_id", "kind", "key", "effective_at", "booked_at", "account_code", "party_id",
    "amount_minor", "currency", "source_type", "source_id", "rule_version", "reverses_id", "correlation_id",
    "body_sha256", "prev_hash", "hash",
)  # fmt: skip

Row = RowMapping


def as_csv(currency: str) -> Iterator[str]:
    """Every entry with all that its journal says and its seals, in order of the book."""
    yield _csv_line(COLUMNS)
    for row in _entries(currency, queries.cut_of(currency)):
        yield _csv_line([_plain(row[column]) for column in COLUMNS])


def as_beancount(currency: str) -> Iterator[str]:
    """The book in beancount's syntax: https://beancount.github.io/docs/beancount_language_syntax.html"""
    cut = queries.cut_of(currency)
    yield f'option "operating_currency" "{currency}"\n\n'
    for account in queries.balances():
        if account["currency"] == currency:
            yield f"1970-01-01 open {_name(account)} {currency}\n"
    for journal in _journals(currency, cut):
        first = journal[0]
        yield f'\n{_day(first)} * "{first["kind"]}" "{_quoted(first["key"])}"\n  seq: {first["seq"]}\n'
        yield from (f"  {_name(line)}  {_amount(line)} {currency}\n" for line in journal)


def as_hledger(currency: str) -> Iterator[str]:
    """The book in hledger's journal format: https://hledger.org/hledger.html#journal"""
    cut, exponent = queries.cut_of(currency), EXPONENTS[currency]
    # The decimal mark is part of the syntax, also where no decimals follow.
    yield f"commodity 1000.{'0' * exponent} {currency}\n"
    for account in queries.balances():
        if account["currency"] == currency:
            yield f"account {_name(account)}\n"
    for journal in _journals(currency, cut):
        first = journal[0]
        yield f"\n{_day(first)} * ({first['seq']}) {first['kind']}  ; key: {_quoted(first['key'])}\n"
        yield from (f"    {_name(line)}  {_amount(line)} {currency}\n" for line in journal)


FORMATS: Final[Mapping[str, Callable[[str], Iterator[str]]]] = {
    "csv": as_csv,
    "beancount": as_beancount,
    "hledger": as_hledger,
}


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
                *(Entry.seq, Entry.line_no, Entry.amount_minor, Entry.currency),
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


def _name(row: Row) -> str:
    kind = row["account_kind"] if "account_kind" in row else row["kind"]
    parts = [ROOTS[kind], *("-".join(word.title() for word in part.split("_")) for part in row["code"].split("."))]
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
