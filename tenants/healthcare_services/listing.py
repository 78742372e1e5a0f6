"""What the public may see of the hospital in scope, computed whole from what is true now.

The order in which news arrives cannot matter, and a lost or doubled piece of news changes nothing.
"""

from tandem.accounts import Organization, own_organization
from tandem.kernel import clock
from tandem.kernel.tenancy import tenant_id
from tandem.traffic.directory import HospitalCard, PractitionerCard, ServiceCard, delist_hospital, hold, list_hospital
from tenants.healthcare_services.models import HealthcareService
from tenants.healthcare_services.queries import published_services
from tenants.hospitals import SPECIALTIES, Licence, licence_at, profile
from tenants.practitioners import Credential, Practitioner, cleared_practitioners, credentials_in_force


def refresh_listing() -> None:
    """Write the hospital's cards anew, or remove them while it is not live or not licensed."""
    hold(tenant_id())
    organization = own_organization()
    licence = licence_at(clock.now())
    if organization.status != "live" or licence is None:
        delist_hospital(tenant_id())
        return
    credentials = credentials_in_force()
    list_hospital(
        _hospital_card(organization, licence),
        [_service_card(service) for service in published_services() if licence.registers(service.specialty)],
        [
            _practitioner_card(practitioner, credentials[practitioner.id])
            for practitioner in cleared_practitioners()
            if practitioner.id in credentials
        ],
    )


def _hospital_card(organization: Organization, licence: Licence) -> HospitalCard:
    page = profile()
    return HospitalCard(
        id=organization.id,
        # The name on the platform is the licensed name (Medical Institutions Regulations, article 15).
        name=licence.licensed_name,
        second_name=licence.second_name,
        province=organization.province,
        city=organization.city,
        level=page.level if page else None,
        address=page.address if page else organization.address,
        phone=(page.phone if page else None) or organization.phone,
        website=page.website if page else None,
        introduction=page.introduction if page else "",
        licence_number=licence.number,
        licence_authority=licence.issuing_authority,
        licence_valid_to=licence.valid_to,
        specialties=[_named(code) for code in sorted(licence.registered_specialties)],
    )


def _service_card(service: HealthcareService) -> ServiceCard:
    named = _named(service.specialty)
    return ServiceCard(
        id=service.id,
        name=service.name,
        name_en=service.name_en,
        description=service.description,
        specialty=service.specialty,
        specialty_name_zh=named["zh"],
        specialty_name_en=named["en"],
        mode=service.mode,
        care_type=service.care_type,
        price_minor=service.price_minor,
        currency=service.currency,
        duration_minutes=service.duration_minutes,
    )


def _practitioner_card(practitioner: Practitioner, credential: Credential) -> PractitionerCard:
    return PractitionerCard(
        id=practitioner.id,
        name=practitioner.name,
        title=practitioner.title,
        kind=practitioner.kind,
        introduction=practitioner.introduction,
        specialties=sorted(credential.registered_specialties),
    )


def _named(code: str) -> dict[str, str]:
    name = SPECIALTIES[code].name
    return {"code": code, "zh": name.zh, "en": name.en}
