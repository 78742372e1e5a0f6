"""The public directory: anybody may search it, nobody pays for a place in it."""

from typing import Any
from uuid import UUID

from tandem.kernel.access import PUBLIC
from tandem.kernel.database import Page
from tandem.kernel.http import Api
from tandem.traffic.directory import queries
from tandem.traffic.directory.schemas import (
    DirectoryHospitalSchema,
    DirectoryPractitionerSchema,
    DirectoryServiceSchema,
    HospitalQuery,
    ServiceSearchQuery,
)

hospitals = Api("hospitals", audience="public", url_prefix="/hospitals", tag="Directory")
services = Api("services", audience="public", url_prefix="/services", tag="Directory")


@hospitals.get("", allow=PUBLIC, gives=DirectoryHospitalSchema, many=True, query=HospitalQuery)
def search_hospitals(query: dict[str, Any]) -> Page:
    """Search live, licensed hospitals by specialty, place and name."""
    return queries.hospitals(**query)


@hospitals.get("/<uuid:hospital_id>", allow=PUBLIC, gives=DirectoryHospitalSchema)
def read_hospital(hospital_id: UUID) -> dict[str, Any]:
    """Read what a hospital must display: licence, registered specialties, where it is."""
    return queries.hospital(hospital_id)


@hospitals.get("/<uuid:hospital_id>/practitioners", allow=PUBLIC, gives=DirectoryPractitionerSchema, many=True)
def list_practitioners(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """List who practises in a hospital."""
    return queries.practitioners(hospital_id, **query)


@services.get("", allow=PUBLIC, gives=DirectoryServiceSchema, many=True, query=ServiceSearchQuery)
def search_services(query: dict[str, Any]) -> Page:
    """Search published services with their prices, cheapest first."""
    return queries.services(**query)


@services.get("/<uuid:service_id>", allow=PUBLIC, gives=DirectoryServiceSchema)
def read_service(service_id: UUID) -> dict[str, Any]:
    """Read a published service."""
    return queries.service(service_id)
