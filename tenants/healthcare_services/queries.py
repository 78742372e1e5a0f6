"""Reads about the services of the hospital in scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, select

from tandem.accounts import Organization, require_active
from tandem.kernel import clock
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id
from tenants.healthcare_services.errors import ServiceNotOffered
from tenants.healthcare_services.models import HealthcareService
from tenants.hospitals import Licence, licence_day, longest_valid, require_licence

_BOOKABLE = (
    select(HealthcareService, Organization.status, Licence)
    .outerjoin(
        Organization,
        and_(Organization.tenant_id == HealthcareService.tenant_id, Organization.id == HealthcareService.tenant_id),
    )
    .outerjoin(
        Licence,
        and_(
            Licence.tenant_id == HealthcareService.tenant_id,
            Licence.status == "verified",
            Licence.valid_to >= bindparam("today"),
        ),
    )
    .where(HealthcareService.id == bindparam("service_id"))
)


def bookable_service(service_id: UUID, at: datetime | None = None) -> HealthcareService:
    """A service that can be booked now: published, by a live hospital, inside a licence valid today, and on the day of
    `at` when that is given. One round trip: booking waits for it.

    Raises NotFound, ServiceNotOffered, OrganizationNotLive, LicenceNotValid or SpecialtyNotRegistered.
    """
    now = clock.now()
    found = session.execute(_BOOKABLE, {"service_id": service_id, "today": licence_day(now)}).all()
    if not found:
        raise NotFound
    service, organization_status = found[0][0], found[0][1]
    if service.status != "active":
        raise ServiceNotOffered(service_id=service_id, service_status=service.status)
    if organization_status != "live":
        require_active()
    licences = [row[2] for row in found if row[2] is not None]
    for moment in {now, at or now}:
        valid = longest_valid(licences, moment)
        if valid is None or not valid.registers(service.specialty):
            # The short way says only that it is not so; this says why.
            require_licence(service.specialty, moment)
    return service


def service(service_id: UUID) -> HealthcareService:
    """One service, in whatever state. Raises NotFound."""
    found = session.scalar(select(HealthcareService).where(HealthcareService.id == service_id))
    if found is None:
        raise NotFound
    return found


def service_for_update(service_id: UUID) -> HealthcareService:
    """One service, locked until the transaction ends. Raises NotFound."""
    found = session.scalar(select(HealthcareService).where(HealthcareService.id == service_id).with_for_update())
    if found is None:
        raise NotFound
    return found


def services(limit: int, after: str | None, status: str | None = None) -> Page:
    """The hospital's services, in the order they were written."""
    statement = select(HealthcareService.__table__).where(HealthcareService.tenant_id == tenant_id())
    if status is not None:
        statement = statement.where(HealthcareService.status == status)
    return page(statement, by=[HealthcareService.created_at, HealthcareService.id], limit=limit, after=after)


def published_services() -> Sequence[HealthcareService]:
    """All that patients may find."""
    statement = select(HealthcareService).where(HealthcareService.status == "active").order_by(HealthcareService.id)
    return session.scalars(statement).all()
