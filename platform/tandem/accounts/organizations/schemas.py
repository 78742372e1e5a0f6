"""What is said about organisations over HTTP."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from tandem.accounts.fields import line
from tandem.accounts.organizations.models import ADMITTED_KINDS, KINDS, NEXT
from tandem.kernel.http import PageQuery, Schema

_CODE = validate.Regexp(r"^[0-9]{6}\Z")


class PlaceSchema(Schema):
    """Where an organisation is, and how the public reaches it."""

    province_code = fields.String(validate=_CODE, metadata={"description": "GB/T 2260", "example": "310000"})
    province = line(20)
    city_code = fields.String(validate=_CODE, metadata={"description": "GB/T 2260", "example": "310100"})
    city = line(20)
    address = line(200)
    phone = line(60, metadata={"description": "The public telephone number"})


class ApplicationSchema(PlaceSchema):
    """An organisation asks to be admitted. A hospital is known by name and city, an employer by its USCC."""

    kind = fields.String(required=True, validate=validate.OneOf(ADMITTED_KINDS))
    name = line(required=True, metadata={"example": "上海市徐汇区中心医院"})
    uscc = fields.String(validate=validate.Length(18, 18), metadata={"example": "91110000600037341L"})

    @validates_schema
    def _known_by(self, data: dict[str, Any], **_: Any) -> None:
        needed = ("uscc",) if data.get("kind") == "employer" else ("province", "city")
        missing = {name: ["Missing data for required field."] for name in needed if not data.get(name)}
        if missing:
            raise ValidationError(missing)


class OrganizationChangeSchema(PlaceSchema):
    """What may be corrected. The kind never changes; the name only by the operator."""

    name = line()
    uscc = fields.String(validate=validate.Length(18, 18))


class OwnChangeSchema(PlaceSchema):
    """What an organisation corrects itself."""


class OrganizationCardSchema(Schema):
    """An organisation in a list."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True)
    name = fields.String(required=True)
    uscc = fields.String(allow_none=True)
    province = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    source = fields.String(required=True)
    live_since = fields.DateTime(allow_none=True)
    created_at = fields.DateTime(required=True)


class OrganizationSchema(OrganizationCardSchema):
    """An organisation, and the steps that its state allows."""

    province_code = fields.String(allow_none=True)
    city_code = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    tags = fields.List(fields.String())
    submitted_at = fields.DateTime(allow_none=True)
    reviewed_at = fields.DateTime(allow_none=True)
    approved_at = fields.DateTime(allow_none=True)
    suspended_at = fields.DateTime(allow_none=True)
    updated_at = fields.DateTime()
    allowed = fields.Function(lambda row: sorted(NEXT[row.status]), metadata={"type": "array"})


class OrganizationFilterSchema(Schema):
    """Which organisations."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    status = fields.String(validate=validate.OneOf(sorted(NEXT)))
    province = line(20)
    city = line(20)
    source = line(20, metadata={"description": "application, operator, import or contract"})
    name = line(60, metadata={"description": "Part of the name"})


class OrganizationListSchema(OrganizationFilterSchema, PageQuery):
    """Which organisations, and which page of them."""


class OrganizationCountsSchema(Schema):
    """How many organisations the filters choose."""

    total = fields.Integer(required=True)
    by_status = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    by_kind = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    by_province = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class StepSchema(Schema):
    """One step on the timeline."""

    id = fields.UUID(required=True)
    from_status = fields.String(allow_none=True)
    to_status = fields.String(required=True)
    taken_by = fields.UUID(allow_none=True)
    taken_by_kind = fields.String(required=True)
    because = fields.String(allow_none=True)
    taken_at = fields.DateTime(required=True)


class RequirementSchema(Schema):
    """One line of the checklist."""

    code = fields.String(required=True)
    gates = fields.String(required=True, metadata={"description": "approval or go_live"})
    status = fields.String(required=True, metadata={"description": "unmet, met or waived"})
    evidence = fields.String(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)


class RequirementDecisionSchema(Schema):
    """The operator decides a requirement itself: it saw the evidence, or lets the organisation through without."""

    status = fields.String(required=True, validate=validate.OneOf(["met", "waived"]))
    evidence = line(500, required=True, metadata={"description": "What was seen, or why it is waived"})
