"""A statement's lines are queries on the book at a cut: run again, they give the same bytes.

A statement takes what was true before its period's end and booked up to its cut, less what the one before took. So
a fact that comes late stands in the next statement, with the day on which it was true.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, text

from tandem.billing.ledger import Account, Book, Entry, Journal, entries
from tandem.billing.settlements.models import SettlementStatement
from tandem.kernel.database import Page, page, session
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True, slots=True)
class LineKind:
    """One kind of line: the account it adds up, and in which kinds of journal (empty: in all).

    `is_memo`: told, not added up. `is_owed`: hospital money that the operator asks for, so a dispute withholds it.
    `layout`: with which way of writing statements it came.
    """

    name: str
    account_code: str
    journal_kinds: tuple[str, ...] = ()
    is_memo: bool = False
    is_owed: bool = False
    layout: int = 1


LINES: Final = (
    LineKind("visits", "rev.medical", ("medical_revenue",)),
    LineKind("programme_visits", "rev.medical", ("programme_revenue",)),
    LineKind("refunds", "rev.medical", ("medical_revenue_reversed", "medical_revenue_restored")),
    LineKind("programme_refunds", "rev.medical", ("programme_revenue_reversed", "programme_revenue_restored")),
    LineKind("provider_fees", "exp.psp_fee"),
    LineKind("disputes_lost", "dispute.loss"),
    LineKind("operator_fees", "exp.operator_fee", ("operator_fee",), is_owed=True),
    LineKind("operator_fees_reversed", "exp.operator_fee", ("operator_fee_reversed", "operator_fee_restored")),
    LineKind("monthly_fees", "exp.operator_fee", ("monthly_fee",), is_owed=True),
    LineKind("fees_granted", "exp.operator_fee", ("operator_fee_granted",), is_owed=True, layout=2),
    LineKind("granted_fees_reversed", "exp.operator_fee", ("operator_fee_excess_reversed",), layout=2),
    LineKind("fees_lost_in_disputes", "exp.operator_fee", ("operator_fee_lost",), layout=2),
    LineKind("traffic_fees", "exp.operator_fee", ("traffic_fee",), is_owed=True, layout=2),
    LineKind("traffic_fees_reversed", "exp.operator_fee", ("traffic_fee_reversed",), layout=2),
    LineKind("adjustments", "exp.operator_fee", ("fee_adjusted",), is_owed=True, layout=2),
    LineKind("fees_beyond_caps", "fee.in_dispute", is_memo=True, layout=2),
)
"""What a hospital earned and what it cost, seen from the hospital: income positive, expense negative."""

BY_NAME: Final = {line.name: line for line in LINES}
FEES: Final = (
    "operator_fee", "operator_fee_reversed", "operator_fee_restored", "operator_fee_excess_reversed",
    "operator_fee_lost", "traffic_fee", "traffic_fee_reversed",
)  # fmt: skip
"""Kinds of journal whose fee waits for the end of its visit's refund window before it is payable."""
PAYMENTS: Final = ("settlement_paid", "settlement_transferred")
"""Kinds of journal that pay what a statement left: they are not owed themselves."""
_BETWEEN_PARTIES: Final = ("ap.operator", "ar.operator")
_ADDED_UP: Final = tuple(sorted({line.account_code for line in LINES} | set(_BETWEEN_PARTIES)))


