"""Named reads of contracts. [employer]"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from b2b.contracts.models import SIGNED, Contract
from tandem.kernel.database import Page, own_row, page, session
from tandem.kernel.tenancy import tenant_id


def contract(contract_id: UUID, *, for_update: bool = False) -> Contract:
    """Raises NotFound."""
    return own_row(Contract, contract_id, for_update=for_update)


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


def signed_contract(contract_id: UUID | None, programme_id: UUID | None) -> tuple[UUID, UUID] | None:
    """A signed contract and its programme, by its own id, or without one by its programme's."""
    named = Contract.programme_id == programme_id if contract_id is None else Contract.id == contract_id
    found = session.execute(
        select(Contract.id, Contract.programme_id).where(
            Contract.tenant_id == tenant_id(), named, Contract.status.in_(SIGNED)
        )
    ).one_or_none()
    return None if found is None else (found.id, found.programme_id)
