"""Reads about appointments. Lists are rows; a patient's reads carry the person, so that nobody reads another's."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id
from tenants.appointments.models import Appointment

_CARD: Final = (
    Appointment.id,
    Appointment.status,
    Appointment.slot_id,
    Appointment.service_id,
    Appointment.practitioner_id,
    Appointment.patient_id,
    Appointment.specialty,
    Appointment.start_at,
    Appointment.end_at,
    Appointment.price_minor,
    Appointment.currency,
    Appointment.accepts_advice_only,
    Appointment.held_until,
    Appointment.payment_id,
    Appointment.created_at,
    Appointment.ended_at,
    Appointment.ended_by,
    Appointment.ended_because,
)


def appointments_of_person(person_id: UUID, query: dict[str, Any]) -> Page:
    """What a person booked here, for themselves or a ward, newest first. [hospital]"""
    statement = select(*_CARD).where(Appointment.tenant_id == tenant_id(), Appointment.person_id == person_id)
    return page(
        _with_status(statement, query),
        by=[Appointment.created_at, Appointment.id],
        limit=query["limit"],
        after=query["after"],
        newest_first=True,
    )


def appointments(query: dict[str, Any]) -> Page:
    """The hospital's appointments by time. [hospital]"""
    statement = select(*_CARD).where(Appointment.tenant_id == tenant_id())
    if query.get("practitioner_id") is not None:
        statement = statement.where(Appointment.practitioner_id == query["practitioner_id"])
    if query.get("from_at") is not None:
        statement = statement.where(Appointment.start_at >= query["from_at"])
    if query.get("until_at") is not None:
        statement = statement.where(Appointment.start_at < query["until_at"])
    return page(
        _with_status(statement, query),
        by=[Appointment.start_at, Appointment.id],
        limit=query["limit"],
        after=query["after"],
    )


def appointment(appointment_id: UUID) -> Appointment:
    """One appointment, for the hospital's staff. [hospital] Raises NotFound."""
    return _one(_by_id(appointment_id))


def appointment_for_update(appointment_id: UUID) -> Appointment:
    """One appointment, locked until the transaction ends. [hospital] Raises NotFound."""
    return _one(_by_id(appointment_id).with_for_update())


def own_appointment(person_id: UUID, appointment_id: UUID, *, for_update: bool = False) -> Appointment:
    """One appointment that this person booked. [hospital] Raises NotFound, also for somebody else's."""
    statement = _by_id(appointment_id).where(Appointment.person_id == person_id)
    return _one(statement.with_for_update() if for_update else statement)


def claimed_between(practitioner_id: UUID, start_at: datetime, end_at: datetime) -> list[UUID]:
    """Appointments held or booked with a doctor that touch [start_at, end_at). [hospital]"""
    statement = (
        select(Appointment.id)
        .where(
            Appointment.tenant_id == tenant_id(),
            Appointment.practitioner_id == practitioner_id,
            Appointment.status.in_(("pending", "booked")),
            Appointment.start_at < end_at,
            Appointment.end_at > start_at,
        )
        .order_by(Appointment.start_at, Appointment.id)
    )
    return list(session.scalars(statement))


def _by_id(appointment_id: UUID) -> Select[Appointment]:
    return select(Appointment).where(Appointment.tenant_id == tenant_id(), Appointment.id == appointment_id)


def _one(statement: Select[Appointment]) -> Appointment:
    # A locked read must not answer from what this session read before.
    found = session.scalar(statement.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    return found


def _with_status(statement: Select[*tuple[Any, ...]], query: dict[str, Any]) -> Select[*tuple[Any, ...]]:
    if query.get("status") is not None:
        return statement.where(Appointment.status == query["status"])
    return statement
