"""What is owed back to customers, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import past_business_day
from tandem.billing.payments.models import REPAYMENT_METHODS, REPAYMENT_NEXT
from tandem.kernel.http import MoneyField, Schema


class PayeeSchema(Schema):
    """A customer's bank account, for what cannot go back to where it came from."""

    name = fields.String(required=True, validate=rules.Length(1, 120))
    bank = fields.String(required=True, validate=rules.Length(1, 120))
    account = fields.String(required=True, validate=rules.Regexp(r"[0-9A-Z -]{6,40}\Z"))


class RepaymentWishSchema(Schema):
    """What shall be given back: for an invoice, or for the rest of a prepayment, and for one of the two."""

    invoice_id = fields.UUID(load_default=None, allow_none=True)
    prepayment_closing_id = fields.UUID(load_default=None, allow_none=True)
    amount = MoneyField(required=True, positive=True)
    because = fields.String(required=True, validate=rules.Length(1, 200))
    payee = fields.Nested(PayeeSchema, load_default=None, allow_none=True)


class TransferMadeSchema(Schema):
    """A transfer left the operator's bank."""

    paid_on = past_business_day(required=True)
    bank_reference = fields.String(required=True, validate=rules.Length(1, 80))


class RepaymentSchema(Schema):
    """A sum that is given back. `reference` goes with a bank transfer, so that the bank's file says which it was."""

    id = fields.UUID(required=True)
    invoice_id = fields.UUID(allow_none=True)
    prepayment_closing_id = fields.UUID(allow_none=True)
    method = fields.String(required=True, validate=rules.OneOf(REPAYMENT_METHODS))
    amount = MoneyField(required=True)
    because = fields.String(required=True)
    payee_name = fields.String(allow_none=True)
    payee_bank = fields.String(allow_none=True)
    payee_account = fields.String(allow_none=True)
    reference = fields.String(required=True)
    status = fields.String(required=True, validate=rules.OneOf(sorted(REPAYMENT_NEXT)))
    failure_code = fields.String(allow_none=True)
    proposed_at = fields.DateTime(required=True)
    decided_at = fields.DateTime(allow_none=True)
    paid_on = fields.Date(allow_none=True)
