"""Reads about API keys. The secret is not among what can be read."""

from uuid import UUID

from sqlalchemy import select

from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.identity import ApiKey
from tandem.kernel.tenancy import tenant_id


def api_keys(*, limit: int, after: str | None) -> Page:
    """The scope's keys, newest first. [any tenant]"""
    statement = select(ApiKey.__table__).where(ApiKey.tenant_id == tenant_id())
    return page(statement, by=[ApiKey.created_at, ApiKey.id], limit=limit, after=after, newest_first=True)


def api_key(key_id: UUID) -> ApiKey:
    """One of the scope's keys, locked. [any tenant] Raises NotFound."""
    statement = select(ApiKey).where(ApiKey.tenant_id == tenant_id(), ApiKey.id == key_id)
    found = session.scalar(statement.with_for_update())
    if found is None:
        raise NotFound
    return found
