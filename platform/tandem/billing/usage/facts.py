"""From what a caller sent to what can be metered: one item is read on its own, so a bad one harms no other.

Pure: no row is touched. A refusal is typed (`Fault`), never an exception, because a batch of ten thousand goes on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from tandem.billing.usage.models import VOID, WHOLE_TENANT
from tandem.kernel.i18n import Text
from tandem.kernel.spellings import read_moment

CLOCK_SLACK: Final = timedelta(minutes=5)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
BATCH_MAX: Final = 10_000
OPERATOR: Final = "operator"
"""The reporter that measures what others use, and pays for none of it."""

QUANTITY_LIMIT: Final = 10**10
"""The first quantity that is too large: NUMERIC(20, 10) has ten digits before the point."""

SEQ_MAX: Final = 2**62
_KEY: Final = re.compile(r"[!-~]{1,200}")
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,59}")
_FIELDS: Final = frozenset({"source", "event_id", "meter", "subject", "at", "quantity", "value", "seq", "voids"})
_QUANTITY: Final = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,10})?")

Outcome = Literal["accepted", "duplicate", "conflict", "rejected"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one item was refused: the field, a code that never changes, and the mend in both languages."""

    code: str
    field: str
    reason: Text
    mend: Text


NOT_AN_OBJECT: Final = Fault(
    "not-an-object",
    "event",
    Text("This is no usage event", "此项不是用量事件"),
    Text("Send an object with event_id, meter and at.", "请发送含 event_id、meter 与 at 的对象。"),
)
UNKNOWN_FIELD: Final = Fault(
    "unknown-field",
    "event",
    Text("It has a field that no usage event has", "含有用量事件没有的字段"),
    Text("Remove it, or check its spelling.", "请删除或检查拼写。"),
)
BAD_EVENT_ID: Final = Fault(
    "bad-event-id",
    "event_id",
    Text("The id of the event cannot be kept", "事件编号无效"),
    Text("Send 1 to 200 visible ASCII characters, without spaces.", "请使用 1 至 200 个可见 ASCII 字符，不含空格。"),
)
BAD_SOURCE: Final = Fault(
    "bad-source",
    "source",
    Text("The source cannot be kept", "来源名称无效"),
    Text("Send 1 to 60 of a-z, 0-9, '_', '.', ':' and '-'.", "请使用 1 至 60 个小写字母、数字或 _ . : -。"),
)
UNKNOWN_METER: Final = Fault(
    "unknown-meter",
    "meter",
    Text("There is no such meter", "不存在此计量项"),
    Text("Use a code from /meters; the operator defines new ones.", "请使用 /meters 中的代码；新计量项由运营方定义。"),
)
BAD_SUBJECT: Final = Fault(
    "bad-subject",
    "subject",
    Text("The subject cannot be kept", "计量对象无效"),
    Text("Send 1 to 200 visible ASCII characters, or leave it out.", "请使用 1 至 200 个可见 ASCII 字符，或省略。"),
)
BAD_QUANTITY: Final = Fault(
    "bad-quantity",
    "quantity",
    Text("This is no quantity", "数量无效"),
    Text(
        'Send decimal text such as "12.5": ten digits at most on each side of the point.',
        "请发送十进制文本，如 “12.5”，小数点前后各不超过十位。",
    ),
)
NEGATIVE_QUANTITY: Final = Fault(
    "negative-quantity",
    "quantity",
    Text("Nobody used less than nothing", "用量不得为负"),
    Text("Void the event that was too much and record what was used.", "请作废多报的事件，并记录实际用量。"),
)
BAD_MOMENT: Final = Fault(
    "bad-moment",
    "at",
    Text("This is no moment since 2000", "时间无效或早于 2000 年"),
    Text("Send RFC 3339 with its offset, e.g. 2026-11-21T09:00:00+08:00.", "请使用带时区的 RFC 3339 时间。"),
)
IN_THE_FUTURE: Final = Fault(
    "in-the-future",
    "at",
    Text("This use lies more than five minutes ahead", "用量时间超前五分钟以上"),
    Text("Check the clock and send it again when it has happened.", "请检查时钟，并在发生后重新发送。"),
)
BAD_VALUE: Final = Fault(
    "bad-value",
    "value",
    Text("A distinct meter needs to know what to tell apart", "去重计量需要 value"),
    Text("Send `value`, 1 to 200 characters; other meters take none.", "请填写 1 至 200 字的 value；其他计量项不填。"),
)
BAD_SEQ: Final = Fault(
    "bad-seq",
    "seq",
    Text("This is no place in an order", "序号无效"),
    Text("Send a whole number from 0 on, or leave it out.", "请填写不小于 0 的整数，或省略。"),
)
BAD_VOID: Final = Fault(
    "bad-void",
    "voids",
    Text("A void names another event of its source and nothing else", "作废事件只能指定同一来源的另一事件"),
    Text("Send source, event_id, at and voids only.", "请仅发送 source、event_id、at 与 voids。"),
)
VOID_IS_FINAL: Final = Fault(
    "void-is-final",
    "voids",
    Text("A void cannot be voided", "作废不可撤销"),
    Text("Record the use again as a new event.", "请以新事件重新记录。"),
)
VOIDED_BEFORE: Final = Fault(
    "voided-before",
    "voids",
    Text("Another void took this event back before", "该事件已被作废"),
    Text("Nothing is left to do.", "无需处理。"),
)
OTHER_FACTS: Final = Fault(
    "other-facts",
    "event_id",
    Text("This event was metered before with other facts", "该事件已以不同内容记录"),
    Text("Void the first event and record a new one.", "请作废原事件并记录新事件。"),
)
FAULTS: Final = tuple(each for each in list(globals().values()) if isinstance(each, Fault))


