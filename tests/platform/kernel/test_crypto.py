"""Personal fields: unreadable in the database, bound to owner and column, found by exact value, erasable."""

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import LargeBinary, event, select, type_coerce

from tandem.accounts.staff.models import StaffProfile
from tandem.kernel import crypto, upkeep
from tandem.kernel.crypto import Unreadable, decrypt, encrypt
from tandem.kernel.database import session
from tandem.kernel.identity import Membership, Person
from tandem.kernel.ids import new_id
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import NoTenantChosen, acting_for, as_person, in_public, transaction
from tests.people import a_person
from tests.platform.kernel.stories import counted

pytestmark = pytest.mark.usefixtures("app")
NAME = "patient.name"


@pytest.fixture
def hospital() -> UUID:
    return uuid4()


@pytest.fixture(autouse=True)
def fresh_keys(settings: Settings) -> Iterator[None]:
    crypto.configure(settings.field_key)
    yield
    crypto.configure(settings.field_key)


def test_a_field_reads_back_and_shows_nothing_of_itself(hospital: UUID) -> None:
    with acting_for(hospital):
        stored = encrypt("欧阳娜娜", NAME)
        read = decrypt(stored, NAME)

    assert read == "欧阳娜娜"
    assert "欧阳娜娜".encode() not in stored


def test_the_same_name_never_looks_the_same_twice(hospital: UUID) -> None:
    with acting_for(hospital):
        assert encrypt("李明", NAME) != encrypt("李明", NAME)


def test_a_value_moved_to_another_column_does_not_open(hospital: UUID) -> None:
    with acting_for(hospital), pytest.raises(Unreadable):
        decrypt(encrypt("李明", NAME), "patient.phone")


@pytest.mark.parametrize("position", [0, 1, 18, 25, -1])
def test_an_altered_value_does_not_open(hospital: UUID, position: int) -> None:
    with acting_for(hospital):
        stored = bytearray(encrypt("李明", NAME))
        stored[position] ^= 1

        with pytest.raises(Unreadable):
            decrypt(bytes(stored), NAME)


def test_another_tenants_value_does_not_open(hospital: UUID) -> None:
    with acting_for(uuid4()):
        stored = encrypt("李明", NAME)

    with acting_for(hospital), pytest.raises(Unreadable):
        decrypt(stored, NAME)


def test_a_value_copied_and_relabelled_for_another_tenant_does_not_open(hospital: UUID) -> None:
    with acting_for(uuid4()):
        stored = encrypt("李明", NAME)
    relabelled = stored[:1] + hospital.bytes + stored[17:]

    with acting_for(hospital):
        encrypt("anything", NAME)  # the hospital has a key number 1 too
        with pytest.raises(Unreadable):
            decrypt(relabelled, NAME)


def test_without_a_tenant_nothing_is_encrypted() -> None:
    with in_public(), pytest.raises(NoTenantChosen):
        encrypt("李明", NAME)


def test_keys_outlive_this_process(hospital: UUID, settings: Settings) -> None:
    with acting_for(hospital):
        stored = encrypt("李明", NAME)
    crypto.configure(settings.field_key)  # a new process has empty caches

    with acting_for(hospital):
        assert decrypt(stored, NAME) == "李明"


def test_a_rolled_back_first_use_takes_no_key_away(hospital: UUID, settings: Settings) -> None:
    with pytest.raises(RuntimeError), acting_for(hospital), transaction():
        stored = encrypt("李明", NAME)
        raise RuntimeError
    crypto.configure(settings.field_key)

    with acting_for(hospital):
        assert decrypt(stored, NAME) == "李明"


def test_a_new_master_key_still_opens_what_the_old_one_wrapped(hospital: UUID, settings: Settings) -> None:
    with acting_for(hospital):
        stored = encrypt("李明", NAME)
        of_platform = encrypt("李明", "person.name", platform=True)

    crypto.configure(b"n" * 32, settings.field_key)

    with acting_for(hospital):
        assert decrypt(stored, NAME) == decrypt(of_platform, "person.name") == "李明"


def test_without_its_master_key_a_tenants_field_is_closed(hospital: UUID) -> None:
    with acting_for(hospital):
        stored = encrypt("李明", NAME)

    crypto.configure(b"x" * 32)

    with acting_for(hospital), pytest.raises(Unreadable):
        decrypt(stored, NAME)


