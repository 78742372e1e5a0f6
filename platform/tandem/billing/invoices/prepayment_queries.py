"""Reads of prepayments and of what is left of them, in the employer's scope."""

from uuid import UUID

from sqlalchemy import exists, select

from tandem.billing.invoices.prepayment_models import PrepaymentClosing
from tandem.billing.ledger import Account, Book
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def prepayment_closing(closing_id: UUID, *, for_update: bool = False) -> PrepaymentClosing:
    """One closing. Raises NotFound."""
    wanted = select(PrepaymentClosing).where(
        PrepaymentClosing.tenant_id == tenant_id(), PrepaymentClosing.id == closing_id
    )
    if for_update:
        session.flush()
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


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
