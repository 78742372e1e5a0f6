"""From what a caller sent to what can be metered: one item is read on its own, so a bad one harms no other.

Pure: no row is touched. `read_use` says what an item is; `read_uses` says the same of a whole batch, in one pass over
each of its columns. A refusal is typed (`Fault`), never an exception, because a batch of ten thousand goes on.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import repeat
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from tandem.billing.usage.faults import (
    BAD_EVENT_ID,
    BAD_MOMENT,
    BAD_QUANTITY,
    BAD_SEQ,
    BAD_SOURCE,
    BAD_SUBJECT,
    BAD_VALUE,
    BAD_VOID,
    IN_THE_FUTURE,
    NEGATIVE_QUANTITY,
    NOT_AN_OBJECT,
    UNKNOWN_FIELD,
    UNKNOWN_METER,
    Fault,
)
from tandem.billing.usage.models import VOID, WHOLE_TENANT
from tandem.kernel.spellings import read_moment

CLOCK_SLACK: Final = timedelta(minutes=5)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
BATCH_MAX: Final = 10_000
OPERATOR: Final = "operator"
"""The reporter that measures what others use, and pays for none of it."""

QUANTITY_LIMIT: Final = 10**10
"""The first quantity that is too large: NUMERIC(20, 10) has ten digits before the point."""

SEQ_MAX: Final = 2**62
_TOGETHER: Final = 500
"""Items that are read together: one that is not plain makes so many be read one by one."""

_KEY: Final = re.compile(r"[!-~]{1,200}")
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,59}")
_FIELDS: Final = frozenset({"source", "event_id", "meter", "subject", "at", "quantity", "value", "seq", "voids"})
_QUANTITY: Final = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,10})?")

Outcome = Literal["accepted", "duplicate", "conflict", "rejected"]
Name = tuple[str, str]


class Sale(NamedTuple):
    """What a use was sold for, by whose service, and how it was priced."""

    source_id: UUID
    amount_minor: int
    currency: str
    service_id: UUID | None
    payment_id: UUID | None
    programme_id: UUID | None
    price_region: str | None
    price_grade: str | None
    price_item: str | None


class Use(NamedTuple):
    """One event as it will be written, `at` in UTC. A tuple, because a batch makes ten thousand and sorts them.

    Its source and key make it this event and no other; what comes after them, but for the sale, a retry must repeat.
    """

    source: str
    event_key: str
    meter: str
    subject: str
    at: datetime
    quantity: Decimal
    seq: int = 0
    value_sha256: bytes | None = None
    voids_key: str | None = None
    sale: Sale | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What items are read by.

    `meters` are codes and their aggregations; `salt` keeps hashes of values from being compared between tenants. Only
    the operator reports quantities below zero: whoever pays for its own use could lower its bill with them.
    """

    reporter: str
    meters: Mapping[str, str]
    now: datetime
    salt: bytes


def read_uses(items: Sequence[object], by: Reading) -> list[Use | Fault]:
    """What `read_use` says of each item. Plain ones (no void, no value) are read column by column, in C."""
    read: list[Use | Fault] = []
    for first in range(0, len(items), _TOGETHER):
        some = items[first : first + _TOGETHER]
        read += _read_together(some, by) or [read_use(item, by) for item in some]
    return read


def read_use(item: object, by: Reading) -> Use | Fault:
    """One item as a Use, or why it is none."""
    if not isinstance(item, dict):
        return NOT_AN_OBJECT
    fault = _misnamed(item)
    at = _moment(item.get("at"))
    if fault is not None or at is None or at > by.now + CLOCK_SLACK:
        return fault or (BAD_MOMENT if at is None else IN_THE_FUTURE)
    source = f"{by.reporter}/{item.get('source', 'api')}"
    use = _void(item, source, at) if "voids" in item else _use(item, source, at, by)
    is_below_zero = isinstance(use, Use) and use.quantity < 0
    return NEGATIVE_QUANTITY if is_below_zero and by.reporter != OPERATOR else use


