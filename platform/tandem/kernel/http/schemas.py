"""What goes in and out: strict marshmallow schemas whose refusals speak Chinese and English, with the mend."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from marshmallow import EXCLUDE, RAISE, ValidationError, fields, post_load
from marshmallow import Schema as MarshmallowSchema
from marshmallow import validate as rules

from tandem.kernel.errors import FieldProblem, Invalid
from tandem.kernel.i18n import Text
from tandem.kernel.money import CURRENCIES, Money
from tandem.kernel.spellings import read_day, read_moment

BIGINT_MAX: Final = 2**63 - 1
_DAYS: Final[dict[str, Callable[[str], date]]] = {"iso": read_day, "iso8601": read_day}
_MOMENTS: Final[dict[str, Callable[[str], datetime]]] = {"iso": read_moment, "iso8601": read_moment}

_AS_TEXT: Final = Text("Send text.", "请填写文本。")
_AS_TYPE: Final = Text("Send the type that the API document shows.", "请按 API 文档所示的类型填写。")
_NUL: Final = Text("This text holds a NUL character", "文本中含有空字符（NUL）")
_WITHOUT_NUL: Final = Text("Remove it.", "请删除该字符。")

# marshmallow's own words -> (code, reason, mend). The first match counts; a test walks every rule we use.
_SAYINGS: Final[list[tuple[re.Pattern[str], str, Text, Text]]] = [
    (
        re.compile(r"Missing data for required field\."),
        "required",
        Text("This field is required", "此字段必填"),
        Text("Add it.", "请补充该字段。"),
    ),
    (
        re.compile(r"Unknown field\."),
        "unknown",
        Text("There is no such field", "不存在此字段"),
        Text("Remove it, or check its spelling.", "请删除或检查拼写。"),
    ),
    (
        re.compile(r"Field may not be null\."),
        "null",
        Text("This may not be null", "此字段不能为空值"),
        Text("Give a value, or leave the field out.", "请填写值或省略该字段。"),
    ),
    (re.compile(r"Not a valid string\."), "type", Text("This is not text", "此处应为文本"), _AS_TEXT),
    (
        re.compile(r"Not a valid (?:integer|number)\.|Number too large|Special numeric"),
        "type",
        Text("This is not a number we take", "此处应为有效数字"),
        Text("Send a plain whole number without quotes.", "请填写不带引号的整数。"),
    ),
    (
        re.compile(r"Not a valid boolean\."),
        "type",
        Text("This is neither true nor false", "此处应为 true 或 false"),
        Text("Send true or false.", "请填写 true 或 false。"),
    ),
    (
        re.compile(r"Not a valid UUID\."),
        "type",
        Text("This is no id", "此处应为有效编号（UUID）"),
        Text("Send the id as you received it.", "请原样填写收到的编号。"),
    ),
    (
        re.compile(r"Not a valid (?:naive |aware )?(?:datetime|time)\b.*"),
        "type",
        Text("This is no moment", "此处应为有效时间"),
        Text("Send RFC 3339, e.g. 2026-11-21T09:00:00+08:00.", "请使用 RFC 3339，如 2026-11-21T09:00:00+08:00。"),
    ),
    (
        re.compile(r"Not a valid date\."),
        "type",
        Text("This is no date", "此处应为有效日期"),
        Text("Send YYYY-MM-DD.", "请使用 YYYY-MM-DD 格式。"),
    ),
    (
        re.compile(r"Must be one of: (?P<choices>.*)\."),
        "choice",
        Text("This is none of the choices", "不在可选值之内"),
        Text("Choose one of: {choices}.", "请从以下值中选择：{choices}。"),
    ),
    (
        re.compile(r"Shorter than minimum length (?P<limit>\d+)\."),
        "length",
        Text("This is too short", "内容过短"),
        Text("Give at least {limit}.", "至少需要 {limit} 个。"),
    ),
    (
        re.compile(r"Longer than maximum length (?P<limit>\d+)\."),
        "length",
        Text("This is too long", "内容过长"),
        Text("Give at most {limit}.", "最多允许 {limit} 个。"),
    ),
    (
        re.compile(r"Length must be (?:between )?(?P<limit>.*)\."),
        "length",
        Text("The length does not fit", "长度不符合要求"),
        Text("Keep the length at {limit}.", "长度应为 {limit}。"),
    ),
    (
        re.compile(r"Must be (?P<limit>(?:greater|less) than.*)\."),
        "range",
        Text("This is outside the limits", "数值超出范围"),
        Text("It must be {limit}.", "须满足：{limit}。"),
    ),
    (
        re.compile(r"String does not match expected pattern\."),
        "pattern",
        Text("The form is not right", "格式不正确"),
        Text("Follow the pattern in the API document.", "请按 API 文档中的格式填写。"),
    ),
    (
        re.compile(r"Not a valid (?P<kind>list|mapping type|email address|URL)\.|Invalid (?:input )?type\."),
        "type",
        Text("This has another shape than expected", "结构或格式不正确"),
        _AS_TYPE,
    ),
]
_OTHERWISE: Final = (
    Text("This value cannot be accepted", "此值不符合要求"),
    Text("Compare it with the API document.", "请对照 API 文档修改。"),
)


class Schema(MarshmallowSchema):
    """A strict schema: unknown fields are refused, and so is text that PostgreSQL cannot hold."""

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Keep whole numbers inside BIGINT, also where a field says nothing of limits, and days and moments as
        RFC 3339 spells them."""
        if isinstance(field_obj, fields.Integer) and not any(isinstance(r, rules.Range) for r in field_obj.validators):
            field_obj.validators = [*field_obj.validators, rules.Range(-BIGINT_MAX, BIGINT_MAX)]
        inner = field_obj.inner if isinstance(field_obj, fields.List) else field_obj
        if isinstance(inner, fields.Date):
            inner.DESERIALIZATION_FUNCS = _DAYS
        elif isinstance(inner, fields.DateTime):
            inner.DESERIALIZATION_FUNCS = _MOMENTS


