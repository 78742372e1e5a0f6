"""The operator's fee for one delivered visit: a pure function of what was paid and of the agreement's rule.

A fee never refers to drugs or examinations; its only basis is the price of the visit, net of refunds (Doctors Law
art. 31; money.md N4). Rounded once, half away from zero; a cap is floored, in the payer's favour. What the terms give
beyond a cap is not dropped: it comes back as disputed, for the books to park where both parties see it.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from uuid import UUID

from tandem.kernel.money import share

Cap = Literal["zero_on_medical", "percent", "per_visit", "per_programme", "net"]
CAPS: tuple[Cap, ...] = ("zero_on_medical", "percent", "per_visit", "per_programme", "net")
"""Every cap there is. Where several bind at the same amount, the earlier one gives the reason."""


@dataclass(frozen=True, slots=True)
class FeeRule:
    """The terms of one agreement version. Percents are percents: 12.5 means 12.5 %; None means no such cap.

    `zero_on_medical`: no fee at all may be taken from a medical service fee.
    `cap_per_programme_minor`: the most that all visits of one benefit programme may cost together.
    """

    version_id: UUID | None
    percent_of_net: Decimal = Decimal(0)
    per_visit_minor: int = 0
    monthly_minor: int = 0
    cap_percent: Decimal | None = None
    cap_per_visit_minor: int | None = None
    cap_per_programme_minor: int | None = None
    zero_on_medical: bool = False

    def __post_init__(self) -> None:
        terms = (self.percent_of_net, self.per_visit_minor, self.monthly_minor)
        caps = (self.cap_percent, self.cap_per_visit_minor, self.cap_per_programme_minor)
        if min(*terms, *(each for each in caps if each is not None)) < 0:
            raise ValueError("a fee rule has no negative terms")


@dataclass(frozen=True, slots=True)
class FeeResult:
    """A fee and how it came about.

    `uncapped_minor` is what the terms alone would give, `fee_minor` what is owed within every cap, `disputed_minor`
    the rest, which is owed by nobody until both parties have settled it; `cap` is the cap that bound.
    """

    basis_minor: int
    percent_part_minor: int
    per_visit_part_minor: int
    uncapped_minor: int
    fee_minor: int
    disputed_minor: int
    cap: Cap | None


def compute_fee(
    basis_minor: int, rule: FeeRule, *, is_medical: bool = True, programme_fees_before_minor: int | None = None
) -> FeeResult:
    """The fee on a visit paid with `basis_minor`. Never more than the basis: no visit costs a hospital money.

    `is_medical`: the basis is a medical service fee. `programme_fees_before_minor`: what fees the visit's programme
    has borne already, None when a patient paid. Raises ValueError for a negative basis.
    """
    if basis_minor < 0:
        raise ValueError("the basis of a fee is what was paid: it is not negative")
    percent_part = share(basis_minor, Fraction(rule.percent_of_net) / 100)
    uncapped = share(1, _of(basis_minor, rule.percent_of_net) + rule.per_visit_minor)
    limit, cap = min(_limits(basis_minor, rule, is_medical, programme_fees_before_minor), key=lambda each: each[0])
    is_bound = uncapped > limit
    fee = limit if is_bound else uncapped
    return FeeResult(
        basis_minor=basis_minor,
        percent_part_minor=percent_part,
        per_visit_part_minor=uncapped - percent_part,
        uncapped_minor=uncapped,
        fee_minor=fee,
        disputed_minor=uncapped - fee,
        cap=cap if is_bound else None,
    )


def fee_to_reverse(*, basis_minor: int, fee_minor: int, refunded_before_minor: int, refund_minor: int) -> int:
    """The part of a recorded fee that a refund takes back: by the recorded split, cumulatively, never by today's rule.

    Refunds that add up to the basis take back the whole fee, in whatever parts and order they come. The disputed part
    of a fee is taken back by the same function: it may exceed the basis.
    """
    if basis_minor == 0:
        return 0
    after = share(fee_minor, Fraction(refunded_before_minor + refund_minor, basis_minor))
    return after - share(fee_minor, Fraction(refunded_before_minor, basis_minor))


def _limits(
    basis_minor: int, rule: FeeRule, is_medical: bool, programme_fees_before_minor: int | None
) -> list[tuple[int, Cap]]:
    limits: list[tuple[int, Cap]] = []
    if rule.zero_on_medical and is_medical:
        limits.append((0, "zero_on_medical"))
    if rule.cap_percent is not None:
        limits.append((int(_of(basis_minor, rule.cap_percent)), "percent"))
    if rule.cap_per_visit_minor is not None:
        limits.append((rule.cap_per_visit_minor, "per_visit"))
    if rule.cap_per_programme_minor is not None and programme_fees_before_minor is not None:
        limits.append((max(0, rule.cap_per_programme_minor - programme_fees_before_minor), "per_programme"))
    return [*limits, (basis_minor, "net")]


def _of(amount_minor: int, percent: Decimal) -> Fraction:
    return Fraction(amount_minor) * Fraction(percent) / 100
