"""Reads of prepayments and of what is left of them, in the employer's scope."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select, text

from tandem.billing.invoices.models import Invoice, PrepaymentClosing
from tandem.billing.invoices.postings import ISSUE_KINDS, PAYMENT_KINDS
from tandem.billing.ledger import Account, Book, Journal
from tandem.kernel.database import Page, own_row, page, session
from tandem.kernel.tenancy import tenant_id


def prepayment_closing(closing_id: UUID, *, for_update: bool = False) -> PrepaymentClosing:
    """One closing. Raises NotFound."""
    return own_row(PrepaymentClosing, closing_id, for_update=for_update)


def prepayment_closings(*, limit: int, after: str | None) -> Page:
    """The employer's closings, newest first."""
    mine = select(*PrepaymentClosing.__table__.c).where(PrepaymentClosing.tenant_id == tenant_id())
    by = [PrepaymentClosing.proposed_at, PrepaymentClosing.id]
    return page(mine, by=by, limit=limit, after=after, newest_first=True)


def is_being_closed(programme_id: UUID, currency: str) -> bool:
    """Whether the rest of a programme's prepayment is being dealt with, or was."""
    standing = exists().where(
        PrepaymentClosing.tenant_id == tenant_id(),
        PrepaymentClosing.programme_id == programme_id,
        PrepaymentClosing.currency == currency,
        PrepaymentClosing.status != "declined",
    )
    return bool(session.scalar(select(standing)))


def hold_invoices_of(programme_id: UUID, currency: str) -> Sequence[Invoice]:
    """A programme's invoices and credit notes, held: who credits or issues one at the same moment waits."""
    mine = select(Invoice).where(
        Invoice.tenant_id == tenant_id(), Invoice.programme_id == programme_id, Invoice.currency == currency
    )
    held = mine.order_by(Invoice.created_at, Invoice.id).with_for_update()
    return session.scalars(held.execution_options(populate_existing=True)).all()


def open_minor_of(programme_id: UUID, currency: str) -> int:
    """What is left to pay of a programme's invoices. Holds none of them: whoever asks holds the book."""
    row = Invoice.__table__.c
    left = func.sum(row.total_minor - row.credited_minor - row.paid_minor)
    mine = (row.tenant_id == tenant_id(), row.programme_id == programme_id, row.currency == currency)
    return int(session.scalar(select(left).where(*mine, row.kind == "invoice", row.status == "issued")) or 0)


def handed_on(programme_id: UUID, currency: str) -> list[UUID]:
    """The closings by which a programme's rest went to a following one."""
    mine = (PrepaymentClosing.programme_id == programme_id, PrepaymentClosing.currency == currency)
    accepted = (PrepaymentClosing.policy == "rolled_over", PrepaymentClosing.status == "accepted")
    closings = select(PrepaymentClosing.id).where(PrepaymentClosing.tenant_id == tenant_id(), *mine, *accepted)
    return list(session.scalars(closings))


def have_followed(closings: Sequence[UUID]) -> bool:
    """Whether the operator's book has handed on what these closings did. [operator's tenant]"""
    row = Journal.__table__.c
    keys = (row.idem_scope == "programme_rolled_over", row.idem_key.in_([str(each) for each in closings]))
    booked = session.scalar(select(func.count()).where(row.tenant_id == tenant_id(), *keys))
    return booked == len(closings)


def are_booked(programme_id: UUID, currency: str) -> bool:
    """Whether every document and payment of a programme stands in the employer's book."""
    facts = {"tenant": tenant_id(), "programme": programme_id, "currency": currency}
    kinds = {"issued": list(ISSUE_KINDS), "paid": list(PAYMENT_KINDS)}
    return not session.scalar(_UNBOOKED, facts | kinds)


def prepaid_programmes(currency: str) -> set[UUID]:
    """Programmes whose prepayment the employer's book holds as such, and whose rest nobody has dealt with."""
    closed = exists().where(
        PrepaymentClosing.tenant_id == tenant_id(),
        PrepaymentClosing.programme_id == Account.party_id,
        PrepaymentClosing.currency == currency,
        PrepaymentClosing.status == "accepted",
    )
    held = (
        select(Account.party_id)
        .join(Book, (Book.tenant_id == Account.tenant_id) & (Book.id == Account.book_id))
        .where(Account.tenant_id == tenant_id(), Account.code == "prepaid.benefits", Book.currency == currency)
        .where(~closed)
    )
    return {each for each in session.scalars(held) if each is not None}


_UNBOOKED: Final = text(
    "SELECT EXISTS (SELECT FROM invoice i LEFT JOIN journal j ON j.tenant_id = :tenant "
    "AND j.idem_scope = ANY(CAST(:issued AS text[])) AND j.idem_key = CAST(i.id AS text) "
    "WHERE i.tenant_id = :tenant AND i.programme_id = :programme AND i.currency = :currency "
    "AND i.document_no IS NOT NULL AND j.id IS NULL) OR EXISTS (SELECT FROM invoice i "
    "JOIN invoice_payment p ON p.tenant_id = :tenant AND p.invoice_id = i.id LEFT JOIN journal j "
    "ON j.tenant_id = :tenant AND j.idem_scope = ANY(CAST(:paid AS text[])) AND j.idem_key = CAST(p.id AS text) "
    "WHERE i.tenant_id = :tenant AND i.programme_id = :programme AND i.currency = :currency AND j.id IS NULL)"
)
