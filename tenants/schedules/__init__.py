"""When doctors can be booked: schedules, the slots they are cut into, leave, and the list of free slots."""

from tenants.schedules.commands import (
    PLANNERS,
    lift_leave,
    publish_schedule,
    release_slots,
    take_leave,
    withdraw_schedule,
)
from tenants.schedules.errors import (
    NotYourSchedule,
    ScheduleEmpty,
    ScheduleOverlaps,
    ScheduleTooLarge,
    ServiceOffGrid,
)
from tenants.schedules.events import LeaveTaken
from tenants.schedules.jobs import follow_practitioner
from tenants.schedules.models import PractitionerLeave, Schedule, Slot
from tenants.schedules.queries import free_slots, leave, slot

__all__ = [
    "PLANNERS",
    "LeaveTaken",
    "NotYourSchedule",
    "PractitionerLeave",
    "Schedule",
    "ScheduleEmpty",
    "ScheduleOverlaps",
    "ScheduleTooLarge",
    "ServiceOffGrid",
    "Slot",
    "follow_practitioner",
    "free_slots",
    "leave",
    "lift_leave",
    "publish_schedule",
    "release_slots",
    "slot",
    "take_leave",
    "withdraw_schedule",
]
