"""Price ceilings: what a public circular allows a hospital of a grade, in a region, to charge for a kind of visit."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel.database import Model, Reference
from tandem.kernel.ids import new_id
from tandem.kernel.money import CURRENCIES


class PriceCeiling(Reference, Model):
    """The most that may be charged for one item by hospitals of one grade in one region, from a day on. 限价"""

    __tablename__ = "price_ceiling"
    __reason__ = "price circulars are public and bind every hospital of a region alike"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        UniqueConstraint("region", "grade", "item", "effective_from"),
        CheckConstraint("ceiling_minor >= 0", name="ceiling"),
        CheckConstraint("effective_to IS NULL OR effective_to > effective_from", name="dates"),
        CheckConstraint("currency IN ({})".format(", ".join(f"'{each}'" for each in CURRENCIES)), name="currency"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    region: Mapped[str]
    grade: Mapped[str]
    item: Mapped[str]
    ceiling_minor: Mapped[int]
    currency: Mapped[str]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    circular: Mapped[str]
