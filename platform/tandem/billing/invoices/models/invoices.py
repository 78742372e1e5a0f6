"""Invoices of the operator to an enterprise or a hospital, in the customer's tenant, where both can see them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, Reference, TenantOwned, Versioned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "draft": {"rated", "void"},
    "rated": {"issued", "void"},
    "issued": {"settled", "void"},
    "settled": {"issued"},
    "void": set[str](),
}
"""`rated`: lines and taxes are final; `settled`: nothing is left to pay, by payment or by credit.

It is issued again when a customer's bank takes its payment back.
"""

PARK_NEXT: Final = {"parked": {"released"}, "released": set[str]()}
KINDS: Final = ("invoice", "credit_note")
LINE_KINDS: Final = ("item", "adjustment", "merged", "rounding")
CUSTOMER_KINDS: Final = ("employer", "hospital")
TREATMENTS: Final = ("taxed", "exempt", "out_of_scope")
TAX_ROUNDINGS: Final = ("line", "document")
METHODS: Final = ("bank_transfer", "card", "alipay", "wechat_pay")


class TaxRule(Reference, Model):
    """How one category of goods or services is taxed from a day on; a change is a new version. 税率规则

    Exempt and out of scope are not a rate of zero: they have no rate, and say why. `circular` is the source.
    """

    __tablename__ = "tax_rule"
    __reason__ = "the law is the same for every tenant"
    __grants__: ClassVar = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        UniqueConstraint("jurisdiction", "category", "effective_from"),
        one_of("treatment", TREATMENTS),
        CheckConstraint("(treatment = 'taxed') = (rate IS NOT NULL)", name="rate_only_where_taxed"),
        CheckConstraint("(treatment = 'taxed') = (reason IS NULL)", name="reason_where_not_taxed"),
        CheckConstraint("rate >= 0 AND rate < 1", name="rate"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    jurisdiction: Mapped[str]
    category: Mapped[str]
    treatment: Mapped[str]
    rate: Mapped[Decimal | None]
    reason: Mapped[str | None]
    circular: Mapped[str]
    effective_from: Mapped[date]


class SellerProfile(TenantOwned, Model):
    """How the operator signs its invoices from a day on; a change is a new version. 开票方信息"""

    __tablename__ = "seller_profile"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (UniqueConstraint("tenant_id", "effective_from"),)

    legal_name: Mapped[str]
    tax_number: Mapped[str]
    address: Mapped[str]
    telephone: Mapped[str]
    bank_name: Mapped[str]
    bank_account: Mapped[str]
    effective_from: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class NumberSeries(TenantOwned, Model):
    """The next number of a series for one customer; its row lock makes numbers gapless. 账单号段"""

    __tablename__ = "number_series"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (UniqueConstraint("tenant_id", "series"), CheckConstraint("next_number > 0", name="next_number"))

    series: Mapped[str]
    next_number: Mapped[int] = mapped_column(default=1)


class Invoice(TenantOwned, Versioned, Model):
    """What a customer owes, or with a credit note is given back: numbered at issue, never edited afterwards. 账单

    Sums of a credit note are positive: they say how much is credited. `chain_id` joins an invoice with its credit
    notes and with what replaces it; `corrects_id` is the one before in the chain. `seller`, `buyer` and the taxes are
    what they were at issue. `fapiao_minor` is for how much of it fapiao have been asked for.
    """

    __tablename__ = "invoice"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "series", "number"),
        Index("invoice_by_creation", "tenant_id", "created_at", "id"),
        Index("invoice_by_chain", "tenant_id", "chain_id"),
        Index("invoice_unsettled", "tenant_id", "due_on", postgresql_where=text("status = 'issued'")),
        UniqueConstraint("tenant_id", "run_key"),
        one_of("kind", KINDS),
        one_of("customer_kind", CUSTOMER_KINDS),
        one_of("tax_rounding", TAX_ROUNDINGS),
        CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name="numbered_at_issue"),
        CheckConstraint("(number IS NULL) = (document_no IS NULL)", name="named_at_issue"),
        CheckConstraint("(number IS NULL) = (seller IS NULL OR buyer IS NULL)", name="parties_frozen_at_issue"),
        CheckConstraint("status NOT IN ('issued', 'settled') OR number IS NOT NULL", name="issued_has_number"),
        CheckConstraint("total_minor = net_minor + tax_minor", name="total"),
        CheckConstraint("total_minor > 0", name="total_positive"),
        CheckConstraint("paid_minor BETWEEN 0 AND total_minor", name="paid_within_total"),
        CheckConstraint("credited_minor BETWEEN 0 AND total_minor", name="credited_within_total"),
        CheckConstraint("fapiao_minor BETWEEN 0 AND total_minor", name="fapiao_within_total"),
        CheckConstraint("kind = 'invoice' OR corrects_id IS NOT NULL", name="credit_of_an_invoice"),
        CheckConstraint("disputed_at IS NULL OR dispute_reason IS NOT NULL", name="dispute_has_a_reason"),
        one_of("currency", CURRENCIES),
        CheckConstraint("first_day <= last_day", name="days"),
    )

    kind: Mapped[str] = mapped_column(default="invoice")
    series: Mapped[str]
    number: Mapped[int | None]
    document_no: Mapped[str | None]
    chain_id: Mapped[UUID]
    corrects_id: Mapped[UUID | None]
    customer_id: Mapped[UUID]
    customer_kind: Mapped[str]
    programme_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    run_key: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="draft")
    first_day: Mapped[date]
    last_day: Mapped[date]
    due_on: Mapped[date]
    currency: Mapped[str]
    prices_include_tax: Mapped[bool] = mapped_column(default=True)
    tax_rounding: Mapped[str] = mapped_column(default="line")
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    total_minor: Mapped[int]
    paid_minor: Mapped[int] = mapped_column(default=0)
    credited_minor: Mapped[int] = mapped_column(default=0)
    fapiao_minor: Mapped[int] = mapped_column(default=0)
    seller: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    buyer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    issued_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]
    disputed_at: Mapped[datetime | None]
    dispute_reason: Mapped[str | None]

    @property
    def open_minor(self) -> int:
        """What is left to pay; negative when more was credited than was open, and money goes back."""
        if self.kind == "credit_note" or self.status in {"draft", "rated", "void"}:
            return 0
        return self.total_minor - self.credited_minor - self.paid_minor


class InvoiceLineRow(TenantOwned, Model):
    """One line of an invoice. `unit_price` is in minor units and may have fractions. 账单行

    `amount_minor` is quantity times price as priced; `net_minor` and `tax_minor` are its parts, or what tax adds to
    it. A line without a price was rated over tiers, merged for the sake of few people, or rounds a document's tax.
    """

    __tablename__ = "invoice_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        UniqueConstraint("tenant_id", "invoice_id", "line_no"),
        one_of("kind", LINE_KINDS),
        CheckConstraint("unit_price IS NULL OR amount_minor = round(quantity * unit_price)", name="amount"),
    )

    invoice_id: Mapped[UUID]
    line_no: Mapped[int]
    kind: Mapped[str] = mapped_column(default="item")
    code: Mapped[str]
    text: Mapped[str]
    unit: Mapped[str | None]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal | None]
    amount_minor: Mapped[int]
    net_minor: Mapped[int]
    tax_minor: Mapped[int]
    tax_rule_id: Mapped[UUID]
    currency: Mapped[str]
    of_first_day: Mapped[date | None]
    of_last_day: Mapped[date | None]
    line_input_hash: Mapped[str | None]
    credits_line_no: Mapped[int | None]


class InvoiceTax(TenantOwned, Model):
    """The tax of one rule on one invoice, with the rule's words as they were. 账单税额

    `residual_minor` is what rounding per document added to the lines' taxes; a rounding line shows it.
    """

    __tablename__ = "invoice_tax"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        UniqueConstraint("tenant_id", "invoice_id", "tax_rule_id"),
        CheckConstraint("(treatment = 'taxed') = (rate IS NOT NULL)", name="rate_only_where_taxed"),
        CheckConstraint("rate IS NOT NULL OR tax_minor = 0", name="no_tax_without_a_rate"),
    )

    invoice_id: Mapped[UUID]
    tax_rule_id: Mapped[UUID]
    jurisdiction: Mapped[str]
    category: Mapped[str]
    treatment: Mapped[str]
    rate: Mapped[Decimal | None]
    reason: Mapped[str | None]
    circular: Mapped[str]
    base_minor: Mapped[int]
    tax_minor: Mapped[int]
    residual_minor: Mapped[int]
    currency: Mapped[str]


class InvoicePayment(TenantOwned, Model):
    """Money that arrived for an invoice, once per reference. 账单收款

    `surplus_minor` is the part for which nothing was open: it is booked all the same and owed back to the customer.
    """

    __tablename__ = "invoice_payment"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        UniqueConstraint("tenant_id", "invoice_id", "reference"),
        # Whose payment a bank's line is: looked for among all customers.
        Index("invoice_payment_by_reference_idx", "reference"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("surplus_minor BETWEEN 0 AND amount_minor", name="surplus"),
        one_of("method", METHODS),
    )

    invoice_id: Mapped[UUID]
    method: Mapped[str] = mapped_column(default="bank_transfer")
    amount_minor: Mapped[int]
    surplus_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str]
    paid_on: Mapped[date]
    reference: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class InvoiceOrigin(TenantOwned, Model):
    """Which invoice bills a rated line; `id` is the rated line's, so it is billed once. 账单来源

    Without an invoice the line came to nothing together with the others of its bill.
    """

    __tablename__ = "invoice_origin"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["invoice.tenant_id", "invoice.id"]),
        Index(None, "tenant_id", "invoice_id"),
    )

    invoice_id: Mapped[UUID | None]
    billed_at: Mapped[datetime] = mapped_column(default=clock.now)


class BillingPark(TenantOwned, Model):
    """Why no run may issue an invoice to this customer until somebody has looked. 暂停开单

    `evidence` is figures and ids: the amount, the median it was held against, the invoice.
    """

    __tablename__ = "billing_park"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(PARK_NEXT),
        Index("billing_park_once", "tenant_id", unique=True, postgresql_where=text("status = 'parked'")),
        Index("billing_park_by_time", "tenant_id", "parked_at", "id"),
        CheckConstraint("(status = 'released') = (released_at IS NOT NULL)", name="released"),
    )

    status: Mapped[str] = mapped_column(default="parked")
    reasons: Mapped[list[str]]
    evidence: Mapped[dict[str, Any]]
    invoice_id: Mapped[UUID | None]
    parked_at: Mapped[datetime] = mapped_column(default=clock.now)
    released_at: Mapped[datetime | None]
    release_reason: Mapped[str | None]
