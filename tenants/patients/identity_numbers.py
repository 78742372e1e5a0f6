"""Resident identity numbers and telephone numbers, as people type them. 居民身份证号

Source: GB 11643-1999 (17 digits and a check character; digits 7 to 14 are the day of birth, 17 is odd for men).
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from marshmallow import ValidationError, fields
from stdnum.cn import ric
from stdnum.exceptions import ValidationError as NotANumber

from tandem.kernel import clock
from tandem.kernel.errors import FieldProblem
from tandem.kernel.i18n import Text
from tandem.kernel.spellings import normalise_id_number, normalise_phone

# The province's two digits (GB/T 2260; 81 to 83 on residence permits of Hong Kong, Macao and Taiwan), then the rest.
_FORM: Final = re.compile(
    r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}(18|19|20)[0-9]{9}[0-9X]", re.ASCII
)
_NO_ID_NUMBER: Final = FieldProblem(
    "",
    Text("This is no resident identity number", "居民身份证号不正确"),
    Text(
        "Copy all 18 characters from the card; the last is a check character.",
        "请按证件填写 18 位号码。",
    ),
    code="id_number",
)
_NO_PHONE: Final = FieldProblem(
    "",
    Text("This is no telephone number", "电话号码不正确"),
    Text("Give a mainland number, or one with + and the country code.", "请填写国内号码，或带 + 与国家代码的号码。"),
    code="phone",
)


@dataclass(frozen=True)
class Identity:
    """What an identity number says about its holder."""

    number: str
    born_on: date
    sex: str


def read_identity(number: str) -> Identity:
    """Take an identity number apart. Raises ValueError when it is none, or born in the future."""
    compact = normalise_id_number(number)
    # Not ric.validate(): its list of counties lacks living ones (330102, Hangzhou) and would turn people away.
    if not _FORM.fullmatch(compact) or ric.calc_check_digit(compact) != compact[-1]:
        raise ValueError("not a resident identity number")
    try:
        born_on = ric.get_birth_date(compact)
    except NotANumber:
        raise ValueError("no such day of birth") from None
    if born_on > clock.today():
        raise ValueError("born in the future")
    return Identity(compact, born_on, "male" if int(compact[16]) % 2 else "female")


def masked(number: str) -> str:
    """An identity or telephone number of which its owner recognises the ends."""
    return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}"


class IdentityNumber(fields.String):
    """A resident identity number on its way in; kept compact."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return read_identity(text or "").number
        except ValueError:
            raise ValidationError([_NO_ID_NUMBER]) from None


class TelephoneNumber(fields.String):
    """A telephone number on its way in; kept as E.164."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return normalise_phone(text or "")
        except ValueError:
            raise ValidationError([_NO_PHONE]) from None
