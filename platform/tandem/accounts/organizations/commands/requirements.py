"""The checklist: what an organisation must show before it is approved, and before it goes live."""

from tandem.accounts.hands import hand
from tandem.accounts.organizations.errors import RequirementUnknown
from tandem.accounts.organizations.models import REQUIREMENTS, Organization, OrganizationRequirement
from tandem.accounts.organizations.queries import requirements
from tandem.kernel import audit, clock
from tandem.kernel.database import session


def draw_up_requirements(organization: Organization) -> None:
    """Write the organisation's checklist, once."""
    present = {each.code for each in requirements()}
    for rule in REQUIREMENTS.get(organization.kind, ()):
        if rule.code not in present:
            session.add(
                OrganizationRequirement(
                    tenant_id=organization.tenant_id,
                    organization_id=organization.id,
                    code=rule.code,
                    gates=rule.gates,
                )
            )
    session.flush()


def meet_requirement(code: str, *, evidence: str) -> OrganizationRequirement:
    """Mark a requirement as met, saying by what. Meeting it again replaces the evidence. [any tenant]

    Raises RequirementUnknown.
    """
    return _decide(code, "met", evidence)


def waive_requirement(code: str, *, because: str) -> OrganizationRequirement:
    """Let an organisation through without it; the reason stays on the checklist. [any tenant]

    Raises RequirementUnknown.
    """
    return _decide(code, "waived", because)


def _decide(code: str, status: str, evidence: str) -> OrganizationRequirement:
    by_code = {each.code: each for each in requirements()}
    if code not in by_code:
        raise RequirementUnknown(codes=sorted(by_code))
    requirement = by_code[code]
    requirement.status, requirement.evidence = status, evidence
    requirement.decided_by, requirement.decided_at = hand(), clock.now()
    session.flush()
    audit.record(
        action=f"requirement.{status}",
        object_type="organization_requirement",
        object_id=requirement.id,
        details={"code": code, "evidence": evidence},
    )
    return requirement
