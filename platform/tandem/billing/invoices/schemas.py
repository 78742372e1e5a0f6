"""Invoices, on the wire."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow import validate as rules

from tandem.billing.days import business_day, past_business_day
from tandem.billing.invoices.models import (
    CLOSING_NEXT,
    CUSTOMER_KINDS,
    KINDS,
    LINE_KINDS,
    METHODS,
    NEXT,
    PARK_NEXT,
    POLICIES,
    TAX_ROUNDINGS,
    TREATMENTS,
)
from tandem.kernel.http import MoneyField, PageQuery, Schema
from tandem.kernel.http.schemas import BIGINT_MAX
from tandem.kernel.money import CURRENCIES

_CODE = rules.Regexp(r"[a-z0-9_.-]{1,60}\Z")
_CATEGORY = rules.Regexp(r"[a-z_]{1,40}\Z")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,10})?")


class ExactNumber(fields.Decimal):
    """A quantity or a price with fractions: a whole number or text, never a float; at most ten places.

    Its limits are its own and no `Range`: a JSON schema has no minimum for text. Not negative, more than `above` where
    it is given, at most `most`.
    """

    def __init__(self, *, most: int = BIGINT_MAX // 1_000_000, above: int | None = None, **kwargs: Any) -> None:
        self.most, self.above = most, above
        kwargs.setdefault("metadata", {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,10})?$", "example": "12.5"})
        super().__init__(as_string=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        # Before it becomes a number: "1e400" is one, and no arithmetic of ours could hold it.
        if not isinstance(value, int | str) or not _PLAIN_NUMBER.fullmatch(str(value)):
            raise self.make_error("invalid", input=value)
        number: Decimal = super()._deserialize(value, attr, data, **kwargs)
        if self.above is not None and number <= self.above:
            raise ValidationError(f"Must be greater than {self.above}.")
        if not 0 <= number <= self.most:
            raise ValidationError(f"Must be greater than or equal to 0 and less than or equal to {self.most}.")
        return number

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else plain(value)


def plain(number: Decimal | int) -> str:
    """A number without an exponent and without zeros behind its last place."""
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class InvoiceLineWishSchema(Schema):
    """One line to be: counts only, it names nobody. `unit_price` is in minor units and may have fractions."""

    code = fields.String(required=True, validate=_CODE)
    text = fields.String(required=True, validate=rules.Length(1, 200))
    unit = fields.String(load_default=None, allow_none=True, validate=rules.Length(1, 20))
    quantity = ExactNumber(required=True, above=0, most=1_000_000_000)
    unit_price = ExactNumber(required=True)
    amount_minor = fields.Integer(required=True, strict=True, validate=rules.Range(0, BIGINT_MAX))
    tax_category = fields.String(load_default=None, allow_none=True, validate=_CATEGORY)


class InvoiceWishSchema(Schema):
    """An invoice to be written. `corrects_id` is the credited invoice that it replaces."""

    series = fields.String(required=True, validate=rules.Regexp(r"[A-Z0-9-]{1,20}\Z"))
    first_day = business_day(required=True)
    last_day = business_day(required=True)
    due_on = business_day(required=True)
    currency = fields.String(load_default="CNY", validate=rules.OneOf(CURRENCIES))
    programme_id = fields.UUID(load_default=None, allow_none=True)
    contract_id = fields.UUID(load_default=None, allow_none=True)
    corrects_id = fields.UUID(load_default=None, allow_none=True)
    prices_include_tax = fields.Boolean(load_default=True)
    tax_rounding = fields.String(load_default="line", validate=rules.OneOf(TAX_ROUNDINGS))
    lines = fields.List(fields.Nested(InvoiceLineWishSchema), required=True, validate=rules.Length(1, 100))


class InvoiceSchema(Schema):
    """An invoice or credit note. `number` and `document_no` are empty until it is issued."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=rules.OneOf(KINDS))
    series = fields.String(required=True)
    number = fields.Integer(allow_none=True)
    document_no = fields.String(allow_none=True)
    chain_id = fields.UUID(required=True)
    corrects_id = fields.UUID(allow_none=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(NEXT)))
    customer_id = fields.UUID(required=True)
    customer_kind = fields.String(required=True, validate=rules.OneOf(CUSTOMER_KINDS))
    programme_id = fields.UUID(allow_none=True)
    contract_id = fields.UUID(allow_none=True)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    due_on = fields.Date(required=True)
    net = MoneyField(prefix="net", required=True)
    tax = MoneyField(prefix="tax", required=True)
    total = MoneyField(prefix="total", required=True)
    paid = MoneyField(prefix="paid", required=True)
    credited = MoneyField(prefix="credited", required=True)
    created_at = fields.DateTime(required=True)
    issued_at = fields.DateTime(allow_none=True)
    settled_at = fields.DateTime(allow_none=True)
    voided_at = fields.DateTime(allow_none=True)
    disputed_at = fields.DateTime(allow_none=True)


