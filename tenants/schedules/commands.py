"""Decisions about a doctor's time. Slots are made, withdrawn and released set by set, never one by one."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from tandem.kernel import audit, clock, identity, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import Invalid, NotFound
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id
from tenants.healthcare_services import bookable_service
from tenants.hospitals import require_licence
from tenants.practitioners import CLEARED, practitioner, practitioner_of_person, require_practitioner
from tenants.schedules import queries
from tenants.schedules.errors import (
    DAYS_IN_ORDER,
    DAYS_IN_REACH,
    END_AFTER_START,
    HOURS_IN_ORDER,
    NotYourSchedule,
    ScheduleEmpty,
    ScheduleOverlaps,
    ScheduleTooLarge,
    ServiceOffGrid,
)
from tenants.schedules.events import LeaveTaken
from tenants.schedules.models import CELL_MINUTES, SCHEDULE_NEXT, PractitionerLeave, Schedule

SLOTS_MOST: Final = 2_000
"""A quarter of full days for one doctor; a longer plan is published in parts."""
DAYS_AHEAD_MOST: Final = 180
PLANNERS: Final = frozenset({"hospital_admin", "medical_affairs"})
"""Roles that plan any doctor's time."""

_LOCK_PRACTITIONER: Final = text("""
SELECT id FROM practitioner WHERE tenant_id = :tenant_id AND id = :practitioner_id FOR NO KEY UPDATE
""")
# Rows made in the database hang on a row of their tenant and have ids that follow from it: on a cluster the statement
# then runs whole where that row lies. A random id would be drawn on the coordinator.
_CUT_SLOTS: Final = text("""
INSERT INTO slot (tenant_id, id, schedule_id, practitioner_id, service_id, start_at, end_at, status)
SELECT schedule.tenant_id, cut.id, schedule.id, schedule.practitioner_id, schedule.service_id,
       cut.start_at, cut.start_at + :length,
       CASE WHEN EXISTS (SELECT FROM practitioner_leave away
                         WHERE away.tenant_id = :tenant_id AND away.practitioner_id = schedule.practitioner_id
                           AND away.lifted_at IS NULL
                           AND away.start_at < cut.start_at + :length AND away.end_at > cut.start_at)
            THEN 'busy-unavailable' ELSE 'free' END
FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[])) AS cut (id, start_at)
JOIN schedule ON schedule.tenant_id = :tenant_id AND schedule.id = :schedule_id
""")
_TAKE_CELLS: Final = text("""
INSERT INTO slot_cell (tenant_id, id, slot_id, practitioner_id, cell_at)
SELECT slot.tenant_id, CAST(md5(CAST(slot.id AS text) || cell_at) AS uuid), slot.id, slot.practitioner_id, cell_at
FROM slot CROSS JOIN LATERAL generate_series(slot.start_at, slot.end_at - :cell, :cell) AS cell_at
WHERE slot.tenant_id = :tenant_id AND slot.schedule_id = :schedule_id
""")
_WITHDRAW_SLOTS: Final = text("""
WITH withdrawn AS (
    UPDATE slot SET status = 'entered-in-error'
    WHERE tenant_id = :tenant_id AND schedule_id = :schedule_id AND start_at > :now
      AND status IN ('free', 'busy-unavailable')
    RETURNING id)
DELETE FROM slot_cell WHERE tenant_id = :tenant_id AND slot_id IN (SELECT id FROM withdrawn)
""")
_TAKE_OFF_OFFER: Final = text("""
UPDATE slot SET status = 'busy-unavailable'
WHERE tenant_id = :tenant_id AND practitioner_id = :practitioner_id AND status = 'free'
  AND start_at < :end_at AND end_at > :start_at
""")
_OFFER_AGAIN: Final = text("""
UPDATE slot SET status = 'free'
WHERE tenant_id = :tenant_id AND practitioner_id = :practitioner_id AND status = 'busy-unavailable'
  AND start_at < :end_at AND end_at > :start_at AND start_at > :now
  AND NOT EXISTS (SELECT FROM practitioner_leave away
                  WHERE away.tenant_id = :tenant_id AND away.practitioner_id = :practitioner_id
                    AND away.lifted_at IS NULL AND away.start_at < slot.end_at AND away.end_at > slot.start_at)
  AND EXISTS (SELECT FROM practitioner doctor
              WHERE doctor.tenant_id = :tenant_id AND doctor.id = :practitioner_id
                AND doctor.status = ANY(CAST(:cleared AS text[])))
""")
_RELEASE: Final = text("""
UPDATE slot SET status = CASE
    WHEN :doctor_is_away
      OR NOT EXISTS (SELECT FROM practitioner doctor
                     WHERE doctor.tenant_id = :tenant_id AND doctor.id = slot.practitioner_id
                       AND doctor.status = ANY(CAST(:cleared AS text[])))
      OR EXISTS (SELECT FROM practitioner_leave away
                 WHERE away.tenant_id = :tenant_id AND away.practitioner_id = slot.practitioner_id
                   AND away.lifted_at IS NULL AND away.start_at < slot.end_at AND away.end_at > slot.start_at)
    THEN 'busy-unavailable' ELSE 'free' END
WHERE tenant_id = :tenant_id AND id = ANY(CAST(:slot_ids AS uuid[])) AND status IN ('busy-tentative', 'busy')
""")


