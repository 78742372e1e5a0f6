"""Organisations, the steps of their admission, and the checklist behind it.

Admission with four eyes: who reviews did not submit, who approves did not review; the row itself refuses otherwise.
Sources: domain.md 3.3 (onboarding application), Internet Hospital Measures art. 6 (agreement on file before go-live).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, TenantOwned, Versioned, Wall
from tandem.kernel.states import states

KINDS: Final = ("operator", "hospital", "employer", "programme", "regulator")
ADMITTED_KINDS: Final = ("hospital", "employer")
"""Kinds that are admitted by application; the others exist by decree of the operator."""

NEXT: Final = {
    "listed": {"draft"},
    "draft": {"submitted", "withdrawn"},
    "submitted": {"under_review", "withdrawn"},
    "under_review": {"info_requested", "approved", "rejected"},
    "info_requested": {"submitted", "withdrawn"},
    "approved": {"live"},
    "rejected": {"submitted"},
    "withdrawn": {"submitted"},
    "live": {"suspended"},
    "suspended": {"live"},
}
"""`listed`: known from a public register, not admitted, nobody of it has ever spoken to us."""

IN_ADMISSION: Final = ("draft", "submitted", "under_review", "info_requested", "approved")


@dataclass(frozen=True)
class RequirementRule:
    """One thing an organisation must show, and the step (approval or go_live) that it gates."""

    code: str
    gates: str


REQUIREMENTS: Final = {
    "hospital": (RequirementRule("licence", "approval"), RequirementRule("agreement", "go_live")),
    "employer": (RequirementRule("business_registration", "approval"),),
}


class Organization(TenantOwned, Versioned, Model):
    """A tenant: a hospital, an employer, a programme, a regulator, or the operator itself. 机构"""

    __tablename__ = "organization"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        states(NEXT),
        one_of("kind", KINDS),
        CheckConstraint("tenant_id = id", name="is_its_own_tenant"),
        CheckConstraint("reviewed_by <> submitted_by", name="reviewer_is_not_submitter"),
        CheckConstraint("approved_by <> reviewed_by", name="approver_is_not_reviewer"),
    )

    kind: Mapped[str]
    status: Mapped[str]
    name: Mapped[str]
    name_sort: Mapped[str]
    uscc: Mapped[str | None]
    province_code: Mapped[str | None]
    province: Mapped[str | None]
    city_code: Mapped[str | None]
    city: Mapped[str | None]
    address: Mapped[str | None]
    phone: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    source: Mapped[str] = mapped_column(default="operator")
    submitted_by: Mapped[UUID | None]
    submitted_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
    reviewed_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    live_since: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class OrganizationStep(TenantOwned, Model):
    """One step in an organisation's life on the platform, as its timeline tells it. 准入历程"""

    __tablename__ = "organization_step"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "organization_id"], ["organization.tenant_id", "organization.id"]),
        Index(None, "tenant_id", "taken_at"),
    )

    organization_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    taken_by: Mapped[UUID | None]
    taken_by_kind: Mapped[str]
    because: Mapped[str | None]
    taken_at: Mapped[datetime] = mapped_column(default=clock.now)


class OrganizationRequirement(TenantOwned, Model):
    """One thing the organisation must show before a step, with what it showed. 准入条件"""

    __tablename__ = "organization_requirement"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "organization_id"], ["organization.tenant_id", "organization.id"]),
        UniqueConstraint("tenant_id", "code"),
        CheckConstraint("status IN ('unmet', 'met', 'waived')", name="status"),
        CheckConstraint("gates IN ('approval', 'go_live')", name="gates"),
        CheckConstraint("status = 'unmet' OR evidence IS NOT NULL", name="shown"),
    )

    organization_id: Mapped[UUID]
    code: Mapped[str]
    gates: Mapped[str]
    status: Mapped[str] = mapped_column(default="unmet")
    evidence: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
