"""What things may cost: the operator's fee as pure functions, and ceilings that public price circulars set. 价格"""

from tandem.billing.prices.ceilings import (
    PriceAboveCeiling,
    PriceBasis,
    add_price_ceiling,
    require_price_within_ceiling,
)
from tandem.billing.prices.fees import CAPS, Cap, FeeResult, FeeRule, compute_fee, fee_to_reverse
from tandem.billing.prices.guard_limits import guard_limits_on
from tandem.billing.prices.tariffs import TARIFFS

__all__ = [
    "CAPS",
    "TARIFFS",
    "Cap",
    "FeeResult",
    "FeeRule",
    "PriceAboveCeiling",
    "PriceBasis",
    "add_price_ceiling",
    "compute_fee",
    "fee_to_reverse",
    "guard_limits_on",
    "require_price_within_ceiling",
]
