"""Uses as columns: what a statement is told of a batch, and how the statement reads it.

Only what differs within a batch travels, moments and ids as PostgreSQL keeps them: to write and read them as text costs
several times as much.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tandem.billing.arrays import array_of
from tandem.billing.binary_arrays import moments as moments_array
from tandem.billing.binary_arrays import since_epoch, uuids
from tandem.billing.usage.facts import Sale, Use

MOMENT: Final = "(timestamptz 'epoch' + u.at * interval '1 microsecond')"
"""The moment of a row `u` that counts microseconds. Exact: PostgreSQL's float holds whole numbers below 2**53."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ONE_WORD: Final = ("source", "meter")
_USUAL: Final = {"seq": 0, "value_sha256": None, "voids_key": None}
_KINDS: Final = {
    "id": "uuid",
    "source": "text",
    "event_key": "text",
    "meter": "text",
    "subject": "text",
    "at": "timestamptz",
    "quantity": "numeric",
    "seq": "bigint",
    "value_sha256": "bytea",
    "voids_key": "text",
    "source_id": "uuid",
    "amount_minor": "bigint",
    "currency": "text",
    "service_id": "uuid",
    "payment_id": "uuid",
    "programme_id": "uuid",
    "price_region": "text",
    "price_grade": "text",
    "price_item": "text",
}


def columns_of(uses: Sequence[Use]) -> dict[str, Sequence[Any]]:
    """The columns of some uses, without those that say the usual in every row. Moments count from the year 2000."""
    columns: dict[str, Sequence[Any]] = dict(zip(Use._fields, zip(*uses, strict=True), strict=True))
    of = {each: since_epoch(each) for each in set(columns["at"])}
    columns["at"] = [of[each] for each in columns["at"]]
    for name, usual in _USUAL.items():
        if set(columns[name]) == {usual}:
            del columns[name]
    sales = [sale for sale in columns.pop("sale") if sale is not None]
    # Sold use is written by itself: who sells it waits for its price, its cap and its fee.
    return columns | dict(zip(Sale._fields, zip(*sales, strict=True), strict=True)) if sales else columns


def microseconds(moments: Iterable[datetime]) -> list[int]:
    """Moments as microseconds since 1970, each different one worked out once."""
    moments = list(moments)
    of = {each: (each - _EPOCH) // _MICROSECOND for each in set(moments)}
    return [of[each] for each in moments]


def said_once(columns: dict[str, Sequence[Any]]) -> dict[str, str]:
    """Take those words out of the columns that are the same in every row; returns them."""
    same = {name: columns[name][0] for name in _ONE_WORD if columns[name].count(columns[name][0]) == len(columns[name])}
    for name in same:
        del columns[name]
    return same


def arrays_of(columns: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """What the statement is told: an array for each column, by its name."""
    told: dict[str, Any] = {"id": uuids(columns["id"])} if "id" in columns else {}
    told["at"] = moments_array(columns["at"])
    return told | {name: array_of(_KINDS[name], column) for name, column in columns.items() if name not in told}


def in_results(columns: Iterable[str]) -> str:
    """The columns of a batch, as a list of results: there rows pass, where a FROM item would store them all first."""
    return ", ".join(f"unnest(CAST(:{name} AS {_KINDS[name]}[])) AS {name}" for name in columns)


def unnested(columns: Iterable[str]) -> str:
    """The rows `u` of a batch, as a FROM item, numbered from 1 on as `u.place`."""
    columns = list(columns)
    arrays = ", ".join(f"CAST(:{name} AS {_KINDS[name]}[])" for name in columns)
    return f"unnest({arrays}) WITH ORDINALITY AS u({', '.join([*columns, 'place'])})"


def value_of(name: str, columns: Iterable[str]) -> str:
    """What a row `u` says of a column, whether it travelled or not."""
    if name in columns or name not in _USUAL:
        return f"u.{name}"
    return "0" if name == "seq" else "NULL"
