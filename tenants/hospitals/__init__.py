"""Hospitals: licence, registered specialties, departments and public page of the hospital in scope. 医院与执业许可"""

from tenants.hospitals.errors import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.hospitals.events import LicenceLapsed, LicenceVerified, ProfileChanged
from tenants.hospitals.models import HospitalProfile, Licence, licence_day
from tenants.hospitals.queries import licence_at, longest_valid, profile, require_department, require_licence
from tenants.hospitals.schemas import ReasonSchema, SpecialtyCode
from tenants.hospitals.specialties import SPECIALTIES, covers, is_paediatric

__all__ = [
    "SPECIALTIES",
    "HospitalProfile",
    "Licence",
    "LicenceExpired",
    "LicenceLapsed",
    "LicenceNotValid",
    "LicenceVerified",
    "ProfileChanged",
    "ReasonSchema",
    "SpecialtyCode",
    "SpecialtyNotRegistered",
    "covers",
    "is_paediatric",
    "licence_at",
    "licence_day",
    "longest_valid",
    "profile",
    "require_department",
    "require_licence",
]
