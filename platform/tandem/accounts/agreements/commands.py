"""Decisions about agreements: draft, propose, confirm or decline. The two parties are the four eyes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from tandem.accounts.agreements.errors import AgreementBackdated, AgreementSuperseded, TermsFrozen
from tandem.accounts.agreements.events import AgreementCameInForce
from tandem.accounts.agreements.models import LATER_TERMS, NEXT, TERMS, AgreementVersion
from tandem.accounts.agreements.queries import agreement_version, next_number, versions_in_force
from tandem.accounts.hands import hand
from tandem.accounts.organizations import commands as organizations
from tandem.accounts.organizations.queries import own_organization
from tandem.kernel import audit, clock, outbox
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound
from tandem.kernel.states import move


def draft_agreement(terms: Mapping[str, Any]) -> AgreementVersion:
    """A new version of the scope's agreement. [hospital, by the operator] Raises NotFound for other kinds."""
    # The organisation's row is the lock under which version numbers are given out.
    organization = own_organization(for_update=True)
    if organization.kind != "hospital":
        raise NotFound
    version = AgreementVersion(
        tenant_id=organization.id, organization_id=organization.id, number=next_number(), drafted_by=hand(), **terms
    )
    session.add(version)
    session.flush()
    audit.record(action="agreement_version.drafted", object_type="agreement_version", object_id=version.id)
    return version


def edit_agreement(version: AgreementVersion, changes: Mapping[str, Any]) -> AgreementVersion:
    """Change the terms of a draft; the caller has checked its version. [hospital, by the operator]

    Raises TermsFrozen once it was proposed.
    """
    if version.status != "draft":
        raise TermsFrozen(agreement_status=version.status)
    for term, value in changes.items():
        setattr(version, term, value)
    session.flush()
    return version


def propose_agreement(version_id: UUID) -> AgreementVersion:
    """Put a draft before the hospital; its terms are frozen and digested. [hospital, by the operator]

    Raises NotFound, TransitionRefused.
    """
    version = agreement_version(version_id, for_update=True)
    move(version, "proposed", NEXT)
    version.terms_sha256 = terms_digest(version)
    version.proposed_by, version.proposed_at = hand(), clock.now()
    return version


def confirm_agreement(version_id: UUID) -> AgreementVersion:
    """The hospital says yes: it rules from its effective_from on, and supersedes what ruled before. [hospital]

    Raises NotFound, TransitionRefused, AgreementBackdated, AgreementSuperseded.
    """
    version = agreement_version(version_id, for_update=True)
    move(version, "in_force", NEXT)
    now = clock.now()
    ruling = versions_in_force()
    begins = version.effective_from or now
    # What an earlier version has rated must stay as it was rated; a first version may look back to the start of work.
    if ruling and begins < now:
        raise AgreementBackdated(effective_from=begins.isoformat())
    for earlier in ruling:
        if earlier.effective_from is not None and earlier.effective_from >= begins:
            raise AgreementSuperseded(by_number=earlier.number)
        move(earlier, "superseded", NEXT)
        earlier.effective_until = begins
    if version.effective_from is None:
        version.effective_from = begins
        version.terms_sha256 = terms_digest(version)
    version.decided_by, version.decided_at = hand(), now
    session.flush()
    organizations.meet_requirement("agreement", evidence=f"version {version.number}, sha256 {version.terms_sha256}")
    outbox.add(AgreementCameInForce(version.id))
    return version


def decline_agreement(version_id: UUID, *, because: str) -> AgreementVersion:
    """The hospital says no, and why. [hospital] Raises NotFound, TransitionRefused."""
    version = agreement_version(version_id, for_update=True)
    move(version, "declined", NEXT, because=because)
    version.decided_by, version.decided_at = hand(), clock.now()
    return version


def withdraw_agreement(version_id: UUID, *, because: str) -> AgreementVersion:
    """The operator takes back what is not in force yet. [hospital, by the operator] Raises TransitionRefused."""
    version = agreement_version(version_id, for_update=True)
    move(version, "withdrawn", NEXT, because=because)
    return version


def terms_digest(version: AgreementVersion) -> str:
    """SHA-256 over the terms, so that both parties can prove which text was confirmed."""
    return sha256(orjson.dumps(written_terms(version), option=orjson.OPT_SORT_KEYS)).hexdigest()


def written_terms(version: AgreementVersion) -> dict[str, Any]:
    """The terms in the spelling that their digest takes, for whoever recomputes it elsewhere."""
    terms = {term: _written(getattr(version, term)) for term in TERMS}
    silent = {term for term in LATER_TERMS if terms[term] is None or terms[term] is False}
    return {"number": version.number} | {term: value for term, value in terms.items() if term not in silent}


def _written(value: Any) -> Any:
    # As the columns hold them: four places of a percent, moments in UTC, whatever the request spelled.
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
