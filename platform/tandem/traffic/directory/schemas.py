"""What the public reads, and how it searches."""

from typing import Final

from marshmallow import fields
from marshmallow import validate as rules

from tandem.kernel.http import MoneyField, PageQuery, Schema

_SPECIALTY: Final = rules.Regexp(r"^\d{2}(\.\d{2})?$")
_PLACE: Final = rules.Length(1, 40)
_TYPED: Final = rules.Length(1, 40)


class NamedSpecialtySchema(Schema):
    """A registered specialty with its names."""

    code = fields.String()
    zh = fields.String()
    en = fields.String()


class DirectoryHospitalSchema(Schema):
    """A hospital as the law asks that patients see it: licence, specialties, where and who."""

    id = fields.UUID()
    name = fields.String()
    second_name = fields.String(allow_none=True)
    province = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    level = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    website = fields.String(allow_none=True)
    introduction = fields.String()
    licence_number = fields.String()
    licence_authority = fields.String()
    licence_valid_to = fields.Date()
    specialties = fields.List(fields.Nested(NamedSpecialtySchema))


class DirectoryServiceSchema(Schema):
    """A service with its price."""

    id = fields.UUID()
    hospital_id = fields.UUID()
    hospital_name = fields.String()
    city = fields.String(allow_none=True)
    level = fields.String(allow_none=True)
    name = fields.String()
    name_en = fields.String(allow_none=True)
    description = fields.String()
    specialty = fields.String()
    specialty_name_zh = fields.String()
    specialty_name_en = fields.String()
    mode = fields.String()
    care_type = fields.String()
    price = MoneyField(prefix="price")
    duration_minutes = fields.Integer()


class DirectoryPractitionerSchema(Schema):
    """Who practises: name, title, specialties."""

    id = fields.UUID()
    name = fields.String()
    title = fields.String()
    kind = fields.String()
    introduction = fields.String()
    specialties = fields.List(fields.String())


class HospitalQuery(PageQuery):
    """Which hospitals."""

    specialty = fields.String(load_default=None, validate=_SPECIALTY, metadata={"example": "03.04"})
    province = fields.String(load_default=None, validate=_PLACE, metadata={"example": "浙江省"})
    city = fields.String(load_default=None, validate=_PLACE, metadata={"example": "杭州市"})
    q = fields.String(
        load_default=None,
        validate=_TYPED,
        metadata={"description": "The beginning of the name, or of its pinyin initials (bjxhyy)."},
    )


class ServiceSearchQuery(HospitalQuery):
    """Which services."""

    hospital_id = fields.UUID(load_default=None)
    mode = fields.String(load_default=None, validate=rules.OneOf(("text", "video", "phone")))
    care_type = fields.String(load_default=None, validate=rules.OneOf(("follow_up", "advice", "family_doctor")))
