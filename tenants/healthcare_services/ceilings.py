"""What public circulars allow this hospital to charge: asked where a price is set, and again where it is charged."""

from datetime import date
from uuid import UUID

from sqlalchemy import Row, and_, select

from tandem.accounts import Organization
from tandem.billing.prices import PriceBasis, require_price_within_ceiling
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.money import Money
from tandem.kernel.tenancy import tenant_id
from tenants.healthcare_services.models import HealthcareService
from tenants.hospitals import HospitalProfile

UNGRADED = "ungraded"


def require_public_price(price: Money, care_type: str, on: date | None = None) -> None:
    """Let a price pass that no circular of the hospital's region and grade forbids on a day, today if not given.

    Raises PriceAboveCeiling.
    """
    place = session.execute(
        _PLACE.where(Organization.tenant_id == tenant_id(), Organization.id == tenant_id())
    ).one_or_none()
    basis = _basis(place, care_type)
    if basis is not None:
        require_price_within_ceiling(**basis.facts, price=price, on=on or clock.today())


def basis_of_service(service_id: UUID) -> PriceBasis | None:
    """By which circulars a service's price is measured; None while the hospital has no region."""
    wanted = _PLACE.add_columns(HealthcareService.care_type).join(
        HealthcareService, HealthcareService.tenant_id == Organization.tenant_id
    )
    found = session.execute(
        wanted.where(
            HealthcareService.tenant_id == tenant_id(),
            HealthcareService.id == service_id,
            Organization.tenant_id == tenant_id(),
            Organization.id == tenant_id(),
        )
    ).one_or_none()
    return None if found is None else _basis(found, found[2])


def require_public_charge(price: Money, service_id: UUID, on: date) -> None:
    """Let a charge pass that no circular forbids on the day of the visit. Raises PriceAboveCeiling."""
    basis = basis_of_service(service_id)
    if basis is not None:
        require_price_within_ceiling(**basis.facts, price=price, on=on)


def _basis(place: Row[*tuple[str | None, ...]] | None, care_type: str) -> PriceBasis | None:
    # A hospital that has not said where it is cannot be held against a region's circular; admission asks for it.
    if place is None or place[0] is None:
        return None
    return PriceBasis(region=place[0], grade=place[1] or UNGRADED, item=care_type)


_PLACE = select(Organization.province, HospitalProfile.level).outerjoin(
    HospitalProfile, and_(HospitalProfile.tenant_id == Organization.tenant_id)
)
