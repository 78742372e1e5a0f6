"""Reads of employers' statements."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, select

from tandem.billing.settlements.employer_models import EmployerStatement, EmployerStatementLine
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def employer_statement(statement_id: UUID, *, for_update: bool = False) -> EmployerStatement:
    """One statement. [employer] Raises NotFound."""
    wanted = select(EmployerStatement).where(
        EmployerStatement.tenant_id == tenant_id(), EmployerStatement.id == statement_id
    )
    found = session.scalar(wanted.with_for_update() if for_update else wanted)
    if found is None:
        raise NotFound
    return found


def last_employer_statement(currency: str) -> EmployerStatement | None:
    """The statement with the latest period. [employer]"""
    wanted = select(EmployerStatement).where(
        EmployerStatement.tenant_id == tenant_id(), EmployerStatement.currency == currency
    )
    return session.scalar(wanted.order_by(EmployerStatement.number.desc()).limit(1))


def employer_statements(*, limit: int, after: str | None, tenant: UUID | None = None) -> Page:
    """Statements, newest first; of one employer, or (operator, across tenants) of all."""
    wanted = select(*EmployerStatement.__table__.c)
    if tenant is not None:
        wanted = wanted.where(EmployerStatement.tenant_id == tenant)
    by = [EmployerStatement.period_end, EmployerStatement.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def lines_of_employer_statement(statement_id: UUID) -> Sequence[RowMapping]:
    """A statement's lines, one for each programme, in order. [employer]"""
    line = EmployerStatementLine
    wanted = select(*line.__table__.c).where(line.tenant_id == tenant_id(), line.statement_id == statement_id)
    return rows(wanted.order_by(line.line_no))
