"""From rows to bytes. Lists of rows take a short way: no objects, no per-field machinery, one pass and orjson."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Response
from marshmallow import Schema, fields
from sqlalchemy import RowMapping

from tandem.kernel.database import Page
from tandem.kernel.http.schemas import MoneyField

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

# What orjson writes exactly as marshmallow would.
_PLAIN: Final = (fields.String, fields.UUID, fields.Integer, fields.Boolean, fields.DateTime, fields.Date)

_ROWS: Final = frozenset({RowMapping, dict})

Dump = Callable[[Any], Any]


def dumper(schema: Schema) -> Dump:
    """How this schema is dumped: by plain item access where its fields allow and the value is a row."""
    getters = _getters(schema)
    as_it_is = _plain_names(schema)

    def dump(value: Any) -> Any:
        if type(value) is dict and value.keys() == as_it_is:
            return value
        # By exact type: asking the abstract classes costs more than reading the row.
        if getters is not None and type(value) in _ROWS:
            return {key: get(value) for key, get in getters}
        return schema.dump(value)

    return dump


def _plain_names(schema: Schema) -> set[str] | None:
    """The columns of rows that need no dumping at all; None where some field is written in another way."""
    plain = all(
        type(field) in _PLAIN and (field.data_key or name) == (field.attribute or name)
        for name, field in schema.dump_fields.items()
    )
    return {field.attribute or name for name, field in schema.dump_fields.items()} if plain else None


def _getters(schema: Schema) -> list[tuple[str, Callable[[Mapping[str, Any]], Any]]] | None:
    getters: list[tuple[str, Callable[[Mapping[str, Any]], Any]]] = []
    for name, field in schema.dump_fields.items():
        key, attribute = field.data_key or name, field.attribute or name
        if isinstance(field, MoneyField):
            getters.append((key, _money(f"{field.prefix}_minor")))
        elif type(field) in _PLAIN:
            getters.append((key, itemgetter(attribute)))
        else:
            return None
    return getters


def _money(column: str) -> Callable[[Mapping[str, Any]], Any]:
    def get(row: Mapping[str, Any]) -> Any:
        amount = row[column]
        return None if amount is None else {"amount_minor": amount, "currency": row["currency"]}

    return get


def page_body(page: Page, dump: Dump) -> bytes:
    """A list's body."""
    return to_json({"data": [dump(row) for row in page.rows], "has_more": page.has_more, "next": page.next})


def to_json(value: Any) -> bytes:
    """JSON bytes. PostgreSQL's sum of BIGINTs is NUMERIC: it goes out as the whole number it is."""
    return orjson.dumps(value, default=_exact)


def _exact(value: object) -> int | str:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


class Whole(Response):
    """A response that is all there: its body is bytes, its headers are final, and nothing is to be closed after it."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        # Looking through the headers for what they might lack, in two copies, costs more than making them.
        start_response(self.status, self.headers.to_wsgi_list())
        return [self.get_data()]


def json_response(body: bytes, status: int, mimetype: str = JSON, **headers: str) -> Response:
    """A response around bytes that are JSON already."""
    return Whole(body, status, headers or None, content_type=mimetype)
