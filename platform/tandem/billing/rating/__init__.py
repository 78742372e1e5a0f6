"""What use comes to: plans whose versions never change, subscriptions that pin them, and the lines of a month. 计费"""

from tandem.billing.rating.commands import (
    add_plan_version,
    adjust_late_usage,
    change_plan,
    end_subscription,
    rate_due_periods,
    subscribe,
    top_up,
)
from tandem.billing.rating.errors import (
    MeterUnknown,
    MonthNotOver,
    PeriodRated,
    PlanVersionTaken,
    PlanVersionUnknown,
    PoolKeyReused,
    RevenueTermForbidden,
    SubscriptionOverlaps,
)
from tandem.billing.rating.events import MonthRated
from tandem.billing.rating.models import PlanVersion, PrepaidPool, RatedLine, Subscription, UsageClaim
from tandem.billing.rating.queries import claims_of, rated_lines, rerate

__all__ = [
    "MeterUnknown",
    "MonthNotOver",
    "MonthRated",
    "PeriodRated",
    "PlanVersion",
    "PlanVersionTaken",
    "PlanVersionUnknown",
    "PoolKeyReused",
    "PrepaidPool",
    "RatedLine",
    "RevenueTermForbidden",
    "Subscription",
    "SubscriptionOverlaps",
    "UsageClaim",
    "add_plan_version",
    "adjust_late_usage",
    "change_plan",
    "claims_of",
    "end_subscription",
    "rate_due_periods",
    "rated_lines",
    "rerate",
    "subscribe",
    "top_up",
]