def test_rotation_writes_with_the_new_key_and_reads_with_both(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        before = encrypt("李明", NAME)
        number = crypto.rotate_tenant_key()
    with acting_for(hospital):
        after = encrypt("李明", NAME)

        assert number == 2
        assert (before[17:19], after[17:19]) == (b"\x00\x01", b"\x00\x02")
        assert decrypt(before, NAME) == decrypt(after, NAME)


def test_destroying_a_tenants_keys_erases_its_fields_for_ever(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        stored = encrypt("李明", NAME)
        destroyed = crypto.destroy_tenant_keys()

    with acting_for(hospital), pytest.raises(Unreadable):
        decrypt(stored, NAME)
    with acting_for(hospital), pytest.raises(Unreadable):
        encrypt("李明", NAME)
    assert destroyed == 1


def test_a_blind_index_finds_by_exact_value_in_one_tenant_and_one_purpose(hospital: UUID) -> None:
    with acting_for(hospital):
        index = crypto.blind_index("138 1234 5678", "patient.phone")
        again = crypto.blind_index("+86-13812345678", "patient.phone")
        other_purpose = crypto.blind_index("13812345678", "employee.phone")
    with acting_for(uuid4()):
        elsewhere = crypto.blind_index("13812345678", "patient.phone")

    assert index == again
    assert len({index, other_purpose, elsewhere}) == 3


def test_an_index_survives_the_rotation_of_the_field_key(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        before = crypto.blind_index("13812345678", "patient.phone")
        crypto.rotate_tenant_key()

        assert crypto.blind_index("13812345678", "patient.phone") == before


def test_a_rotation_that_is_rolled_back_leaves_no_value_under_a_key_that_never_was(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        encrypt("李明", NAME)
    with acting_for(hospital):
        crypto.rotate_tenant_key()
        encrypt("王芳", NAME)
        session.rollback()

    with acting_for(hospital):
        after = encrypt("欧阳娜娜", NAME)
    crypto.forget_keys()

    with acting_for(hospital):
        assert decrypt(after, NAME) == "欧阳娜娜"


def test_a_hospital_met_for_the_first_time_costs_one_round_trip_more(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        encrypt("李明", NAME)
    crypto.forget_keys()

    with acting_for(hospital), transaction():
        asked: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda _c, _cur, said, *_: asked.append(said))
        encrypt("王芳", NAME)
        encrypt("欧阳娜娜", NAME)

    assert len(asked) == 1
    assert "tenant_key" in asked[0]


def test_a_persons_row_holds_no_readable_name() -> None:
    person_id = a_person(name="司马相如")

    with as_person(person_id):
        stored = session.scalar(select(type_coerce(Person.name, LargeBinary)).where(Person.id == person_id))
        read = session.scalar(select(Person.name).where(Person.id == person_id))

    assert stored is not None
    assert "司马相如".encode() not in bytes(stored)
    assert read == "司马相如"


def test_all_values_come_under_the_new_key_in_batches(hospital: UUID) -> None:
    for _ in range(5):
        _a_member_of_staff(hospital, "李明")
    with acting_for(hospital), transaction():
        crypto.rotate_tenant_key()

    with acting_for(hospital), transaction():
        moved = [crypto.reencrypt_batch(2) for _ in range(4)]

    with acting_for(hospital):
        here = StaffProfile.tenant_id == hospital
        raw = session.scalars(select(type_coerce(StaffProfile.name, LargeBinary)).where(here)).all()
        names = set(session.scalars(select(StaffProfile.name).where(here)))
    assert moved == [2, 2, 1, 0]
    assert {bytes(value)[17:19] for value in raw} == {b"\x00\x02"}
    assert names == {"李明"}


def test_a_rotation_is_recorded_and_brings_everything_over(hospital: UUID, work: Callable[..., int]) -> None:
    _a_member_of_staff(hospital, "李明")

    with acting_for(hospital), transaction():
        upkeep.rotate_tenant_key()
    work(hospital)

    with acting_for(hospital):
        stored = session.scalars(select(type_coerce(StaffProfile.name, LargeBinary))).one()
    assert bytes(stored)[17:19] == b"\x00\x02"
    assert counted(hospital, "tenant_key.rotated") == {"2": 1}


def _a_member_of_staff(tenant: UUID, name: str) -> None:
    with acting_for(tenant), transaction():
        membership = Membership(tenant_id=tenant, person_id=new_id(), audience="hospital", roles=["doctor"])
        session.add(membership)
        session.flush()
        session.add(StaffProfile(tenant_id=tenant, membership_id=membership.id, name=name))
