"""Reads about schedules and slots. The list of free slots is the hottest path of the platform: rows, no objects."""

from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from tandem.kernel import clock
from tandem.kernel.database import Page, cursor_of, cursor_values, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import tenant_id
from tenants.schedules.models import PractitionerLeave, Schedule, Slot

_FREE: Final = (Slot.id, Slot.service_id, Slot.practitioner_id, Slot.start_at, Slot.end_at)
_FREE_NAMES: Final = tuple(column.key for column in _FREE)


def free_slots(service_id: UUID, query: dict[str, Any]) -> Page:
    """Free slots of a service from now on, earliest first: one SELECT on one table, no objects. [hospital]"""
    facts = {"tenant_id": tenant_id(), "service_id": service_id, "now": clock.now(), "most": query["limit"] + 1}
    facts |= {name: query[name] for name in _NARROWED_BY if query.get(name) is not None}
    if query["after"] is not None:
        facts["edge_at"], facts["edge_id"] = cursor_values(query["after"], [Slot.start_at, Slot.id])
    statement = _free_slots_statement(tuple(name for name in (*_NARROWED_BY, "edge_id") if name in facts))
    found = statement.rows(facts)
    listed = found[: query["limit"]]
    is_last = len(found) <= query["limit"]
    return Page(listed, None if is_last else cursor_of([listed[-1]["start_at"], listed[-1]["id"]]))


_NARROWED_BY: Final = ("from_at", "until_at", "practitioner_id")
_NARROWING: Final = {
    "from_at": "start_at >= %(from_at)s",
    "until_at": "start_at < %(until_at)s",
    "practitioner_id": "practitioner_id = %(practitioner_id)s",
    "edge_id": "(start_at, id) > (%(edge_at)s, %(edge_id)s)",
}


@cache
def _free_slots_statement(narrowed_by: tuple[str, ...]) -> Statement:
    # Made once per shape: composing and hashing a SELECT anew costs each request more than the database does.
    conditions = " AND ".join(_NARROWING[name] for name in narrowed_by) or "true"
    return Statement(
        f"SELECT {', '.join(_FREE_NAMES)} FROM slot "  # noqa: S608 - column names and conditions are constants above
        "WHERE tenant_id = %(tenant_id)s AND service_id = %(service_id)s AND status = 'free' AND start_at > %(now)s "
        f"AND {conditions} ORDER BY start_at, id LIMIT %(most)s"
    )


def slots(query: dict[str, Any]) -> Page:
    """A hospital's slots in any state, earliest first. [hospital]"""
    statement = select(*_FREE, Slot.schedule_id, Slot.status).where(Slot.tenant_id == tenant_id())
    exact = {
        "practitioner_id": Slot.practitioner_id,
        "service_id": Slot.service_id,
        "schedule_id": Slot.schedule_id,
        "status": Slot.status,
    }
    for name, column in exact.items():
        if query.get(name) is not None:
            statement = statement.where(column == query[name])
    if query.get("from_at") is not None:
        statement = statement.where(Slot.start_at >= query["from_at"])
    if query.get("until_at") is not None:
        statement = statement.where(Slot.start_at < query["until_at"])
    return page(statement, by=[Slot.start_at, Slot.id], limit=query["limit"], after=query["after"])


def slot(slot_id: UUID) -> Slot:
    """One slot. [hospital] Raises NotFound."""
    found = session.scalar(select(Slot).where(Slot.tenant_id == tenant_id(), Slot.id == slot_id))
    if found is None:
        raise NotFound
    return found


def schedules(query: dict[str, Any]) -> Page:
    """A hospital's schedules, newest first. [hospital]"""
    statement = select(Schedule.__table__).where(Schedule.tenant_id == tenant_id())
    for name, column in {"practitioner_id": Schedule.practitioner_id, "service_id": Schedule.service_id}.items():
        if query.get(name) is not None:
            statement = statement.where(column == query[name])
    return page(
        statement,
        by=[Schedule.created_at, Schedule.id],
        limit=query["limit"],
        after=query["after"],
        newest_first=True,
    )


def schedule_for_update(schedule_id: UUID) -> Schedule:
    """One schedule, locked. [hospital] Raises NotFound."""
    statement = select(Schedule).where(Schedule.tenant_id == tenant_id(), Schedule.id == schedule_id)
    found = session.scalar(statement.with_for_update())
    if found is None:
        raise NotFound
    return found


def leave(leave_id: UUID, *, for_update: bool = False) -> PractitionerLeave:
    """One leave. [hospital] Raises NotFound."""
    statement = select(PractitionerLeave).where(
        PractitionerLeave.tenant_id == tenant_id(), PractitionerLeave.id == leave_id
    )
    found = session.scalar(statement.with_for_update() if for_update else statement)
    if found is None:
        raise NotFound
    return found


def leaves(query: dict[str, Any]) -> Page:
    """A hospital's leaves, newest first. [hospital]"""
    statement = select(PractitionerLeave.__table__).where(PractitionerLeave.tenant_id == tenant_id())
    if query.get("practitioner_id") is not None:
        statement = statement.where(PractitionerLeave.practitioner_id == query["practitioner_id"])
    return page(
        statement,
        by=[PractitionerLeave.created_at, PractitionerLeave.id],
        limit=query["limit"],
        after=query["after"],
        newest_first=True,
    )
