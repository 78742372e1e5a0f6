"""A real worker or scheduler process with the counted jobs loaded, for tests that kill it.

`python -m tests.platform.kernel.worker_process worker fast LEASE_SECONDS [RENEWAL_STATUS]`
`python -m tests.platform.kernel.worker_process scheduler AT_EPOCH_SECONDS TENANT…`
"""

import sys
import time
from uuid import UUID

from sqlalchemy import Select, Uuid, literal, select, union_all

from tandem.app import create_app
from tandem.kernel import footprint
from tandem.kernel.jobs import Cron, fire_due, list_tenants_by, set_timetable
from tandem.kernel.jobs.pulse import timing
from tandem.kernel.jobs.worker import work
from tandem.kernel.settings import Settings
from tests.platform.kernel import counted_jobs

EVERY_MINUTE = Cron("* * * * *", counted_jobs.open_the_day)


def tenants_listed(*tenants: UUID) -> Select[tuple[UUID]]:
    """A SELECT of just these tenants."""
    listed = union_all(*(select(literal(tenant, Uuid).label("id")) for tenant in tenants)).subquery()
    return select(listed.c.id)


def main(role: str, *words: str) -> None:
    app = create_app(Settings.load(), houses=[])
    with app.app_context():
        if role == "worker":
            timing.lease_seconds, timing.beat_seconds = float(words[1]), float(words[1]) / 3
            footprint.REST_SECONDS = 1
            work(words[0], renewal=int(words[2]) if words[2:] else None)
            return
        tenants = [UUID(word) for word in words[1:]]
        list_tenants_by(lambda _kind: tenants_listed(*tenants))
        set_timetable([EVERY_MINUTE])
        time.sleep(max(0.0, float(words[0]) - time.time()))
        for _ in range(20):
            fire_due()
            time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
