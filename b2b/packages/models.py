"""The catalogue. A package is written once; a change is a new package, because contracts were signed on the old one."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, Reference
from tandem.kernel.ids import new_id
from tandem.kernel.states import states

NEXT: Final = {"draft": {"on_sale"}, "on_sale": {"retired"}, "retired": set[str]()}


class Package(Reference, Model):
    """A number of consultation units per member, at a price per member, for a number of days. 健康套餐"""

    __tablename__ = "package"
    __reason__ = "the operator's catalogue, the same for every employer; no private column"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT, UPDATE"}
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("code"),
        CheckConstraint("units_per_member > 0 AND valid_days > 0", name="some_units_for_some_days"),
        CheckConstraint("price_per_member_minor >= 0", name="price_not_negative"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    units_per_member: Mapped[int]
    price_per_member_minor: Mapped[int]
    currency: Mapped[str]
    valid_days: Mapped[int]
    status: Mapped[str] = mapped_column(default="draft")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
