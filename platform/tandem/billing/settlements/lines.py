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
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from tandem.billing.ledger import Account, Book, Entry, Journal, entries
from tandem.kernel.database import Page, page, session
from tandem.kernel.tenancy import tenant_id


@dataclass(frozen=True, slots=True)
class LineKind:
    """One kind of line: the account it adds up, and in which kinds of journal (empty: in all)."""

    name: str
    account_code: str
    journal_kinds: tuple[str, ...] = ()


LINES: Final = (
    LineKind("visits", "rev.medical", ("medical_revenue",)),
    LineKind("programme_visits", "rev.medical", ("programme_revenue",)),
    LineKind("refunds", "rev.medical", ("medical_revenue_reversed", "medical_revenue_restored")),
    LineKind("programme_refunds", "rev.medical", ("programme_revenue_reversed", "programme_revenue_restored")),
    LineKind("provider_fees", "exp.psp_fee"),
    LineKind("disputes_lost", "dispute.loss"),
    LineKind("operator_fees", "exp.operator_fee", ("operator_fee",)),
    LineKind("operator_fees_reversed", "exp.operator_fee", ("operator_fee_reversed", "operator_fee_restored")),
    LineKind("monthly_fees", "exp.operator_fee", ("monthly_fee",)),
)
"""What a hospital earned and what it cost, seen from the hospital: income positive, expense negative."""

BY_NAME: Final = {line.name: line for line in LINES}


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
    """One line at a cut."""

    kind: str
    account_code: str
    journal_count: int
    amount_minor: int


def lines_at(cut: Cut) -> list[Line]:
    """The statement's lines, computed in one statement from the entries."""
    found = session.execute(
        _entries(cut)
        .with_only_columns(
            Journal.kind,
            Account.code,
            func.count(func.distinct(Journal.seq)).label("journals"),
            func.sum(Entry.amount_minor).label("amount_minor"),
        )
        .where(Account.code.in_({line.account_code for line in LINES}))
        .group_by(Journal.kind, Account.code)
    ).all()
    lines = []
    for kind in LINES:
        mine = [
            row
            for row in found
            if row.code == kind.account_code and (not kind.journal_kinds or row.kind in kind.journal_kinds)
        ]
        amount_minor = -sum(int(row.amount_minor) for row in mine)
        lines.append(Line(kind.name, kind.account_code, sum(row.journals for row in mine), amount_minor))
    return lines


def due_to_operator_minor(cut: Cut) -> tuple[int, dict[UUID, int]]:
    """What the period leaves between the parties: the fee owed, and what the operator owes for each programme."""
    found = session.execute(
        _entries(cut)
        .with_only_columns(Account.code, Account.party_id, func.sum(Entry.amount_minor).label("amount_minor"))
        .where(Account.code.in_(["ap.operator", "ar.operator"]), Journal.kind != "settlement_paid")
        .group_by(Account.code, Account.party_id)
    ).all()
    fee_minor = -sum(int(row.amount_minor) for row in found if row.code == "ap.operator")
    owed = {row.party_id: int(row.amount_minor) for row in found if row.code == "ar.operator"}
    return fee_minor, owed


def chain_head(currency: str, seq: int) -> str:
    """The seal of the last journal within the cut: naming it pins every journal before it."""
    head = session.scalar(
        select(Journal.hash)
        .join(Book, (Book.tenant_id == Journal.tenant_id) & (Book.id == Journal.book_id))
        .where(Journal.tenant_id == tenant_id(), Book.currency == currency, Journal.seq == seq)
    )
    return bytes(head or b"").hex()


def entries_page(cut: Cut, kind: LineKind, *, limit: int, after: str | None) -> Page:
    """The entries behind one line, in order of the book. `amount_minor` is seen from the hospital."""
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
    )
    return page(wanted.where(*_of(kind)), by=[Entry.seq, Entry.line_no], limit=limit, after=after)


def document(facts: dict[str, Any], lines: Sequence[Line]) -> tuple[bytes, str]:
    """A statement as bytes and their SHA-256: sorted keys, no spaces, so that any language can write the same."""
    told = facts | {
        "lines": [
            {"kind": line.kind, "journals": line.journal_count, "amount_minor": line.amount_minor} for line in lines
        ]
    }
    written = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return written, sha256(written).hexdigest()


def _of(kind: LineKind) -> list[ColumnElement[bool]]:
    named: list[ColumnElement[bool]] = [Account.code == kind.account_code]
    return [*named, Journal.kind.in_(kind.journal_kinds)] if kind.journal_kinds else named


def _entries(cut: Cut) -> Select[*tuple[Any, ...]]:
    taken: Select[*tuple[Any, ...]] = entries(Entry.seq).where(Book.currency == cut.currency, cut.takes())
    return taken
