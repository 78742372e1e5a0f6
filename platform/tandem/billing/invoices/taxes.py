"""Tax of an invoice's lines, pure: exact, rounded once, and every residual stated.

Per line, each line's tax is rounded and a document's tax is their sum. Per document, the tax of all lines under one
rule is rounded once; what that differs from the sum of the lines' own taxes stands on a rounding line of that rule.
Either way lines add up to the total. Rounding is half away from zero, symmetric for negatives. Source: money.md 2.11.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from tandem.kernel.money import share


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What of a tax rule counts: `rate` is None where nothing is taxed, and then `reason` says why."""

    id: UUID
    jurisdiction: str
    category: str
    treatment: str
    rate: Decimal | None
    reason: str | None
    circular: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A line's net and tax; together they are what the line adds to the total."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class RuleTax:
    """The tax of one rule on the document; `residual_minor` of it stands on the rounding line."""

    rule: RuleTerms
    base_minor: int
    tax_minor: int
    residual_minor: int


@dataclass(frozen=True, slots=True)
class Taxed:
    """Parts of each line in order, the taxes by rule, and the parts of each rounding line that is needed."""

    lines: Sequence[Parts]
    taxes: Sequence[RuleTax]
    roundings: Sequence[tuple[RuleTerms, Parts]]

    @property
    def net_minor(self) -> int:
        return sum(each.base_minor for each in self.taxes)

    @property
    def tax_minor(self) -> int:
        return sum(each.tax_minor for each in self.taxes)


def tax_in(amount_minor: int, rate: Decimal | None, *, included: bool) -> int:
    """The tax within an amount, or on top of it; nothing without a rate."""
    if rate is None:
        return 0
    exact = Fraction(rate)
    return share(amount_minor, exact / (1 + exact) if included else exact)


def tax_lines(lines: Sequence[tuple[int, RuleTerms]], *, rounding: str, included: bool) -> Taxed:
    """Tax lines given as priced amounts with their rules. `rounding` is "line" or "document"."""
    parts = [_parts(amount, tax_in(amount, rule.rate, included=included), included) for amount, rule in lines]
    taxes: list[RuleTax] = []
    roundings: list[tuple[RuleTerms, Parts]] = []
    for rule in dict.fromkeys(rule for _, rule in lines):
        places = [place for place, (_, its) in enumerate(lines) if its == rule]
        by_lines = sum(parts[place].tax_minor for place in places)
        tax = by_lines
        amount = sum(lines[place][0] for place in places)
        if rounding == "document":
            tax = tax_in(amount, rule.rate, included=included)
        residual = tax - by_lines
        taxes.append(RuleTax(rule, amount - tax if included else amount, tax, residual))
        if residual:
            roundings.append((rule, Parts(-residual if included else 0, residual)))
    return Taxed(parts, taxes, roundings)


def _parts(amount: int, tax: int, included: bool) -> Parts:
    return Parts(amount - tax, tax) if included else Parts(amount, tax)
