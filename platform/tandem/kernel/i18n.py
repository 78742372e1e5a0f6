"""Two languages side by side. A text is written once, in both, where it is used: no catalogue can drift."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_datetime
from babel.numbers import format_currency

Language = Literal["en", "zh-CN"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh-CN", "en")
DEFAULT: Final[Language] = "zh-CN"
COOKIE: Final = "tandem_language"
_LOCALES: Final = {"en": Locale("en"), "zh-CN": Locale.parse("zh_Hans_CN")}

language: ContextVar[Language] = ContextVar("language", default=DEFAULT)


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people, in English and Chinese. `{name}` places are filled from the facts at hand."""

    en: str
    zh: str

    def __call__(self, **facts: object) -> str:
        template = self.zh if language.get() == "zh-CN" else self.en
        return template.format(**facts) if facts else template

    def __str__(self) -> str:
        return self()


@lru_cache(256)
def negotiate(accept_language: str | None) -> Language:
    """The best of our languages for an Accept-Language header; Chinese when it says nothing we speak."""
    wanted = [part.split(";")[0].strip() for part in (accept_language or "").split(",")]
    best = negotiate_locale([tag for tag in wanted if tag], ["en", "zh-CN", "zh"], sep="-")
    return "en" if best == "en" else "zh-CN"


def format_money(amount_minor: int, currency: str, exponent: int) -> str:
    """An amount for people, e.g. ¥72.00 in both languages."""
    amount = Decimal(amount_minor).scaleb(-exponent)
    return format_currency(amount, currency, locale=_LOCALES["zh-CN" if currency == "CNY" else language.get()])


def format_moment(moment: datetime, zone: str = "Asia/Shanghai") -> str:
    """A moment for people, in the tenant's zone."""
    return format_datetime(moment.astimezone(ZoneInfo(zone)), "yyyy-MM-dd HH:mm", locale=_LOCALES[language.get()])
