"""Reads about the services of the hospital in scope."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from tandem.accounts import require_active
from tandem.kernel import clock
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id
from tenants.healthcare_services.errors import ServiceNotOffered
from tenants.healthcare_services.models import HealthcareService
from tenants.hospitals import require_licence


def bookable_service(service_id: UUID) -> HealthcareService:
    """A service that can be booked now: published, by a live hospital, inside a licence valid today.

    Raises NotFound, ServiceNotOffered, OrganizationNotLive, LicenceNotValid or SpecialtyNotRegistered. The licence on
    the day of delivery is the booking's own question: `require_licence(service.specialty, slot.start_at)`.
    """
    found = service(service_id)
    if found.status != "active":
        raise ServiceNotOffered(service_id=service_id, service_status=found.status)
    require_active()
    require_licence(found.specialty, clock.now())
    return found


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
