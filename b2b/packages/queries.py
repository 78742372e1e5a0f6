"""Named reads of the catalogue."""

from uuid import UUID

from sqlalchemy import select

from b2b.packages.errors import PackageNotOnSale
from b2b.packages.models import Package
from tandem.kernel.database import Page, page, session
from tandem.kernel.errors import NotFound


def package(package_id: UUID) -> Package:
    """Raises NotFound."""
    found = session.get(Package, package_id)
    if found is None:
        raise NotFound
    return found


def package_on_sale(package_id: UUID) -> Package:
    """Raises NotFound, PackageNotOnSale."""
    found = package(package_id)
    if found.status != "on_sale":
        raise PackageNotOnSale(status_now=found.status)
    return found


def packages(*, on_sale_only: bool, limit: int, after: str | None) -> Page:
    """The catalogue, newest first."""
    statement = select(*Package.__table__.c)
    if on_sale_only:
        statement = statement.where(Package.status == "on_sale")
    return page(statement, by=[Package.created_at, Package.id], limit=limit, after=after, newest_first=True)
