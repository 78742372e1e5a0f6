"""HR uploads its roster: set by set, by row, once, and its latest word counts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from b2b.rosters import active_heads, commands
from b2b.rosters.errors import MemberLeft
from b2b.rosters.models import RosterImport, RosterMember
from tandem.accounts import create_organization
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.errors import Invalid, NotFound
from tandem.kernel.ids import new_id
from tandem.kernel.jobs import JobRow
from tandem.kernel.tenancy import acting_for, transaction
from tests.employers import HEADER, Employee, a_roster, employees, imported
from tests.hospitals import hand
from tests.organizations import a_uscc


@pytest.fixture
def employer_id(app):
    employer_id = new_id()
    with acting_for(employer_id), transaction():
        create_organization(kind="employer", name="华东制造有限公司", uscc=a_uscc())
    return employer_id


def counted(report: RosterImport) -> tuple[int, int, int, int]:
    return report.rows_added, report.rows_changed, report.rows_unchanged, report.rows_refused


def on_roster(employer_id, number: str = "E00001") -> RosterMember:
    with acting_for(employer_id):
        found = select(RosterMember).where(RosterMember.staff_number == number)
        return session.scalars(found).one()


def rows_of(employer_id, model) -> int:
    with acting_for(employer_id):
        return session.scalar(select(func.count()).select_from(model).where(model.tenant_id == employer_id)) or 0


def at_once(app, uploads) -> list[RosterImport]:
    """Upload from many threads; whoever waited too long for another upload tries again, as HR's browser would."""

    def one(upload) -> RosterImport:
        with app.app_context():
            while True:
                try:
                    return upload()
                except OperationalError:
                    continue

    with ThreadPoolExecutor(len(uploads)) as pool:
        return list(pool.map(one, uploads))


def departed(employer_id, number: str = "E00001", left_on: date | None = None) -> RosterMember:
    member = on_roster(employer_id, number)
    with acting_for(employer_id), hand("employer", employer_id), transaction():
        return commands.end_membership(member.id, left_on=left_on or clock.today())


def test_everybody_in_the_file_is_on_the_roster(employer_id):
    report = imported(employer_id, a_roster(employees(1_201)))

    assert counted(report) == (1_201, 0, 0, 0)
    assert rows_of(employer_id, RosterMember) == 1_201
    with acting_for(employer_id):
        assert active_heads(clock.today()) == 1_201


def test_names_and_numbers_are_kept_encrypted(employer_id):
    [one] = staff = employees(1)
    imported(employer_id, a_roster(staff))

    with acting_for(employer_id):
        raw = session.connection().exec_driver_sql("SELECT name, phone FROM roster_member").all()

    assert one.name.encode() not in bytes(raw[0][0])
    assert one.phone.encode() not in bytes(raw[0][1])
    assert (on_roster(employer_id).name, on_roster(employer_id).phone) == (one.name, one.phone)


def test_the_same_file_twice_answers_as_the_first_time_and_changes_nothing(employer_id):
    content = a_roster(employees(5))
    first = imported(employer_id, content)
    asked = rows_of(employer_id, JobRow)

    second = imported(employer_id, content)

    assert second.id == first.id
    assert counted(second) == (5, 0, 0, 0)
    assert (rows_of(employer_id, RosterImport), rows_of(employer_id, JobRow)) == (1, asked)


def test_the_same_rows_in_another_encoding_are_unchanged(employer_id):
    content = a_roster(employees(5))
    imported(employer_id, content)

    again = imported(employer_id, content.decode().encode("gb18030"))

    assert counted(again) == (0, 0, 5, 0)


@pytest.mark.parametrize(
    "change",
    [{"name": "王方"}, {"phone": "+8613800138123"}, {"joined_on": date(2021, 1, 1)}, {"left_on": date.today()}],
)
def test_one_changed_cell_changes_one_row(employer_id, change):
    staff = employees(3)
    imported(employer_id, a_roster(staff))

    again = imported(employer_id, a_roster([replace(staff[0], **change), *staff[1:]]))

    assert counted(again) == (0, 1, 2, 0)
    held = on_roster(employer_id)
    assert {name: getattr(held, name) for name in change} == change


