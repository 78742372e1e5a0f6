"""Plans, subscriptions and months for stories about rating, and what they come to worked out in plain fractions."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any
from uuid import UUID

from tandem.billing import rating, usage
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.usage.metering import an_event, report

AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)
TITLE = {"en": "Messages", "zh": "短信"}


def a_component(kind: str, meter: str | None, code: str = "messages", **terms: Any) -> dict[str, Any]:
    """One thing to charge for, as a schema would give it."""
    told = {"code": code, "kind": kind, "title": TITLE, **terms}
    return told if meter is None else told | {"meter": meter}


def a_ladder(*steps: tuple[Any, Any], flat_minor: int = 0) -> list[dict[str, Any]]:
    """Tiers from (up_to, unit_price) pairs."""
    return [
        {
            "up_to": None if up_to is None else Decimal(up_to),
            "unit_price": Decimal(str(price)),
            "flat_minor": flat_minor,
        }
        for up_to, price in steps
    ]


def a_plan(*components: Mapping[str, Any], code: str | None = None, **bounds: Any) -> UUID:
    """A version in the catalogue."""
    with acting_for(OPERATOR_ID, operator=True), transaction():
        return rating.add_plan_version(
            code=code or f"p{new_id().hex[-12:]}", title=TITLE, currency="CNY", components=components, **bounds
        ).id


def a_subscription(tenant: UUID, plan: UUID, subject: str = "all", first_day: date = SEPTEMBER, **facts: Any) -> UUID:
    """The tenant's use by the subject, billed by the plan."""
    with acting_for(tenant, operator=True), transaction():
        return rating.subscribe(plan_version_id=plan, subject=subject, first_day=first_day, **facts).id


def a_pool(tenant: UUID, yuan: int, subject: str = "all", **facts: Any) -> UUID:
    """Money paid ahead for a subject."""
    told = {"key": str(new_id()), "valid_from": AUGUST, "subject": subject, "amount": Money(yuan * 100)} | facts
    with acting_for(tenant, operator=True), transaction():
        return rating.top_up(**told).id


def use(
    tenant: UUID, meter: str, *quantities: Any, day: date = SEPTEMBER, reporter: str = "hospital", **facts: Any
) -> list[str]:
    """Use of these quantities at noon of a day; what became of each."""
    noon = datetime(day.year, day.month, day.day, 4, tzinfo=UTC).isoformat()
    events = (an_event(meter, quantity=str(each), at=noon, **facts) for each in quantities)
    return report(tenant, *events, reporter=reporter)


def rate(tenant: UUID, until: date = OCTOBER, at_most: int = 5_000) -> int:
    """Rate everything due, chunk by chunk, each in its own transaction; how many chunks it took."""
    chunks = 0
    while True:
        with acting_for(tenant), transaction():
            if rating.rate_due_periods(until, at_most=at_most) == 0:
                return chunks
        chunks += 1


def adjust(tenant: UUID, raised_for: date = SEPTEMBER) -> int:
    """Bill what came late on a month's bill; how many subscriptions' months changed."""
    with acting_for(tenant), transaction():
        return rating.adjust_late_usage(raised_for)


def lines(tenant: UUID, month: date = SEPTEMBER) -> list[dict[str, Any]]:
    """All lines on a month's bill."""
    with acting_for(tenant):
        return [dict(row) for row in rating.rated_lines(month)]


def amounts(tenant: UUID, month: date = SEPTEMBER) -> dict[str, int]:
    """What each code comes to on a month's bill."""
    told: dict[str, int] = {}
    for line in lines(tenant, month):
        told[line["code"]] = told.get(line["code"], 0) + line["amount_minor"]
    return told


def close(tenant: UUID, until: date = OCTOBER) -> None:
    """Close use before a business day."""
    with acting_for(tenant), transaction():
        usage.close_usage(datetime(until.year, until.month, until.day, tzinfo=UTC) - timedelta(hours=8))


def worked_out(component: Mapping[str, Any], quantity: Fraction) -> int:
    """What a metered component comes to, worked out step by step in fractions: no SQL, no ladder of ours."""
    billable = max(Fraction(0), quantity - Fraction(component.get("included", 0)))
    match component["kind"]:
        case "per_unit":
            exact = billable * Fraction(component["unit_price"])
        case "percentage":
            exact = billable * Fraction(component["percent"]) / 100
        case "package":
            exact = ceil(billable / Fraction(component["package_size"])) * Fraction(component["unit_price"])
        case "graduated":
            exact = _graduated(component["tiers"], billable)
        case "volume":
            exact = _volume(component["tiers"], billable)
        case other:
            raise AssertionError(other)
    return half_up(exact)


def half_up(exact: Fraction) -> int:
    """Rounded once, half away from zero; only what is owed is rounded here, so it is not negative."""
    return int(exact + Fraction(1, 2))


def _graduated(tiers: Sequence[Mapping[str, Any]], left: Fraction) -> Fraction:
    exact, low = Fraction(0), Fraction(0)
    for tier in tiers:
        width = left if tier["up_to"] is None else min(left, Fraction(tier["up_to"]) - low)
        if left > 0:
            exact += width * Fraction(tier["unit_price"]) + tier["flat_minor"]
        left -= width
        low = low if tier["up_to"] is None else Fraction(tier["up_to"])
    return exact


def _volume(tiers: Sequence[Mapping[str, Any]], billable: Fraction) -> Fraction:
    if billable == 0:
        return Fraction(0)
    tier = next(each for each in tiers if each["up_to"] is None or billable <= Fraction(each["up_to"]))
    return billable * Fraction(tier["unit_price"]) + tier["flat_minor"]
