"""What goes in and out of appointments."""

from marshmallow import fields, validate

from tandem.kernel.http import MoneyField, PageQuery, Schema
from tenants.appointments.models import HOSPITAL_REASONS, NEXT, PATIENT_REASONS

METHODS = ("card", "alipay", "wechat_pay", "entitlement")


class Book(Schema):
    """Which slot, for whom, and why."""

    slot_id = fields.UUID(required=True)
    patient_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "a ward's record; left out: one's own"}
    )
    reason = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 500),
        metadata={"description": "what the doctor should know; encrypted, for the doctor only"},
    )
    accepts_advice_only = fields.Boolean(
        load_default=False,
        metadata={
            "description": "the patient has read that without evidence of an earlier diagnosis the visit gives advice "
            "only: no diagnosis, no prescription"
        },
    )


class AppointmentOut(Schema):
    """An appointment, without anything clinical."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(NEXT)))
    slot_id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    practitioner_id = fields.UUID(required=True)
    patient_id = fields.UUID(required=True)
    specialty = fields.String(required=True)
    start_at = fields.DateTime(required=True)
    end_at = fields.DateTime(required=True)
    price = MoneyField(required=True, prefix="price")
    accepts_advice_only = fields.Boolean(required=True)
    held_until = fields.DateTime(required=True, allow_none=True)
    payment_id = fields.UUID(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    ended_at = fields.DateTime(required=True, allow_none=True)
    ended_by = fields.String(required=True, allow_none=True)
    ended_because = fields.String(required=True, allow_none=True)


class OwnAppointmentQuery(PageQuery):
    """Which of one's appointments."""

    status = fields.String(validate=validate.OneOf(list(NEXT)))


class AppointmentQuery(OwnAppointmentQuery):
    """Which of the hospital's appointments."""

    practitioner_id = fields.UUID()
    from_at = fields.AwareDateTime()
    until_at = fields.AwareDateTime()


class Pay(Schema):
    """How to pay. A benefit names its programme and entitlement."""

    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    programme_id = fields.UUID(load_default=None, allow_none=True)
    entitlement_id = fields.UUID(load_default=None, allow_none=True)
    payment_method = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^pm_[A-Za-z0-9_]{1,200}$"),
        metadata={"description": "the provider's id of a payment method made in the browser"},
    )
    return_url = fields.URL(
        load_default=None,
        allow_none=True,
        schemes={"http", "https"},
        require_tld=False,
        validate=validate.Length(1, 500),
    )


class AppointmentPaymentOut(Schema):
    """How paying goes: follow `next_action`, or finish with `client_secret` in the browser."""

    id = fields.UUID(required=True)
    status = fields.String(required=True)
    method = fields.String(required=True)
    amount = MoneyField(required=True)
    next_action = fields.String(required=True, allow_none=True)
    client_secret = fields.String(required=True, allow_none=True)
    failure_code = fields.String(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)


class CancelOwn(Schema):
    """Why the patient cancels."""

    because = fields.String(load_default="other", validate=validate.OneOf(PATIENT_REASONS))


class Cancel(Schema):
    """Why the hospital cancels."""

    because = fields.String(required=True, validate=validate.OneOf(HOSPITAL_REASONS))