class MoneyField(fields.Field[Money]):
    """Money on the wire: {"amount_minor": 7200, "currency": "CNY"}.

    `prefix` names the columns when it is dumped from a row: `price` reads `price_minor`, `amount` reads
    `amount_minor`, each with `currency`.
    """

    def __init__(self, *, prefix: str = "amount", positive: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"example": {"amount_minor": 7200, "currency": "CNY"}})
        kwargs.setdefault("error_messages", {"invalid": "Invalid input type."})
        super().__init__(**kwargs)
        self.prefix = prefix
        self.positive = positive

    def get_value(self, obj: Any, attr: str, accessor: Any = None, default: Any = None) -> Any:
        """A Money of that name, or one made from the row's two columns."""
        holder = obj if isinstance(obj, Mapping) else vars_of(obj)
        whole = holder.get(attr)
        if isinstance(whole, Money):
            return whole
        amount = holder.get(f"{self.prefix}_minor")
        return None if amount is None else Money(int(amount), holder.get("currency", "CNY"))

    def _serialize(self, value: Money | None, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else {"amount_minor": value.amount_minor, "currency": value.currency}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Money:
        if not isinstance(value, Mapping) or set(value) != {"amount_minor", "currency"}:
            raise self.make_error("invalid")
        amount, currency = value["amount_minor"], value["currency"]
        if isinstance(amount, bool) or not isinstance(amount, int):
            raise ValidationError({"amount_minor": ["Not a valid integer."]})
        if not (1 if self.positive else 0) <= amount <= BIGINT_MAX:
            raise ValidationError({"amount_minor": ["Must be greater than or equal to 0."]})
        if currency not in CURRENCIES:
            raise ValidationError({"currency": [f"Must be one of: {', '.join(CURRENCIES)}."]})
        return Money(amount, currency)


class _Moved(dict[str, Any]):
    """Attributes of an object, read when asked for."""

    def __init__(self, obj: Any) -> None:
        super().__init__()
        self._obj = obj

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self._obj, key, default)


