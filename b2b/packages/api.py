"""The catalogue for the operator who keeps it and for employers who choose from it."""

from typing import Any
from uuid import UUID

from b2b.packages import commands, queries
from b2b.packages.errors import PackageCodeTaken
from b2b.packages.models import Package
from b2b.packages.schemas import PackageSchema, PackageStatusSchema
from tandem.kernel.database import Page
from tandem.kernel.http import Api

catalogue = Api("packages", audience="operator", url_prefix="/packages")
choice = Api("packages", audience="employer", url_prefix="/packages")


@catalogue.get("", allow="packages.read", gives=PackageSchema, many=True)
def list_packages(query: dict[str, Any]) -> Page:
    """All packages, drafts and retired ones too."""
    return queries.packages(on_sale_only=False, **query)


@catalogue.post("", allow="packages.write", takes=PackageSchema, gives=PackageSchema, problems=(PackageCodeTaken,))
def create_package(wish: dict[str, Any]) -> Package:
    """Draft a package."""
    return commands.create_package(**wish)


@catalogue.get("/<uuid:package_id>", allow="packages.read", gives=PackageSchema)
def read_package(package_id: UUID) -> Package:
    """One package."""
    return queries.package(package_id)


@catalogue.post("/<uuid:package_id>/moves", allow="packages.write", takes=PackageStatusSchema, gives=PackageSchema)
def move_package(package_id: UUID, wish: dict[str, Any]) -> Package:
    """Put it on sale, or retire it."""
    return commands.move_package(package_id, wish["status"])


@choice.get("", allow="packages.read", gives=PackageSchema, many=True)
def packages_on_sale(query: dict[str, Any]) -> Page:
    """What an employer can choose from."""
    return queries.packages(on_sale_only=True, **query)


APIS = (catalogue, choice)
