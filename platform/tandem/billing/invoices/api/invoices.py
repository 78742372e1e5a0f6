"""Invoices over HTTP: the operator writes, issues and credits; enterprises and hospitals read what was issued."""

from typing import Any, Final
from uuid import UUID

from flask import Response

from tandem.billing.bank_transfers import known_transfer
from tandem.billing.contracts import require_signed
from tandem.billing.invoices import commands, jobs, queries
from tandem.billing.invoices.documents import content_of, pdf_of, xlsx_of
from tandem.billing.invoices.drafts import InvoiceLine, LineCredit, Period
from tandem.billing.invoices.errors import (
    BankLineKnown,
    BillingParked,
    CreditTooLarge,
    InvoiceCredited,
    InvoiceLinesWrong,
    InvoiceNotOpen,
    InvoiceOverpaid,
    InvoicePaymentKeyReused,
    PrepaymentClosed,
    SellerProfileExists,
    TaxRuleExists,
    TaxRuleOutdated,
    TaxRuleUnknown,
    VoidTooLate,
)
from tandem.billing.invoices.models import BillingPark, Invoice, InvoicePayment, SellerProfile, TaxRule
from tandem.billing.invoices.schemas import (
    BillingParkSchema,
    BillingParksQuery,
    CreditWishSchema,
    InvoicePaymentSchema,
    InvoicePaymentWishSchema,
    InvoiceReasonSchema,
    InvoiceRetrySchema,
    InvoiceSchema,
    InvoiceWishSchema,
    SellerProfileSchema,
    TaxRuleSchema,
    WholeInvoiceSchema,
)
from tandem.billing.stationery import PDF, XLSX, GlyphMissing, sent
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound, refused_field
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.i18n import Text
from tandem.kernel.jobs import enqueue

operator_api = Api(
    "invoices", audience="operator", url_prefix="/organizations/<uuid:organization_id>/invoices", tag="Invoices"
)
rules_api = Api("invoice_rules", audience="operator", tag="Invoices")
employer_api = Api("invoices", audience="employer", url_prefix="/invoices", tag="Invoices")
hospital_api = Api("invoices", audience="hospital", url_prefix="/invoices", tag="Invoices")
APIS: Final = [operator_api, rules_api, employer_api, hospital_api]


@operator_api.get("", allow="invoices.read", gives=InvoiceSchema, many=True, query=PageQuery)
def list_invoices_of_customer(organization_id: UUID, query: dict[str, Any]) -> Page:
    """A customer's invoices and credit notes, drafts too, newest first."""
    return queries.invoices(**query)


