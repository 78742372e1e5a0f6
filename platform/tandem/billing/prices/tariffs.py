"""What the payment provider's price list says a payment costs: a yardstick, never a booking.

Booked is what the provider's own balance transaction says; where the two differ, reconciliation tells. The list is
the provider's published one (card 2.9 % + 0.30, wallets 1 %) and is dated data: a new list is a new line.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final


@dataclass(frozen=True, slots=True)
class Tariff:
    """One method's price from a day on: a rate of the gross amount and a fixed part in minor units."""

    method: str
    currency: str
    effective_from: datetime
    rate: Fraction
    fixed_minor: int


_ALWAYS: Final = datetime(2020, 1, 1, tzinfo=UTC)
TARIFFS: Final = (
    Tariff("card", "CNY", _ALWAYS, Fraction(29, 1000), 30),
    Tariff("alipay", "CNY", _ALWAYS, Fraction(1, 100), 0),
    Tariff("wechat_pay", "CNY", _ALWAYS, Fraction(1, 100), 0),
)
