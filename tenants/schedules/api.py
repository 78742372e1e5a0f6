"""Schedules, slots and leave over HTTP: hospitals plan, everybody may look for a free time."""

from typing import Any
from uuid import UUID

from tandem.kernel.access import PUBLIC
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api
from tandem.kernel.tenancy import acting_for, transaction
from tenants.healthcare_services import ServiceNotOffered, service
from tenants.hospitals import LicenceExpired, LicenceNotValid, SpecialtyNotRegistered
from tenants.practitioners import PractitionerNotCleared
from tenants.schedules import commands, queries
from tenants.schedules.errors import (
    NotYourSchedule,
    ScheduleEmpty,
    ScheduleOverlaps,
    ScheduleTooLarge,
    ServiceOffGrid,
)
from tenants.schedules.models import PractitionerLeave, Schedule
from tenants.schedules.schemas import (
    FreeSlotOut,
    FreeSlotQuery,
    LeaveOut,
    LeaveQuery,
    PublishSchedule,
    ScheduleOut,
    ScheduleQuery,
    SlotOut,
    SlotQuery,
    TakeLeave,
)

schedules = Api("schedules", audience="hospital", url_prefix="/schedules", tag="Schedules")
slots = Api("slots", audience="hospital", url_prefix="/slots", tag="Schedules")
leaves = Api("leaves", audience="hospital", url_prefix="/leaves", tag="Schedules")
patient_slots = Api(
    "slots",
    audience="patient",
    url_prefix="/hospitals/<uuid:hospital_id>/services/<uuid:service_id>/slots",
    tag="Schedules",
)
public_slots = Api(
    "slots",
    audience="public",
    url_prefix="/hospitals/<uuid:hospital_id>/services/<uuid:service_id>/slots",
    tag="Schedules",
)


@schedules.post(
    "",
    allow="schedules.write",
    takes=PublishSchedule,
    gives=ScheduleOut,
    status=201,
    problems=(
        ScheduleOverlaps,
        ScheduleEmpty,
        ScheduleTooLarge,
        ServiceOffGrid,
        NotYourSchedule,
        ServiceNotOffered,
        LicenceNotValid,
        LicenceExpired,
        SpecialtyNotRegistered,
        PractitionerNotCleared,
    ),
)
def publish(wish: dict[str, Any]) -> Schedule:
    """Publish a doctor's hours for a service; they are cut into slots of the service's length."""
    return commands.publish_schedule(**wish)


@schedules.get("", allow="schedules.read", gives=ScheduleOut, many=True, query=ScheduleQuery)
def list_schedules(query: dict[str, Any]) -> Page:
    """The hospital's schedules, newest first."""
    return queries.schedules(query)


@schedules.post(
    "/<uuid:schedule_id>/withdrawal",
    allow="schedules.write",
    gives=ScheduleOut,
    status=201,
    problems=(NotYourSchedule,),
)
def withdraw(schedule_id: UUID) -> Schedule:
    """Take a schedule's future free slots off offer; booked visits stay."""
    return commands.withdraw_schedule(schedule_id)


@slots.get("", allow="schedules.read", gives=SlotOut, many=True, query=SlotQuery)
def list_slots(query: dict[str, Any]) -> Page:
    """The hospital's slots in any state, earliest first."""
    return queries.slots(query)


@leaves.post("", allow="schedules.write", takes=TakeLeave, gives=LeaveOut, status=201, problems=(NotYourSchedule,))
def take_leave(wish: dict[str, Any]) -> PractitionerLeave:
    """Note that a doctor is away: free slots go off offer, booked patients are cancelled and refunded in full."""
    return commands.take_leave(**wish)


@leaves.get("", allow="schedules.read", gives=LeaveOut, many=True, query=LeaveQuery)
def list_leaves(query: dict[str, Any]) -> Page:
    """The doctors' leaves, newest first."""
    return queries.leaves(query)


@leaves.post(
    "/<uuid:leave_id>/lifting", allow="schedules.write", gives=LeaveOut, status=201, problems=(NotYourSchedule,)
)
def lift_leave(leave_id: UUID) -> PractitionerLeave:
    """End a leave: its future slots are on offer again."""
    return commands.lift_leave(leave_id)


@patient_slots.get(
    "",
    allow="directory.read",
    gives=FreeSlotOut,
    many=True,
    query=FreeSlotQuery,
    open=True,
    problems=(ServiceNotOffered,),
)
def find_slots(hospital_id: UUID, service_id: UUID, query: dict[str, Any]) -> Page:
    """Free times of a service, earliest first."""
    return _free_slots(service_id, query)


@public_slots.get("", allow=PUBLIC, gives=FreeSlotOut, many=True, query=FreeSlotQuery, problems=(ServiceNotOffered,))
def look_at_slots(hospital_id: UUID, service_id: UUID, query: dict[str, Any]) -> Page:
    """Free times of a service, earliest first, for a visitor without a login."""
    # Committed though it only reads: after a rollback the driver has every statement prepared anew.
    with acting_for(hospital_id), transaction():
        return _free_slots(service_id, query)


def _free_slots(service_id: UUID, query: dict[str, Any]) -> Page:
    found = queries.free_slots(service_id, query)
    # Only an empty answer asks whether there is such a service at all; the common one costs one SELECT.
    if not found.rows and service(service_id).status == "draft":
        raise NotFound
    return found


APIS = [schedules, slots, leaves, patient_slots, public_slots]
