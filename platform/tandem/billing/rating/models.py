"""Plans whose versions never change, subscriptions that pin one, and the lines they come to."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Changing, Model, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES

KINDS: Final = ("flat", "per_unit", "graduated", "volume", "package", "percentage")
FORBIDDEN_MEASURES: Final = ("drug_revenue", "examination_revenue")
LINE_KINDS: Final = (*KINDS, "minimum", "spend_cap", "prepaid")

_WIDE: Final = Numeric(38, 10)


class PlanVersion(TenantOwned, Model):
    """One version of a price plan. The catalogue is the operator's; a customer keeps a copy of what it agreed to. 方案

    `minimum_minor` and `cap_minor` are of a whole month, and are cut by days when less of it is covered.
    """

    __tablename__ = "plan_version"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "code", "number"),
        one_of("currency", CURRENCIES),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("minimum_minor >= 0 AND (cap_minor IS NULL OR cap_minor >= minimum_minor)", name="bounds"),
    )

    code: Mapped[str]
    number: Mapped[int]
    title_en: Mapped[str]
    title_zh: Mapped[str]
    currency: Mapped[str]
    minimum_minor: Mapped[int]
    cap_minor: Mapped[int | None]
    terms: Mapped[dict[str, Any]]
    terms_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class PlanComponent(TenantOwned, Model):
    """One thing that a plan charges for: a flat fee, or a meter's quantity on a ladder of tiers. 计价项

    What its meter measures stands here too, bound to the meter by a foreign key, so that the database itself refuses
    a price that depends on drug or examination revenue.
    """

    __tablename__ = "plan_component"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "plan_version_id"], ["plan_version.tenant_id", "plan_version.id"]),
        ForeignKeyConstraint(["meter", "measures"], ["meter.code", "meter.measures"]),
        one_of("kind", KINDS),
        CheckConstraint("(kind = 'flat') = (meter IS NULL) AND (meter IS NULL) = (measures IS NULL)", name="metered"),
        CheckConstraint("measures NOT IN ('drug_revenue', 'examination_revenue')", name="no_revenue_term"),
        CheckConstraint("flat_minor >= 0 AND included >= 0 AND package_size > 0", name="amounts"),
    )

    id = None  # type: ignore[assignment]  # its key is its place in the plan; takes away the column of TenantOwned
    plan_version_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title_en: Mapped[str]
    title_zh: Mapped[str]
    meter: Mapped[str | None]
    measures: Mapped[str | None]
    flat_minor: Mapped[int]
    included: Mapped[Decimal]
    package_size: Mapped[Decimal]


class PlanTier(TenantOwned, Model):
    """One step of a ladder: what a unit costs above `above` and up to `up_to`, and what the step itself costs. 阶梯

    `unit_price` is in minor units: 0.5 is half a fen.
    """

    __tablename__ = "plan_tier"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "plan_version_id", "component"],
            ["plan_component.tenant_id", "plan_component.plan_version_id", "plan_component.code"],
        ),
        CheckConstraint("above >= 0 AND (up_to IS NULL OR up_to > above)", name="step"),
        CheckConstraint("unit_price >= 0 AND flat_minor >= 0", name="prices"),
    )

    id = None  # type: ignore[assignment]  # its key is its place on the ladder; takes away the column of TenantOwned
    plan_version_id: Mapped[UUID] = mapped_column(primary_key=True)
    component: Mapped[str] = mapped_column(primary_key=True)
    above: Mapped[Decimal] = mapped_column(primary_key=True)
    up_to: Mapped[Decimal | None]
    unit_price: Mapped[Decimal]
    flat_minor: Mapped[int]


class Subscription(TenantOwned, Model):
    """Whose use is billed by which plan version, from a day until before another. 订阅

    `rated_until` is the first day that has not been rated. A change of plan ends one subscription and begins the next.
    """

    __tablename__ = "subscription"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "plan_version_id"], ["plan_version.tenant_id", "plan_version.id"]),
        Index("subscription_by_progress", "tenant_id", "rated_until", "id"),
        Index("subscription_by_subject", "tenant_id", "subject"),
        CheckConstraint("until_day IS NULL OR until_day >= first_day", name="days"),
        CheckConstraint("rated_until >= first_day", name="progress"),
    )

    plan_version_id: Mapped[UUID]
    subject: Mapped[str]
    contract_id: Mapped[UUID | None]
    follows_id: Mapped[UUID | None]
    first_day: Mapped[date]
    until_day: Mapped[date | None]
    rated_until: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class RatedLine(TenantOwned, Model):
    """What one thing came to in one month: the same input gives the same line, byte for byte. 计费行

    `revision` 0 is the month's own rating. A later one is an adjustment for use that came late: the price of the whole
    quantity less what was billed; it comes on the bill of `raised_for` and points back to its month. `parked_reason`
    says why a line is not to be billed as it stands.
    """

    __tablename__ = "rated_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        # No foreign key: the statement that writes lines joins their subscriptions, and a second look at each row costs
        # as much as the line itself.
        UniqueConstraint("tenant_id", "subscription_id", "period_first", "code", "revision"),
        # In the order of payers, so that a chunk of a month's run reads its own lines and no others.
        Index(
            "rated_line_by_payer", "tenant_id", "raised_for", text("coalesce(contract_id, subscription_id)"), "currency"
        ),
        one_of("kind", LINE_KINDS),
        one_of("currency", CURRENCIES),
        CheckConstraint("period_first < period_until AND raised_for >= period_first", name="period"),
        CheckConstraint("parked_reason IN ('negative-quantity', 'out-of-range')", name="parked_reason"),
    )

    subscription_id: Mapped[UUID]
    contract_id: Mapped[UUID | None]
    plan_version_id: Mapped[UUID]
    period_first: Mapped[date]
    period_until: Mapped[date]
    covered_first: Mapped[date]
    covered_until: Mapped[date]
    raised_for: Mapped[date]
    revision: Mapped[int]
    code: Mapped[str]
    kind: Mapped[str]
    meter: Mapped[str | None]
    text_en: Mapped[str]
    text_zh: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(_WIDE)
    unit_price: Mapped[Decimal | None]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    pool_id: Mapped[UUID | None]
    parked_reason: Mapped[str | None]
    line_input_hash: Mapped[str]


class UsageClaim(TenantOwned, Changing, Model):
    """A roll-up as it stood when a line billed it. Each state of it is billed by one line: this is its key. 用量认领

    The copy makes rating repeatable: a line is a function of its claims, whatever the roll-up says today.
    """

    __tablename__ = "usage_claim"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        # No index by line: a line's meter, subject and hours lead to its claims, and one more random key cost a third
        # of the claim.
        Index("usage_claim_by_change_idx", "tenant_id", "changed_xid"),
    )

    id = None  # type: ignore[assignment]  # its key is what it claims; takes away the column of TenantOwned
    meter: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    fact_count: Mapped[int] = mapped_column(primary_key=True)
    rated_line_id: Mapped[UUID]
    event_count: Mapped[int]
    quantity: Mapped[Decimal] = mapped_column(_WIDE)
    maximum: Mapped[Decimal | None]
    latest_quantity: Mapped[Decimal | None]
    latest_at: Mapped[datetime | None]
    latest_seq: Mapped[int | None]
    latest_key: Mapped[str | None]


class PrepaidPool(TenantOwned, Model):
    """Money paid ahead for one subject's use. It burns soonest expiry first, then by priority, then by age. 预付池"""

    __tablename__ = "prepaid_pool"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index("prepaid_pool_by_subject", "tenant_id", "subject"),
        CheckConstraint("granted_minor > 0 AND remaining_minor BETWEEN 0 AND granted_minor", name="remaining"),
        CheckConstraint("expires_on IS NULL OR expires_on > valid_from", name="days"),
        one_of("currency", CURRENCIES),
    )

    key: Mapped[str]
    subject: Mapped[str]
    currency: Mapped[str]
    granted_minor: Mapped[int]
    remaining_minor: Mapped[int]
    priority: Mapped[int] = mapped_column(default=0)
    valid_from: Mapped[date]
    expires_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
