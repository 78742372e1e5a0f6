"""Agreements: the operator drafts and proposes, the hospital confirms or refuses."""

from typing import Any, Final
from uuid import UUID

from tandem.accounts.agreements import commands, queries
from tandem.accounts.agreements.errors import AgreementBackdated, AgreementSuperseded, TermsFrozen
from tandem.accounts.agreements.models import AgreementVersion
from tandem.accounts.agreements.schemas import AgreementVersionSchema, TermsSchema
from tandem.accounts.fields import BecauseSchema
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api, check_if_match

api = Api("agreements", audience="operator", url_prefix="/hospitals/<uuid:hospital_id>/agreements", tag="Agreements")
own = Api("agreements", audience="hospital", url_prefix="/agreements", tag="Agreements")
_ONE: Final = "/<uuid:version_id>"


@api.get("", allow="agreements.read", gives=AgreementVersionSchema, many=True)
def list_agreements(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """A hospital's agreement versions, newest first."""
    return queries.agreement_versions(limit=query["limit"], after=query["after"], drafts=True)


@api.post("", allow="agreements.write", takes=TermsSchema, gives=AgreementVersionSchema)
def draft_agreement(hospital_id: UUID, wish: dict[str, Any]) -> AgreementVersion:
    """Draft a new version of a hospital's fee rules."""
    return commands.draft_agreement(wish)


@api.get(_ONE, allow="agreements.read", gives=AgreementVersionSchema)
def show_agreement(hospital_id: UUID, version_id: UUID) -> AgreementVersion:
    """One version of a hospital's fee rules."""
    return queries.agreement_version(version_id)


@api.patch(
    _ONE,
    allow="agreements.write",
    takes=TermsSchema,
    gives=AgreementVersionSchema,
    versioned=True,
    problems=(TermsFrozen,),
)
def edit_agreement(hospital_id: UUID, version_id: UUID, wish: dict[str, Any]) -> AgreementVersion:
    """Change a draft."""
    version = queries.agreement_version(version_id, for_update=True)
    check_if_match(version)
    return commands.edit_agreement(version, wish)


@api.post(f"{_ONE}/proposals", allow="agreements.approve", gives=AgreementVersionSchema)
def propose_agreement(hospital_id: UUID, version_id: UUID) -> AgreementVersion:
    """Put a draft before the hospital; from now on its terms are frozen."""
    return commands.propose_agreement(version_id)


@api.post(f"{_ONE}/withdrawals", allow="agreements.write", takes=BecauseSchema, gives=AgreementVersionSchema)
def withdraw_agreement(hospital_id: UUID, version_id: UUID, wish: dict[str, str]) -> AgreementVersion:
    """Take back a draft or a proposal."""
    return commands.withdraw_agreement(version_id, because=wish["because"])


@own.get("", allow="agreements.read", gives=AgreementVersionSchema, many=True)
def list_own_agreements(query: dict[str, Any]) -> Page:
    """The versions the operator has put before you, newest first."""
    return queries.agreement_versions(limit=query["limit"], after=query["after"], drafts=False)


@own.get(_ONE, allow="agreements.read", gives=AgreementVersionSchema)
def show_own_agreement(version_id: UUID) -> AgreementVersion:
    """One version the operator has put before you."""
    return _proposed(version_id)


@own.post(
    f"{_ONE}/confirmations",
    allow="agreements.confirm",
    gives=AgreementVersionSchema,
    problems=(AgreementBackdated, AgreementSuperseded),
)
def confirm_agreement(version_id: UUID) -> AgreementVersion:
    """Say yes: the version comes into force and supersedes the one before."""
    return commands.confirm_agreement(_proposed(version_id).id)


@own.post(f"{_ONE}/refusals", allow="agreements.confirm", takes=BecauseSchema, gives=AgreementVersionSchema)
def decline_agreement(version_id: UUID, wish: dict[str, str]) -> AgreementVersion:
    """Say no, and why."""
    return commands.decline_agreement(_proposed(version_id).id, because=wish["because"])


def _proposed(version_id: UUID) -> AgreementVersion:
    version = queries.agreement_version(version_id)
    if version.proposed_at is None:
        # A draft is the operator's own business and does not exist for the hospital.
        raise NotFound
    return version


APIS: Final = (api, own)
