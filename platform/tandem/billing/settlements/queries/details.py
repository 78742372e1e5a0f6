"""What stands behind a statement's lines, as its papers tell it: by day, by the statement corrected, entry by entry.

All amounts are seen from the hospital: income positive, cost negative.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, select, text

from tandem.billing.ledger import Book
from tandem.billing.settlements.lines import LINES, Cut, LineKind, first_place
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

WINDOW: Final = 5_000
"""How many journals are read at once."""


def line_kind_of(row: RowMapping, layout: int) -> LineKind | None:
    """The line that adds up a row's account and kind of journal; None where this layout tells of no such line."""
    for line in LINES:
        is_told = line.layout <= layout and line.account_code == row["code"]
        if is_told and (not line.journal_kinds or row["kind"] in line.journal_kinds):
            return line
    return None


def sums_by_day(cut: Cut) -> Sequence[RowMapping]:
    """What each day of the period brought, by account and kind of journal; `day` is None for earlier periods."""
    return _read(_DAYS, cut)


def sums_by_corrected(cut: Cut) -> Sequence[RowMapping]:
    """What corrects earlier statements, by their number, account and kind; None: from before the first statement.

    An adjustment names the statement it corrects; what came late means the one that covers its day.
    """
    return _read(_CORRECTED, cut)


def entries_in_order(cut: Cut) -> Iterator[RowMapping]:
    """Every entry behind every line, in order of the book; read in windows, so that memory stays small."""
    book_id = _book(cut)
    if book_id is None:
        return
    for first in range(first_place(cut, book_id), cut.seq + 1, WINDOW):
        places = {"first": first, "last": min(first + WINDOW - 1, cut.seq)}
        yield from session.execute(_ENTRIES, _facts(cut, book_id) | places).mappings()


def _read(statement: TextClause, cut: Cut) -> Sequence[RowMapping]:
    book_id = _book(cut)
    if book_id is None:
        return []
    places = {"first": first_place(cut, book_id), "last": cut.seq}
    return session.execute(statement, _facts(cut, book_id) | places).mappings().all()


def _book(cut: Cut) -> UUID | None:
    return session.scalar(select(Book.id).where(Book.tenant_id == tenant_id(), Book.currency == cut.currency))


def _facts(cut: Cut, book_id: UUID) -> dict[str, Any]:
    return {
        "tenant": tenant_id(),
        "book": book_id,
        "currency": cut.currency,
        "codes": sorted({line.account_code for line in LINES}),
        "since": cut.since,
        "until": cut.until,
        "after": cut.after_seq,
        "zone": clock.BUSINESS_ZONE,
    }


# The same journals as the lines take (`lines._SUMS`): by place after the cut before, or by day where booked before it.
_TAKEN: Final = (
    "FROM account a JOIN entry e ON e.tenant_id = :tenant AND e.account_id = a.id AND e.seq BETWEEN :first AND :last "
    "JOIN journal j ON j.tenant_id = :tenant AND j.book_id = :book AND j.seq = e.seq "
    "AND j.effective_at < :until AND (j.effective_at >= :since OR j.seq > :after) {joined}"
    "WHERE a.tenant_id = :tenant AND a.book_id = :book AND a.code = ANY(CAST(:codes AS text[])) "
)
_POINTS_BACK: Final = (
    "LEFT JOIN settlement_statement s ON s.tenant_id = :tenant AND s.currency = :currency AND CASE "
    "WHEN j.kind = 'fee_adjusted' THEN s.id = CAST(j.source_id AS uuid) WHEN j.effective_at < :since "
    "THEN s.period_start <= j.effective_at AND s.period_end > j.effective_at ELSE false END "
)
_DAYS: Final = text(
    "SELECT CASE WHEN j.effective_at >= :since THEN CAST(j.effective_at AT TIME ZONE :zone AS date) END AS day, "
    "a.code, j.kind, count(*) AS entries, -sum(e.amount_minor) AS amount_minor "
    + _TAKEN.format(joined="")
    + "GROUP BY 1, 2, 3 ORDER BY 1 NULLS FIRST, 2, 3"
)
_CORRECTED: Final = text(
    "SELECT s.number, a.code, j.kind, count(*) AS entries, -sum(e.amount_minor) AS amount_minor "
    + _TAKEN.format(joined=_POINTS_BACK)
    + "AND (j.effective_at < :since OR j.kind = 'fee_adjusted') GROUP BY 1, 2, 3 ORDER BY 1 NULLS FIRST, 2, 3"
)
_ENTRIES: Final = text(
    "SELECT e.seq, a.code, j.kind, j.effective_at, j.booked_at, j.source_type, j.source_id, j.rule_version, "
    "-e.amount_minor AS amount_minor, s.number AS adjusts_number, j.effective_at < :since AS is_late "
    + _TAKEN.format(joined=_POINTS_BACK)
    + "ORDER BY e.seq, e.line_no"
)