def _read_together(some: Sequence[Any], by: Reading) -> list[Use | Fault] | None:
    """Some items, all of them uses; None where one may be none, and each must be looked at."""
    if set(map(type, some)) != {dict}:
        return None
    fields = set[str]().union(*some)
    if not fields <= _PLAIN:
        return None

    def column(name: str, default: Any) -> list[Any]:
        return [item.get(name, default) for item in some] if name in fields else [default] * len(some)

    sources, keys, meters = column("source", "api"), column("event_id", None), column("meter", None)
    subjects, quantities, seqs = column("subject", WHOLE_TENANT), column("quantity", 1), column("seq", 0)
    moments = column("at", None)
    if not (_are_text(sources, keys, meters, subjects, moments) and _are_whole(seqs) and _are_keys(keys)):
        return None
    source_of = {each: f"{by.reporter}/{each}" for each in set(sources) if _SOURCE.fullmatch(each)}
    moment_of = {each: _moment(each) for each in set(moments)}
    quantity_of = _quantities(quantities)
    if not (
        len(source_of) == len(set(sources))
        and _are_keys(set(subjects))
        and all(by.meters.get(each, "distinct") != "distinct" for each in set(meters))
        and _are_between(moment_of.values(), EARLIEST, by.now + CLOCK_SLACK)
        and _are_between(quantity_of.values(), -QUANTITY_LIMIT if by.reporter == OPERATOR else 0, QUANTITY_LIMIT)
    ):
        return None
    parts = zip(
        [source_of[each] for each in sources],
        keys,
        meters,
        subjects,
        [moment_of[each] for each in moments],
        [quantity_of[each] for each in quantities],
        seqs,
        *(repeat(None), repeat(None), repeat(None)),
        strict=False,
    )
    # What `Use._make` does, without a call of Python's for each.
    return list(map(tuple.__new__, repeat(Use), parts))


_PLAIN: Final = _FIELDS - {"value", "voids"}


def _are_text(*columns: Sequence[object]) -> bool:
    return all(set(map(type, column)) == {str} for column in columns)


def _are_whole(seqs: Sequence[Any]) -> bool:
    return set(map(type, seqs)) == {int} and min(seqs) >= 0 and max(seqs) <= SEQ_MAX


def _are_keys(texts: Iterable[str]) -> bool:
    # What _KEY says, of all at once: ASCII that prints and is no space.
    joined, lengths = "".join(texts), list(map(len, texts))
    is_visible = joined.isascii() and joined.isprintable() and " " not in joined
    return is_visible and min(lengths) >= 1 and max(lengths) <= 200


def _quantities(given: Sequence[Any]) -> dict[Any, Decimal | None]:
    # By type first: as keys of a dictionary 1, 1.0 and True are the same.
    return {each: _quantity(each) for each in set(given)} if set(map(type, given)) <= {int, str} else {None: None}


def _are_between(values: Iterable[Any], least: Any, most: Any) -> bool:
    return None not in values and min(values) >= least and max(values) <= most


def _misnamed(item: Mapping[str, Any]) -> Fault | None:
    source, event_key = item.get("source", "api"), item.get("event_id")
    if not item.keys() <= _FIELDS:
        return UNKNOWN_FIELD
    if not isinstance(event_key, str) or not _KEY.fullmatch(event_key):
        return BAD_EVENT_ID
    return None if isinstance(source, str) and _SOURCE.fullmatch(source) else BAD_SOURCE


def _void(item: Mapping[str, Any], source: str, at: datetime) -> Use | Fault:
    voided = item["voids"]
    is_plain = item.keys() <= {"source", "event_id", "at", "voids"} and isinstance(voided, str)
    if not is_plain or not _KEY.fullmatch(voided) or voided == item["event_id"]:
        return BAD_VOID
    return Use(source, item["event_id"], VOID, WHOLE_TENANT, at, Decimal(0), voids_key=voided)


def _use(item: Mapping[str, Any], source: str, at: datetime, by: Reading) -> Use | Fault:
    meter, subject, seq = item.get("meter"), item.get("subject", WHOLE_TENANT), item.get("seq", 0)
    aggregation = by.meters.get(meter) if isinstance(meter, str) else None
    if aggregation is None:
        return UNKNOWN_METER
    if not isinstance(subject, str) or not _KEY.fullmatch(subject):
        return BAD_SUBJECT
    quantity = _quantity(item.get("quantity", 1))
    if quantity is None:
        return BAD_QUANTITY
    if type(seq) is not int or not 0 <= seq <= SEQ_MAX:
        return BAD_SEQ
    value = item.get("value")
    if (aggregation == "distinct") != isinstance(value, str) or (value is not None and not _is_value(value)):
        return BAD_VALUE
    digest = None if value is None else sha256(by.salt + value.encode()).digest()
    return Use(source, item["event_id"], str(meter), subject, at, quantity, seq, digest)


def _is_value(value: object) -> bool:
    # isprintable() refuses control characters, NUL among them, and halves of surrogate pairs.
    return isinstance(value, str) and 1 <= len(value) <= 200 and value.isprintable()


def _quantity(given: object) -> Decimal | None:
    # Never a float: what 0.1 means in one is not what was measured. So NaN, 1e309 and their kind do not get in either.
    if type(given) is int:
        return Decimal(given) if abs(given) < QUANTITY_LIMIT else None
    return Decimal(given) if isinstance(given, str) and _QUANTITY.fullmatch(given) else None


def _moment(given: object) -> datetime | None:
    if not isinstance(given, str) or len(given) > 40:
        return None
    try:
        moment = read_moment(given)
        return moment.astimezone(UTC) if moment.tzinfo is not None and moment >= EARLIEST else None
    except (ValueError, OverflowError):
        return None
