"""Usage over HTTP: read only; it is metered where it happens."""

from typing import Any, Final
from uuid import UUID

from tandem.billing.usage import queries
from tandem.billing.usage.schemas import UsageEventSchema, UsageQuery
from tandem.kernel.database import Page
from tandem.kernel.http import Api

hospital_api = Api("usage", audience="hospital", url_prefix="/usage_events", tag="Usage")
operator_api = Api("usage", audience="operator", url_prefix="/hospitals/<uuid:hospital_id>/usage_events", tag="Usage")
APIS: Final = [hospital_api, operator_api]


@hospital_api.get("", allow="usage.read", gives=UsageEventSchema, many=True, query=UsageQuery)
def list_usage(query: dict[str, Any]) -> Page:
    """What the hospital delivered, newest first."""
    return queries.usage_page(**query)


@operator_api.get("", allow="usage.read", gives=UsageEventSchema, many=True, query=UsageQuery)
def list_usage_of_hospital(hospital_id: UUID, query: dict[str, Any]) -> Page:
    """What a hospital delivered, newest first."""
    return queries.usage_page(**query)
