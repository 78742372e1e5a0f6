"""Reads about what was done."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import Page, page
from tandem.kernel.tenancy import tenant_id


def audit_events(filters: Mapping[str, Any], *, limit: int, after: str | None) -> Page:
    """The scope's audit trail, newest first. [any tenant]"""
    exact = {
        "action": AuditEvent.action,
        "object_type": AuditEvent.object_type,
        "object_id": AuditEvent.object_id,
        "actor": AuditEvent.actor,
    }
    chosen = [column == filters[name] for name, column in exact.items() if filters.get(name) is not None]
    statement = select(AuditEvent.__table__).where(AuditEvent.tenant_id == tenant_id(), *chosen)
    return page(statement, by=[AuditEvent.at, AuditEvent.id], limit=limit, after=after, newest_first=True)
