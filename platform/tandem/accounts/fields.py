"""Fields that several rooms here take: one line of text, a reason, a login."""

from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from tandem.kernel.http import Schema

_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_ONE_LINE: Final = validate.Regexp(r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?\Z")


def line(longest: int = 120, **options: Any) -> fields.String:
    """One line of text, neither empty nor padded."""
    return fields.String(validate=[validate.Length(1, longest), _ONE_LINE], **options)


def login_name() -> fields.String:
    """A phone number, an e-mail address or a name to sign in with."""
    return fields.String(
        required=True,
        validate=[validate.Length(3, 120), validate.Regexp(r"^[\w.@+-]+\Z")],
        metadata={"description": "Phone number, e-mail address or login name", "example": "13800138000"},
    )


def new_password() -> fields.String:
    """A password to be: length is what counts (OWASP ASVS 2.1)."""
    return fields.String(required=True, load_only=True, validate=validate.Length(10, 128))


def password() -> fields.String:
    """A password as it was set."""
    return fields.String(required=True, load_only=True, validate=validate.Length(1, 128))


def moment(**options: Any) -> fields.AwareDateTime:
    """An RFC 3339 moment of this century: calendars do not reach much further, nor do agreements."""
    return fields.AwareDateTime(format="iso", validate=_this_century, **options)


def _this_century(value: datetime) -> None:
    if not _FIRST <= value < _LAST:
        raise ValidationError(f"Must be greater than {_FIRST.year} and less than {_LAST.year}.")


class BecauseSchema(Schema):
    """Why a step is taken; it stays on the timeline, so it names no patient."""

    because = line(500, required=True, metadata={"description": "The reason; no personal data"})
