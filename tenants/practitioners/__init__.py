"""Practitioners: who practises here, on what credentials, and that it was really they. 医务人员"""

from tenants.practitioners.errors import PractitionerNotCleared, RealNameCheckDue
from tenants.practitioners.events import PractitionerCleared, PractitionerStopped
from tenants.practitioners.models import CLEARED, Credential, Practitioner
from tenants.practitioners.queries import (
    Qualification,
    cleared_practitioners,
    credentials_in_force,
    practitioner,
    practitioner_of_person,
    require_practitioner,
    require_real_name_check,
    shortcomings,
)

__all__ = [
    "CLEARED",
    "Credential",
    "Practitioner",
    "PractitionerCleared",
    "PractitionerNotCleared",
    "PractitionerStopped",
    "Qualification",
    "RealNameCheckDue",
    "cleared_practitioners",
    "credentials_in_force",
    "practitioner",
    "practitioner_of_person",
    "require_practitioner",
    "require_real_name_check",
    "shortcomings",
]
