"""Days on the wire: a business day far from any book would not fit a moment, so it is refused as out of range."""

from datetime import date
from typing import Any, Final

from marshmallow import ValidationError, fields

from tandem.kernel import clock

FIRST: Final = date(2000, 1, 1)
LAST: Final = date(2199, 12, 31)


def business_day(**kwargs: Any) -> fields.Date:
    """A day between 2000 and 2199. A function and not a Range: a JSON schema has no minimum for strings."""
    return fields.Date(validate=_within_reach, **kwargs)


def past_business_day(**kwargs: Any) -> fields.Date:
    """A day that has begun in the business zone: money that arrived did not arrive tomorrow."""
    return fields.Date(validate=_has_begun, **kwargs)


def _has_begun(day: date) -> None:
    today = clock.today()
    if not FIRST <= day <= today:
        raise ValidationError(f"Must be greater than or equal to {FIRST} and less than or equal to {today}.")


def _within_reach(day: date) -> None:
    if not FIRST <= day <= LAST:
        raise ValidationError(f"Must be greater than or equal to {FIRST} and less than or equal to {LAST}.")
