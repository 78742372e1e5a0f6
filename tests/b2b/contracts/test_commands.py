"""A contract passes its hands, founds a programme, bills heads once, and ends."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from b2b.contracts import Contract, commands, queries
from b2b.contracts.errors import DatesInvalid, SameHand
from b2b.contracts.jobs import bill_members, end_contracts
from b2b.packages import PackageNotOnSale
from b2b.packages import commands as packages
from b2b.rosters import commands as rosters
from b2b.rosters.jobs import keep_members_current
from b2b.rosters.models import RosterMember
from tandem.accounts import OrganizationNotLive, suspend_organization
from tandem.billing import entitlements
from tandem.billing.invoices.models import Invoice, InvoiceLineRow
from tandem.kernel import clock, jobs
from tandem.kernel.database import rows, session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.employers import Employee, Employer, a_contract, a_package, a_roster, an_employer, employees, imported
from tests.hospitals import hand
from tests.people import a_person
from tests.programmes import login_of


@pytest.fixture
def employer(app, work) -> Employer:
    return Employer(work)


def totals(employer: Employer) -> tuple[int, int]:
    """Members and units granted."""
    with acting_for(employer.programme_id, operator=True):
        found = entitlements.programme_totals()
    return (found.members, found.units_granted) if found else (0, 0)


def invoiced(employer: Employer) -> list[tuple[int, int]]:
    """Heads and fen of each invoice line, oldest first."""
    line = InvoiceLineRow.__table__.c
    with acting_for(employer.id):
        told = rows(select(line.quantity, line.amount_minor).where(line.tenant_id == employer.id).order_by(line.id))
    return [(row["quantity"], row["amount_minor"]) for row in told]


def accepts(employer: Employer, who: Employee) -> UUID:
    person_id = a_person(login=who.phone)
    with acting_for(employer.programme_id), transaction():
        return entitlements.activate(person_id, login_of(who.phone))


def waits_for(employer: Employer, who: Employee) -> list[str]:
    """The states of what a telephone number is owed."""
    owed = entitlements.models.Entitlement.__table__.c
    with acting_for(employer.programme_id):
        found = select(owed.status).where(owed.tenant_id == employer.programme_id)
        return list(session.scalars(found.where(owed.login_index == login_of(who.phone))))


def leaves(employer: Employer, number: str) -> None:
    with acting_for(employer.id), hand("employer", employer.id), transaction():
        leaver = session.scalars(select(RosterMember.id).where(RosterMember.staff_number == number)).one()
        rosters.end_membership(leaver, left_on=clock.today())
    employer.settle()


def drafted(employer_id: UUID, *, starts_on: date, ends_on: date | None = None, valid_days: int = 365) -> Contract:
    package_id = a_package(valid_days=valid_days)
    with acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        return commands.draft_contract(
            package_id=package_id, hospital_ids=[new_id()], starts_on=starts_on, ends_on=ends_on
        )


def test_a_contract_in_force_founds_a_programme_at_its_hospitals(employer):
    with acting_for(employer.programme_id):
        serving = entitlements.queries.hospitals_of_programme()

    assert serving == list(employer.hospital_ids)
    assert employer.contract().status == "effective"


def test_everybody_on_the_roster_is_owed_units_and_billed_once_by_head(employer):
    employer.upload(employees(3))
    employer.upload(employees(5))
    with acting_for(employer.id), transaction():
        jobs.enqueue(bill_members, contract_id=employer.contract_id)
    employer.settle()

    assert totals(employer) == (5, 10)
    assert invoiced(employer) == [(3, 6_000), (2, 4_000)]
    assert employer.contract().heads_billed == 5


def test_a_roster_uploaded_before_the_contract_counts_from_its_first_day(app, work):
    employer_id = an_employer()
    imported(employer_id, a_roster(employees(4)))
    work(employer_id)

    employer = Employer(work, id=employer_id)

    assert totals(employer) == (4, 8)
    assert invoiced(employer) == [(4, 8_000)]


def test_heads_billed_by_eight_workers_at_once_are_billed_once(app, employer):
    def bill(_: int) -> None:
        with app.app_context(), acting_for(employer.id), transaction():
            commands.bill_new_members(employer.contract_id, 40)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bill, range(8)))

    assert invoiced(employer) == [(40, 80_000)]


def test_an_invoice_carries_counts_and_nobodys_name(employer):
    [who] = staff = [Employee("E00001", name="欧阳明月")]
    employer.upload(staff)
    employer.settle()

    with acting_for(employer.id):
        [invoice] = rows(select(*Invoice.__table__.c).where(Invoice.tenant_id == employer.id))
        [line] = rows(select(*InvoiceLineRow.__table__.c).where(InvoiceLineRow.tenant_id == employer.id))

    said = f"{dict(invoice)} {dict(line)}"
    assert not any(word in said for word in (who.name, who.phone, who.phone[3:], who.number))
    assert (line["quantity"], line["unit_price"], invoice["total_minor"]) == (1, 2_000, 2_000)


def test_a_package_for_nothing_sends_no_invoice(app, work):
    employer = Employer(work, package={"price_per_member": Money(0)})

    employer.upload(employees(3))

    assert totals(employer) == (3, 6)
    assert invoiced(employer) == []


def test_a_leaver_loses_what_is_free_at_once_and_is_not_paid_back(employer):
    staff = employees(2)
    employer.upload(staff)
    accepts(employer, staff[0])

    leaves(employer, "E00001")

    assert waits_for(employer, staff[0]) == ["revoked"]
    assert waits_for(employer, staff[1]) == ["granted"]
    assert invoiced(employer) == [(2, 4_000)]


def test_two_leavers_one_after_the_other_both_lose_what_is_free(employer):
    staff = employees(3)
    employer.upload(staff)

    for number in ("E00001", "E00002"):
        leaves(employer, number)

    assert [waits_for(employer, each) for each in staff] == [["revoked"], ["revoked"], ["granted"]]


def test_whoever_is_back_on_the_roster_is_owed_again_and_billed_no_second_time(employer):
    staff = employees(2)
    for left_on in (None, clock.today(), None):
        employer.upload([replace(staff[0], left_on=left_on), staff[1]])

    assert waits_for(employer, staff[0]) == ["granted"]
    assert totals(employer) == (2, 4)
    assert invoiced(employer) == [(2, 4_000)]


def test_a_corrected_number_is_followed_to_its_owner(employer):
    [wrong] = staff = employees(1)
    employer.upload(staff)
    right = replace(wrong, phone=Employee("x").phone)

    employer.upload([right])

    assert (waits_for(employer, wrong), waits_for(employer, right)) == ([], ["granted"])
    assert invoiced(employer) == [(1, 2_000)]


def test_first_and_last_days_to_come_are_minded_when_they_come(employer, at):
    now = clock.now()
    tomorrow, later = clock.today() + timedelta(days=1), clock.today() + timedelta(days=2)
    leaver, joiner = replace(employees(1)[0], left_on=tomorrow), replace(employees(1, first=2)[0], joined_on=later)
    employer.upload([leaver, joiner])
    before = waits_for(employer, leaver), waits_for(employer, joiner)

    at(now + timedelta(days=2))
    with acting_for(employer.id), transaction():
        jobs.enqueue(keep_members_current)
    employer.settle()

    assert before == (["granted"], [])
    assert (waits_for(employer, leaver), waits_for(employer, joiner)) == (["revoked"], ["granted"])
    assert invoiced(employer) == [(1, 2_000), (1, 2_000)]


def test_a_terminated_contract_takes_no_new_booking_and_grants_nobody(employer):
    staff = employees(2)
    employer.upload(staff)
    entitlement_id = accepts(employer, staff[0])

    employer.terminate()
    employer.upload(employees(4))

    assert employer.contract().status == "terminated"
    assert totals(employer)[0] == 2
    with pytest.raises(entitlements.NoSuchBenefit), acting_for(employer.programme_id), transaction():
        entitlements.activate(a_person(login=staff[1].phone), login_of(staff[1].phone))
    with acting_for(employer.programme_id):
        held = session.get_one(entitlements.models.Entitlement, (employer.programme_id, entitlement_id))
    assert (held.status, held.units_granted) == ("revoked", 0)


def test_a_contract_ends_the_day_after_its_last(employer, at):
    last_noon = clock.now() + (employer.contract().ends_on - clock.today())
    ends: list[str] = []

    for noon in (last_noon, last_noon + timedelta(days=1)):
        at(noon)
        with acting_for(employer.id), transaction():
            jobs.enqueue(end_contracts)
        employer.settle()
        ends.append(employer.contract().status)

    assert ends == ["effective", "executed"]


def test_a_contract_lasts_as_many_days_as_its_package(app):
    today = clock.today()
    employer_id = an_employer()

    year = drafted(employer_id, starts_on=today, valid_days=365)
    day = drafted(employer_id, starts_on=today, valid_days=1)

    assert (year.ends_on, day.ends_on) == (today + timedelta(days=364), today)


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        (date(9999, 12, 31), None),
        (date(1, 1, 1), None),
        (date(2026, 11, 22), date(2026, 11, 21)),
        (date(2026, 11, 22), date(9999, 12, 31)),
        (date(2026, 1, 1), date(2026, 6, 30)),
    ],
)
def test_a_contract_with_impossible_dates_is_refused(app, at, starts_on, ends_on):
    at(datetime(2026, 11, 22, 4, tzinfo=UTC))
    employer_id = an_employer()

    with pytest.raises(DatesInvalid):
        drafted(employer_id, starts_on=starts_on, ends_on=ends_on)


def test_a_retired_package_is_sold_to_nobody_but_contracts_on_it_go_on(employer):
    package_id = employer.contract().package_id
    with acting_for(OPERATOR_ID, operator=True), hand("operator", OPERATOR_ID), transaction():
        packages.move_package(package_id, "retired")

    with pytest.raises(PackageNotOnSale), employer.by_operator():
        commands.draft_contract(package_id=package_id, hospital_ids=[new_id()], starts_on=clock.today(), ends_on=None)
    employer.upload(employees(1))

    assert totals(employer) == (1, 2)


@pytest.mark.parametrize("role", ["drafted", "proposed"])
def test_neither_who_drafted_nor_who_proposed_it_may_approve_it(app, role):
    employer_id, people = an_employer(), {"drafted": new_id(), "proposed": new_id()}
    package_id = a_package()

    def by(person_id, step, *args, **kwargs):
        with acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID, person_id), transaction():
            return step(*args, **kwargs)

    contract_id = by(
        people["drafted"],
        commands.draft_contract,
        package_id=package_id,
        hospital_ids=[new_id()],
        starts_on=clock.today(),
        ends_on=None,
    ).id
    by(people["proposed"], commands.propose_contract, contract_id)
    with acting_for(employer_id), hand("employer", employer_id), transaction():
        commands.sign_contract(contract_id)

    with pytest.raises(SameHand):
        by(people[role], commands.approve_contract, contract_id)
    assert by(new_id(), commands.approve_contract, contract_id).status == "effective"


@pytest.mark.parametrize("state", ["draft", "negotiable"])
def test_nothing_takes_effect_that_the_employer_has_not_signed(app, state):
    employer_id = an_employer()
    contract_id = a_contract(employer_id, [new_id()], until=state)

    with (
        pytest.raises(TransitionRefused),
        acting_for(employer_id, operator=True),
        hand("operator", OPERATOR_ID),
        transaction(),
    ):
        commands.approve_contract(contract_id)

    with acting_for(employer_id):
        assert queries.contract(contract_id).status == state


def test_a_suspended_employer_gets_no_new_contract(app):
    employer_id = an_employer()
    contract_id = a_contract(employer_id, [new_id()], until="executable")
    with acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID), transaction():
        suspend_organization(because="its invoices are overdue")

    with pytest.raises(OrganizationNotLive), acting_for(employer_id, operator=True), hand("operator", OPERATOR_ID):
        commands.approve_contract(contract_id)


def test_a_grant_that_comes_after_the_end_grants_nothing(employer):
    employer.terminate()

    with acting_for(employer.programme_id), transaction():
        late = entitlements.Grant(new_id(), login_of("+8613800138000"), 2, clock.today(), clock.today())
        assert entitlements.grant([late]) == 0

    assert totals(employer) == (0, 0)
