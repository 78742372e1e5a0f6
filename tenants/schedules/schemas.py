"""What goes in and out of schedules."""

from marshmallow import fields, validate

from tandem.kernel.http import PageQuery, Schema
from tenants.schedules.models import SCHEDULE_NEXT, SLOT_NEXT


class PublishSchedule(Schema):
    """A doctor's hours for a service: inclusive days, wall-clock hours of the hospital."""

    practitioner_id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    first_on = fields.Date(required=True)
    last_on = fields.Date(required=True)
    weekdays = fields.List(
        fields.Integer(validate=validate.Range(1, 7)),
        validate=validate.Length(1, 7),
        load_default=lambda: list(range(1, 8)),
        metadata={"description": "ISO weekdays, Monday is 1"},
    )
    opens_at = fields.Time(required=True, metadata={"example": "09:00:00"})
    closes_at = fields.Time(required=True, metadata={"example": "12:00:00"})


class ScheduleOut(Schema):
    """A published schedule."""

    id = fields.UUID(required=True)
    practitioner_id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    first_on = fields.Date(required=True)
    last_on = fields.Date(required=True)
    weekdays = fields.List(fields.Integer(), required=True)
    opens_at = fields.Time(required=True)
    closes_at = fields.Time(required=True)
    slot_minutes = fields.Integer(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(SCHEDULE_NEXT)))
    created_at = fields.DateTime(required=True)


class ScheduleQuery(PageQuery):
    """Which schedules."""

    practitioner_id = fields.UUID()
    service_id = fields.UUID()


class FreeSlotQuery(PageQuery):
    """Which free slots: from a moment on, before another, of one doctor."""

    from_at = fields.AwareDateTime()
    until_at = fields.AwareDateTime()
    practitioner_id = fields.UUID()


class FreeSlotOut(Schema):
    """A time that can be booked now."""

    id = fields.UUID(required=True)
    service_id = fields.UUID(required=True)
    practitioner_id = fields.UUID(required=True)
    start_at = fields.DateTime(required=True)
    end_at = fields.DateTime(required=True)


class SlotQuery(PageQuery):
    """Which slots of the hospital."""

    practitioner_id = fields.UUID()
    service_id = fields.UUID()
    schedule_id = fields.UUID()
    status = fields.String(validate=validate.OneOf(list(SLOT_NEXT)))
    from_at = fields.AwareDateTime()
    until_at = fields.AwareDateTime()


class SlotOut(FreeSlotOut):
    """A slot in any state."""

    schedule_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(list(SLOT_NEXT)))


class TakeLeave(Schema):
    """When a doctor is away, and why."""

    practitioner_id = fields.UUID(required=True)
    start_at = fields.AwareDateTime(required=True)
    end_at = fields.AwareDateTime(required=True)
    because = fields.String(
        required=True, validate=validate.OneOf(["vacation", "illness", "training", "duty", "other"])
    )


class LeaveOut(TakeLeave):
    """A leave."""

    id = fields.UUID(required=True)
    lifted_at = fields.DateTime(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)


class LeaveQuery(PageQuery):
    """Whose leaves."""

    practitioner_id = fields.UUID()
