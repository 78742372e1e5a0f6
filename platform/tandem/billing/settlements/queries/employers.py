"""Reads of employers' statements."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, select, text

from tandem.billing.invoices import OWED_BY_EMPLOYER
from tandem.billing.settlements.models import EmployerStatement, EmployerStatementLine
from tandem.kernel.database import Page, own_row, page, rows, session
from tandem.kernel.tenancy import tenant_id

AT_ONCE: Final = 100


def employer_statement(statement_id: UUID, *, for_update: bool = False) -> EmployerStatement:
    """One statement. [employer] Raises NotFound."""
    return own_row(EmployerStatement, statement_id, for_update=for_update)


def last_employer_statement(currency: str) -> EmployerStatement | None:
    """The statement with the latest period. [employer]"""
    wanted = select(EmployerStatement).where(
        EmployerStatement.tenant_id == tenant_id(), EmployerStatement.currency == currency
    )
    return session.scalar(wanted.order_by(EmployerStatement.number.desc()).limit(1))


def employer_statements(
    *, limit: int, after: str | None, tenant: UUID | None = None, put_forward: bool = False
) -> Page:
    """Statements, newest first; of one employer, or (operator, across tenants) of all; drafts unless `put_forward`."""
    wanted = select(*EmployerStatement.__table__.c)
    if put_forward:
        wanted = wanted.where(EmployerStatement.status != "draft")
    if tenant is not None:
        wanted = wanted.where(EmployerStatement.tenant_id == tenant)
    by = [EmployerStatement.period_end, EmployerStatement.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def confirmed_employer_statements() -> Sequence[EmployerStatement]:
    """Statements that are confirmed and not paid, oldest first, locked. [employer]"""
    wanted = select(EmployerStatement).where(
        EmployerStatement.tenant_id == tenant_id(), EmployerStatement.status == "confirmed"
    )
    return session.scalars(wanted.order_by(EmployerStatement.number).limit(AT_ONCE).with_for_update()).all()


def employer_statements_before(row: EmployerStatement) -> Sequence[EmployerStatement]:
    """The statements before a statement, oldest first. [employer]"""
    wanted = select(EmployerStatement).where(
        EmployerStatement.tenant_id == tenant_id(),
        EmployerStatement.currency == row.currency,
        EmployerStatement.number < row.number,
    )
    return session.scalars(wanted.order_by(EmployerStatement.number)).all()


def left_open(row: EmployerStatement) -> dict[UUID, int]:
    """What is open by now of the invoices that a statement tells, by programme. [employer]"""
    facts = {"tenant": tenant_id(), "currency": row.currency, "cut": row.cut_seq, "until": row.period_end}
    facts["owed_by"] = list(OWED_BY_EMPLOYER)
    return {each.programme_id: int(each.open_minor) for each in session.execute(_LEFT_OPEN, facts)}


def documents_since(row: EmployerStatement, figure: str, programme_id: UUID) -> set[UUID]:
    """Credit notes (of `invoiced`) or payments (of `paid`) on a programme's invoices since a statement. [employer]"""
    if figure not in _DOCUMENTS:
        return set()
    facts = {"tenant": tenant_id(), "since": row.drafted_at, "programme": programme_id}
    return set(session.scalars(_DOCUMENTS[figure], facts))


def lines_of_employer_statement(statement_id: UUID) -> Sequence[RowMapping]:
    """A statement's lines, one for each programme, in order. [employer]"""
    line = EmployerStatementLine
    wanted = select(*line.__table__.c).where(line.tenant_id == tenant_id(), line.statement_id == statement_id)
    return rows(wanted.order_by(line.line_no))


# From the documents and not from the book, which is written a moment after a payment was recorded.
_LEFT_OPEN: Final = text(
    "SELECT coalesce(i.programme_id, i.tenant_id) AS programme_id, "
    "sum(i.total_minor - i.credited_minor - i.paid_minor) AS open_minor FROM invoice i JOIN journal j "
    "ON j.tenant_id = :tenant AND j.idem_scope = ANY(CAST(:owed_by AS text[])) "
    "AND j.idem_key = CAST(i.id AS text) AND j.seq <= :cut AND j.effective_at < :until WHERE i.tenant_id = :tenant "
    "AND i.currency = :currency AND i.status = 'issued' AND i.kind = 'invoice' GROUP BY 1"
)
_DOCUMENTS: Final = {
    "invoiced": text(
        "SELECT i.id FROM invoice i WHERE i.tenant_id = :tenant AND i.kind = 'credit_note' AND i.issued_at >= :since "
        "AND coalesce(i.programme_id, i.tenant_id) = :programme"
    ),
    "paid": text(
        "SELECT p.id FROM invoice_payment p JOIN invoice i ON i.tenant_id = :tenant AND i.id = p.invoice_id "
        "WHERE p.tenant_id = :tenant AND p.recorded_at >= :since "
        "AND coalesce(i.programme_id, i.tenant_id) = :programme"
    ),
}
