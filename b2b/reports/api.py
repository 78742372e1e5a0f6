"""What an employer may see of a programme's use."""

from typing import Any
from uuid import UUID

from b2b.contracts import contract
from b2b.reports import queries
from b2b.reports.schemas import UtilisationReportSchema
from tandem.kernel.database import Page
from tandem.kernel.http import Api

reports = Api("reports", audience="employer", url_prefix="/contracts/<uuid:contract_id>/reports")


@reports.get("", allow="reports.read", gives=UtilisationReportSchema, many=True)
def list_reports(contract_id: UUID, query: dict[str, Any]) -> Page:
    """Monthly sums of a contract; numbers with fewer than eleven people behind them are null."""
    contract(contract_id)
    return queries.reports_of_contract(contract_id, **query)


APIS = (reports,)
