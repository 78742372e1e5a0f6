"""Reads about agreement versions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from tandem.accounts.agreements.models import AgreementVersion
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def agreement_version_at(moment: datetime) -> AgreementVersion | None:
    """The version that ruled at a moment, or None before the first. [hospital]"""
    statement = (
        select(AgreementVersion)
        .where(
            AgreementVersion.tenant_id == tenant_id(),
            AgreementVersion.status.in_(("in_force", "superseded")),
            AgreementVersion.effective_from <= moment,
            or_(AgreementVersion.effective_until.is_(None), AgreementVersion.effective_until > moment),
        )
        .order_by(AgreementVersion.effective_from.desc())
        .limit(1)
    )
    return session.scalar(statement)


def ruling_versions() -> list[AgreementVersion]:
    """Every version that rules, has ruled or will, in order. [hospital]"""
    statement = (
        select(AgreementVersion)
        .where(AgreementVersion.tenant_id == tenant_id(), AgreementVersion.status.in_(("in_force", "superseded")))
        .order_by(AgreementVersion.number)
    )
    return list(session.scalars(statement))


def agreement_version(version_id: UUID, *, for_update: bool = False) -> AgreementVersion:
    """One version of the scope's agreement. [hospital] Raises NotFound."""
    statement = select(AgreementVersion).where(
        AgreementVersion.tenant_id == tenant_id(), AgreementVersion.id == version_id
    )
    found = session.scalar(statement.with_for_update() if for_update else statement)
    if found is None:
        raise NotFound
    return found


def agreement_versions(*, limit: int, after: str | None, drafts: bool) -> Page:
    """The scope's versions, newest first; `drafts` are the operator's own business. [hospital]"""
    statement = select(AgreementVersion.__table__).where(AgreementVersion.tenant_id == tenant_id())
    if not drafts:
        statement = statement.where(AgreementVersion.proposed_at.is_not(None))
    return page(
        statement, by=[AgreementVersion.number, AgreementVersion.id], limit=limit, after=after, newest_first=True
    )


def versions_in_force() -> list[AgreementVersion]:
    """The versions that rule now or will; locked. [hospital]"""
    statement = (
        select(AgreementVersion)
        .where(AgreementVersion.tenant_id == tenant_id(), AgreementVersion.status == "in_force")
        .order_by(AgreementVersion.effective_from)
        .with_for_update()
    )
    return list(session.scalars(statement))


def next_number() -> int:
    """The number of the scope's next version. [hospital]"""
    statement = select(func.max(AgreementVersion.number)).where(AgreementVersion.tenant_id == tenant_id())
    return (session.scalar(statement) or 0) + 1
