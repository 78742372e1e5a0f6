"""How the platform says no: one class per reason, RFC 9457 on the wire, in Chinese and English.

A problem's class name is the reason, its keyword arguments are the facts; nobody parses text.
Facts never carry personal data: they reach clients, logs and error trackers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from tandem.kernel.i18n import Text

TYPE_BASE: Final = "/problems/"


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field, and how to mend it. `field` is a dotted path into the body."""

    field: str
    reason: Text
    mend: Text
    code: str = "invalid"


class Problem(Exception):
    """An expected no. Subclasses give status, slug, title and mend.

    `waits_seconds`: the no is only for now, and not the caller's fault; a job that meets it is tried again after so
    long, however often, without counting a failure.
    """

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "problem"
    title: ClassVar[Text] = Text("The request was refused", "请求被拒绝")
    mend: ClassVar[Text | None] = None
    waits_seconds: ClassVar[int | None] = None

    def __init__(self, *fields: FieldProblem, **facts: object) -> None:
        super().__init__(self.slug)
        self.fields = fields
        self.facts = facts

    def body(self, request_id: str | None = None) -> dict[str, object]:
        """The application/problem+json members, in the language of the request."""
        body: dict[str, object] = {
            "type": TYPE_BASE + self.slug,
            "title": self.title(**self.facts),
            "status": self.status,
        }
        if self.mend is not None:
            body["mend"] = self.mend(**self.facts)
        if self.fields:
            body["errors"] = [
                {"field": each.field, "code": each.code, "reason": str(each.reason), "mend": str(each.mend)}
                for each in self.fields
            ]
        if request_id:
            body["request_id"] = request_id
        return body | {name: _plain(value) for name, value in self.facts.items()}


class Malformed(Problem):
    status, slug = 400, "malformed"
    title = Text("The request could not be read", "请求无法解析")
    mend = Text("Send UTF-8 JSON with an object at the top.", "请发送 UTF-8 编码、顶层为对象的 JSON。")


class MemberRepeated(Problem):
    """One object says a member twice; which of the two was meant nobody can know."""

    status, slug = 400, "member-repeated"
    title = Text("A member is said twice in one object", "同一对象中有重复的字段")
    mend = Text("Say every member once.", "每个字段只能出现一次。")


class IdempotencyKeyRequired(Problem):
    status, slug = 400, "idempotency-key-required"
    title = Text("This request needs an Idempotency-Key", "此请求必须携带 Idempotency-Key")
    mend = Text(
        "Send a fresh key of 1 to 255 visible ASCII characters; repeat it when you retry.",
        "请携带 1 至 255 个可见 ASCII 字符的新键；重试时使用同一键。",
    )


class Unauthenticated(Problem):
    status, slug = 401, "unauthenticated"
    title = Text("Sign in or send a valid API key", "请登录或提供有效的 API 密钥")
    mend = Text("Send 'Authorization: Bearer …'.", "请在请求头中携带 Authorization: Bearer …。")


class Forbidden(Problem):
    status, slug = 403, "forbidden"
    title = Text("Your role may not do this", "您的角色无权执行此操作")
    mend = Text(
        "Ask an administrator of your organisation for a role that holds the permission named here.",
        "请向本机构管理员申请持有此处所列权限的角色。",
    )


class NotFound(Problem):
    """Missing, or somebody else's: the words are the same."""

    status, slug = 404, "not-found"
    title = Text("There is nothing here", "未找到所请求的内容")
    mend = Text("Check the address and the id.", "请检查地址和编号。")


class MethodNotAllowed(Problem):
    status, slug = 405, "method-not-allowed"
    title = Text("This address does not take that method", "该地址不支持此请求方法")
    mend = Text("Use a method that the API document names for this address.", "请使用 API 文档为该地址所列的请求方法。")


class TransitionRefused(Problem):
    """The state machine has no such move; `allowed` lists the moves it has."""

    status, slug = 409, "transition-refused"
    title = Text("This step is not possible from the present state", "当前状态下不能执行此步骤")
    mend = Text("Reload it; the allowed steps are listed here.", "请刷新后重试；此时可执行的步骤见 allowed。")


class IdempotencyKeyReused(Problem):
    status, slug = 409, "idempotency-key-reused"
    title = Text("This Idempotency-Key was used with another body", "该幂等键已用于不同的请求内容")
    mend = Text("Use a fresh key for a different request.", "不同的请求请使用新的键。")


class StillRunning(Problem):
    status, slug = 409, "still-running"
    title = Text("The first request with this key is still running", "使用该键的首个请求仍在处理")
    mend = Text("Retry in a second with the same key.", "请一秒后使用同一键重试。")


class VersionConflict(Problem):
    status, slug = 412, "version-conflict"
    title = Text("Somebody changed this since you read it", "读取后内容已被他人修改")
    mend = Text("Read it again and repeat your change on the new version.", "请重新读取后再提交修改。")


class BodyTooLarge(Problem):
    status, slug = 413, "body-too-large"
    title = Text("The body is too large", "请求内容过大")
    mend = Text("Send less at once; imports take files in parts.", "请减小单次请求大小；导入可分批进行。")


class UnsupportedMediaType(Problem):
    status, slug = 415, "unsupported-media-type"
    title = Text("This address does not take that content type", "该地址不支持此内容类型")
    mend = Text("Send the content type that the API document names.", "请使用 API 文档所列的内容类型。")


class Invalid(Problem):
    status, slug = 422, "invalid"
    title = Text("Some fields cannot be accepted", "部分字段不符合要求")
    mend = Text("Mend the fields listed here.", "请按所列字段逐项修改。")


class PreconditionRequired(Problem):
    status, slug = 428, "precondition-required"
    title = Text("This change needs If-Match", "此修改必须携带 If-Match")
    mend = Text("Send the ETag you read as If-Match.", "请将读取到的 ETag 作为 If-Match 发送。")


class TooManyRequests(Problem):
    status, slug = 429, "too-many-requests"
    title = Text("Too many requests", "请求过于频繁")
    mend = Text("Wait as Retry-After says.", "请按 Retry-After 等待后重试。")


class Unavailable(Problem):
    status, slug = 503, "unavailable"
    title = Text("A part of the platform is not answering", "平台部分服务暂不可用")
    mend = Text("Retry in a few seconds with the same Idempotency-Key.", "请数秒后使用同一幂等键重试。")


def refused_field(name: str, reason: Text, mend: Text, code: str = "invalid") -> Invalid:
    """An Invalid with one field."""
    return Invalid(FieldProblem(name, reason, mend, code))


def _plain(value: object) -> object:
    if isinstance(value, Text):
        return str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Iterable):
        return [_plain(each) for each in value]
    return str(value)
