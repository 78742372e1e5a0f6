"""Services' views for the hospital. Patients find services in the public directory."""

from typing import Any
from uuid import UUID

from tandem.billing.prices import PriceAboveCeiling
from tandem.kernel.database import Page
from tandem.kernel.http import Api, check_if_match
from tenants.healthcare_services import commands, queries
from tenants.healthcare_services.errors import ServiceIsPublished, ServiceNameTaken, ServiceNotOffered
from tenants.healthcare_services.models import HealthcareService
from tenants.healthcare_services.schemas import ServiceQuery, ServiceRevisionSchema, ServiceSchema
from tenants.hospitals import LicenceExpired, LicenceNotValid, ReasonSchema, SpecialtyNotRegistered

_OUTSIDE_THE_LICENCE = (LicenceNotValid, LicenceExpired, SpecialtyNotRegistered)

api = Api("services", audience="hospital", url_prefix="/services")


@api.get("", allow="services.read", gives=ServiceSchema, many=True, query=ServiceQuery)
def list_services(query: dict[str, Any]) -> Page:
    """List the hospital's services."""
    return queries.services(**query)


@api.post(
    "",
    allow="services.write",
    takes=ServiceSchema,
    gives=ServiceSchema,
    problems=(*_OUTSIDE_THE_LICENCE, ServiceNameTaken, PriceAboveCeiling),
)
def write_service(wish: dict[str, Any]) -> HealthcareService:
    """Write a service inside the licence, as a draft."""
    return commands.write_service(wish)


@api.get("/<uuid:service_id>", allow="services.read", gives=ServiceSchema)
def read_service(service_id: UUID) -> HealthcareService:
    """Read one service."""
    return queries.service(service_id)


@api.patch(
    "/<uuid:service_id>",
    allow="services.write",
    takes=ServiceRevisionSchema,
    gives=ServiceSchema,
    versioned=True,
    problems=(*_OUTSIDE_THE_LICENCE, ServiceNotOffered, ServiceIsPublished, ServiceNameTaken, PriceAboveCeiling),
)
def revise_service(service_id: UUID, wish: dict[str, Any]) -> HealthcareService:
    """Change a service; what is booked keeps its price."""
    service = queries.service_for_update(service_id)
    check_if_match(service)
    return commands.revise_service(service, wish)


@api.post(
    "/<uuid:service_id>/publication",
    allow="services.write",
    gives=ServiceSchema,
    problems=(*_OUTSIDE_THE_LICENCE, PriceAboveCeiling),
)
def publish_service(service_id: UUID) -> HealthcareService:
    """Publish a service: patients may find and book it."""
    return commands.publish_service(service_id)


@api.post("/<uuid:service_id>/retirement", allow="services.write", takes=ReasonSchema, gives=ServiceSchema)
def retire_service(service_id: UUID, wish: dict[str, Any]) -> HealthcareService:
    """Retire a service; what is booked is delivered."""
    return commands.retire_service(service_id, because=wish["because"])
