"""The guard on public prices (money.md N3): a price above its circular's ceiling is refused where it is set."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select

from tandem.billing.prices.models import PriceCeiling
from tandem.kernel import audit
from tandem.kernel.database import Page, page, refusing, session
from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text
from tandem.kernel.money import Money


@dataclass(frozen=True, slots=True)
class PriceBasis:
    """By which circulars a price is measured: those of a region, for hospitals of a grade, on an item."""

    region: str
    grade: str
    item: str

    @property
    def facts(self) -> dict[str, str]:
        """The same as keyword arguments."""
        return {"region": self.region, "grade": self.grade, "item": self.item}


class PriceAboveCeiling(Problem):
    """A public circular allows less. Facts: price, ceiling, and the circular that sets it."""

    status, slug = 422, "price-above-ceiling"
    title = Text("The price is above the public ceiling", "价格超过政府限价")
    mend = Text(
        "Charge at most the ceiling (ceiling_minor) that the circular sets.",
        "收费不得超过所列文件（circular）规定的限价（ceiling_minor）。",
    )


class CeilingExists(Problem):
    """A circular sets one ceiling per region, grade, item and day."""

    status, slug = 409, "ceiling-exists"
    title = Text("There is a ceiling for this from that day already", "该日起已存在相应限价")
    mend = Text("Name another day.", "请填写其他生效日期。")


def add_price_ceiling(
    *,
    region: str,
    grade: str,
    item: str,
    ceiling: Money,
    effective_from: date,
    effective_to: date | None,
    circular: str,
) -> PriceCeiling:
    """Record what a circular says. [operator] Raises CeilingExists."""
    row = PriceCeiling(
        region=region,
        grade=grade,
        item=item,
        ceiling_minor=ceiling.amount_minor,
        currency=ceiling.currency,
        effective_from=effective_from,
        effective_to=effective_to,
        circular=circular,
    )
    with refusing(price_ceiling_region_grade_item_effective_from_key=CeilingExists):
        session.add(row)
    audit.record(action="price_ceiling.added", object_type="price_ceiling", object_id=row.id, details={"item": item})
    return row


def price_ceiling_at(*, region: str, grade: str, item: str, on: date) -> PriceCeiling | None:
    """The ceiling in force on a day, the latest where several were set; None where no circular binds."""
    in_force = select(PriceCeiling).where(
        PriceCeiling.region == region,
        PriceCeiling.grade == grade,
        PriceCeiling.item == item,
        PriceCeiling.effective_from <= on,
        or_(PriceCeiling.effective_to.is_(None), PriceCeiling.effective_to > on),
    )
    return session.scalar(in_force.order_by(PriceCeiling.effective_from.desc()).limit(1))


def require_price_within_ceiling(*, region: str, grade: str, item: str, price: Money, on: date) -> None:
    """Let a price pass that no circular forbids. Raises PriceAboveCeiling."""
    found = price_ceiling_at(region=region, grade=grade, item=item, on=on)
    if found is not None and found.currency == price.currency and price.amount_minor > found.ceiling_minor:
        raise PriceAboveCeiling(
            price_minor=price.amount_minor, ceiling_minor=found.ceiling_minor, circular=found.circular
        )


def price_ceilings(*, limit: int, after: str | None) -> Page:
    """All ceilings, in order of their ids."""
    listed = select(*PriceCeiling.__table__.c)
    return page(listed, by=[PriceCeiling.id], limit=limit, after=after)
