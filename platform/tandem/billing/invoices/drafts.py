"""An invoice before it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Period:
    """The days an invoice is about, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: a code of what was sold, a text, how many at what price. Counts only: it names nobody.

    `unit_price` is in minor units and may have fractions; None where the amount came out of tiers. `members` says how
    many people's use stands behind the line, where it is about use. `of` is the period a late line is about.
    """

    code: str
    text: str
    quantity: Decimal | int
    unit_price: Decimal | int | None
    amount_minor: int
    tax_category: str | None = None
    unit: str | None = None
    members: int | None = None
    kind: str = "item"
    of: Period | None = None
    line_input_hash: str | None = None
    credits_line_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDraft:
    """One invoice to be written. `run_key` names it for a run: written once, whoever runs how often."""

    series: str
    period: Period
    lines: Sequence[InvoiceLine]
    due_on: date
    currency: str = "CNY"
    programme_id: UUID | None = None
    contract_id: UUID | None = None
    corrects_id: UUID | None = None
    run_key: str | None = None
    prices_include_tax: bool = True
    tax_rounding: str = "line"


@dataclass(frozen=True, slots=True)
class LineCredit:
    """How much of one line is credited, in minor units, on the basis the line was priced."""

    line_no: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """How the customer wants to be named, where it differs from its organisation."""

    title: str | None = None
    tax_number: str | None = None
    extra: dict[str, str] = field(default_factory=dict)
