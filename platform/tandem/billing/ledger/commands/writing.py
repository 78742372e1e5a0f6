"""What was decided, written down: the columns of a batch, and one statement per table.

Entries travel as two numbers each. The first says which journal of the batch, which line of it, and which of the
batch's accounts: at eighty thousand a second, four columns instead of two are a tenth of the work.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, text

from tandem.billing.arrays import plain_array, text_array
from tandem.billing.binary_arrays import bigints, hashes, moments, since_epoch, uuids
from tandem.billing.ledger.commands.accounts import OpenAccount, open_accounts
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

PLACE_BITS: Final = 22
PLACE: Final = (1 << PLACE_BITS) - 1
LINE: Final = 1 << PLACE_BITS
JOURNAL: Final = 1 << 2 * PLACE_BITS
"""Where the parts of an entry's number begin: account of the batch and line number, from 1, and journal, from 0."""
MANY: Final = 500
"""From so many entries on, a table of the accounts is cheaper than looking each of them up."""

JournalRow = tuple[
    UUID, str, str, datetime, str, str, str, UUID | None, UUID | None, bytes, bytes
]  # id, kind, key, effective_at, source_type, source_id, rule_version, reverses, correlation_id, body, seal


class PostingBroken(RuntimeError):
    """The database wrote another number of rows than it was given: a fault of ours, nothing is committed."""


class Columns:
    """The rows of a batch as they grow."""

    def __init__(self, book_id: UUID, first_seq: int, last_hash: bytes, booked_at: datetime) -> None:
        self.book_id, self.first_seq, self.last_hash, self.booked_at = book_id, first_seq, last_hash, booked_at
        self.journals: list[JournalRow] = []
        self.places: list[int] = []
        self.amounts: list[int] = []

    def first_line(self, seq: int) -> int:
        """The number of an entry of this journal, before its line and its account are added."""
        return (seq - self.first_seq) * JOURNAL

    def add(self, journal: JournalRow, places: list[int], amounts: list[int]) -> None:
        """One journal with the numbers and the amounts of its entries."""
        self.journals.append(journal)
        self.places += places
        self.amounts += amounts


def write_columns(columns: Columns, accounts: Sequence[OpenAccount], currency: str) -> None:
    """Write a batch down; `accounts` are those that its entries name, by their places. Raises PostingBroken."""
    if not columns.journals:
        return
    here = {"tenant": tenant_id(), "book": columns.book_id, "first": columns.first_seq}
    moved, counts, lasts = _sums(columns, len(accounts))
    used = [account for account in accounts if counts[account.place]]
    open_accounts(columns.book_id, [account for account in used if account.is_new])
    told, same = _of_journals(columns)
    session.execute(_insert_journals(same), here | told)
    _insert_entries(
        here
        | {
            "places": bigints(columns.places),
            "amounts": bigints(columns.amounts),
            "accounts": plain_array([account.id or "NULL" for account in accounts]),
            "currency": currency,
        },
        len(columns.places),
    )
    of_accounts = {
        "accounts": plain_array([account.id for account in used]),
        "moved": plain_array([moved[account.place] for account in used]),
        "counts": plain_array([counts[account.place] for account in used]),
        "lasts": plain_array([columns.first_seq + lasts[account.place] for account in used]),
    }
    _all_written(len(used), _UPDATE_BALANCES, {"tenant": here["tenant"]} | of_accounts)
    next_seq, last_hash = columns.first_seq + len(columns.journals), columns.journals[-1][-1]
    session.execute(_ADVANCE_BOOK, here | {"next_seq": next_seq, "last_hash": last_hash})


