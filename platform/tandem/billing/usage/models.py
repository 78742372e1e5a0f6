"""Usage: meters, events written once, and hourly roll-ups that can be thrown away and counted again."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, Reference, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES

AGGREGATIONS: Final = ("sum", "count", "distinct", "max", "latest")
MEASURES: Final = ("things", "visit_revenue", "programme_revenue", "drug_revenue", "examination_revenue")
"""What a meter's quantity is: a number of things, or revenue of a kind, in minor units."""

WHOLE_TENANT: Final = "all"
"""The subject of use that belongs to nobody in particular but to the organisation."""

VOID: Final = "void"
"""The meter of an event that only takes another one back."""

NEVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Meter(Reference, Model):
    """What is counted, and how an hour's events become one quantity. Defined once and never changed. 计量项"""

    __tablename__ = "meter"
    __reason__ = "units of measure are the same for every organisation and name no price"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (
        # What a price component refers to, so that the database itself knows what a meter measures.
        UniqueConstraint("code", "measures"),
        one_of("aggregation", AGGREGATIONS),
        one_of("measures", MEASURES),
        CheckConstraint("measures = 'things' OR aggregation = 'sum'", name="revenue_is_summed"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    aggregation: Mapped[str]
    measures: Mapped[str]
    unit: Mapped[str]
    title_en: Mapped[str]
    title_zh: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class UsageGate(TenantOwned, Model):
    """The one row that everything metered passes: batches hold it together, whoever rewrites roll-ups holds it alone.

    What happened before `closed_until` has been rated: use of that time still counts, and is marked as late. 计量闸
    """

    __tablename__ = "usage_gate"
    __wall__ = Wall(operator="write")
    __table_args__ = (UniqueConstraint("tenant_id"),)

    closed_until: Mapped[datetime] = mapped_column(default=NEVER)


class UsageEvent(TenantOwned, Model):
    """One use: what was metered, where it came from, when, how much, what it was sold for. 用量事件

    A source names each of its events once (`event_key`). `is_sold` says that the use was sold by itself and earns a
    fee; other use is only counted, and priced by a plan. An event with `voids_key` takes back the event of that name.
    `programme_id` names the benefit plan that pays, None when the patient paid; `price_…` say by which circulars the
    price was measured. It names no patient: what a distinct
    meter tells apart is kept as a hash.
    """

    __tablename__ = "usage_event"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "source_type", "event_key"),
        Index("usage_event_by_time", "tenant_id", "at", "id"),
        Index("usage_event_by_payment", "tenant_id", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
        Index(
            "usage_event_voided_once",
            "tenant_id",
            "source_type",
            "voids_key",
            unique=True,
            postgresql_where=text("voids_key IS NOT NULL"),
        ),
        CheckConstraint("amount_minor >= 0", name="amount"),
        CheckConstraint("(voids_key IS NOT NULL) = (meter = 'void')", name="void"),
        one_of("currency", CURRENCIES),
    )

    meter: Mapped[str]
    source_type: Mapped[str]
    event_key: Mapped[str]
    source_id: Mapped[UUID | None]
    subject: Mapped[str] = mapped_column(default=WHOLE_TENANT)
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
    seq: Mapped[int] = mapped_column(default=0)
    quantity: Mapped[Decimal]
    value_sha256: Mapped[bytes | None]
    is_late: Mapped[bool] = mapped_column(default=False)
    is_sold: Mapped[bool] = mapped_column(default=False)
    amount_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(default="CNY")
    service_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    programme_id: Mapped[UUID | None]
    voids_key: Mapped[str | None]
    price_region: Mapped[str | None]
    price_grade: Mapped[str | None]
    price_item: Mapped[str | None]


class UsageRollup(TenantOwned, Changing, Model):
    """All use of one meter by one subject in one hour: a cache that a recount proves. 小时汇总

    `event_count` leaves voided events out; `fact_count` counts every event and every void that ever belonged here, so
    it only grows, and a roll-up that was billed has changed exactly when it has grown. `is_late`: something came after
    its time was closed, and nobody has billed it yet.
    """

    __tablename__ = "usage_rollup"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        Index("usage_rollup_by_hour", "tenant_id", "hour"),
        Index("usage_rollup_by_change_idx", "tenant_id", "changed_xid"),
        Index("usage_rollup_late", "tenant_id", "hour", postgresql_where=text("is_late")),
        CheckConstraint("event_count >= 0 AND fact_count >= event_count", name="counts"),
        CheckConstraint("(latest_at IS NULL) = (latest_quantity IS NULL)", name="latest"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id = None  # type: ignore[assignment]  # its key is what it counts; takes away the column of TenantOwned
    meter: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    event_count: Mapped[int]
    fact_count: Mapped[int]
    is_late: Mapped[bool] = mapped_column(default=False)
    quantity: Mapped[Decimal] = mapped_column(Numeric(38, 10))
    maximum: Mapped[Decimal | None]
    latest_quantity: Mapped[Decimal | None]
    latest_at: Mapped[datetime | None]
    latest_seq: Mapped[int | None]
    latest_key: Mapped[str | None]


class UsageValue(TenantOwned, Model):
    """One thing that a distinct meter saw in an hour: however often it came, it counts once. 去重值"""

    __tablename__ = "usage_value"
    __wall__ = Wall(operator="write")

    id = None  # type: ignore[assignment]  # its key is what it counts; takes away the column of TenantOwned
    meter: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    value_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    event_count: Mapped[int]
