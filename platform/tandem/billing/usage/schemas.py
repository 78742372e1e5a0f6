"""Usage, on the wire."""

from typing import Any

from marshmallow import ValidationError, fields
from marshmallow import validate as rules

from tandem.billing.usage.facts import BATCH_MAX
from tandem.billing.usage.models import AGGREGATIONS, MEASURES
from tandem.kernel.http import MoneyField, PageQuery, Schema, TextPair


class UsageQuery(PageQuery):
    """Uses of a half-open time."""

    since = fields.AwareDateTime(load_default=None)
    until = fields.AwareDateTime(load_default=None)


class UsageEventSchema(Schema):
    """One use: what was delivered, when, how much, and what it was sold for. It names no patient."""

    id = fields.UUID(required=True)
    meter = fields.String(required=True)
    source_type = fields.String(required=True)
    source_id = fields.UUID(allow_none=True)
    event_id = fields.String(required=True, attribute="event_key")
    subject = fields.String(required=True)
    at = fields.DateTime(required=True)
    received_at = fields.DateTime(required=True)
    quantity = fields.Decimal(as_string=True, required=True, metadata={"type": "string"})
    seq = fields.Integer(required=True)
    is_late = fields.Boolean(required=True)
    is_sold = fields.Boolean(required=True)
    amount = MoneyField(required=True)
    service_id = fields.UUID(allow_none=True)
    payment_id = fields.UUID(allow_none=True)
    programme_id = fields.UUID(allow_none=True)
    voids = fields.String(allow_none=True, attribute="voids_key")


class UsageItemSchema(Schema):
    """One use to meter. Its source names it once; `voids` takes back another event of the same source."""

    source = fields.String(metadata={"default": "api"})
    event_id = fields.String(required=True)
    meter = fields.String(metadata={"description": "a code from /meters; none in a void"})
    subject = fields.String(metadata={"description": "whose use it is: a department, a contract", "default": "all"})
    at = fields.AwareDateTime(required=True)
    quantity = fields.String(metadata={"default": "1", "example": "12.5"})
    value = fields.String(metadata={"description": "what a distinct meter tells apart; kept as a hash"})
    seq = fields.Integer(metadata={"description": "the source's own order, where two events share an instant"})
    voids = fields.String(metadata={"description": "the event_id that is taken back"})


class ItemsAsSent(fields.List[Any]):
    """Items that are read one by one, so that a bad one does not refuse the others; documented as they should be."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a valid list.")
        return value


class PlainItems(fields.List[Any]):
    """Items that are plain already: ten thousand answers need no field by field."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value


class UsageBatchSchema(Schema):
    """Up to ten thousand uses at once."""

    events = ItemsAsSent(fields.Nested(UsageItemSchema), required=True, validate=rules.Length(1, BATCH_MAX))


class UsageAnswerSchema(Schema):
    """What became of one item. `code`, `field`, `reason` and `mend` stand where it was not taken."""

    event_id = fields.String(allow_none=True)
    outcome = fields.String(required=True, validate=rules.OneOf(["accepted", "duplicate", "conflict", "rejected"]))
    is_late = fields.Boolean(metadata={"description": "true: its time was rated already; it comes on a later bill"})
    code = fields.String()
    field = fields.String()
    reason = fields.String()
    mend = fields.String()


class UsageReceiptSchema(Schema):
    """The answers in the order of the items, and how many of each there are."""

    accepted = fields.Integer(required=True)
    duplicate = fields.Integer(required=True)
    conflict = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    items = PlainItems(fields.Nested(UsageAnswerSchema), required=True)


class MeterWishSchema(Schema):
    """A unit of measure to define."""

    code = fields.String(required=True, validate=rules.Regexp(r"^[a-z][a-z0-9_]{1,39}$"))
    aggregation = fields.String(required=True, validate=rules.OneOf(AGGREGATIONS))
    measures = fields.String(load_default="things", validate=rules.OneOf(MEASURES))
    unit = fields.String(required=True, validate=rules.Length(1, 40))
    title = fields.Nested(TextPair, required=True)


class MeterSchema(Schema):
    """What is counted, and how an hour's events become one quantity."""

    code = fields.String(required=True)
    aggregation = fields.String(required=True)
    measures = fields.String(required=True)
    unit = fields.String(required=True)
    title_en = fields.String(required=True)
    title_zh = fields.String(required=True)


class UsageRollupSchema(Schema):
    """All use of one meter by one subject in one hour."""

    meter = fields.String(required=True)
    subject = fields.String(required=True)
    hour = fields.DateTime(required=True)
    event_count = fields.Integer(required=True)
    fact_count = fields.Integer(required=True)
    quantity = fields.Decimal(as_string=True, required=True, metadata={"type": "string"})
    maximum = fields.Decimal(as_string=True, allow_none=True, metadata={"type": ["string", "null"]})
    latest_quantity = fields.Decimal(as_string=True, allow_none=True, metadata={"type": ["string", "null"]})
