"""An employer's own profile."""

from typing import Any

from b2b.employers import commands, queries
from b2b.employers.models import EmployerProfile
from b2b.employers.schemas import EmployerProfileSchema
from tandem.kernel.http import Api, check_if_match

profile = Api("employer_profile", audience="employer", url_prefix="/profile")


@profile.get("", allow="employer.read", gives=EmployerProfileSchema)
def read_profile() -> EmployerProfile:
    """How we are invoiced."""
    return queries.profile()


@profile.post("", allow="contracts.sign", takes=EmployerProfileSchema, gives=EmployerProfileSchema)
def create_profile(wish: dict[str, Any]) -> EmployerProfile:
    """Say how we are invoiced."""
    return commands.create_profile(**wish)


@profile.put("", allow="contracts.sign", takes=EmployerProfileSchema, gives=EmployerProfileSchema, versioned=True)
def change_profile(wish: dict[str, Any]) -> EmployerProfile:
    """Change how we are invoiced."""
    held = queries.profile()
    check_if_match(held)
    return commands.change_profile(held, wish)


APIS = (profile,)
