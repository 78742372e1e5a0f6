"""Hospitals: licence, registered specialties, departments and public page of the hospital in scope. 医院与执业许可"""

from tenants.hospitals.errors import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.hospitals.models import licence_day
from tenants.hospitals.queries import licence_at, require_licence
from tenants.hospitals.specialties import SPECIALTIES, covers, is_paediatric, unknown_among

__all__ = [
    "SPECIALTIES",
    "LicenceExpired",
    "LicenceNotValid",
    "SpecialtyNotRegistered",
    "covers",
    "is_paediatric",
    "licence_at",
    "licence_day",
    "require_licence",
    "unknown_among",
]
