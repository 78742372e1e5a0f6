"""Reminders, on the wire."""

from marshmallow import fields
from marshmallow import validate as rules

from tandem.billing.days import business_day
from tandem.kernel.http import MoneyField, Schema

_WORDS = rules.Length(1, 400)


class DunningStepWishSchema(Schema):
    """So many days after the due date (negative: before it), these words; {document_no}, {due_on}, {open} are set."""

    days_after_due = fields.Integer(required=True, strict=True, validate=rules.Range(-30, 365))
    text_zh = fields.String(required=True, validate=_WORDS)
    text_en = fields.String(required=True, validate=_WORDS)


class DunningScheduleWishSchema(Schema):
    """A schedule from a day on; it takes the place of the one before."""

    effective_from = business_day(required=True)
    steps = fields.List(fields.Nested(DunningStepWishSchema), required=True, validate=rules.Length(1, 20))


class DunningStepSchema(DunningStepWishSchema):
    """One step of one version of the schedule."""

    version = fields.Integer(required=True)
    step = fields.Integer(required=True)
    effective_from = fields.Date(required=True)


class DunningScheduleSchema(Schema):
    """A schedule as it was added."""

    steps = fields.List(fields.Nested(DunningStepSchema), required=True)


class InvoiceReminderSchema(Schema):
    """A reminder as it was sent."""

    id = fields.UUID(required=True)
    invoice_id = fields.UUID(required=True)
    step = fields.Integer(required=True)
    days_overdue = fields.Integer(required=True)
    open = MoneyField(prefix="open", required=True)
    text_zh = fields.String(required=True)
    text_en = fields.String(required=True)
    sent_at = fields.DateTime(required=True)