def publish_schedule(
    *,
    practitioner_id: UUID,
    service_id: UUID,
    first_on: date,
    last_on: date,
    opens_at: time,
    closes_at: time,
    weekdays: Sequence[int] = (1, 2, 3, 4, 5, 6, 7),
) -> Schedule:
    """Cut a doctor's hours for a service into slots and put them on offer. [hospital]

    Days are inclusive, hours are wall-clock time of the hospital, weekdays are ISO (Monday is 1).
    Raises Invalid, ScheduleEmpty, ScheduleTooLarge, ScheduleOverlaps, ServiceOffGrid, NotYourSchedule, and what the
    licence, the practitioner and the service refuse.
    """
    _refuse_foreign_time(practitioner_id)
    _refuse_days(first_on, last_on, opens_at, closes_at)
    service = bookable_service(service_id)
    if service.duration_minutes % CELL_MINUTES:
        raise ServiceOffGrid(duration_minutes=service.duration_minutes, grid_minutes=CELL_MINUTES)
    minutes = service.duration_minutes
    starts = slot_starts(first_on, last_on, weekdays, opens_at=opens_at, closes_at=closes_at, minutes=minutes)
    _refuse_number(starts, minutes)
    # A licence or a certificate that lapses inside the period would leave slots on offer that nobody may serve.
    for moment in (starts[0], starts[-1]):
        require_licence(service.specialty, moment)
        require_practitioner(practitioner_id, service.specialty, moment)
    _lock_time_of(practitioner_id)
    schedule = Schedule(
        tenant_id=tenant_id(),
        id=new_id(),
        practitioner_id=practitioner_id,
        service_id=service_id,
        first_on=first_on,
        last_on=last_on,
        weekdays=sorted(set(weekdays)),
        opens_at=opens_at,
        closes_at=closes_at,
        slot_minutes=minutes,
        created_by=identity.current_actor().id,
    )
    session.add(schedule)
    session.flush()
    _cut(schedule, starts)
    published = {"slots": len(starts)}
    audit.record(action="schedule.published", object_type="schedule", object_id=schedule.id, details=published)
    return schedule


def slot_starts(
    first_on: date, last_on: date, weekdays: Sequence[int], *, opens_at: time, closes_at: time, minutes: int
) -> list[datetime]:
    """When the slots of a schedule begin: every `minutes` from opening while one still fits, future ones only."""
    zone, length, now = ZoneInfo(clock.BUSINESS_ZONE), timedelta(minutes=minutes), clock.now()
    starts: list[datetime] = []
    for offset in range((last_on - first_on).days + 1):
        day = first_on + timedelta(days=offset)
        if day.isoweekday() not in weekdays:
            continue
        start = datetime.combine(day, opens_at, zone)
        closes = datetime.combine(day, closes_at, zone)
        while start + length <= closes:
            if start > now:
                starts.append(start)
            start += length
    return starts


def withdraw_schedule(schedule_id: UUID) -> Schedule:
    """Take a schedule's future slots off offer and give the doctor's time back. Booked slots stay. [hospital]

    Raises NotFound, NotYourSchedule, TransitionRefused.
    """
    schedule = queries.schedule_for_update(schedule_id)
    _refuse_foreign_time(schedule.practitioner_id)
    move(schedule, "withdrawn", SCHEDULE_NEXT)
    session.flush()
    session.execute(_WITHDRAW_SLOTS, {"tenant_id": tenant_id(), "schedule_id": schedule_id, "now": clock.now()})
    return schedule


def take_leave(*, practitioner_id: UUID, start_at: datetime, end_at: datetime, because: str) -> PractitionerLeave:
    """Take a doctor's free slots in [start_at, end_at) off offer; a job calls off what is booked there. [hospital]

    Raises Invalid, NotFound, NotYourSchedule.
    """
    _refuse_foreign_time(practitioner_id)
    if end_at <= start_at or end_at <= clock.now() or end_at - start_at > timedelta(days=366):
        raise Invalid(END_AFTER_START)
    _lock_time_of(practitioner_id)
    leave = PractitionerLeave(
        tenant_id=tenant_id(),
        id=new_id(),
        practitioner_id=practitioner_id,
        start_at=start_at,
        end_at=end_at,
        because=because,
    )
    session.add(leave)
    session.flush()
    session.execute(_TAKE_OFF_OFFER, _times_of(leave))
    audit.record(action="practitioner_leave.taken", object_type="practitioner_leave", object_id=leave.id, details={})
    outbox.add(LeaveTaken(leave.id))
    return leave