@operator_api.post(
    "",
    allow="invoices.issue",
    takes=InvoiceWishSchema,
    gives=WholeInvoiceSchema,
    problems=(InvoiceLinesWrong, TaxRuleUnknown),
)
def draft_invoice(organization_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Write an invoice; it has no number and is not owed until it is issued."""
    if wish["first_day"] > wish["last_day"]:
        raise refused_field(
            "last_day",
            Text("The period ends before it begins", "期间结束日早于开始日"),
            Text("Let last_day be first_day or later.", "截止日（last_day）不得早于起始日（first_day）。"),
        )
    if wish["due_on"] < wish["first_day"]:
        raise refused_field(
            "due_on",
            Text("It would be due before its period begins", "付款期限早于期间开始日"),
            Text("Let due_on be first_day or later.", "付款到期日（due_on）不得早于起始日（first_day）。"),
        )
    require_signed(contract_id=wish["contract_id"], programme_id=wish["programme_id"])
    period = Period(wish.pop("first_day"), wish.pop("last_day"))
    lines = [InvoiceLine(**line) for line in wish.pop("lines")]
    return _whole(commands.draft_invoice(customer_id=organization_id, period=period, lines=lines, **wish))


@operator_api.get("/<uuid:invoice_id>", allow="invoices.read", gives=WholeInvoiceSchema)
def show_invoice_of_customer(organization_id: UUID, invoice_id: UUID) -> dict[str, Any]:
    """One invoice with its lines, taxes and parties."""
    return _whole(queries.invoice(invoice_id))


@operator_api.get("/<uuid:invoice_id>/document.pdf", allow="invoices.read", mimetype=PDF, problems=(GlyphMissing,))
def read_pdf_of_customer(organization_id: UUID, invoice_id: UUID) -> Response:
    """The invoice as a PDF; a draft too."""
    return _file(queries.invoice(invoice_id), PDF)


@operator_api.get("/<uuid:invoice_id>/document.xlsx", allow="invoices.read", mimetype=XLSX)
def read_xlsx_of_customer(organization_id: UUID, invoice_id: UUID) -> Response:
    """The invoice as a workbook; a draft too."""
    return _file(queries.invoice(invoice_id), XLSX)


@operator_api.get("/<uuid:invoice_id>/chain", allow="invoices.read", gives=InvoiceSchema, many=True)
def list_chain_of_customer(organization_id: UUID, invoice_id: UUID, query: dict[str, Any]) -> Page:
    """An invoice, its credit notes and what replaced it, in order. On one page."""
    return Page(queries.chain(queries.invoice(invoice_id).chain_id), None)


@operator_api.post(
    "/<uuid:invoice_id>/rating", allow="invoices.issue", gives=WholeInvoiceSchema, problems=(TaxRuleOutdated,)
)
def rate_invoice(organization_id: UUID, invoice_id: UUID) -> dict[str, Any]:
    """Say that a draft's lines and taxes are final."""
    return _whole(commands.rate_draft(invoice_id))


@operator_api.post(
    "/<uuid:invoice_id>/issuance",
    allow="invoices.issue",
    gives=WholeInvoiceSchema,
    problems=(TaxRuleOutdated, BillingParked, PrepaymentClosed),
)
def issue_invoice(organization_id: UUID, invoice_id: UUID) -> dict[str, Any]:
    """Give a draft the next number of its series: from now on it is owed."""
    return _whole(commands.issue_draft(invoice_id))


@operator_api.post(
    "/<uuid:invoice_id>/voiding",
    allow="invoices.issue",
    takes=InvoiceReasonSchema,
    gives=WholeInvoiceSchema,
    problems=(InvoiceOverpaid, InvoiceCredited, VoidTooLate),
)
def void_invoice(organization_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Withdraw an unpaid invoice in the month of its issue; its number stays used."""
    return _whole(commands.void_invoice(invoice_id, because=wish["because"]))


@operator_api.post(
    "/<uuid:invoice_id>/credit_notes",
    allow="invoices.issue",
    takes=CreditWishSchema,
    gives=WholeInvoiceSchema,
    problems=(CreditTooLarge, InvoiceNotOpen, PrepaymentClosed),
)
def credit_invoice(organization_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Take an invoice back, in whole or in part, by a credit note with a number of its own."""
    lines = None if wish["lines"] is None else [LineCredit(**line) for line in wish["lines"]]
    return _whole(commands.credit_invoice(invoice_id, because=wish["because"], lines=lines))


@operator_api.get("/<uuid:invoice_id>/payments", allow="invoices.read", gives=InvoicePaymentSchema, many=True)
def list_payments(organization_id: UUID, invoice_id: UUID, query: dict[str, Any]) -> Page:
    """Money that arrived for an invoice, oldest first."""
    queries.invoice(invoice_id)
    return queries.invoice_payments(invoice_id, **query)


@operator_api.post(
    "/<uuid:invoice_id>/payments",
    allow="payments.record",
    takes=InvoicePaymentWishSchema,
    gives=InvoicePaymentSchema,
    problems=(InvoiceOverpaid, InvoicePaymentKeyReused, InvoiceNotOpen, BankLineKnown),
)
def record_payment(organization_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> InvoicePayment:
    """Record money that arrived at the bank, once per bank reference; what a bank's file has is allocated instead."""
    amount, reference = wish["amount"], wish["reference"]
    if amount.currency != queries.invoice(invoice_id).currency:
        raise refused_field(
            "amount.currency",
            Text("The invoice is in another currency", "币种与账单不一致"),
            Text("Record the payment in the invoice's currency.", "请按账单币种记录付款。"),
        )
    if queries.payment_by_reference(invoice_id, reference) is None:
        line = known_transfer(reference)
        if line is not None:
            raise BankLineKnown(bank_line_id=str(line.bank_line_id), left_minor=line.left_minor)
    return commands.record_invoice_payment(
        invoice_id, amount_minor=amount.amount_minor, paid_on=wish["paid_on"], reference=reference
    )


@hospital_api.get("", allow="invoices.read", gives=InvoiceSchema, many=True, query=PageQuery)
@employer_api.get("", allow="invoices.read", gives=InvoiceSchema, many=True, query=PageQuery)
def list_invoices(query: dict[str, Any]) -> Page:
    """Our issued invoices and credit notes, newest first."""
    return queries.invoices(issued_only=True, **query)


@hospital_api.get("/<uuid:invoice_id>", allow="invoices.read", gives=WholeInvoiceSchema)
@employer_api.get("/<uuid:invoice_id>", allow="invoices.read", gives=WholeInvoiceSchema)
def show_invoice(invoice_id: UUID) -> dict[str, Any]:
    """One issued invoice with its lines, taxes and parties."""
    return _whole(_issued(invoice_id))


@hospital_api.get("/<uuid:invoice_id>/document.pdf", allow="invoices.read", mimetype=PDF, problems=(GlyphMissing,))
@employer_api.get("/<uuid:invoice_id>/document.pdf", allow="invoices.read", mimetype=PDF, problems=(GlyphMissing,))
def read_pdf(invoice_id: UUID) -> Response:
    """An issued invoice as a PDF."""
    return _file(_issued(invoice_id), PDF)


@hospital_api.get("/<uuid:invoice_id>/document.xlsx", allow="invoices.read", mimetype=XLSX)
@employer_api.get("/<uuid:invoice_id>/document.xlsx", allow="invoices.read", mimetype=XLSX)
def read_xlsx(invoice_id: UUID) -> Response:
    """An issued invoice as a workbook."""
    return _file(_issued(invoice_id), XLSX)


@hospital_api.post(
    "/<uuid:invoice_id>/disputes",
    allow="invoices.dispute",
    takes=InvoiceReasonSchema,
    gives=WholeInvoiceSchema,
    problems=(InvoiceNotOpen,),
)
@employer_api.post(
    "/<uuid:invoice_id>/disputes",
    allow="invoices.dispute",
    takes=InvoiceReasonSchema,
    gives=WholeInvoiceSchema,
    problems=(InvoiceNotOpen,),
)
def dispute_invoice(invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Say what is wrong with an open invoice: reminders stop until the operator has answered."""
    return _whole(commands.dispute_invoice(invoice_id, because=wish["because"]))


@operator_api.post(
    "/<uuid:invoice_id>/dispute_resolutions",
    allow="invoices.issue",
    takes=InvoiceReasonSchema,
    gives=WholeInvoiceSchema,
    problems=(InvoiceNotOpen,),
)
def resolve_dispute(organization_id: UUID, invoice_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Answer a dispute: the invoice was credited, or it is right."""
    return _whole(commands.resolve_dispute(invoice_id, because=wish["because"]))


@rules_api.get(
    "/billing_parks", allow="invoices.read", gives=BillingParkSchema, many=True, query=BillingParksQuery, across=True
)
def list_billing_parks(query: dict[str, Any]) -> Page:
    """Customers whose bills wait, and why, newest first."""
    return queries.parks(**query)


@rules_api.post(
    "/organizations/<uuid:organization_id>/billing_parks/<uuid:billing_park_id>/releases",
    allow="invoices.issue",
    takes=InvoiceReasonSchema,
    gives=BillingParkSchema,
)
def release_customer(organization_id: UUID, billing_park_id: UUID, wish: dict[str, Any]) -> BillingPark:
    """Somebody has looked: what waits is issued as it stands. What should not be is voided before."""
    return commands.release_customer(billing_park_id, because=wish["because"])


@rules_api.post("/invoice_retries", allow="invoices.issue", gives=InvoiceRetrySchema, status=202)
def retry_all() -> dict[str, UUID | None]:
    """Try again to issue everything that waits, of every customer that is not parked."""
    return {"job_id": enqueue(jobs.retry_waiting)}


@rules_api.get("/tax_rules", allow="invoices.read", gives=TaxRuleSchema, many=True)
def list_tax_rules(query: dict[str, Any]) -> Page:
    """Every version of every tax rule, newest first."""
    return queries.tax_rules(**query)


@rules_api.post(
    "/tax_rules", allow="invoices.issue", takes=TaxRuleSchema, gives=TaxRuleSchema, problems=(TaxRuleExists,)
)
def add_tax_rule(wish: dict[str, Any]) -> TaxRule:
    """Record how a category is taxed from a day on, with the circular that says so."""
    is_taxed = wish["treatment"] == "taxed"
    for name, is_wanted in (("rate", is_taxed), ("reason", not is_taxed)):
        if (wish[name] is not None) is not is_wanted or wish["rate"] == 1:
            raise refused_field(
                name,
                Text("Only what is taxed has a rate; all else has a reason", "仅应税项目填写税率，其余须填写理由"),
                Text("Give a rate or a reason, as the treatment asks.", "请按计税方式填写税率或理由。"),
            )
    return commands.add_tax_rule(**wish)


@rules_api.get("/seller_profiles", allow="invoices.read", gives=SellerProfileSchema, many=True)
def list_seller_profiles(query: dict[str, Any]) -> Page:
    """Versions of how we sign our invoices, newest first."""
    return queries.seller_profiles(**query)


@rules_api.post(
    "/seller_profiles",
    allow="invoices.issue",
    takes=SellerProfileSchema,
    gives=SellerProfileSchema,
    problems=(SellerProfileExists,),
)
def add_seller_profile(wish: dict[str, Any]) -> SellerProfile:
    """Say how we sign our invoices from a day on; issued ones stay as they are."""
    return commands.add_seller_profile(**wish)


def _issued(invoice_id: UUID) -> Invoice:
    row = queries.invoice(invoice_id)
    if row.number is None:
        raise NotFound
    return row


def _file(row: Invoice, mimetype: str) -> Response:
    content = content_of(row, queries.invoice_lines(row.id), queries.invoice_taxes(row.id))
    made = pdf_of(content) if mimetype == PDF else xlsx_of(content)
    return sent(made, name=row.document_no or str(row.id), mimetype=mimetype)


def _whole(row: Invoice) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in Invoice.__table__.c}
    parts = {"lines": queries.invoice_lines(row.id), "taxes": queries.invoice_taxes(row.id)}
    return shown | parts | {"open_minor": row.open_minor}
