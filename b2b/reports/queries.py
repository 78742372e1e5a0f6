"""Named reads of reports. [employer]"""

from uuid import UUID

from sqlalchemy import select

from b2b.reports.models import UtilisationReport
from tandem.kernel.database import Page, page
from tandem.kernel.tenancy import tenant_id


def reports_of_contract(contract_id: UUID, *, limit: int, after: str | None) -> Page:
    """A contract's monthly reports, newest first."""
    statement = select(*UtilisationReport.__table__.c).where(
        UtilisationReport.tenant_id == tenant_id(), UtilisationReport.contract_id == contract_id
    )
    return page(statement, by=[UtilisationReport.month_on], limit=limit, after=after, newest_first=True)
