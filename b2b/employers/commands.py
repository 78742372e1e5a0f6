"""Keeping an employer's profile. [employer]"""

from typing import Any

from b2b.employers.models import EmployerProfile
from tandem.kernel import audit
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.tenancy import tenant_id


def create_profile(**said: Any) -> EmployerProfile:
    """Say how this employer is invoiced. Raises TransitionRefused when it has been said: change it instead."""
    written = EmployerProfile(tenant_id=tenant_id(), id=tenant_id(), **said)
    with refusing(employer_profile_pkey=TransitionRefused):
        session.add(written)
    audit.record(action="employer_profile.created", object_type="employer_profile", object_id=written.id)
    return written


def change_profile(held: EmployerProfile, changes: dict[str, Any]) -> EmployerProfile:
    """Change how this employer is invoiced from the next invoice on."""
    for name, value in changes.items():
        setattr(held, name, value)
    audit.record(
        action="employer_profile.changed",
        object_type="employer_profile",
        object_id=held.id,
        details={"fields": sorted(changes)},
    )
    return held
