"""Reads of transfers and of the provider's limits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, exists, func, literal, select, tuple_

from tandem.billing.settlements.models import ProviderLimit, SettlementTransfer
from tandem.billing.settlements.queries.statements import statement
from tandem.kernel.database import Page, own_row, page, session
from tandem.kernel.tenancy import tenant_id


def transfer(transfer_id: UUID, *, for_update: bool = False) -> SettlementTransfer:
    """One transfer. Raises NotFound."""
    return own_row(SettlementTransfer, transfer_id, for_update=for_update)


def transfers(statement_id: UUID, *, limit: int, after: str | None) -> Page:
    """A statement's transfers, in order. Raises NotFound."""
    statement(statement_id)
    wanted = select(*SettlementTransfer.__table__.c).where(
        SettlementTransfer.tenant_id == tenant_id(), SettlementTransfer.statement_id == statement_id
    )
    return page(wanted, by=[SettlementTransfer.id], limit=limit, after=after)


def is_being_transferred(statement_id: UUID) -> bool:
    """Whether a transfer of the statement may be on its way: nobody knows yet whether the provider sent it."""
    asked = exists().where(
        SettlementTransfer.tenant_id == tenant_id(),
        SettlementTransfer.statement_id == statement_id,
        SettlementTransfer.status == "asked",
    )
    return bool(session.scalar(select(asked)))


def transfers_waiting(*, older_than: datetime, limit: int) -> Sequence[UUID]:
    """Transfers that nobody has sent yet, the oldest first."""
    wanted = select(SettlementTransfer.id).where(
        SettlementTransfer.tenant_id == tenant_id(),
        SettlementTransfer.status == "asked",
        SettlementTransfer.created_at < older_than,
    )
    return session.scalars(wanted.order_by(SettlementTransfer.created_at, SettlementTransfer.id).limit(limit)).all()


def transfers_sent(*, since: datetime, limit: int) -> Sequence[Row[UUID, UUID, int]]:
    """Transfers sent lately and not wholly taken back: id, statement, what was taken back; the latest first."""
    shown = SettlementTransfer.id, SettlementTransfer.statement_id, SettlementTransfer.reversed_minor
    wanted = select(*shown).where(
        SettlementTransfer.tenant_id == tenant_id(),
        SettlementTransfer.status == "sent",
        SettlementTransfer.sent_at >= since,
    )
    return session.execute(wanted.order_by(SettlementTransfer.sent_at.desc()).limit(limit)).all()


def waiting_before_minor(transfer_id: UUID, created_at: datetime, currency: str) -> int:
    """What transfers of all hospitals older than this one wait for in a currency. [across tenants]"""
    older = SettlementTransfer
    summed = select(func.coalesce(func.sum(older.amount_minor), 0)).where(
        older.status == "asked",
        older.currency == currency,
        tuple_(older.created_at, older.id) < tuple_(literal(created_at), literal(transfer_id)),
    )
    return int(session.scalar(summed) or 0)


def provider_limits(*, limit: int, after: str | None) -> Page:
    """All providers' limits, past and present."""
    wanted = select(*ProviderLimit.__table__.c)
    by = [ProviderLimit.provider, ProviderLimit.name, ProviderLimit.effective_from]
    return page(wanted, by=by, limit=limit, after=after)
