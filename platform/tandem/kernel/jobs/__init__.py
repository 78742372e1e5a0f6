"""Work after the commit: declared as functions, asked for as rows, done exactly once by workers, at set times too.

The row in table `job` is the truth; Redis and RQ only wake workers (see doorbell). Slices use `job`, `enqueue`,
`Later` and `Cron`; outbox turns events into jobs; the edges (tandem worker, tandem scheduler) use the rest.
"""

from tandem.kernel.jobs.dead_letters import dead, replay
from tandem.kernel.jobs.declaration import Job, Later, NotAnId, job, job_named
from tandem.kernel.jobs.enqueueing import enqueue
from tandem.kernel.jobs.models import JobRow
from tandem.kernel.jobs.running import recover_lapsed, run_next
from tandem.kernel.jobs.scheduling import Cron, fire_due, list_tenants_by, set_timetable, timetable
from tandem.kernel.jobs.sweeping import due_bells, measure_backlog, sweep
from tandem.kernel.jobs.turns import run_due, take_turn

__all__ = [
    "Cron",
    "Job",
    "JobRow",
    "Later",
    "NotAnId",
    "dead",
    "due_bells",
    "enqueue",
    "fire_due",
    "job",
    "job_named",
    "list_tenants_by",
    "measure_backlog",
    "recover_lapsed",
    "replay",
    "run_due",
    "run_next",
    "set_timetable",
    "sweep",
    "take_turn",
    "timetable",
]
