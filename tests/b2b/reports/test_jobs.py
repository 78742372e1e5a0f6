"""Each month an employer learns sums that identify nobody, and no other way leads out of a programme."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from b2b.reports.jobs import report_contracts
from b2b.reports.models import UtilisationReport
from b2b.rosters.models import RosterImport, RosterMember
from tandem.billing import entitlements
from tandem.billing.entitlements.models import Entitlement
from tandem.kernel import clock, jobs
from tandem.kernel.database import rows, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import across_tenants, acting_for, transaction
from tests.employers import Employee, Employer, employees
from tests.programmes import login_of

FIRST = datetime(2026, 12, 1, 4, tzinfo=UTC)


@pytest.fixture
def employer(app, work, at) -> Employer:
    at(datetime(2026, 11, 2, 4, tzinfo=UTC))
    return Employer(work, package={"units_per_member": 5})


def accept(employer: Employer, staff: Sequence[Employee]) -> list[tuple[UUID, UUID]]:
    """These people take part; who they are and what they are owed."""
    members = []
    with acting_for(employer.programme_id), transaction():
        for each in staff:
            person_id = new_id()
            members.append((person_id, entitlements.activate(person_id, login_of(each.phone))))
    return members


def visit(employer: Employer, members: Sequence[tuple[UUID, UUID]]) -> None:
    """Each of them uses one unit."""
    with acting_for(employer.programme_id), transaction():
        for person_id, entitlement_id in members:
            key, hospital_id = new_id(), employer.hospital_ids[0]
            entitlements.reserve(
                entitlement_id, key=key, hospital_id=hospital_id, person_id=person_id, on=clock.today()
            )
            entitlements.consume(entitlement_id, key=key, at=clock.now())


def report(employer: Employer, at, month: int) -> tuple[int | None, int | None]:
    """The month closes: active members and used units as the employer learns them."""
    at(FIRST.replace(year=2026 + month // 12, month=month % 12 + 1))
    with acting_for(employer.id), transaction():
        jobs.enqueue(report_contracts)
    employer.settle()
    told = UtilisationReport.__table__.c
    with acting_for(employer.id):
        found = rows(select(*told).where(told.tenant_id == employer.id).order_by(told.month_on))
    return found[-1]["members_active"], found[-1]["units_used"]


def test_a_report_tells_rounded_sums_of_many(employer, at):
    staff = employees(60)
    employer.upload(staff)
    visit(employer, accept(employer, staff[:23]))

    assert report(employer, at, 11) == (25, 25)


def test_small_numbers_of_people_are_hidden_and_so_are_their_units(employer, at):
    staff = employees(60)
    employer.upload(staff)
    members = accept(employer, staff[:12])
    for _ in range(3):
        visit(employer, members[:10])

    assert report(employer, at, 11) == (10, None)


def test_almost_everybody_is_a_small_number_too(employer, at):
    staff = employees(60)
    employer.upload(staff)
    accept(employer, staff[:50])

    assert report(employer, at, 11) == (None, None)


def test_an_employer_of_fewer_than_fifty_learns_no_number_of_people(employer, at):
    staff = employees(49)
    employer.upload(staff)
    visit(employer, accept(employer, staff[:20]))

    assert report(employer, at, 11) == (None, None)


def test_two_reports_cannot_be_subtracted_to_one_person(employer, at):
    staff = employees(100)
    employer.upload(staff)
    members = accept(employer, staff[:32])
    visit(employer, members[:32])
    first = report(employer, at, 11)

    at(FIRST + timedelta(days=10))
    one = accept(employer, staff[32:33])
    visit(employer, one * 3)
    second = report(employer, at, 12)

    assert first == (30, 30)
    assert second == first


def test_changes_add_up_until_enough_people_stand_behind_them(employer, at):
    staff = employees(100)
    employer.upload(staff)
    visit(employer, accept(employer, staff[:32]))
    told = [report(employer, at, 11)]

    for month, newcomers in ((12, staff[32:38]), (13, staff[38:44])):
        at(FIRST.replace(year=2026 + (month - 1) // 12, month=(month - 1) % 12 + 1) + timedelta(days=10))
        visit(employer, accept(employer, newcomers))
        told.append(report(employer, at, month))

    assert told == [(30, 30), (30, 30), (45, 45)]


def test_while_few_join_or_leave_the_old_number_is_repeated(employer, at):
    staff = employees(100)
    employer.upload(staff)
    accept(employer, staff[:32])
    first = report(employer, at, 11)

    at(FIRST + timedelta(days=10))
    employer.upload([*staff, *employees(3, first=101)])
    accept(employer, staff[32:52])

    assert report(employer, at, 12) == first


def test_a_month_is_reported_once(employer, at):
    employer.upload(employees(60))

    report(employer, at, 11)
    report(employer, at, 11)

    with acting_for(employer.id):
        months = session.scalars(
            select(UtilisationReport.month_on).where(UtilisationReport.tenant_id == employer.id)
        ).all()
    assert [str(each) for each in months] == ["2026-11-30"]


def test_the_employers_scope_cannot_reach_its_programme(employer):
    staff = employees(3)
    employer.upload(staff)
    accept(employer, staff[:1])

    with acting_for(employer.id):
        seen = session.scalars(select(Entitlement.id)).all()
        raw = session.execute(text("SELECT count(*) FROM entitlement")).scalar_one()
        sums = session.execute(text("SELECT count(*) FROM programme_total")).scalar_one()

    assert (seen, raw, sums) == ([], 0, 0)


@pytest.mark.parametrize("table", [RosterMember, RosterImport, Entitlement])
def test_the_operators_role_knows_no_names_of_a_roster(employer, table):
    employer.upload(employees(1))

    with pytest.raises(DBAPIError, match="permission denied"), acting_for(employer.id, operator=True):
        session.execute(text(f"SELECT count(*) FROM {table.__tablename__}"))
    with pytest.raises(DBAPIError, match="permission denied"), across_tenants(reason="a story"):
        session.execute(text(f"SELECT count(*) FROM {table.__tablename__}"))


def test_a_report_once_told_is_never_changed(employer, at):
    employer.upload(employees(60))
    report(employer, at, 11)

    with pytest.raises(DBAPIError, match="permission denied"), acting_for(employer.id), transaction():
        session.execute(text("UPDATE utilisation_report SET members_active = 60"))
