"""Fapiao over HTTP: customers ask and confirm, the operator's tax clerk enters what came back."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.fapiao import commands, queries
from tandem.billing.fapiao.errors import (
    BuyerUnknown,
    FapiaoNotPossible,
    FapiaoNumberTaken,
    FapiaoTooLarge,
    MedicalReceiptExists,
)
from tandem.billing.fapiao.models import Fapiao, MedicalReceipt
from tandem.billing.fapiao.schemas import (
    FapiaoQuery,
    FapiaoReasonSchema,
    FapiaoResultSchema,
    FapiaoSchema,
    FapiaoWishSchema,
    MedicalReceiptSchema,
    WholeFapiaoSchema,
)
from tandem.billing.invoices import invoice
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api

_OF: Final = "/organizations/<uuid:organization_id>"
_INVOICE: Final = "/invoices/<uuid:invoice_id>/fapiao"
_ASKING: Final = (FapiaoNotPossible, FapiaoTooLarge, BuyerUnknown)
operator_api = Api("fapiao", audience="operator", tag="Fapiao")
employer_api = Api("fapiao", audience="employer", tag="Fapiao")
hospital_api = Api("fapiao", audience="hospital", tag="Fapiao")
APIS: Final = [operator_api, employer_api, hospital_api]


@operator_api.get("/fapiao", allow="invoices.read", gives=FapiaoSchema, many=True, query=FapiaoQuery, across=True)
def list_fapiao(query: dict[str, Any]) -> Page:
    """Everybody's fapiao, the longest waiting first: the tax clerk's list."""
    return queries.fapiao_by_status(**query)


@operator_api.get(f"{_OF}{_INVOICE}", allow="invoices.read", gives=FapiaoSchema, many=True)
def list_fapiao_of_invoice(organization_id: UUID, invoice_id: UUID, query: dict[str, Any]) -> Page:
    """A customer's invoice's fapiao, blue and red, oldest first."""
    return queries.fapiao_of_invoice(invoice(invoice_id).id, **query)


@operator_api.post(
    f"{_OF}{_INVOICE}", allow="fapiao.issue", takes=FapiaoWishSchema, gives=WholeFapiaoSchema, problems=_ASKING
)
def request_fapiao_of_customer(organization_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Ask for a fapiao of an invoice, or of parts of its lines: its amounts are frozen now."""
    return _asked(invoice_id, wish)


@operator_api.get(f"{_OF}/fapiao/<uuid:fapiao_id>", allow="invoices.read", gives=WholeFapiaoSchema)
def show_fapiao_of_customer(organization_id: UUID, fapiao_id: UUID) -> dict[str, Any]:
    """One fapiao with its lines."""
    return _whole(queries.fapiao(fapiao_id))


@operator_api.post(
    f"{_OF}/fapiao/<uuid:fapiao_id>/issuance",
    allow="fapiao.issue",
    takes=FapiaoResultSchema,
    gives=WholeFapiaoSchema,
    problems=(FapiaoNumberTaken,),
)
def record_issued(organization_id: UUID, fapiao_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Enter the number and the file's hash that came back for a fapiao or a confirmed red letter."""
    return _whole(commands.record_issued(fapiao_id, **wish))


@operator_api.post(
    f"{_OF}/fapiao/<uuid:fapiao_id>/rejection", allow="fapiao.issue", takes=FapiaoReasonSchema, gives=WholeFapiaoSchema
)
def record_rejected(organization_id: UUID, fapiao_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """It was not issued: what it was for may be asked for again."""
    return _whole(commands.record_rejected(fapiao_id, because=wish["because"]))


@operator_api.post(
    f"{_OF}/fapiao/<uuid:fapiao_id>/red_letters",
    allow="fapiao.issue",
    takes=FapiaoReasonSchema,
    gives=WholeFapiaoSchema,
    problems=(FapiaoNotPossible,),
)
def request_red_letter(organization_id: UUID, fapiao_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Ask to take an issued fapiao back; the buyer confirms before it is issued."""
    return _whole(commands.request_red_letter(fapiao_id, because=wish["because"]))


@hospital_api.get(_INVOICE, allow="invoices.read", gives=FapiaoSchema, many=True)
@employer_api.get(_INVOICE, allow="invoices.read", gives=FapiaoSchema, many=True)
def list_our_fapiao(invoice_id: UUID, query: dict[str, Any]) -> Page:
    """Our invoice's fapiao, blue and red, oldest first."""
    return queries.fapiao_of_invoice(_issued(invoice_id), **query)


@hospital_api.post(_INVOICE, allow="fapiao.request", takes=FapiaoWishSchema, gives=WholeFapiaoSchema, problems=_ASKING)
@employer_api.post(_INVOICE, allow="fapiao.request", takes=FapiaoWishSchema, gives=WholeFapiaoSchema, problems=_ASKING)
def request_fapiao(invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Ask for a fapiao of our invoice, or of parts of its lines."""
    return _asked(_issued(invoice_id), wish)


@hospital_api.get("/fapiao/<uuid:fapiao_id>", allow="invoices.read", gives=WholeFapiaoSchema)
@employer_api.get("/fapiao/<uuid:fapiao_id>", allow="invoices.read", gives=WholeFapiaoSchema)
def show_fapiao(fapiao_id: UUID) -> dict[str, Any]:
    """One of our fapiao with its lines."""
    return _whole(queries.fapiao(fapiao_id))


@hospital_api.post("/fapiao/<uuid:fapiao_id>/confirmation", allow="fapiao.request", gives=WholeFapiaoSchema)
@employer_api.post("/fapiao/<uuid:fapiao_id>/confirmation", allow="fapiao.request", gives=WholeFapiaoSchema)
def confirm_red_letter(fapiao_id: UUID) -> dict[str, Any]:
    """Agree that a fapiao of ours is taken back."""
    return _whole(commands.confirm_red_letter(fapiao_id))


@hospital_api.get("/medical_receipts", allow="invoices.read", gives=MedicalReceiptSchema, many=True)
def list_medical_receipts(query: dict[str, Any]) -> Page:
    """Numbers of receipts our fiscal system gave, newest first."""
    return queries.receipts(**query)


@hospital_api.post(
    "/medical_receipts",
    allow="receipts.write",
    takes=MedicalReceiptSchema,
    gives=MedicalReceiptSchema,
    problems=(MedicalReceiptExists,),
)
def record_medical_receipt(wish: dict[str, Any]) -> MedicalReceipt:
    """Keep the number and hash of a receipt that our fiscal system gave."""
    return commands.record_medical_receipt(**wish)


def _issued(invoice_id: UUID) -> UUID:
    row = invoice(invoice_id)
    if row.number is None:
        raise NotFound
    return row.id


def _asked(invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    lines = None if wish["lines"] is None else [commands.Wanted(**line) for line in wish["lines"]]
    return _whole(commands.request_fapiao(invoice_id, form=wish["form"], lines=lines))


def _whole(row: Fapiao) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in Fapiao.__table__.c}
    return shown | {"lines": queries.fapiao_lines(row.id)}
