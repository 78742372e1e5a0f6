"""The timetable: each line makes one job per tenant and minute, whatever runs twice, stops, or turns back."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSimError
from sqlalchemy import select

from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.jobs import Cron, JobRow, fire_due, job, list_tenants_by, run_next
from tandem.kernel.tenancy import acting_for
from tests.platform.kernel import counted_jobs as work
from tests.platform.kernel.worker_process import EVERY_MINUTE, tenants_listed

pytestmark = pytest.mark.usefixtures("app")
SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDNIGHT = datetime(2027, 3, 1, tzinfo=SHANGHAI)
seen: list[datetime] = []


@job(queue="slow")
def close_the_day(scheduled_at: datetime) -> None:
    seen.append(scheduled_at)


@pytest.fixture
def hospitals() -> Iterator[list[UUID]]:
    """Three hospitals, which are all the tenants there are."""
    tenants = [uuid4() for _ in range(3)]
    list_tenants_by(lambda _kind: tenants_listed(*tenants))
    yield tenants
    list_tenants_by(lambda _kind: tenants_listed(uuid4()).where(False))


@pytest.fixture
def line() -> Cron:
    """A line nobody has fired: at a minute of its own, every day."""
    number = uuid4().int
    return Cron(f"{number % 60} {number // 60 % 12} 1-28 1-12 *", work.open_the_day)


def keys(tenant: UUID) -> list[str | None]:
    with acting_for(tenant):
        return list(session.scalars(select(JobRow.key).order_by(JobRow.run_at)))


def test_a_line_fires_once_for_every_tenant(hospitals: list[UUID], line: Cron, at: Callable[[datetime], None]) -> None:
    at(MIDNIGHT)
    fire_due([line])

    at(MIDNIGHT + timedelta(days=1))
    made = [fire_due([line]), fire_due([line])]

    assert made == [3, 0]
    assert [len(keys(hospital)) for hospital in hospitals] == [1, 1, 1]


def test_the_past_of_a_new_line_is_not_caught_up(
    hospitals: list[UUID], line: Cron, at: Callable[[datetime], None]
) -> None:
    at(MIDNIGHT)

    assert fire_due([line]) == 0


def test_after_a_long_stop_the_latest_minute_is_caught_up_once(
    hospitals: list[UUID], line: Cron, at: Callable[[datetime], None]
) -> None:
    at(MIDNIGHT)
    fire_due([line])

    at(MIDNIGHT + timedelta(days=9, hours=12))
    fire_due([line])

    assert keys(hospitals[0]) == [f"cron:{line.latest(clock.now()):%Y-%m-%dT%H:%MZ}"]


def test_a_clock_turned_back_fires_nothing_twice(
    hospitals: list[UUID], line: Cron, at: Callable[[datetime], None]
) -> None:
    at(MIDNIGHT)
    fire_due([line])

    for days in (2, 1, 2, 3):
        at(MIDNIGHT + timedelta(days=days))
        fire_due([line])

    assert len(keys(hospitals[0])) == len(set(keys(hospitals[0]))) == 2


def test_times_are_business_time() -> None:
    line = Cron("0 3 * * *", work.open_the_day)

    assert line.latest(datetime(2027, 1, 1, 18, 59, tzinfo=UTC)) == datetime(2026, 12, 31, 19, 0, tzinfo=UTC)
    assert line.latest(datetime(2027, 1, 1, 19, 0, tzinfo=UTC)) == datetime(2027, 1, 1, 19, 0, tzinfo=UTC)


def test_a_job_may_learn_the_minute_it_was_due(hospitals: list[UUID], at: Callable[[datetime], None]) -> None:
    line = Cron(f"{uuid4().int % 60} {uuid4().int % 24} * * *", close_the_day)
    at(MIDNIGHT)
    fire_due([line])
    at(MIDNIGHT + timedelta(days=1))
    fire_due([line])

    run_next(hospitals[0], "slow")

    assert seen[-1] == line.latest(clock.now())


@pytest.mark.parametrize("when", ["61 * * * *", "", "* * *", "at noon"])
def test_a_wrong_line_is_refused_when_it_is_written(when: str) -> None:
    with pytest.raises(CronSimError):
        Cron(when, work.open_the_day)


def test_a_job_with_arguments_of_its_own_cannot_be_scheduled() -> None:
    with pytest.raises(TypeError, match="scheduled_at"):
        Cron("* * * * *", work.count_visit)


def test_two_schedulers_make_no_job_twice(process_environment: dict[str, str], tmp_path: Path) -> None:
    hospitals = [uuid4() for _ in range(20)]
    fire_due([EVERY_MINUTE])
    environment = _with_the_clock(process_environment, tmp_path, ahead=timedelta(hours=1))
    together = str(time.time() + 4)
    command = [sys.executable, "-m", "tests.platform.kernel.worker_process", "scheduler", together]

    schedulers = [subprocess.Popen([*command, *map(str, hospitals)], env=environment) for _ in range(2)]
    codes = [scheduler.wait(60) for scheduler in schedulers]

    assert codes == [0, 0]
    made = [keys(hospital) for hospital in hospitals]
    assert {len(each) for each in made} == {1}
    assert len({each[0] for each in made}) == 1


def _with_the_clock(environment: dict[str, str], home: Path, ahead: timedelta) -> dict[str, str]:
    """An environment whose clock stands in the middle of a minute that has not come yet."""
    there = (datetime.now(UTC) + ahead).replace(second=20, microsecond=0)
    (home / "stack.json").write_text('{"sandbox_url": "http://127.0.0.1:1"}')
    (home / "secrets.json").write_text('{"stripe_secret_key": "sk_test_0"}')
    (home / "clock").write_text(str((there - datetime.now(UTC)).total_seconds()))
    without = {name: value for name, value in environment.items() if name != "STRIPE_SECRET_KEY"}
    return {**os.environ, **without, "PYTHONPATH": ".:platform", "TANDEM_HOME": str(home)}


def test_no_line_of_the_platforms_timetable_stands_before_what_somebody_waits_for() -> None:
    houses = [import_module(f"{house}.wiring") for house in ("tandem", "tenants", "b2b")]

    lines = [line for house in houses for line in house.SCHEDULE]

    assert len(lines) > 20
    assert [line.work.name for line in lines if line.work.queue != "slow"] == []
