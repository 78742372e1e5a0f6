"""The audit trail for everybody it concerns; dead jobs and the test clock for the operator."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tandem.accounts.oversight import queries
from tandem.accounts.oversight.errors import ClockFixed
from tandem.accounts.oversight.schemas import (
    AuditEventSchema,
    AuditFilterSchema,
    DeadJobSchema,
    JobTotalsSchema,
    TestClockSchema,
)
from tandem.kernel import audit, clock, jobs
from tandem.kernel.access import Audience
from tandem.kernel.database import Page
from tandem.kernel.http import Api

api = Api("oversight", audience="operator", tag="Oversight")


@api.get(
    "/organizations/<uuid:organization_id>/audit_events",
    allow="audit.read",
    query=AuditFilterSchema,
    gives=AuditEventSchema,
    many=True,
)
def list_organization_audit_events(organization_id: UUID, query: dict[str, Any]) -> Page:
    """What was decided and done in one organisation, newest first."""
    return _events(query)


@api.get("/job_totals", allow="jobs.read", gives=JobTotalsSchema, across=True)
def count_jobs() -> dict[str, int]:
    """How much work is in hand, over all organisations."""
    return queries.job_totals()


@api.get("/dead_jobs", allow="jobs.read", gives=DeadJobSchema, many=True, across=True)
def list_dead_jobs(query: dict[str, Any]) -> Page:
    """Jobs that failed their last attempt, of every organisation, newest first."""
    return jobs.dead(limit=query["limit"], after=query["after"])


@api.post("/dead_jobs/<uuid:job_id>/replays", allow="jobs.replay", status=204, across=True)
def replay_job(job_id: UUID) -> None:
    """Give a dead job its attempts back."""
    jobs.replay(job_id)


@api.get("/test_clock", allow="clock.move", gives=TestClockSchema)
def show_clock() -> dict[str, Any]:
    """What time it is on this platform."""
    return {"now": clock.now(), "is_movable": clock.is_movable()}


@api.put("/test_clock", allow="clock.move", takes=TestClockSchema, gives=TestClockSchema, problems=(ClockFixed,))
def move_clock(wish: Mapping[str, datetime]) -> dict[str, Any]:
    """Move every process of a test platform to another moment."""
    if not clock.is_movable():
        raise ClockFixed
    clock.move_to(wish["now"])
    audit.record(
        action="clock.moved", object_type="clock", object_id="platform", details={"to": wish["now"].isoformat()}
    )
    return {"now": clock.now(), "is_movable": True}


def _trail_of(audience: Audience) -> Api:
    own = Api("audit_events", audience=audience, url_prefix="/audit_events", tag="Oversight")

    @own.get("", allow="audit.read", query=AuditFilterSchema, gives=AuditEventSchema, many=True)
    def list_audit_events(query: dict[str, Any]) -> Page:
        """What was decided and done in your organisation, newest first."""
        return _events(query)

    return own


def _events(query: dict[str, Any]) -> Page:
    limit, after = query.pop("limit"), query.pop("after")
    return queries.audit_events(query, limit=limit, after=after)


APIS: Final = (api, *(_trail_of(audience) for audience in ("operator", "hospital", "employer")))
