"""An invoice before it is written."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Period:
    """The days an invoice is about, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: a code of what was sold, a text, how many at what price. Counts only: it names nobody."""

    code: str
    text: str
    quantity: int
    unit_price_minor: int
    amount_minor: int
