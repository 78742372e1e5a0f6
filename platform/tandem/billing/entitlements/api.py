"""A member's own view of benefits. There is no other: no employer, no operator can ask who uses what."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from tandem.billing.entitlements import commands, queries
from tandem.billing.entitlements.errors import NoSuchBenefit
from tandem.billing.entitlements.schemas import ActivationSchema, BenefitSchema
from tandem.kernel import audit
from tandem.kernel.database import Page, session
from tandem.kernel.http import Api
from tandem.kernel.identity import Person, current_actor
from tandem.kernel.tenancy import acting_for, transaction

benefits = Api("benefits", audience="patient", url_prefix="/benefits")


@benefits.get("", allow="benefits.read", gives=BenefitSchema, many=True)
def list_benefits(query: dict[str, Any]) -> Page:
    """The programmes that wait for me or that I take part in, with what is left. At most twenty, on one page."""
    return Page(queries.benefits_of(_person()), None)


@benefits.post(
    "/<uuid:programme>/activations",
    allow="benefits.activate",
    takes=ActivationSchema,
    gives=BenefitSchema,
    problems=(NoSuchBenefit,),
)
def activate(programme: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Take part in a programme, by my own consent (PIPL 29): my employer does not learn of it."""
    person = _person()
    login_index = session.scalars(select(Person.login_index).where(Person.id == person)).one()
    if programme not in {row["programme_id"] for row in queries.benefits_of(person)}:
        raise NoSuchBenefit
    # The programme is another tenant than the person's own rows: its own transaction, keyed by what it does.
    with acting_for(programme, person_id=person), transaction():
        entitlement_id = commands.activate(person, login_index)
        audit.record(
            action="consent.given",
            object_type="entitlement",
            object_id=entitlement_id,
            details={"version": wish["consent_version"]},
        )
    return next(row for row in queries.benefits_of(person) if row["id"] == entitlement_id)


def _person() -> UUID:
    person_id = current_actor().person_id
    if person_id is None:
        raise NoSuchBenefit
    return person_id


APIS = (benefits,)
