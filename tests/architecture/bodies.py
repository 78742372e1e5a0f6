"""Bodies that a route's schema accepts, made from the schema: enough to get past the door and be asked for the id."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from marshmallow import Schema, fields, validate

from tandem.kernel.http import MoneyField
from tests.architecture.twins import TODAY
from tests.hospitals import CARDIOLOGY, all_consents, an_id_number
from tests.organizations import a_uscc

_BY_NAME: Final[dict[str, Callable[[], Any]]] = {
    "id_number": an_id_number,
    "uscc": a_uscc,
    "phone": lambda: "+8613800000000",
    "specialty": lambda: CARDIOLOGY,
    "registered_specialties": lambda: [CARDIOLOGY],
    "document_sha256": lambda: "0" * 64,
    "consents": all_consents,
    "decision": lambda: "verified",
    "opens_at": lambda: "09:00",
    "closes_at": lambda: "10:00",
    "start_at": lambda: f"{TODAY}T09:00:00+08:00",
    "end_at": lambda: f"{TODAY}T12:00:00+08:00",
    "first_on": lambda: str(TODAY),
    "last_on": lambda: str(TODAY),
    "diagnosed_on": lambda: str(TODAY),
    "diagnosis_code": lambda: "I10.x00",
    "title": lambda: "attending_physician",
    "qualification_number": lambda: "200511011050000000",
    "practice_certificate_number": lambda: "110000000000001",
    "quantity": lambda: 1,
    "file_sha256": lambda: "0" * 64,
}


def a_body(schema: Schema, own: UUID, **ids: UUID) -> dict[str, Any]:
    """A body with every required field and every id, each of them `own` unless `ids` names it."""
    wish = {}
    for name, field in schema.load_fields.items():
        if field.required or isinstance(field, fields.UUID):
            wish[field.data_key or name] = str(ids[name]) if name in ids else _value(name, field, own)
    return wish


def ids_in(schema: Schema | None) -> list[str]:
    """The names of a schema's own ids."""
    return [name for name, field in schema.load_fields.items() if isinstance(field, fields.UUID)] if schema else []


def _value(name: str, field: fields.Field[Any], own: UUID) -> Any:
    if name in _BY_NAME:
        return _BY_NAME[name]()
    if isinstance(field, fields.Nested):
        return a_body(field.schema, own)
    if isinstance(field, fields.List):
        return [_value("", field.inner, own)]
    return _plain(field, own)


def _plain(field: fields.Field[Any], own: UUID) -> Any:
    for rule in field.validators:
        if isinstance(rule, validate.OneOf):
            return next(iter(rule.choices))
        if isinstance(rule, validate.Range):
            return rule.min if rule.min is not None else rule.max
        if isinstance(rule, validate.Length) and isinstance(field, fields.String):
            return "x" * (rule.equal or rule.min or 1)
    makers: list[tuple[type, Any]] = [
        (fields.UUID, str(own)),
        (MoneyField, {"amount_minor": 100, "currency": "CNY"}),
        (fields.AwareDateTime, f"{TODAY}T09:00:00+08:00"),
        (fields.DateTime, f"{TODAY}T09:00:00+08:00"),
        (fields.Date, str(TODAY)),
        (fields.Time, "09:00"),
        (fields.Boolean, True),
        (fields.Number, 1),
        (fields.Mapping, {}),
    ]
    return next((made for kind, made in makers if isinstance(field, kind)), "x")
