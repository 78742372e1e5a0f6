"""Snapshots that were suppressed before they entered the employer's tenant: the numbers hidden are not there at all."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall


class UtilisationReport(TenantOwned, Model):
    """A contract's use up to the end of a month, written once. 使用报告

    A number that too few people have changed since it was counted is repeated, with the moment it was counted.
    """

    __tablename__ = "utilisation_report"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "contract_id"], ["contract.tenant_id", "contract.id"]),
        UniqueConstraint("tenant_id", "contract_id", "month_on"),
    )

    contract_id: Mapped[UUID]
    month_on: Mapped[date]
    members: Mapped[int]
    units_granted: Mapped[int]
    members_active: Mapped[int | None]
    units_used: Mapped[int | None]
    active_counted_at: Mapped[datetime | None]
    used_counted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