@dataclass(frozen=True, slots=True)
class Cut:
    """Which journals of a book a statement takes. `until` is exclusive; `after_seq` is the cut of the one before."""

    currency: str
    since: datetime
    until: datetime
    after_seq: int
    seq: int

    def takes(self) -> ColumnElement[bool]:
        """The condition on journals."""
        return and_(
            Journal.tenant_id == tenant_id(),
            Journal.seq <= self.seq,
            Journal.effective_at < self.until,
            or_(Journal.effective_at >= self.since, Journal.seq > self.after_seq),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One line at a cut. `entry_count` is how many entries it adds up, one of each journal."""

    kind: LineKind
    entry_count: int
    amount_minor: int
    late_minor: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What the entries of a cut add up to: the lines, and what is left between hospital and operator.

    `fee_minor` is the fee that arose, `waiting_minor` what is accrued and not payable at the cut,
    `waiting_before_minor` the same at the cut before; `programmes_minor` is what the operator owes for each programme.
    """

    lines: Sequence[Line]
    fee_minor: int
    waiting_before_minor: int
    waiting_minor: int
    programmes_minor: dict[UUID, int]

    def amount_minor(self, *kinds: str) -> int:
        """Some lines together."""
        return sum(line.amount_minor for line in self.lines if line.kind.name in kinds)

    @property
    def payable_minor(self) -> int:
        """What the hospital keeps."""
        return sum(line.amount_minor for line in self.lines if not line.kind.is_memo)

    @property
    def fee_payable_minor(self) -> int:
        """The fee that has become payable: what arose, what waited before, less what waits still."""
        return self.fee_minor + self.waiting_before_minor - self.waiting_minor


def sums_at(cut: Cut, layout: int, *, waited_before: bool) -> Sums:
    """The statement's sums, computed from the entries. `waited_before`: the statement before let fees wait."""
    found = _grouped(cut)
    lines = []
    for kind in LINES:
        if kind.layout > layout:
            continue
        mine = [
            row
            for row in found
            if row.code == kind.account_code and (not kind.journal_kinds or row.kind in kind.journal_kinds)
        ]
        count, amount, late = (
            sum(int(getattr(row, name) or 0) for row in mine) for name in ("entries", "amount", "late")
        )
        lines.append(Line(kind, count, -amount, -late))
    between = [row for row in found if row.code in _BETWEEN_PARTIES and row.kind not in PAYMENTS]
    programmes: dict[UUID, int] = {}
    for row in between:
        if row.code == "ar.operator":
            programmes[row.party_id] = programmes.get(row.party_id, 0) + int(row.amount)
    fee = -sum(int(row.amount) for row in between if row.code == "ap.operator")
    before, after = (0, 0) if layout == 1 else _waiting(cut)
    return Sums(lines, fee, before if waited_before else 0, after, programmes)


def chain_head(currency: str, seq: int) -> str:
    """The seal of the last journal within the cut: naming it pins every journal before it."""
    head = session.scalar(
        select(Journal.hash)
        .join(Book, (Book.tenant_id == Journal.tenant_id) & (Book.id == Journal.book_id))
        .where(Journal.tenant_id == tenant_id(), Book.currency == currency, Journal.seq == seq)
    )
    return bytes(head or b"").hex()


def entries_page(cut: Cut, kind: LineKind, *, limit: int, after: str | None) -> Page:
    """The entries behind one line, in order of the book. `amount_minor` is seen from the hospital.

    A fact of an earlier period names the statement that covers its day: the one that it adjusts.
    """
    covering = (
        select(SettlementStatement.number)
        .where(
            SettlementStatement.tenant_id == tenant_id(),
            SettlementStatement.currency == cut.currency,
            SettlementStatement.period_start <= Journal.effective_at,
            SettlementStatement.period_end > Journal.effective_at,
            Journal.effective_at < cut.since,
        )
        .correlate(Journal)
        .scalar_subquery()
    )
    wanted = _entries(cut).with_only_columns(
        Entry.seq,
        Entry.line_no,
        Journal.id.label("journal_id"),
        Journal.kind,
        Journal.effective_at,
        Journal.booked_at,
        Journal.source_type,
        Journal.source_id,
        Journal.correlation_id,
        Journal.rule_version,
        (-Entry.amount_minor).label("amount_minor"),
        Entry.currency,
        (Journal.effective_at < cut.since).label("is_late"),
        covering.label("adjusts_number"),
    )
    return page(wanted.where(*_of(kind)), by=[Entry.seq, Entry.line_no], limit=limit, after=after)


def document(facts: dict[str, Any], sums: Sums, layout: int) -> tuple[bytes, str]:
    """A statement as bytes and their SHA-256: sorted keys, no spaces, so that any language can write the same."""
    if layout == 1:
        told = [
            {"kind": line.kind.name, "journals": line.entry_count, "amount_minor": line.amount_minor}
            for line in sums.lines
        ]
        between: dict[str, Any] = {}
    else:
        told = [
            {
                "kind": line.kind.name,
                "entries": line.entry_count,
                "amount_minor": line.amount_minor,
                "late_minor": line.late_minor,
                "is_memo": line.kind.is_memo,
            }
            for line in sums.lines
        ]
        between = {
            "layout": layout,
            "fee_minor": sums.fee_minor,
            "fee_waiting_before_minor": sums.waiting_before_minor,
            "fee_waiting_minor": sums.waiting_minor,
            "fee_payable_minor": sums.fee_payable_minor,
            "programmes": [
                {"programme_id": str(programme), "amount_minor": amount}
                for programme, amount in sorted(sums.programmes_minor.items())
            ],
        }
    whole = facts | between | {"payable_minor": sums.payable_minor, "lines": told}
    written = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    return written, sha256(written).hexdigest()


def first_place(cut: Cut, book_id: UUID) -> int:
    """The earliest place in the book that a cut takes: before the cut before, where that one left something over."""
    # Before the first statement there is no cut that could have left anything over.
    left_over = session.scalar(_FIRST, _facts(cut) | {"book": book_id}) if cut.after_seq else None
    return min(left_over or cut.after_seq + 1, cut.after_seq + 1)


def _grouped(cut: Cut) -> Sequence[Row[Any]]:
    found = session.execute(_ACCOUNTS, _facts(cut) | {"codes": list(_ADDED_UP)}).all()
    if not found:
        return []
    book_id = found[0].book_id
    places = {"book": book_id, "accounts": [row.id for row in found], "first": first_place(cut, book_id)}
    return session.execute(_SUMS, _facts(cut) | places).all()


def _waiting(cut: Cut) -> tuple[int, int]:
    """The fee that waits for its refund window's end: at the cut before, and at this one."""
    row = session.execute(_WAITING, _facts(cut) | {"kinds": list(FEES)}).one()
    return -int(row.before or 0), -int(row.after or 0)


def _facts(cut: Cut) -> dict[str, Any]:
    return {
        "tenant": tenant_id(),
        "currency": cut.currency,
        "since": cut.since,
        "until": cut.until,
        "after": cut.after_seq,
        "cut": cut.seq,
    }


def _of(kind: LineKind) -> list[ColumnElement[bool]]:
    named: list[ColumnElement[bool]] = [Account.code == kind.account_code]
    return [*named, Journal.kind.in_(kind.journal_kinds)] if kind.journal_kinds else named


def _entries(cut: Cut) -> Select[*tuple[Any, ...]]:
    taken: Select[*tuple[Any, ...]] = entries(Entry.seq).where(Book.currency == cut.currency, cut.takes())
    return taken


_ACCOUNTS: Final = text(
    "SELECT b.id AS book_id, a.id FROM book b LEFT JOIN account a ON a.tenant_id = :tenant AND a.book_id = b.id "
    "AND a.code = ANY(:codes) WHERE b.tenant_id = :tenant AND b.currency = :currency"
)
# OFFSET keeps the planner from walking the sequence from its beginning to find the smallest place.
_FIRST: Final = text(
    "SELECT min(seq) FROM (SELECT seq FROM journal WHERE tenant_id = :tenant AND book_id = :book "
    "AND effective_at >= :since AND effective_at < :until OFFSET 0) taken WHERE seq <= :after"
)
# A journal is taken once: by place after the cut before, or by its day where it lay before that cut already. Entries
# are summed by account and kind before the account's own words are looked up: a fifth less time. Of an entry only
# what its account's index holds is named (an account is of one book): its row is never fetched.
_SUMS: Final = text(
    "SELECT g.kind, a.code, a.party_id, g.entries, g.amount, g.late FROM (SELECT e.account_id, j.kind, "
    "count(*) AS entries, sum(e.amount_minor) AS amount, "
    "sum(CASE WHEN j.effective_at < :since THEN e.amount_minor END) AS late FROM entry e "
    "JOIN journal j ON j.tenant_id = :tenant AND j.book_id = :book AND j.seq = e.seq "
    "WHERE e.tenant_id = :tenant AND e.account_id = ANY(:accounts) "
    "AND e.seq BETWEEN :first AND :cut AND j.seq BETWEEN :first AND :cut AND j.effective_at < :until "
    "AND (j.effective_at >= :since OR j.seq > :after) GROUP BY e.account_id, j.kind) g "
    "JOIN account a ON a.tenant_id = :tenant AND a.id = g.account_id"
)
# Only fees whose window ends after the earlier of the two cuts can wait at either, so the cost is that of a window.
_WAITING: Final = text(
    "SELECT sum(e.amount_minor) FILTER (WHERE f.payable_from > :since AND j.seq <= :after AND j.effective_at < :since) "
    "AS before, sum(e.amount_minor) FILTER (WHERE f.payable_from > :until) AS after FROM book b "
    "JOIN fee_accrual f ON f.tenant_id = :tenant AND f.payable_from > :since AND f.currency = b.currency "
    "JOIN journal j ON j.tenant_id = :tenant AND j.book_id = b.id AND j.correlation_id = f.usage_event_id "
    "AND j.kind = ANY(:kinds) AND j.seq <= :cut AND j.effective_at < :until "
    "JOIN account a ON a.tenant_id = :tenant AND a.book_id = b.id AND a.code = 'ap.operator' "
    "JOIN entry e ON e.tenant_id = :tenant AND e.book_id = b.id AND e.seq = j.seq AND e.account_id = a.id "
    "WHERE b.tenant_id = :tenant AND b.currency = :currency"
)
