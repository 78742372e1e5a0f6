"""The runaway guard, pure: a bill out of line with its own history is looked at before it is sent (money.md 2.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still in line, as the operator has set it for a day (`guard_limit`). Amounts in minor units."""

    history_periods: int
    history_least: int
    times_median: int
    amount_floor_minor: int
    lines_per_day: int


def out_of_line(
    total_minor: int, *, lines: int, days: int, history_minor: Sequence[int], limits: Limits
) -> dict[str, int]:
    """Reasons to look at a bill before it is sent, each with the figure it was held against; empty when in line.

    `history_minor` are the totals of earlier periods, newest first. A first bill has no history and is not judged by
    it; small sums are not judged by the median, where three times nothing is nothing.
    """
    recent = list(history_minor[: limits.history_periods])
    median_minor = median_low(recent) if len(recent) >= limits.history_least else 0
    reasons: dict[str, int] = {}
    if total_minor < 0:
        reasons["negative_total"] = 0
    if median_minor and total_minor > max(limits.times_median * median_minor, limits.amount_floor_minor):
        reasons["amount_above_history"] = median_minor
    if median_minor and total_minor == 0:
        reasons["usage_dropped_to_zero"] = median_minor
    if lines > limits.lines_per_day * days:
        reasons["too_many_lines"] = limits.lines_per_day * days
    return reasons
