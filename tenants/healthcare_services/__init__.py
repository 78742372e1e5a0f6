"""Healthcare services: what a hospital offers, inside its licence, at a displayed price. 医疗服务"""

from tenants.healthcare_services.ceilings import basis_of_service, require_public_charge
from tenants.healthcare_services.errors import ServiceNotOffered
from tenants.healthcare_services.events import ServicePublished, ServiceRetired, ServiceRevised
from tenants.healthcare_services.models import HealthcareService
from tenants.healthcare_services.queries import bookable_service, service

__all__ = [
    "HealthcareService",
    "ServiceNotOffered",
    "ServicePublished",
    "ServiceRetired",
    "ServiceRevised",
    "basis_of_service",
    "bookable_service",
    "require_public_charge",
    "service",
]
