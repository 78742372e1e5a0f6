"""Keeping the catalogue."""

from typing import Any
from uuid import UUID

from b2b.packages.errors import PackageCodeTaken
from b2b.packages.models import NEXT, Package
from b2b.packages.queries import package
from tandem.kernel.database import refusing, session
from tandem.kernel.money import Money
from tandem.kernel.states import move


def create_package(*, price_per_member: Money, **described: Any) -> Package:
    """Write a package down as a draft. Raises PackageCodeTaken."""
    drafted = Package(
        price_per_member_minor=price_per_member.amount_minor, currency=price_per_member.currency, **described
    )
    with refusing(package_code_key=PackageCodeTaken):
        session.add(drafted)
    return drafted


def move_package(package_id: UUID, status: str) -> Package:
    """Put a package on sale, or retire it; contracts on it go on. Raises NotFound, TransitionRefused."""
    found = package(package_id)
    move(found, status, NEXT)
    return found
