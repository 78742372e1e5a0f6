"""What the provider takes, as data. Sums in minor units, rates in basis points.

Modelled on published Stripe price lists (a percentage plus a fixed part for cards, a percentage for wallets);
the figures are the sandbox's own and are never read by the platform, which must learn fees from balance
transactions.
"""

from dataclasses import dataclass

ZERO_DECIMAL = frozenset(
    {
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf",
        "xof", "xpf",
    }
)  # fmt: skip
"""Currencies whose minor unit is the unit: https://docs.stripe.com/currencies#zero-decimal"""

MINIMUM_CHARGE = {
    "aud": 50, "cad": 50, "chf": 50, "cny": 400, "eur": 50, "gbp": 30, "hkd": 400, "jpy": 50, "sgd": 50,
    "twd": 1500, "usd": 50,
}  # fmt: skip
"""Smallest sums a card may be charged: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts"""

WALLET_MINIMUM = 1
"""Alipay and WeChat Pay take any sum from one minor unit."""

LARGEST_CHARGE = 99_999_999


@dataclass(frozen=True)
class Tariff:
    """One method's price: ``rate_bp`` of the sum, rounded half up, plus a fixed part per currency."""

    rate_bp: int
    fixed_minor: dict[str, int]
    settles_in_days: int

    def fee(self, amount: int, currency: str) -> int:
        """The fee on a charge, in the charge's minor units."""
        return (amount * self.rate_bp + 5000) // 10_000 + self.fixed_minor.get(currency, 0)


TARIFFS = {
    "card": Tariff(
        290, {"cny": 30, "usd": 30, "eur": 25, "gbp": 20, "hkd": 235, "jpy": 30, "sgd": 50}, settles_in_days=2
    ),
    "alipay": Tariff(100, {}, settles_in_days=1),
    "wechat_pay": Tariff(100, {}, settles_in_days=1),
}

DISPUTE_FEE = {"cny": 10_500, "usd": 1500, "eur": 2000, "gbp": 2000, "hkd": 8500, "jpy": 1500, "sgd": 1500}
"""Taken with each dispute and given back when it is won."""

CURRENCIES = frozenset(MINIMUM_CHARGE) | ZERO_DECIMAL | {"inr", "myr", "thb", "idr", "php", "nzd", "mop"}
"""What the sandbox presents in."""


def written(amount: int, currency: str) -> str:
    """A sum as error messages write it, e.g. ``72.00 cny``."""
    if currency in ZERO_DECIMAL:
        return f"{amount} {currency}"
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d} {currency}"
