"""Named reads of reports. [employer]"""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from b2b.reports.models import UtilisationReport
from b2b.reports.suppression import HIDDEN, Told
from tandem.kernel.database import Page, page, session
from tandem.kernel.tenancy import tenant_id


def active_told_last(contract_id: UUID) -> Told:
    """How many active members a contract's reports told last, however many have told nothing since."""
    return _told_last(contract_id, UtilisationReport.members_active, UtilisationReport.active_counted_at)


def used_told_last(contract_id: UUID) -> Told:
    """How many used units a contract's reports told last."""
    return _told_last(contract_id, UtilisationReport.units_used, UtilisationReport.used_counted_at)


def reports_of_contract(contract_id: UUID, *, limit: int, after: str | None) -> Page:
    """A contract's monthly reports, newest first."""
    statement = select(*UtilisationReport.__table__.c).where(
        UtilisationReport.tenant_id == tenant_id(), UtilisationReport.contract_id == contract_id
    )
    return page(statement, by=[UtilisationReport.month_on], limit=limit, after=after, newest_first=True)


def _told_last(contract_id: UUID, number: Any, counted_at: Any) -> Told:
    told = select(number, counted_at).where(
        UtilisationReport.tenant_id == tenant_id(),
        UtilisationReport.contract_id == contract_id,
        number.is_not(None),
    )
    found = session.execute(told.order_by(UtilisationReport.month_on.desc()).limit(1)).one_or_none()
    return HIDDEN if found is None else Told(*found)