def test_an_old_file_uploaded_after_a_newer_one_is_hrs_latest_word(employer_id):
    staff = employees(2)
    old, new = a_roster(staff), a_roster([replace(staff[0], name="王方"), staff[1]])
    first, second = imported(employer_id, old), imported(employer_id, new)

    third = imported(employer_id, old)

    assert len({first.id, second.id, third.id}) == 3
    assert counted(third) == (0, 1, 1, 0)
    assert on_roster(employer_id).name == staff[0].name
    assert imported(employer_id, old).id == third.id


def test_a_file_that_was_taken_before_somebody_left_is_taken_again_after(employer_id):
    content = a_roster(employees(2))
    first = imported(employer_id, content)
    departed(employer_id)

    again = imported(employer_id, content)

    assert again.id != first.id
    assert counted(again) == (0, 1, 1, 0)
    assert on_roster(employer_id).left_on is None


def test_a_dry_run_tells_what_would_happen_now_and_writes_nothing(employer_id):
    staff = employees(3)
    imported(employer_id, a_roster(staff))
    before = [rows_of(employer_id, each) for each in (RosterMember, RosterImport, JobRow)]

    same = imported(employer_id, a_roster(staff), dry_run=True)
    more = imported(employer_id, a_roster([replace(staff[0], name="王方"), *employees(4, first=2)]), dry_run=True)

    assert (same.id, counted(same)) == (None, (0, 0, 3, 0))
    assert (more.id, more.rows_added, more.rows_changed) == (None, 2, 3)
    assert [rows_of(employer_id, each) for each in (RosterMember, RosterImport, JobRow)] == before
    assert on_roster(employer_id).name == staff[0].name


def test_bad_rows_are_told_without_their_words_and_good_ones_are_taken(employer_id):
    content = a_roster(employees(2)) + b"E00009,=HYPERLINK(1),1.38E+10,2020-01-01,\n"

    report = imported(employer_id, content)

    assert counted(report) == (2, 0, 0, 1)
    assert [(each["row"], each["column"], each["code"]) for each in report.errors] == [
        (4, "name", "formula"),
        (4, "phone", "rounded"),
    ]
    assert "HYPERLINK" not in str(report.errors)
    assert report.rows_read == 3


def test_a_file_of_bad_rows_only_tells_a_thousand_of_them(employer_id):
    report = imported(employer_id, (HEADER + "E1,王芳,0,2020-01-01,\n" * 1_200).encode())

    assert (report.rows_refused, len(report.errors)) == (1_200, 1_000)
    assert rows_of(employer_id, RosterMember) == 0


def test_the_same_file_uploaded_eight_times_at_once_is_taken_once(app, employer_id):
    content = a_roster(employees(40))

    reports = at_once(app, [lambda: imported(employer_id, content)] * 8)

    assert len({each.id for each in reports}) == 1
    assert (rows_of(employer_id, RosterImport), rows_of(employer_id, RosterMember)) == (1, 40)


def test_of_two_files_uploaded_at_once_each_tells_what_it_did(app, employer_id):
    files = [a_roster(employees(30)), a_roster(employees(30, first=16))]

    reports = at_once(app, [lambda content=each: imported(employer_id, content) for each in files])

    assert sorted(each.rows_added for each in reports) == [15, 30]
    assert rows_of(employer_id, RosterMember) == 45


def test_two_employers_have_rosters_of_their_own(employer_id):
    other = new_id()
    with acting_for(other), transaction():
        create_organization(kind="employer", name="华南制造有限公司", uscc=a_uscc())
    content = a_roster(employees(2))

    first, second = imported(employer_id, content), imported(other, content)

    assert counted(first) == counted(second) == (2, 0, 0, 0)
    with acting_for(other), hand("employer", other), pytest.raises(NotFound):
        commands.end_membership(on_roster(employer_id).id, left_on=clock.today())


def test_whoever_leaves_is_counted_no_more(employer_id):
    imported(employer_id, a_roster(employees(2)))

    departed(employer_id)

    with acting_for(employer_id):
        assert active_heads(clock.today()) == 1
        assert active_heads(clock.today() - timedelta(days=1)) == 2


def test_nobody_leaves_twice_or_before_they_came(employer_id):
    imported(employer_id, a_roster([*employees(1), Employee("E00002", joined_on=date(2024, 5, 6))]))
    departed(employer_id)

    with pytest.raises(MemberLeft):
        departed(employer_id)
    with pytest.raises(Invalid):
        departed(employer_id, "E00002", left_on=date(2024, 5, 5))

    assert on_roster(employer_id, "E00002").left_on is None
