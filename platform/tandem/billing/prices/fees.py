"""The operator's fee for one delivered visit: a pure function of what was paid and of the agreement's rule.

A fee never refers to drugs or examinations; its only basis is the price of the visit, net of refunds (Doctors Law
art. 31; money.md N4). Rounded once, half away from zero; a cap is floored, in the payer's favour.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from uuid import UUID

from tandem.kernel.money import allocate_cumulative, share

Cap = Literal["percent", "per_visit", "net"]
CAPS: tuple[Cap, ...] = ("percent", "per_visit", "net")


@dataclass(frozen=True, slots=True)
class FeeRule:
    """The terms of one agreement version. Percents are percents: 12.5 means 12.5 %; None means no such cap."""

    version_id: UUID | None
    percent_of_net: Decimal = Decimal(0)
    per_visit_minor: int = 0
    monthly_minor: int = 0
    cap_percent: Decimal | None = None
    cap_per_visit_minor: int | None = None

    def __post_init__(self) -> None:
        negative = min(self.percent_of_net, self.per_visit_minor, self.monthly_minor, self.cap_percent or 0)
        if negative < 0 or (self.cap_per_visit_minor or 0) < 0:
            raise ValueError("a fee rule has no negative terms")


@dataclass(frozen=True, slots=True)
class FeeResult:
    """A fee and how it came about. `uncapped_minor` is what the terms alone would give; `cap` the cap that bound it."""

    basis_minor: int
    percent_part_minor: int
    per_visit_part_minor: int
    uncapped_minor: int
    fee_minor: int
    cap: Cap | None


def compute_fee(basis_minor: int, rule: FeeRule) -> FeeResult:
    """The fee on a visit paid with `basis_minor`. Never more than the basis: no visit costs a hospital money.

    Raises ValueError for a negative basis.
    """
    if basis_minor < 0:
        raise ValueError("the basis of a fee is what was paid: it is not negative")
    exact = _of(basis_minor, rule.percent_of_net)
    percent_part = share(basis_minor, Fraction(rule.percent_of_net) / 100)
    uncapped = share(1, exact + rule.per_visit_minor)
    limits: list[tuple[int, Cap]] = [(basis_minor, "net")]
    if rule.cap_per_visit_minor is not None:
        limits.insert(0, (rule.cap_per_visit_minor, "per_visit"))
    if rule.cap_percent is not None:
        limits.insert(0, (int(_of(basis_minor, rule.cap_percent)), "percent"))
    limit, cap = min(limits, key=lambda each: each[0])
    bound = uncapped > limit
    return FeeResult(
        basis_minor=basis_minor,
        percent_part_minor=percent_part,
        per_visit_part_minor=uncapped - percent_part,
        uncapped_minor=uncapped,
        fee_minor=limit if bound else uncapped,
        cap=cap if bound else None,
    )


def fee_to_reverse(*, basis_minor: int, fee_minor: int, refunded_before_minor: int, refund_minor: int) -> int:
    """The part of a recorded fee that a refund takes back: by the recorded split, cumulatively, never by today's rule.

    Refunds that add up to the basis take back the whole fee, in whatever parts and order they come.
    """
    if basis_minor == 0:
        return 0
    return allocate_cumulative(refunded_before_minor, refund_minor, [fee_minor, basis_minor - fee_minor])[0]


def _of(amount_minor: int, percent: Decimal) -> Fraction:
    return Fraction(amount_minor) * Fraction(percent) / 100
