"""Reads of fapiao and receipts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BigInteger, RowMapping, case, cast, func, select

from tandem.billing.fapiao.models import Fapiao, FapiaoLine, MedicalReceipt
from tandem.kernel.database import Page, own_row, page, rows, session
from tandem.kernel.tenancy import current_scope, tenant_id


def fapiao(fapiao_id: UUID, *, for_update: bool = False) -> Fapiao:
    """One fapiao. Raises NotFound."""
    return own_row(Fapiao, fapiao_id, for_update=for_update)


def fapiao_lines(fapiao_id: UUID) -> Sequence[RowMapping]:
    """A fapiao's lines, in order."""
    return rows(
        select(*FapiaoLine.__table__.c)
        .where(FapiaoLine.tenant_id == tenant_id(), FapiaoLine.fapiao_id == fapiao_id)
        .order_by(FapiaoLine.line_no)
    )


def taken_by_line(invoice_id: UUID) -> dict[int, tuple[int, int]]:
    """Net and tax of each invoice line that stand on fapiao: blue ones asked for or issued, less issued red letters."""
    sign = case((Fapiao.colour == "red", -1), else_=1)
    found = session.execute(
        select(
            FapiaoLine.invoice_line_no,
            cast(func.sum(sign * FapiaoLine.net_minor), BigInteger),
            cast(func.sum(sign * FapiaoLine.tax_minor), BigInteger),
        )
        .join(Fapiao, (Fapiao.tenant_id == FapiaoLine.tenant_id) & (Fapiao.id == FapiaoLine.fapiao_id))
        .where(
            FapiaoLine.tenant_id == tenant_id(),
            Fapiao.invoice_id == invoice_id,
            # A red letter frees its amount when it is issued, not when it is asked for.
            ((Fapiao.colour == "blue") & (Fapiao.status != "rejected"))
            | ((Fapiao.colour == "red") & (Fapiao.status == "issued")),
        )
        .group_by(FapiaoLine.invoice_line_no)
    )
    return {line_no: (int(net), int(tax)) for line_no, net, tax in found}


def fapiao_of_invoice(invoice_id: UUID, *, limit: int, after: str | None) -> Page:
    """An invoice's fapiao, blue and red, oldest first."""
    wanted = select(*Fapiao.__table__.c).where(Fapiao.tenant_id == tenant_id(), Fapiao.invoice_id == invoice_id)
    return page(wanted, by=[Fapiao.requested_at, Fapiao.id], limit=limit, after=after)


def fapiao_by_status(status: str | None, *, limit: int, after: str | None) -> Page:
    """Fapiao of the customer, or across tenants of everybody: what waits first. [customer, across tenants]"""
    wanted = select(*Fapiao.__table__.c)
    if current_scope().tenant_id is not None:
        wanted = wanted.where(Fapiao.tenant_id == tenant_id())
    if status is not None:
        wanted = wanted.where(Fapiao.status == status)
    return page(wanted, by=[Fapiao.requested_at, Fapiao.id], limit=limit, after=after)


def receipt_by_number(number: str) -> MedicalReceipt | None:
    """The receipt of a number. [hospital]"""
    return session.scalar(
        select(MedicalReceipt).where(MedicalReceipt.tenant_id == tenant_id(), MedicalReceipt.number == number)
    )


def receipts(*, limit: int, after: str | None) -> Page:
    """A hospital's recorded receipts, newest first."""
    wanted = select(*MedicalReceipt.__table__.c).where(MedicalReceipt.tenant_id == tenant_id())
    by = [MedicalReceipt.recorded_at, MedicalReceipt.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)
