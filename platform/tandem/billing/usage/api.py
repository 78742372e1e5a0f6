"""Usage over HTTP: read by whose it is, and reported in batches by whoever measures."""

from collections import Counter
from typing import Any, Final
from uuid import UUID

from tandem.billing.usage import commands, queries
from tandem.billing.usage.errors import MeterExists
from tandem.billing.usage.facts import OPERATOR
from tandem.billing.usage.models import VOID, Meter
from tandem.billing.usage.schemas import (
    MeterSchema,
    MeterWishSchema,
    UsageBatchSchema,
    UsageEventSchema,
    UsageQuery,
    UsageReceiptSchema,
    UsageRollupSchema,
)
from tandem.kernel.access import Audience
from tandem.kernel.database import Page
from tandem.kernel.errors import refused_field
from tandem.kernel.http import Api, PageQuery
from tandem.kernel.i18n import Text

_TAG: Final = "Usage"
of_hospital = Api("usage", audience="operator", url_prefix="/hospitals/<uuid:hospital_id>/usage_events", tag=_TAG)
of_employer = Api(
    "usage_of_employer", audience="operator", url_prefix="/employers/<uuid:employer_id>/usage_events", tag=_TAG
)
operator_meters = Api("meters", audience="operator", url_prefix="/meters", tag=_TAG)
APIS: Final[list[Api]] = [of_hospital, of_employer, operator_meters]
# A batch carries its own keys: what is sent again is told to be a duplicate, so it needs no Idempotency-Key.
_BATCH: Final[dict[str, Any]] = {
    "allow": "usage.write",
    "takes": UsageBatchSchema,
    "gives": UsageReceiptSchema,
    "status": 200,
    "idempotent": False,
    "bulk": True,
}


def _receipt(wish: dict[str, Any], reporter: str) -> dict[str, Any]:
    answers = commands.ingest(wish["events"], reporter=reporter)
    counted = Counter(answer.outcome for answer in answers)
    return {
        **{outcome: counted[outcome] for outcome in ("accepted", "duplicate", "conflict", "rejected")},
        "items": [_answer(each) for each in answers],
    }


def _answer(answer: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"event_id": answer.event_id, "outcome": answer.outcome}
    if answer.is_late:
        told["is_late"] = True
    if answer.fault is not None:
        fault = answer.fault
        told |= {"code": fault.code, "field": fault.field, "reason": str(fault.reason), "mend": str(fault.mend)}
    return told


def _own(audience: Audience) -> None:
    # What an organisation may do with its own usage.
    events = Api("usage", audience=audience, url_prefix="/usage_events", tag=_TAG)
    rollups = Api("usage_rollups", audience=audience, url_prefix="/usage_rollups", tag=_TAG)
    meters = Api("meters", audience=audience, url_prefix="/meters", tag=_TAG)
    APIS.extend((events, rollups, meters))

    @events.get("", allow="usage.read", gives=UsageEventSchema, many=True, query=UsageQuery)
    def list_usage(query: dict[str, Any]) -> Page:
        """What was used or delivered here, newest first."""
        return queries.usage_page(**query)

    @events.post("", **_BATCH)
    def report_usage(wish: dict[str, Any]) -> dict[str, Any]:
        """Report up to 10,000 uses. Each is answered on its own; sent again, they are duplicates and count once."""
        return _receipt(wish, audience)

    @rollups.get("", allow="usage.read", gives=UsageRollupSchema, many=True, query=UsageQuery)
    def list_usage_rollups(query: dict[str, Any]) -> Page:
        """Hourly sums, oldest first: what bills are made of."""
        return queries.rollups_page(**query)

    @meters.get("", allow="usage.read", gives=MeterSchema, many=True, query=PageQuery)
    def list_meters(query: dict[str, Any]) -> Page:
        """What can be metered."""
        return queries.meters_page(**query)


@of_hospital.get("", allow="usage.read", gives=UsageEventSchema, many=True, query=UsageQuery)
def list_usage_of_hospital(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """What a hospital delivered and used, newest first."""
    return queries.usage_page(**query)


@of_hospital.post("", **_BATCH)
def report_usage_of_hospital(hospital_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Report what the operator measured for a hospital. Its sources are marked as the operator's."""
    return _receipt(wish, OPERATOR)


@of_employer.get("", allow="usage.read", gives=UsageEventSchema, many=True, query=UsageQuery)
def list_usage_of_employer(employer_id: UUID, query: dict[str, Any]) -> Page:
    """What an employer used, newest first."""
    return queries.usage_page(**query)


@of_employer.post("", **_BATCH)
def report_usage_of_employer(employer_id: UUID, wish: dict[str, Any]) -> dict[str, Any]:
    """Report what the operator measured for an employer. Its sources are marked as the operator's."""
    return _receipt(wish, OPERATOR)


@operator_meters.get("", allow="usage.read", gives=MeterSchema, many=True, query=PageQuery)
def list_meters(query: dict[str, Any]) -> Page:
    """What can be metered, by code."""
    return queries.meters_page(**query)


@operator_meters.post("", allow="agreements.write", takes=MeterWishSchema, gives=MeterSchema, problems=(MeterExists,))
def define_meter(wish: dict[str, Any]) -> Meter:
    """Define a unit of measure. It never changes afterwards."""
    if wish["code"] == VOID:
        raise refused_field("code", Text("This word is taken", "此词已被占用"), Text("Choose another.", "请另选。"))
    return commands.define_meter(**wish)


_own("hospital")
_own("employer")
