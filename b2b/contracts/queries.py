"""Named reads of contracts. [employer]"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from b2b.contracts.models import Contract
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def contract(contract_id: UUID, *, for_update: bool = False) -> Contract:
    """Raises NotFound."""
    statement = select(Contract).where(Contract.tenant_id == tenant_id(), Contract.id == contract_id)
    found = session.scalars(statement.with_for_update() if for_update else statement).one_or_none()
    if found is None:
        raise NotFound
    return found


def contracts(*, limit: int, after: str | None) -> Page:
    """All contracts of this employer, newest first."""
    statement = select(*Contract.__table__.c).where(Contract.tenant_id == tenant_id())
    return page(statement, by=[Contract.created_at, Contract.id], limit=limit, after=after, newest_first=True)


def effective_contracts(on: date | None = None) -> Sequence[Contract]:
    """Contracts in force (on a day). An employer has a handful; more than a hundred would be a fault."""
    statement = select(Contract).where(Contract.tenant_id == tenant_id(), Contract.status == "effective")
    if on is not None:
        statement = statement.where(Contract.ends_on >= on)
    return session.scalars(statement.order_by(Contract.id).limit(100)).all()