class InvoiceLineSchema(Schema):
    """One line. `amount_minor` is as priced; `net_minor` and `tax_minor` are what it adds to the totals."""

    line_no = fields.Integer(required=True)
    kind = fields.String(required=True, validate=rules.OneOf(LINE_KINDS))
    code = fields.String(required=True)
    text = fields.String(required=True)
    unit = fields.String(allow_none=True)
    quantity = ExactNumber(required=True)
    unit_price = ExactNumber(allow_none=True)
    amount_minor = fields.Integer(required=True)
    net_minor = fields.Integer(required=True)
    tax_minor = fields.Integer(required=True)
    of_first_day = fields.Date(allow_none=True)
    of_last_day = fields.Date(allow_none=True)
    credits_line_no = fields.Integer(allow_none=True)


class InvoiceTaxSchema(Schema):
    """The tax of one rule. Without a rate it is exempt or out of scope, and `reason` says why."""

    category = fields.String(required=True)
    treatment = fields.String(required=True, validate=rules.OneOf(TREATMENTS))
    rate = ExactNumber(allow_none=True)
    reason = fields.String(allow_none=True)
    circular = fields.String(required=True)
    base_minor = fields.Integer(required=True)
    tax_minor = fields.Integer(required=True)
    residual_minor = fields.Integer(required=True)


class PartySchema(Schema):
    """Seller or buyer as they were at issue; what was not known then is left out."""

    name = fields.String()
    tax_number = fields.String()
    address = fields.String()
    telephone = fields.String()
    bank_name = fields.String()
    bank_account = fields.String()


class WholeInvoiceSchema(InvoiceSchema):
    """An invoice with its lines, taxes and parties."""

    open_minor = fields.Integer(required=True)
    prices_include_tax = fields.Boolean(required=True)
    tax_rounding = fields.String(required=True, validate=rules.OneOf(TAX_ROUNDINGS))
    seller = fields.Nested(PartySchema, allow_none=True)
    buyer = fields.Nested(PartySchema, allow_none=True)
    lines = fields.List(fields.Nested(InvoiceLineSchema), required=True)
    taxes = fields.List(fields.Nested(InvoiceTaxSchema), required=True)


class LineCreditSchema(Schema):
    """How much of one line is credited, as it was priced."""

    line_no = fields.Integer(required=True, strict=True, validate=rules.Range(1, 10_000))
    amount_minor = fields.Integer(required=True, strict=True)


class CreditWishSchema(Schema):
    """What is taken back of an invoice, and why; without lines, all that is left."""

    because = fields.String(required=True, validate=rules.Length(1, 200))
    lines = fields.List(
        fields.Nested(LineCreditSchema), load_default=None, allow_none=True, validate=rules.Length(1, 100)
    )


class InvoicePaymentWishSchema(Schema):
    """Money that arrived at the bank."""

    amount = MoneyField(required=True, positive=True)
    paid_on = past_business_day(required=True)
    reference = fields.String(required=True, validate=rules.Length(1, 80))


