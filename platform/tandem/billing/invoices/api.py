"""Invoices over HTTP: the operator writes and issues, the employer reads what was issued."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.invoices import commands, queries
from tandem.billing.invoices.drafts import InvoiceLine, Period
from tandem.billing.invoices.errors import InvoiceLinesWrong, InvoiceOverpaid, InvoicePaymentKeyReused
from tandem.billing.invoices.models import Invoice, InvoicePayment
from tandem.billing.invoices.schemas import (
    InvoicePaymentSchema,
    InvoicePaymentWishSchema,
    InvoiceSchema,
    InvoiceWishSchema,
    VoidingWishSchema,
    WholeInvoiceSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound, refused_field
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.i18n import Text

operator_api = Api("invoices", audience="operator", url_prefix="/employers/<uuid:employer_id>/invoices", tag="Invoices")
employer_api = Api("invoices", audience="employer", url_prefix="/invoices", tag="Invoices")
APIS: Final = [operator_api, employer_api]


@operator_api.get("", allow="invoices.read", gives=InvoiceSchema, many=True, query=PageQuery)
def list_invoices_of_employer(employer_id: UUID, query: dict[str, Any]) -> Page:
    """An employer's invoices, drafts too, newest first."""
    return queries.invoices(**query)


@operator_api.post(
    "", allow="invoices.issue", takes=InvoiceWishSchema, gives=WholeInvoiceSchema, problems=(InvoiceLinesWrong,)
)
def draft_invoice(employer_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Write an invoice; it has no number and is not owed until it is issued."""
    if wish["first_day"] > wish["last_day"]:
        raise refused_field(
            "last_day",
            Text("The period ends before it begins", "期间结束日早于开始日"),
            Text("Let last_day be first_day or later.", "last_day 不得早于 first_day。"),
        )
    period = Period(wish.pop("first_day"), wish.pop("last_day"))
    lines = [InvoiceLine(**line) for line in wish.pop("lines")]
    return _whole(commands.draft_invoice(customer_id=employer_id, period=period, lines=lines, **wish))


@operator_api.get("/<uuid:invoice_id>", allow="invoices.read", gives=WholeInvoiceSchema)
def show_invoice_of_employer(employer_id: UUID, invoice_id: UUID) -> dict[str, Any]:
    """One invoice with its lines."""
    return _whole(queries.invoice(invoice_id))


@operator_api.post("/<uuid:invoice_id>/issuance", allow="invoices.issue", gives=WholeInvoiceSchema)
def issue_invoice(employer_id: UUID, invoice_id: UUID) -> dict[str, Any]:
    """Give a draft the next number of its series: from now on it is owed."""
    return _whole(commands.issue_draft(invoice_id))


@operator_api.post(
    "/<uuid:invoice_id>/voiding",
    allow="invoices.issue",
    takes=VoidingWishSchema,
    gives=WholeInvoiceSchema,
    problems=(InvoiceOverpaid,),
)
def void_invoice(employer_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Withdraw an invoice that has not been paid; its number stays used."""
    return _whole(commands.void_invoice(invoice_id, because=wish["because"]))


@operator_api.post(
    "/<uuid:invoice_id>/payments",
    allow="payments.record",
    takes=InvoicePaymentWishSchema,
    gives=InvoicePaymentSchema,
    problems=(InvoiceOverpaid, InvoicePaymentKeyReused),
)
def record_payment(employer_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> InvoicePayment:
    """Record money that arrived at the bank, once per bank reference."""
    amount = wish["amount"]
    if amount.currency != queries.invoice(invoice_id).currency:
        raise refused_field(
            "amount.currency",
            Text("The invoice is in another currency", "币种与发票不一致"),
            Text("Record the payment in the invoice's currency.", "请按发票币种记录付款。"),
        )
    return commands.record_invoice_payment(
        invoice_id, amount_minor=amount.amount_minor, paid_on=wish["paid_on"], reference=wish["reference"]
    )


@employer_api.get("", allow="invoices.read", gives=InvoiceSchema, many=True, query=PageQuery)
def list_invoices(query: dict[str, Any]) -> Page:
    """The employer's issued invoices, newest first."""
    return queries.invoices(issued_only=True, **query)


@employer_api.get("/<uuid:invoice_id>", allow="invoices.read", gives=WholeInvoiceSchema)
def show_invoice(invoice_id: UUID) -> dict[str, Any]:
    """One issued invoice with its lines."""
    row = queries.invoice(invoice_id)
    if row.number is None:
        raise NotFound
    return _whole(row)


def _whole(row: Invoice) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in Invoice.__table__.c}
    return shown | {"lines": queries.invoice_lines(row.id)}
