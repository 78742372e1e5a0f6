"""Jobs whose effect can be counted: each records one audit event. Used by tests and by their worker processes."""

import time
from uuid import UUID

from tandem.kernel import audit, jobs
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import transaction

COUNTED = "visit.counted"


@job(queue="fast", attempts=3)
def count_visit(visit_id: UUID) -> None:
    audit.record(action=COUNTED, object_type="visit", object_id=visit_id)


@job(queue="fast", attempts=60, timeout_seconds=30)
def count_visit_slowly(visit_id: UUID, milliseconds: int = 20) -> None:
    audit.record(action=COUNTED, object_type="visit", object_id=visit_id)
    time.sleep(milliseconds / 1000)


@job(queue="fast", attempts=3)
def lose_the_file(visit_id: UUID) -> None:
    audit.record(action=COUNTED, object_type="visit", object_id=visit_id)
    raise LookupError("张三 13812345678")


@job(queue="fast", attempts=2)
def wait_for_the_result(visit_id: UUID) -> None:
    audit.record(action=COUNTED, object_type="visit", object_id=visit_id)
    raise jobs.Later(60)


@job(queue="slow", timeout_seconds=1, attempts=2)
def never_end(visit_id: UUID) -> None:
    audit.record(action=COUNTED, object_type="visit", object_id=visit_id)
    time.sleep(30)


@job(queue="slow", outside=True)
def count_in_two_steps(visit_id: UUID) -> None:
    with transaction():
        audit.record(action="visit.intended", object_type="visit", object_id=visit_id)
    with transaction():
        audit.record(action=COUNTED, object_type="visit", object_id=visit_id)


@job(queue="fast")
def open_the_day() -> None:
    audit.record(action="day.opened", object_type="day", object_id="today")