def _sums(columns: Columns, accounts: int) -> tuple[list[int], list[int], list[int]]:
    """By account: what moved, in how many entries, and the last journal of the batch that touched it."""
    moved, counts, lasts = [0] * (accounts + 1), [0] * (accounts + 1), [0] * (accounts + 1)
    for number, amount in zip(columns.places, columns.amounts, strict=True):
        place = number & PLACE
        moved[place] += amount
        counts[place] += 1
        lasts[place] = number
    return moved, counts, [last // JOURNAL for last in lasts]


def _of_journals(columns: Columns) -> tuple[dict[str, Any], frozenset[str]]:
    """What the statement is told, and the columns that say the same of every journal, which travel as one value."""
    ids, kinds, keys, effective, source_types, source_ids, rules, reverses, correlations, bodies, seals = zip(
        *columns.journals, strict=True
    )
    told: dict[str, Any] = {
        "ids": uuids([each.int.to_bytes(16) for each in ids]),
        "keys": text_array(keys),
        "effective": moments([since_epoch(each) for each in effective]),
        "source_ids": text_array(source_ids),
        "bodies": hashes(bodies),
        "prevs": hashes([columns.last_hash, *seals[:-1]]),
        "hashes": hashes(seals),
        "booked_at": columns.booked_at,
        "last": columns.first_seq + len(ids) - 1,
    }
    often_same = dict(zip(_OFTEN_SAME, (kinds, source_types, rules, reverses, correlations), strict=True))
    same = frozenset(name for name, said in often_same.items() if said.count(said[0]) == len(said))
    for name, said in often_same.items():
        if name in same:
            told[name] = said[0]
        elif _OFTEN_SAME[name] == "text":
            told[name] = text_array(said)
        else:
            told[name] = uuids([None if each is None else each.int.to_bytes(16) for each in said])
    return told, same


def _insert_entries(values: Mapping[str, Any], count: int) -> None:
    if count < MANY:
        _all_written(count, _INSERT_ENTRIES, values)
        return
    # A planner without statistics may choose to go through all entries again for every account.
    for setting in _BY_TABLE:
        session.execute(setting)
    _all_written(count, _INSERT_ENTRIES, values)
    for setting in _AS_BEFORE:
        session.execute(setting)


def _all_written(expected: int, statement: Any, values: Mapping[str, Any]) -> None:
    written_rows: CursorResult[Any] = session.execute(statement, values)  # type: ignore[assignment]  # DML counts rows
    if written_rows.rowcount != expected:
        raise PostingBroken(f"{written_rows.rowcount} rows written of {expected}")


# Memory: the trigger is shown the rows as they were written, and 40,000 of them would go through a file.
_BY_TABLE = (
    text("SET LOCAL enable_nestloop = off"),
    text("SET LOCAL plan_cache_mode = force_custom_plan"),
    text("SET LOCAL work_mem = '32MB'"),
)
_AS_BEFORE = (
    text("SET LOCAL enable_nestloop TO DEFAULT"),
    text("SET LOCAL plan_cache_mode TO DEFAULT"),
    text("SET LOCAL work_mem TO DEFAULT"),
)
_OFTEN_SAME: Final = {
    "kind": "text",
    "source_type": "text",
    "rule_version": "text",
    "reverses_id": "uuid",
    "correlation_id": "uuid",
}


@lru_cache
def _insert_journals(same: frozenset[str]) -> TextClause:
    values = {name: f"CAST(:{name} AS {kind})" if name in same else f"u.{name}" for name, kind in _OFTEN_SAME.items()}
    arrays = "".join(
        f"unnest(CAST(:{name} AS {kind}[])) AS {name}, " for name, kind in _OFTEN_SAME.items() if name not in same
    )
    return text(_INSERT_JOURNALS.format(**values, arrays=arrays))


# Arrays are unnested side by side in a list of results, which passes rows on; in FROM each would be stored first.
_INSERT_JOURNALS: Final = (
    "INSERT INTO journal (tenant_id, id, book_id, seq, kind, idem_scope, idem_key, body_sha256, effective_at, "
    "booked_at, source_type, source_id, rule_version, reverses_id, correlation_id, prev_hash, hash) "
    "SELECT b.tenant_id, u.id, b.id, u.seq, {kind}, {kind}, u.idem_key, u.body, u.effective_at, "
    ":booked_at, {source_type}, u.source_id, {rule_version}, {reverses_id}, {correlation_id}, u.prev_hash, u.hash "
    "FROM (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS seq, {arrays}"
    "unnest(CAST(:ids AS uuid[])) AS id, unnest(CAST(:keys AS text[])) AS idem_key, "
    "unnest(CAST(:bodies AS bytea[])) AS body, unnest(CAST(:effective AS timestamptz[])) AS effective_at, "
    "unnest(CAST(:source_ids AS text[])) AS source_id, "
    "unnest(CAST(:prevs AS bytea[])) AS prev_hash, unnest(CAST(:hashes AS bytea[])) AS hash) u "
    "JOIN book b ON b.tenant_id = :tenant AND b.id = :book"
)
# The join is the foreign key: an entry can only be written to an open account of this very book.
_INSERT_ENTRIES = text(
    "INSERT INTO entry (tenant_id, book_id, seq, line_no, account_id, amount_minor, currency, fund) "
    "SELECT a.tenant_id, a.book_id, CAST(:first AS bigint) + (u.place >> 44), (u.place >> 22) & 4194303, a.id, "
    "u.amount_minor, :currency, a.fund FROM (SELECT unnest(CAST(:places AS bigint[])) AS place, "
    "unnest(CAST(:amounts AS bigint[])) AS amount_minor) u JOIN account a ON a.tenant_id = :tenant "
    "AND a.book_id = :book AND a.id = (CAST(:accounts AS uuid[]))[u.place & 4194303] AND a.closed_at IS NULL"
)
_UPDATE_BALANCES = text(
    "UPDATE account_balance b SET posted_minor = b.posted_minor + u.moved, entry_count = b.entry_count + u.entries, "
    "last_seq = u.last_seq FROM unnest(CAST(:accounts AS uuid[]), CAST(:moved AS bigint[]), "
    "CAST(:counts AS bigint[]), CAST(:lasts AS bigint[])) AS u(id, moved, entries, last_seq) "
    "WHERE b.tenant_id = :tenant AND b.id = u.id"
)
_ADVANCE_BOOK = text(
    "UPDATE book SET next_seq = :next_seq, last_hash = :last_hash WHERE tenant_id = :tenant AND id = :book"
)
