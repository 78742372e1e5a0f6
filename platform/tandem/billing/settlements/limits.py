"""What a payment provider allows of splits and returns: dated rows with their source, each refused by its own name.

Ratios are of one (0.3 is 30 %). Where a provider states no such limit there is no row, and nothing is refused.
Source of the shape: WeChat Pay's and Stripe's documents, as listed in the rows (money.md 2.5).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from tandem.billing.settlements.errors import (
    ReturnAboveSplit,
    ReturnWindowClosed,
    SplitAboveOrder,
    SplitAboveRatio,
    SplitWindowClosed,
    TooManyReturns,
    TooManySplits,
)
from tandem.billing.settlements.models import ProviderLimit
from tandem.kernel import clock
from tandem.kernel.database import session

Limits = dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Order:
    """What a provider has of one order: the sum, its own fee, what was split off already, and in how many splits."""

    paid_at: datetime
    amount_minor: int
    provider_fee_minor: int = 0
    split_minor: int = 0
    split_count: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """What went to one receiver of an order, and what has come back of it in how many returns."""

    split_at: datetime
    amount_minor: int
    returned_minor: int = 0
    return_count: int = 0


def limits_of(provider: str, at: datetime) -> Limits:
    """The limits that a provider sets on the day of a moment; of two rows of one name the later one counts."""
    day = at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
    found = session.execute(
        select(ProviderLimit.name, ProviderLimit.value)
        .where(
            ProviderLimit.provider == provider,
            ProviderLimit.effective_from <= day,
            or_(ProviderLimit.effective_to.is_(None), ProviderLimit.effective_to > day),
        )
        .order_by(ProviderLimit.effective_from)
    )
    return {row.name: row.value for row in found}


def require_split_allowed(limits: Limits, order: Order, amount_minor: int, at: datetime) -> None:
    """Raises SplitWindowClosed, TooManySplits, SplitAboveRatio, SplitAboveOrder."""
    if "split_days" in limits and at >= order.paid_at + timedelta(days=int(limits["split_days"])):
        raise SplitWindowClosed(days=int(limits["split_days"]))
    if "splits_per_order" in limits and order.split_count + 1 > limits["splits_per_order"]:
        raise TooManySplits(at_most=int(limits["splits_per_order"]))
    after_minor = order.split_minor + amount_minor
    if "split_ratio" in limits:
        # Floored: a ratio of a sum with a fraction of a fen never allows that fraction.
        at_most_minor = int(Fraction(order.amount_minor) * Fraction(limits["split_ratio"]))
        if after_minor > at_most_minor:
            raise SplitAboveRatio(at_most_minor=at_most_minor - order.split_minor)
    left_minor = order.amount_minor - order.provider_fee_minor - order.split_minor
    if amount_minor > left_minor:
        raise SplitAboveOrder(at_most_minor=left_minor)


def require_return_allowed(limits: Limits, split: Split, amount_minor: int, at: datetime) -> None:
    """Raises ReturnWindowClosed, TooManyReturns, ReturnAboveSplit."""
    if "return_days" in limits and at >= split.split_at + timedelta(days=int(limits["return_days"])):
        raise ReturnWindowClosed(days=int(limits["return_days"]))
    if "returns_per_receiver" in limits and split.return_count + 1 > limits["returns_per_receiver"]:
        raise TooManyReturns(at_most=int(limits["returns_per_receiver"]))
    left_minor = split.amount_minor - split.returned_minor
    if amount_minor > left_minor:
        raise ReturnAboveSplit(at_most_minor=left_minor)
