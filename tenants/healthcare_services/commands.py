"""Decisions about services: writing, publishing, retiring them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id
from tenants.healthcare_services import queries
from tenants.healthcare_services.ceilings import require_public_price
from tenants.healthcare_services.errors import ServiceIsPublished, ServiceNameTaken, ServiceNotOffered
from tenants.healthcare_services.events import ServicePublished, ServiceRetired, ServiceRevised
from tenants.healthcare_services.models import NEXT, HealthcareService
from tenants.hospitals import require_department, require_licence

REVISABLE_WHEN_PUBLISHED = frozenset({"price", "description", "name_en"})


def write_service(facts: Mapping[str, Any]) -> HealthcareService:
    """Write a service, as a draft, inside the licence (I-2).

    Raises LicenceNotValid, SpecialtyNotRegistered, Invalid for an unknown department, ServiceNameTaken,
    PriceAboveCeiling.
    """
    require_licence(facts["specialty"], clock.now())
    require_public_price(facts["price"], facts["care_type"])
    service = HealthcareService(tenant_id=tenant_id(), id=new_id(), **_columns(facts))
    with refusing(healthcare_service_tenant_id_name_key=ServiceNameTaken):
        session.add(service)
    audit.record(
        action="service.written",
        object_type="healthcare_service",
        object_id=service.id,
        details={"specialty": service.specialty, "price_minor": service.price_minor},
    )
    return service


def revise_service(service: HealthcareService, changes: Mapping[str, Any]) -> HealthcareService:
    """Change a service; the caller has checked the version. What is booked keeps its price.

    Raises ServiceNotOffered when retired, ServiceIsPublished for a change of nature, LicenceNotValid,
    SpecialtyNotRegistered, ServiceNameTaken, PriceAboveCeiling.
    """
    if service.status == "retired":
        raise ServiceNotOffered(service_id=service.id, service_status=service.status)
    if service.status == "active" and (fixed := sorted(changes.keys() - REVISABLE_WHEN_PUBLISHED)):
        raise ServiceIsPublished(fields_fixed=fixed)
    if "specialty" in changes:
        require_licence(changes["specialty"], clock.now())
    if changes.keys() & {"price", "care_type"}:
        price = changes.get("price") or Money(service.price_minor, service.currency)
        require_public_price(price, changes.get("care_type", service.care_type))
    before = service.price_minor
    with refusing(healthcare_service_tenant_id_name_key=ServiceNameTaken):
        for name, value in _columns(changes).items():
            setattr(service, name, value)
    audit.record(
        action="service.revised",
        object_type="healthcare_service",
        object_id=service.id,
        details={"fields": sorted(changes), "price_minor_before": before, "price_minor": service.price_minor},
    )
    if service.status == "active":
        outbox.add(ServiceRevised(service.id))
    return service


def publish_service(service_id: UUID) -> HealthcareService:
    """Let patients find it. The licence must register its specialty today, not when it was written (I-1, I-2),
    and the circulars of today must allow its price.

    Raises NotFound, LicenceNotValid, SpecialtyNotRegistered, PriceAboveCeiling, TransitionRefused.
    """
    service = queries.service_for_update(service_id)
    require_licence(service.specialty, clock.now())
    require_public_price(Money(service.price_minor, service.currency), service.care_type)
    move(service, "active", NEXT)
    service.published_at = clock.now()
    session.flush()
    outbox.add(ServicePublished(service.id))
    return service


def retire_service(service_id: UUID, *, because: str) -> HealthcareService:
    """Offer it no longer; what is booked is delivered. Raises NotFound, TransitionRefused."""
    service = queries.service_for_update(service_id)
    move(service, "retired", NEXT, because=because)
    session.flush()
    outbox.add(ServiceRetired(service.id))
    return service


def _columns(facts: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(facts)
    if columns.get("department_id") is not None:
        require_department(columns["department_id"])
    price: Money | None = columns.pop("price", None)
    if price is not None:
        columns |= {"price_minor": price.amount_minor, "currency": price.currency}
    return columns
