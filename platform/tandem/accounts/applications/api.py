"""Applications from outside."""

from typing import Any, Final

from tandem.accounts.applications.commands import apply_in_public
from tandem.accounts.applications.schemas import ApplicationReceiptSchema, PublicApplicationSchema
from tandem.accounts.organizations.errors import OrganizationExists
from tandem.accounts.organizations.queries import natural_id
from tandem.accounts.people.errors import LoginTaken, SignInLocked
from tandem.accounts.people.proving import known_or_new_person
from tandem.accounts.staff.errors import AlreadyStaff
from tandem.kernel.access import PUBLIC
from tandem.kernel.http import Api
from tandem.kernel.tenancy import acting_for, transaction

api = Api("applications", audience="public", url_prefix="/applications", tag="Organizations")


@api.post(
    "",
    allow=PUBLIC,
    takes=PublicApplicationSchema,
    gives=ApplicationReceiptSchema,
    idempotent=False,
    problems=(OrganizationExists, LoginTaken, SignInLocked, AlreadyStaff),
)
def apply_to_join(wish: dict[str, Any]) -> dict[str, Any]:
    """Apply as a hospital or an employer. The organisation is named by nature, so a repeat is refused, not doubled."""
    applicant = wish.pop("applicant")
    tenant = natural_id(wish["kind"], name=wish["name"], city=wish.get("city"), uscc=wish.get("uscc"))
    person_id, is_new = known_or_new_person(applicant["login"], applicant["password"])
    with acting_for(tenant, person_id=person_id), transaction():
        organization = apply_in_public(wish, person_id=person_id, is_new=is_new, applicant=applicant)
    return {
        "organization_id": organization.id,
        "kind": organization.kind,
        "status": organization.status,
        "sign_in": f"/api/{organization.kind}/v1/sessions",
    }


APIS: Final = (api,)