class InvoicePaymentSchema(Schema):
    """A recorded payment of an invoice. `surplus` is owed back."""

    id = fields.UUID(required=True)
    invoice_id = fields.UUID(required=True)
    method = fields.String(required=True, validate=rules.OneOf(METHODS))
    amount = MoneyField(required=True)
    surplus = MoneyField(prefix="surplus", required=True)
    paid_on = fields.Date(required=True)
    reference = fields.String(required=True)
    recorded_at = fields.DateTime(required=True)


class InvoiceReasonSchema(Schema):
    """Why."""

    because = fields.String(required=True, validate=rules.Length(1, 200))


class BillingParksQuery(PageQuery):
    """Parks: those that stand, or all there ever were."""

    open_only = fields.Boolean(load_default=True)


class BillingParkSchema(Schema):
    """Why a customer's bills wait. `evidence` is figures and ids."""

    id = fields.UUID(required=True)
    organization_id = fields.UUID(required=True, attribute="tenant_id")
    status = fields.String(required=True, validate=rules.OneOf(sorted(PARK_NEXT)))
    reasons = fields.List(fields.String(), required=True)
    evidence = fields.Dict(required=True)
    invoice_id = fields.UUID(allow_none=True)
    parked_at = fields.DateTime(required=True)
    released_at = fields.DateTime(allow_none=True)
    release_reason = fields.String(allow_none=True)


class InvoiceRetrySchema(Schema):
    """A job that tries again all that waits."""

    job_id = fields.UUID(required=True)


class TaxRuleSchema(Schema):
    """How a category is taxed from a day on. Taxed has a rate (0.06 is 6 %), all else a reason."""

    id = fields.UUID(dump_only=True)
    jurisdiction = fields.String(load_default="CN", validate=rules.Regexp(r"[A-Z]{2}\Z"))
    category = fields.String(required=True, validate=_CATEGORY)
    treatment = fields.String(required=True, validate=rules.OneOf(TREATMENTS))
    rate = ExactNumber(load_default=None, allow_none=True, most=1)
    reason = fields.String(load_default=None, allow_none=True, validate=rules.Length(1, 200))
    circular = fields.String(required=True, validate=rules.Length(1, 200))
    effective_from = business_day(required=True)


class SellerProfileSchema(PartySchema):
    """How the operator signs its invoices from a day on."""

    class Meta:
        exclude = ("name",)

    id = fields.UUID(dump_only=True)
    legal_name = fields.String(required=True, validate=rules.Length(1, 120))
    tax_number = fields.String(required=True, validate=rules.Regexp(r"[0-9A-Z]{15,20}\Z"))
    address = fields.String(required=True, validate=rules.Length(1, 200))
    telephone = fields.String(required=True, validate=rules.Length(1, 40))
    bank_name = fields.String(required=True, validate=rules.Length(1, 120))
    bank_account = fields.String(required=True, validate=rules.Regexp(r"[0-9 -]{6,40}\Z"))
    effective_from = business_day(required=True)


class PrepaymentClosingWishSchema(Schema):
    """What shall become of what a programme left."""

    programme_id = fields.UUID(required=True)
    policy = fields.String(required=True, validate=rules.OneOf(POLICIES))
    following_programme_id = fields.UUID(load_default=None, allow_none=True)
    currency = fields.String(load_default="CNY", validate=rules.OneOf(CURRENCIES))


class PrepaymentClosingSchema(Schema):
    """The rest of a programme's prepayment, and what becomes of it."""

    id = fields.UUID(required=True)
    programme_id = fields.UUID(required=True)
    policy = fields.String(required=True, validate=rules.OneOf(POLICIES))
    following_programme_id = fields.UUID(allow_none=True)
    unused = MoneyField(prefix="unused", required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(CLOSING_NEXT)))
    proposed_at = fields.DateTime(required=True)
    decided_at = fields.DateTime(allow_none=True)
