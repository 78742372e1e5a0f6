"""Employers for stories: admitted, with a package, a contract in force, a roster and people on it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from b2b.contracts import Contract
from b2b.contracts import commands as contracts
from b2b.contracts import queries as contract_queries
from b2b.packages import commands as packages
from b2b.rosters import commands as rosters
from b2b.rosters.models import RosterImport
from tandem.accounts import activate_organization, create_organization
from tandem.accounts.organizations.commands import (
    approve_organization,
    review_organization,
    submit_organization,
    waive_requirement,
)
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import hand
from tests.organizations import a_uscc
from tests.programmes import a_mobile

HEADER = "工号,姓名,手机号,入职日期,离职日期\n"


def an_employer() -> UUID:
    """An enterprise that is live on the platform."""
    employer_id = new_id()
    with acting_for(employer_id, operator=True), transaction():
        create_organization(kind="employer", name=f"华东制造{employer_id.hex[-8:]}有限公司", uscc=a_uscc())
    with acting_for(employer_id), hand("employer", employer_id), transaction():
        submit_organization()
    with acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        review_organization()
    with acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        waive_requirement("business_registration", because="this story is not about papers")
        approve_organization()
        activate_organization()
    return employer_id


def a_package(**changes: Any) -> UUID:
    """A package on sale: two units a head for 20 yuan, for a year."""
    facts = {
        "code": f"care-{new_id().hex[-12:]}",
        "name_zh": "职工健康咨询",
        "name_en": "Employee care",
        "units_per_member": 2,
        "price_per_member": Money(2_000),
        "valid_days": 365,
    }
    with acting_for(OPERATOR_ID, operator=True), hand("operator", OPERATOR_ID), transaction():
        package_id = packages.create_package(**(facts | changes)).id
        packages.move_package(package_id, "on_sale")
    return package_id


@dataclass(frozen=True)
class Employee:
    """A row of a roster file."""

    number: str
    name: str = "王芳"
    phone: str = field(default_factory=a_mobile)
    joined_on: date = date(2020, 3, 2)
    left_on: date | None = None

    @property
    def line(self) -> str:
        return f"{self.number},{self.name},{self.phone},{self.joined_on},{self.left_on or ''}\n"


def employees(count: int, *, first: int = 1) -> list[Employee]:
    """So many people with staff numbers in a row."""
    return [Employee(f"E{number:05d}") for number in range(first, first + count)]


def a_roster(staff: Sequence[Employee]) -> bytes:
    """The file HR uploads."""
    return (HEADER + "".join(each.line for each in staff)).encode()


@dataclass
class Employer:
    """An employer with a contract in force, and the jobs that follow what it does."""

    work: Callable[..., int]
    package: dict[str, Any] = field(default_factory=dict)
    hospital_ids: Sequence[UUID] = field(default_factory=lambda: [new_id()])
    id: UUID = field(default_factory=an_employer)
    contract_id: UUID = field(init=False)
    programme_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.contract_id = a_contract(self.id, self.hospital_ids, **self.package)
        self.programme_id = self.contract().programme_id
        self.settle()

    def contract(self) -> Contract:
        """The contract as it is now."""
        with acting_for(self.id):
            return contract_queries.contract(self.contract_id)

    def upload(self, staff: Sequence[Employee]) -> RosterImport:
        """HR uploads a roster, and what follows is done."""
        report = imported(self.id, a_roster(staff))
        self.settle()
        return report

    def terminate(self) -> None:
        """The operator ends the contract early."""
        with self.by_operator():
            contracts.terminate_contract(self.contract_id, because="the enterprise asked for it")
        self.settle()

    def settle(self) -> None:
        """Do all jobs of the employer and its programme."""
        self.work(self.id, self.programme_id)

    @contextmanager
    def by_operator(self) -> Iterator[None]:
        """Act on the employer as one of the operator's people."""
        with acting_for(self.id, operator=True), hand("operator", OPERATOR_ID), transaction():
            yield


def imported(employer_id: UUID, content: bytes, *, dry_run: bool = False) -> RosterImport:
    """HR uploads a file."""
    with acting_for(employer_id), hand("employer", employer_id), transaction():
        return rosters.import_roster(content, dry_run=dry_run)


def a_contract(employer_id: UUID, hospital_ids: Sequence[UUID], *, until: str = "effective", **package: Any) -> UUID:
    """A contract taken by all hands `until` it is in a state: draft, negotiable, executable or effective."""
    dates = {name: package.pop(name, None) for name in ("starts_on", "ends_on")}
    package_id = a_package(**package)
    with acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        contract_id = contracts.draft_contract(
            package_id=package_id,
            hospital_ids=hospital_ids,
            starts_on=dates["starts_on"] or clock.today() - timedelta(days=1),
            ends_on=dates["ends_on"],
        ).id
    steps = {
        "negotiable": (contracts.propose_contract, "operator"),
        "executable": (contracts.sign_contract, "employer"),
        "effective": (contracts.approve_contract, "operator"),
    }
    for state, (step, audience) in steps.items():
        if until == "draft":
            break
        place = employer_id if audience == "employer" else OPERATOR_ID
        with acting_for(employer_id, operator=audience == "operator"), hand(audience, place), transaction():
            step(contract_id)
        if state == until:
            break
    return contract_id
