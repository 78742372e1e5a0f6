"""The timetable: cron lines become job rows, one per tenant and minute, whatever the number of schedulers.

Times are business time (Asia/Shanghai unless a line says otherwise) and follow the movable clock. A minute that was
missed is caught up once, its latest occurrence only: jobs work off everything open, they do not count calls.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import Select, Text, Uuid, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from tandem.kernel import clock, doorbell, telemetry
from tandem.kernel.database import session
from tandem.kernel.jobs.declaration import Job
from tandem.kernel.jobs.models import CronMark, JobRow
from tandem.kernel.tenancy import across_tenants, transaction

Kind = Literal["hospital", "employer", "operator", "programme"]

_job = JobRow.__table__
_mark = CronMark.__table__


@dataclass(frozen=True)
class Cron:
    """One line of the timetable: when, which job, for each active tenant of which kind (None: of every kind).

    The job takes no argument, or one called `scheduled_at: datetime`, the minute it was due.
    """

    when: str
    work: Job[Any]
    each: Kind | None = None
    zone: str = clock.BUSINESS_ZONE

    def __post_init__(self) -> None:
        CronSim(self.when, datetime.now(UTC))  # a wrong line is refused at import, not at three in the night
        if not self.work.kinds.keys() <= {"scheduled_at"}:
            raise TypeError(f"{self.work.name} cannot be scheduled: it takes more than scheduled_at")

    @property
    def line(self) -> str:
        return f"{self.when} {self.zone} {self.work.name} {self.each or 'all'}"

    def latest(self, now: datetime) -> datetime:
        """The last minute at or before `now` at which this line was due, in UTC."""
        here = now.astimezone(ZoneInfo(self.zone)).replace(second=0, microsecond=0) + timedelta(minutes=1)
        return next(CronSim(self.when, here, reverse=True)).astimezone(UTC)


TenantsOf = Callable[[Kind | None], Select[UUID]]


class _Timetable:
    lines: tuple[Cron, ...] = ()
    fired: Final[dict[str, datetime]] = {}
    tenants_of: TenantsOf | None = None


def set_timetable(lines: Iterable[Cron]) -> None:
    """Say what happens when: the `wiring.SCHEDULE` of all houses together."""
    _Timetable.lines = tuple(dict.fromkeys(lines))


def timetable() -> tuple[Cron, ...]:
    """All lines, in the order they were given."""
    return _Timetable.lines


def list_tenants_by(tenants_of: TenantsOf) -> None:
    """Say how active tenants of a kind (None: of all kinds) are found: a SELECT of their tenant_id alone."""
    _Timetable.tenants_of = tenants_of


def fire_due(lines: Iterable[Cron] | None = None) -> int:
    """Turn every line whose minute has come into job rows. Returns how many rows; never doubles one."""
    now = clock.now()
    made = 0
    for line in timetable() if lines is None else lines:
        due = line.latest(now)
        known = _Timetable.fired.get(line.line)
        if known != due:
            with across_tenants(reason="scheduler"), transaction():
                made += _fire(line, due, now)
            _Timetable.fired[line.line] = due
    return made


def _fire(line: Cron, due: datetime, now: datetime) -> int:
    first = insert(_mark).values(line=line.line, minute=now).on_conflict_do_nothing().returning(_mark.c.line)
    if session.execute(first).scalar_one_or_none() is not None:
        return 0  # a line's first sight: its past is not ours to catch up
    # The mark's row lock is the second lock besides Redis; the job's unique key is the third.
    marked = session.execute(select(_mark.c.minute).where(_mark.c.line == line.line).with_for_update()).scalar_one()
    if marked != due:
        session.execute(update(_mark).where(_mark.c.line == line.line).values(minute=due))
    if marked >= due:
        return 0  # fired by another scheduler, or the clock was moved back
    tenants = _insert_rows(line, due, now)
    for tenant in tenants:
        doorbell.note(session, tenant, line.work.queue)
    telemetry.log.info("scheduled", job=line.work.name, minute=due.isoformat(), tenants=len(tenants))
    return len(tenants)


def _insert_rows(line: Cron, due: datetime, now: datetime) -> list[UUID]:
    if _Timetable.tenants_of is None:
        raise RuntimeError("jobs.list_tenants_by() was not called: nobody says which tenants there are")
    tenants = _Timetable.tenants_of(line.each).subquery()
    tenant = tenants.c[0]
    key = f"cron:{due:%Y-%m-%dT%H:%MZ}"
    digest = func.sha256(func.convert_to(cast(tenant, Text) + literal(f" {line.work.name} {key}"), "UTF8"))
    row = {
        _job.c.tenant_id: tenant,
        _job.c.id: cast(func.substr(func.encode(digest, "hex"), 1, 32), Uuid),
        _job.c.name: literal(line.work.name),
        _job.c.queue: literal(line.work.queue),
        _job.c.args: literal(line.work.pack(dict.fromkeys(line.work.kinds, due)), JSONB),
        _job.c.key: literal(key),
        _job.c.state: literal("queued"),
        _job.c.run_at: literal(due, _job.c.run_at.type),
        _job.c.attempts: literal(0),
        _job.c.max_attempts: literal(line.work.attempts),
        _job.c.actor: literal("scheduler"),
        _job.c.created_at: literal(now, _job.c.created_at.type),
    }
    wish = insert(_job).from_select(list(row), select(*row.values())).on_conflict_do_nothing()
    return list(session.execute(wish.returning(_job.c.tenant_id)).scalars())
