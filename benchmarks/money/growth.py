"""Cost grows with the work: the same competitor of ours at 1x, 10x and 100x, in things per second."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.money.contest import Competitor, Ratio, Row

TIMES: Final = (1, 10, 100)


def grown(
    key: str,
    title: str,
    unit: str,
    program: str,
    template: str,
    base: Mapping[str, int],
    *,
    facts: Mapping[int, Mapping[str, Any]] | None = None,
    in_place: bool = False,
) -> Row:
    """A row of three sizes. Only the smallest, which is the noisiest, runs more than once."""
    competitors = [
        Competitor(
            f"x{times}",
            f"Tandem, {times}x",
            program,
            {scale: count * times for scale, count in base.items()},
            template,
            facts=(facts or {}).get(times, {}),
            runs=None if times == TIMES[0] else 1,
            in_place=in_place,
            limit_seconds=900,
        )
        for times in TIMES
    ]
    ratios = [
        Ratio(f"{unit} per {per}, {times}x over 1x", f"x{times}", "x1", by=by)
        for times in TIMES[1:]
        for by, per in (("rate", "second"), ("cpu", "CPU second"))
    ]
    return Row(f"growth-{key}", f"Growth: {title}", "1.0 is linear", unit, competitors, ratios)


GROWTH: Final = [
    grown("posting", "posting, 4 legs", "journals", "benchmarks.ours.posting:spread", "ours",
          {"small": 100, "full": 10_000}),
    grown("usage", "usage ingest", "events", "benchmarks.ours.usage:report", "ours", {"small": 100, "full": 10_000}),
    grown("rating", "a month's rating, 5 meters x 4 tiers", "contracts", "benchmarks.ours.rating:rate", "ours",
          {"small": 10, "full": 300}),
    grown("matching", "payments against the ledger", "pairs", "benchmarks.ours.matching:match", "payments-{n}",
          {"small": 1_000, "full": 10_000}),
    grown("invoices", "invoice run, to the drafted invoice", "contracts", "benchmarks.ours.rating:rate", "ours",
          {"small": 10, "full": 300}, facts={times: {"bill": True} for times in TIMES}),
    grown("statements", "statements, 50,000 entries a hospital", "entries", "benchmarks.ours.books:statements",
          "hospitals-{hospitals}-{n}", {"small": 160, "full": 100_000},
          facts={times: {"hospitals": 2 * times} for times in TIMES}, in_place=True),
    grown("verify", "full verify", "journals", "benchmarks.ours.books:verify", "book-{n}",
          {"small": 100, "full": 10_000}, in_place=True),
]  # fmt: skip