def lift_leave(leave_id: UUID) -> PractitionerLeave:
    """End a leave: its future slots are offered again, unless another leave covers them. [hospital]

    Lifting it twice changes nothing. Raises NotFound, NotYourSchedule.
    """
    leave = queries.leave(leave_id, for_update=True)
    _refuse_foreign_time(leave.practitioner_id)
    if leave.lifted_at is None:
        _lock_time_of(leave.practitioner_id)
        leave.lifted_at = clock.now()
        session.flush()
        session.execute(_OFFER_AGAIN, _times_of(leave) | {"now": clock.now(), "cleared": list(CLEARED)})
        audit.record(
            action="practitioner_leave.lifted", object_type="practitioner_leave", object_id=leave.id, details={}
        )
    return leave


def follow_practitioner(practitioner_id: UUID) -> None:
    """Offer a cleared doctor's future time, and nobody else's: what a stop took off offer comes back with them.

    Booked visits stay as they are: whether they are called off is the hospital's decision. [hospital]
    """
    _lock_time_of(practitioner_id)
    now = clock.now()
    times = {
        "tenant_id": tenant_id(),
        "practitioner_id": practitioner_id,
        "start_at": now,
        "end_at": now + timedelta(days=DAYS_AHEAD_MOST + 2),
    }
    if practitioner(practitioner_id).status in CLEARED:
        session.execute(_OFFER_AGAIN, times | {"now": now, "cleared": list(CLEARED)})
    else:
        session.execute(_TAKE_OFF_OFFER, times)


def release_slots(slot_ids: Sequence[UUID], *, doctor_is_away: bool = False) -> None:
    """Give held or booked slots back: on offer again, or unavailable where the doctor is away. [hospital]"""
    if slot_ids:
        facts = {
            "tenant_id": tenant_id(),
            "slot_ids": list(slot_ids),
            "doctor_is_away": doctor_is_away,
            "cleared": list(CLEARED),
        }
        session.execute(_RELEASE, facts)


def _refuse_foreign_time(practitioner_id: UUID) -> None:
    actor = identity.current_actor()
    if actor.person_id is None or PLANNERS.intersection(actor.roles):
        return
    own = practitioner_of_person(actor.person_id)
    if own is None or own.id != practitioner_id:
        raise NotYourSchedule


def _refuse_days(first_on: date, last_on: date, opens_at: time, closes_at: time) -> None:
    if last_on < first_on:
        raise Invalid(DAYS_IN_ORDER)
    today = clock.today()
    if first_on < today or last_on > today + timedelta(days=DAYS_AHEAD_MOST):
        raise Invalid(DAYS_IN_REACH)
    on_grid = all(
        each.minute % CELL_MINUTES == 0 and not each.second and not each.microsecond and each.tzinfo is None
        for each in (opens_at, closes_at)
    )
    if not on_grid or closes_at <= opens_at:
        raise Invalid(HOURS_IN_ORDER)


def _refuse_number(starts: Sequence[datetime], minutes: int) -> None:
    if not starts:
        raise ScheduleEmpty(minutes=minutes)
    if len(starts) > SLOTS_MOST:
        raise ScheduleTooLarge(slots=len(starts), limit=SLOTS_MOST)


def _lock_time_of(practitioner_id: UUID) -> None:
    # Publishing and leave must see each other's rows; a doctor plans one thing at a time.
    if (
        session.execute(_LOCK_PRACTITIONER, {"tenant_id": tenant_id(), "practitioner_id": practitioner_id}).first()
        is None
    ):
        raise NotFound


def _cut(schedule: Schedule, starts: Sequence[datetime]) -> None:
    keys = {"tenant_id": schedule.tenant_id, "schedule_id": schedule.id}
    with refusing(slot_once_key=ScheduleOverlaps, slot_cell_taken_once=ScheduleOverlaps):
        session.execute(
            _CUT_SLOTS,
            keys
            | {
                "length": timedelta(minutes=schedule.slot_minutes),
                "ids": [new_id() for _ in starts],
                "starts": list(starts),
            },
        )
        session.execute(_TAKE_CELLS, keys | {"cell": timedelta(minutes=CELL_MINUTES)})


def _times_of(leave: PractitionerLeave) -> dict[str, object]:
    return {
        "tenant_id": leave.tenant_id,
        "practitioner_id": leave.practitioner_id,
        "start_at": leave.start_at,
        "end_at": leave.end_at,
    }