@dataclass(frozen=True, slots=True)
class Use:
    """One event as it will be written. What `same_as` compares is what a retry must repeat."""

    source: str
    event_key: str
    meter: str
    subject: str
    at: datetime
    quantity: Decimal
    seq: int = 0
    value_sha256: bytes | None = None
    voids_key: str | None = None
    source_id: UUID | None = None
    is_sold: bool = False
    amount_minor: int = 0
    currency: str = "CNY"
    service_id: UUID | None = None
    payment_id: UUID | None = None
    programme_id: UUID | None = None
    price_region: str | None = None
    price_grade: str | None = None
    price_item: str | None = None

    @property
    def name(self) -> tuple[str, str]:
        """What makes it this event and no other."""
        return self.source, self.event_key


def read_use(item: object, *, reporter: str, meters: Mapping[str, str], now: datetime, salt: bytes) -> Use | Fault:
    """One item as a Use, or why it is none.

    `meters` are codes and their aggregations; `salt` keeps hashes of values from being compared between tenants. Only
    the operator reports quantities below zero: whoever pays for its own use could lower its bill with them.
    """
    if not isinstance(item, dict):
        return NOT_AN_OBJECT
    fault = _misnamed(item)
    at = _moment(item.get("at"))
    if fault is not None or at is None or at > now + CLOCK_SLACK:
        return fault or (BAD_MOMENT if at is None else IN_THE_FUTURE)
    source = f"{reporter}/{item.get('source', 'api')}"
    use = _void(item, source, at) if "voids" in item else _use(item, source, at, meters, salt)
    is_below_zero = isinstance(use, Use) and use.quantity < 0
    return NEGATIVE_QUANTITY if is_below_zero and reporter != OPERATOR else use


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


def _use(item: Mapping[str, Any], source: str, at: datetime, meters: Mapping[str, str], salt: bytes) -> Use | Fault:
    meter, subject, seq = item.get("meter"), item.get("subject", WHOLE_TENANT), item.get("seq", 0)
    aggregation = meters.get(meter) if isinstance(meter, str) else None
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
    digest = None if value is None else sha256(salt + value.encode()).digest()
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