def vars_of(obj: Any) -> Mapping[str, Any]:
    """Read an object's attributes as a mapping."""
    return _Moved(obj)


class TextPair(Schema):
    """A text in both languages."""

    en = fields.String(required=True)
    zh = fields.String(required=True)


class PageQuery(Schema):
    """How lists are paged: `limit` rows after the cursor `after`."""

    class Meta:
        unknown = RAISE

    limit = fields.Integer(load_default=20, validate=rules.Range(1, 100), metadata={"description": "1 to 100"})
    after = fields.String(load_default=None, validate=rules.Length(1, 400), metadata={"description": "`next` before"})

    @post_load
    def _whole(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data


class FieldProblemSchema(MarshmallowSchema):
    """What is wrong with one field."""

    field = fields.String(required=True)
    code = fields.String(required=True)
    reason = fields.String(required=True)
    mend = fields.String(required=True)


class ProblemSchema(MarshmallowSchema):
    """An RFC 9457 problem; further members are the facts of its type."""

    class Meta:
        unknown = EXCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    mend = fields.String()
    errors = fields.List(fields.Nested(FieldProblemSchema))
    request_id = fields.String()


def load(schema: MarshmallowSchema, data: Any) -> Any:
    """Load data through a schema. Raises Invalid with every field's reason and mend."""
    try:
        return schema.load(data)
    except ValidationError as refused:
        raise Invalid(*field_problems(refused.messages)) from None


def load_query(schema: MarshmallowSchema, several: Mapping[str, Any]) -> dict[str, Any]:
    """Load what an address asks after its question mark. Raises Invalid with every field's reason and mend.

    Most addresses ask nothing, and the answer to nothing is worked out once for each schema.
    """
    if several:
        refuse_nul(several)
        return cast("dict[str, Any]", load(schema, several))
    found = _ASKED_NOTHING.get(schema)
    if found is None:
        found = load(schema, {})
        if not any(callable(field.load_default) for field in schema.load_fields.values()):
            _ASKED_NOTHING[schema] = found
    return dict(found)


# By the schema itself: each route has its own, for as long as the process lives.
_ASKED_NOTHING: Final[WeakKeyDictionary[MarshmallowSchema, dict[str, Any]]] = WeakKeyDictionary()


def refuse_nul(data: Any) -> None:
    """PostgreSQL's text holds no NUL: refuse it at the door of every column at once. Raises Invalid."""
    found = [FieldProblem(path, _NUL, _WITHOUT_NUL, "nul") for path in _nul_paths(data, "")]
    if found:
        raise Invalid(*found)


def _nul_paths(data: Any, path: str) -> Iterator[str]:
    if isinstance(data, str):
        if "\x00" in data:
            yield path
        return
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for name, below in pairs:
        if isinstance(name, str) and "\x00" in name:
            yield path or "body"
        yield from _nul_paths(below, f"{path}.{name}".lstrip("."))


def field_problems(messages: Any, path: str = "") -> list[FieldProblem]:
    """marshmallow's tree of messages as a flat list with dotted paths, in both languages."""
    if isinstance(messages, Mapping):
        return [
            each
            for name, below in messages.items()
            for each in field_problems(below, path if name == "_schema" else f"{path}.{name}".lstrip("."))
        ]
    return [_explained(path or "body", message) for message in messages]


def _explained(path: str, message: object) -> FieldProblem:
    if isinstance(message, FieldProblem):
        return FieldProblem(message.field or path, message.reason, message.mend, message.code)
    for pattern, code, reason, mend in _SAYINGS:
        if match := pattern.fullmatch(str(message)) or pattern.match(str(message)):
            facts = {name: value for name, value in match.groupdict().items() if value}
            return FieldProblem(path, reason, _filled(mend, facts), code)
    return FieldProblem(path, *_OTHERWISE)


def _filled(text: Text, facts: Mapping[str, str]) -> Text:
    if not facts:
        return text
    safe = {name: value.replace("{", "{{").replace("}", "}}") for name, value in facts.items()}
    try:
        return Text(text.en.format(**safe), text.zh.format(**safe))
    except KeyError:
        return text
