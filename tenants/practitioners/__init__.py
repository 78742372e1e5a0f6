"""Practitioners: who practises here, on what credentials, and that it was really they. 医务人员"""

from tenants.practitioners.errors import PractitionerNotCleared, RealNameCheckDue
from tenants.practitioners.queries import (
    practitioner,
    practitioner_of_person,
    require_practitioner,
    require_real_name_check,
)

__all__ = [
    "PractitionerNotCleared",
    "RealNameCheckDue",
    "practitioner",
    "practitioner_of_person",
    "require_practitioner",
    "require_real_name_check",
]
