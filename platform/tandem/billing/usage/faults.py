"""Why one item of a batch is refused: typed, never an exception, because a batch of ten thousand goes on."""

from dataclasses import dataclass
from typing import Final

from tandem.kernel.i18n import Text


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
    Text(
        "Send an object with event_id, meter and at.",
        "请发送含事件号（event_id）、计量项（meter）与发生时间（at）的对象。",
    ),
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
    Text("A distinct meter needs to know what to tell apart", "去重计量须说明区分对象（value）"),
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
    Text(
        "Send source, event_id, at and voids only.",
        "作废时请仅发送来源、事件号、时间与所作废事件（source、event_id、at、voids）。",
    ),
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
