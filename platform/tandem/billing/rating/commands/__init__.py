"""Decisions of rating: plans, who is billed by which, money paid ahead, and the month's lines."""

from tandem.billing.rating.commands.plans import add_plan_version
from tandem.billing.rating.commands.rating import adjust_late_usage, rate_due_periods
from tandem.billing.rating.commands.subscriptions import change_plan, end_subscription, subscribe, top_up

__all__ = [
    "add_plan_version",
    "adjust_late_usage",
    "change_plan",
    "end_subscription",
    "rate_due_periods",
    "subscribe",
    "top_up",
]
