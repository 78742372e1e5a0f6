"""One spelling for what people write in many: what a blind index is made of, and what two lists are compared by."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


def read_day(text: str) -> date:
    """A day as RFC 3339 writes it. Raises ValueError for another spelling.

    `date.fromisoformat` alone reads weeks ("2026-W01-1") and bare digits ("20260101") too: two systems would agree on
    a sum and not on its day.
    """
    if not _DAY.fullmatch(text):
        raise ValueError("not a day")
    return date.fromisoformat(text)


def read_moment(text: str) -> datetime:
    """A moment as RFC 3339 writes it; whether it must name its zone is the caller's. Raises ValueError."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("not a moment")
    return datetime.fromisoformat(text)


def normal_form(value: str, kind: str) -> str:
    """`value` in its one spelling: as a "phone", an "id_number" or a "login"; any other kind folds case and width.

    Raises ValueError for a value that is no phone number, under phone.
    """
    return _FORMS.get(kind, _folded)(value)


def normalise_phone(number: str) -> str:
    """E.164, mainland China unless it says otherwise. Raises ValueError for what is no telephone number."""
    digits = re.sub(r"[\s()./·-]", "", unicodedata.normalize("NFKC", number))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not digits.startswith("+"):
        home = digits.removeprefix("86") if re.fullmatch(r"861\d{10}", digits) else digits.removeprefix("0")
        digits = "+86" + home
    if not re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        raise ValueError("not a telephone number")
    return digits


def normalise_id_number(number: str) -> str:
    """An identity number without spaces or dashes, in capitals."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", number)).upper()


def normalise_login(login: str) -> str:
    """A login name, e-mail or phone number as it is looked up."""
    try:
        return normalise_phone(login)
    except ValueError:
        return _folded(login)


def _folded(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "phone": normalise_phone,
    "id_number": normalise_id_number,
    "login": normalise_login,
}
