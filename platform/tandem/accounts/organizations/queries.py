"""Reads about organisations."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from tandem.accounts.organizations.models import IN_ADMISSION, Organization, OrganizationRequirement, OrganizationStep
from tandem.accounts.organizations.naming import plain_name
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.ids import derived_id
from tandem.kernel.tenancy import tenant_id

_CARD = (
    Organization.id,
    Organization.kind,
    Organization.status,
    Organization.name,
    Organization.name_sort,
    Organization.uscc,
    Organization.province_code,
    Organization.province,
    Organization.city_code,
    Organization.city,
    Organization.tags,
    Organization.source,
    Organization.live_since,
    Organization.created_at,
)


def natural_id(kind: str, *, name: str, city: str | None = None, uscc: str | None = None) -> UUID:
    """The id that follows from what the world calls an organisation, so that meeting it twice names it once.

    An employer is known by its USCC, a hospital by its name within its city (a register lists it without a USCC).
    """
    if kind == "employer":
        return derived_id("organization", kind, uscc)
    return derived_id("organization", kind, plain_name(name), city or "")


def own_organization(*, for_update: bool = False) -> Organization:
    """The scope's organisation. [any tenant] Raises NotFound."""
    found = organization_or_none(for_update=for_update)
    if found is None:
        raise NotFound
    return found


def organization_or_none(*, for_update: bool = False) -> Organization | None:
    """The scope's organisation, or None while it has no row yet. [any tenant]"""
    statement = select(Organization).where(Organization.tenant_id == tenant_id(), Organization.id == tenant_id())
    return session.scalar(statement.with_for_update() if for_update else statement)


def names_of(tenants: Collection[UUID]) -> dict[UUID, str]:
    """What organisations are called, as far as they are here. [across tenants]"""
    found = session.execute(select(Organization.id, Organization.name).where(Organization.id.in_(tenants)))
    return {row.id: row.name for row in found}


def kind_of(tenant: UUID) -> str | None:
    """An organisation's kind, or None where there is no such organisation. [operator]"""
    statement = select(Organization.kind).where(Organization.tenant_id == tenant, Organization.id == tenant)
    return session.scalar(statement)


def requirements() -> list[OrganizationRequirement]:
    """The scope's checklist, in the order of the steps that it gates. [any tenant]"""
    statement = (
        select(OrganizationRequirement)
        .where(OrganizationRequirement.tenant_id == tenant_id())
        .order_by(OrganizationRequirement.gates, OrganizationRequirement.code)
    )
    return list(session.scalars(statement))


def missing_requirements(gates: str) -> list[str]:
    """The codes that still stand in the way of a step. [any tenant]"""
    return [each.code for each in requirements() if each.gates == gates and each.status == "unmet"]


def timeline(*, limit: int, after: str | None) -> Page:
    """The steps of the scope's organisation, oldest first. [any tenant]"""
    statement = select(OrganizationStep.__table__).where(OrganizationStep.tenant_id == tenant_id())
    return page(statement, by=[OrganizationStep.taken_at, OrganizationStep.id], limit=limit, after=after)


def organizations(filters: Mapping[str, Any], *, limit: int, after: str | None) -> Page:
    """Organisations by their name's pronunciation. [across tenants]"""
    statement = select(*_CARD).where(*_chosen(filters))
    return page(statement, by=[Organization.name_sort, Organization.id], limit=limit, after=after)


def applications(*, limit: int, after: str | None) -> Page:
    """Organisations between their first word and their approval, the longest waiting first. [across tenants]"""
    statement = select(*_CARD).where(Organization.status.in_(IN_ADMISSION))
    return page(statement, by=[Organization.created_at, Organization.id], limit=limit, after=after)


def organization_counts(filters: Mapping[str, Any]) -> dict[str, Any]:
    """How many organisations the same filters choose: in all, and by status, kind and province. [across tenants]"""
    chosen = _chosen(filters)
    counted = rows(
        select(Organization.status, Organization.kind, Organization.province, func.count().label("count"))
        .where(*chosen)
        .group_by(Organization.status, Organization.kind, Organization.province)
    )
    sums: dict[str, dict[str, int]] = {"status": {}, "kind": {}, "province": {}}
    for row in counted:
        for name, by_value in sums.items():
            value = row[name] or ""
            by_value[value] = by_value.get(value, 0) + row["count"]
    total = sum(row["count"] for row in counted)
    return {"total": total, **{f"by_{name}": dict(sorted(by_value.items())) for name, by_value in sums.items()}}


def tenants_of(kind: str | None) -> Select[UUID]:
    """The ids of organisations at work, of a kind or of all, for one job per tenant. [across tenants]

    A suspended one is among them: its books must still be kept.
    """
    at_work = select(Organization.tenant_id).where(Organization.status.in_(("live", "suspended")))
    return at_work if kind is None else at_work.where(Organization.kind == kind)


def _chosen(filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    exact = {
        "kind": Organization.kind,
        "status": Organization.status,
        "province": Organization.province,
        "city": Organization.city,
        "source": Organization.source,
    }
    chosen: list[ColumnElement[bool]] = [
        column == filters[name] for name, column in exact.items() if filters.get(name) is not None
    ]
    if filters.get("name"):
        chosen.append(Organization.name.contains(filters["name"], autoescape=True))
    return chosen
