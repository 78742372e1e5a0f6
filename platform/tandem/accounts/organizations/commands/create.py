"""An organisation appears on the platform."""

from collections.abc import Mapping

from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError as NotANumber

from tandem.accounts.organizations.commands.requirements import draw_up_requirements, meet_requirement
from tandem.accounts.organizations.commands.steps import note_step, take_step
from tandem.accounts.organizations.errors import OrganizationExists
from tandem.accounts.organizations.models import ADMITTED_KINDS, Organization
from tandem.accounts.organizations.naming import sort_key
from tandem.accounts.organizations.queries import organization_or_none
from tandem.kernel import audit, clock
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.tenancy import tenant_id


def create_organization(
    *, kind: str, name: str, uscc: str | None = None, source: str = "operator", **place: str | None
) -> Organization:
    """A new organisation, which is its own tenant. [acting_for(its new id)]

    Hospitals and employers begin as drafts of their application; programmes, regulators and the operator itself
    are live at once. `place` is province_code, province, city_code, city, address and phone, as far as known.
    Raises OrganizationExists, Invalid for a USCC whose check digit is wrong.
    """
    is_admitted = kind in ADMITTED_KINDS
    organization = Organization(
        tenant_id=tenant_id(),
        id=tenant_id(),
        kind=kind,
        status="draft" if is_admitted else "live",
        name=name,
        name_sort=sort_key(name),
        uscc=checked_uscc(uscc) if uscc else None,
        source=source,
        live_since=None if is_admitted else clock.now(),
        **place,
    )
    with refusing(organization_pkey=OrganizationExists):
        session.add(organization)
    _begin(organization, before=None)
    audit.record(
        action="organization.created", object_type="organization", object_id=organization.id, details={"kind": kind}
    )
    return organization


def found_operator(*, name: str = "Tandem") -> Organization:
    """The operator's own organisation, made when it is not there yet. [acting_for(OPERATOR_ID)]"""
    return organization_or_none() or create_organization(kind="operator", name=name)


def open_application(*, source: str, facts: Mapping[str, str | None]) -> Organization:
    """Begin the application of a hospital or an employer; a listed one speaks for the first time. [its natural id]

    Raises OrganizationExists when somebody speaks for it already, Invalid for a wrong USCC.
    """
    listed = organization_or_none(for_update=True)
    if listed is None:
        return create_organization(source=source, **facts)  # type: ignore[arg-type]  # the schema requires kind and name
    if listed.status != "listed":
        raise OrganizationExists(organization_id=str(listed.id))
    for field, value in facts.items():
        setattr(listed, field, checked_uscc(value) if field == "uscc" and value else value)
    listed.name_sort = sort_key(listed.name)
    take_step(listed, "draft")
    draw_up_requirements(listed)
    return listed


def checked_uscc(text: str) -> str:
    """A unified social credit code in its compact form (GB 32100-2015). Raises Invalid."""
    try:
        return str(uscc_number.validate(text))
    except NotANumber:
        raise refused_field(
            "uscc",
            Text("This is no unified social credit code", "统一社会信用代码不正确"),
            Text("Copy the 18 characters from the licence; the last one is a check digit.", "请照证照填写 18 位代码。"),
            code="uscc",
        ) from None


def _begin(organization: Organization, *, before: str | None) -> None:
    note_step(organization, before=before)
    draw_up_requirements(organization)
    if organization.kind == "employer" and organization.uscc:
        meet_requirement("business_registration", evidence=f"USCC {organization.uscc}, check digit verified")
