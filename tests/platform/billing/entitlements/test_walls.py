"""The database itself keeps a programme from the operator, from the employer and from mistakes of ours."""

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from tandem.billing.entitlements import close_programme, programme_totals
from tandem.billing.entitlements.models import BenefitInvitation, Entitlement, EntitlementMovement, ProgrammeTotal
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import across_tenants, acting_for, as_login, in_public, transaction
from tests.programmes import Programme, a_mobile, login_of

pytestmark = pytest.mark.usefixtures("app")


@pytest.mark.parametrize("table", ["entitlement", "entitlement_movement"])
@pytest.mark.parametrize("statement", ["SELECT count(*) FROM {}", "DELETE FROM {}", "UPDATE {} SET id = id"])
def test_the_operators_role_cannot_even_count_who_uses_a_benefit(table, statement):
    programme = Programme()
    programme.member()

    with pytest.raises(DBAPIError, match="permission denied"), acting_for(programme.id, operator=True):
        session.execute(text(statement.format(table)))
    with pytest.raises(DBAPIError, match="permission denied"), across_tenants(reason="a story"):
        session.execute(text(statement.format(table)))


def test_the_operator_reads_sums_and_cannot_write_them():
    programme = Programme()
    programme.member(units=2)

    with acting_for(programme.id, operator=True):
        assert programme_totals().units_granted == 2
    with pytest.raises(DBAPIError, match="permission denied"), acting_for(programme.id, operator=True), transaction():
        session.execute(update(ProgrammeTotal.__table__).values(units_granted=9))


def test_the_operator_cannot_close_a_programme_by_hand():
    programme = Programme()
    member = programme.member()

    with pytest.raises(DBAPIError, match="permission denied"), acting_for(programme.id, operator=True), transaction():
        close_programme()

    assert programme.counts(member) == (2, 0, 0)


def test_another_tenants_scope_sees_and_changes_nothing_of_a_programme():
    programme, employer = Programme(), new_id()
    member = programme.member()
    owed = Entitlement.__table__

    with acting_for(employer), transaction():
        assert session.execute(select(owed.c.id).where(owed.c.tenant_id == programme.id)).all() == []
        taken = session.execute(update(owed).where(owed.c.id == member.entitlement_id).values(units_granted=99))

    assert taken.rowcount == 0
    assert programme.counts(member) == (2, 0, 0)


def test_a_row_cannot_be_smuggled_into_another_programme():
    programme = Programme()
    member = programme.member()
    forged = {"tenant_id": programme.id, "entitlement_id": member.entitlement_id, "kind": "grant", "units": 9}

    with pytest.raises(DBAPIError, match="row-level security"), acting_for(new_id()), transaction():
        session.add(EntitlementMovement(**forged, key=new_id()))


def test_a_movement_is_never_changed():
    programme = Programme()
    programme.member()

    with pytest.raises(DBAPIError, match="permission denied"), acting_for(programme.id), transaction():
        session.execute(update(EntitlementMovement.__table__).values(units=9))


@pytest.mark.parametrize(
    ("forged", "refusal"),
    [({"units_reserved": 3}, "never_more_than_granted"), ({"units_consumed": -1}, "units_not_negative")],
)
def test_the_database_refuses_units_that_cannot_be(forged, refusal):
    programme = Programme()
    member = programme.member(units=2)

    with pytest.raises(IntegrityError, match=refusal), acting_for(programme.id), transaction():
        session.execute(update(Entitlement.__table__).where(Entitlement.id == member.entitlement_id).values(**forged))


def test_invitations_are_found_by_the_exact_login_and_listed_by_nobody():
    programme, phone = Programme(), a_mobile()
    programme.grant(new_id(), phone)
    invited = select(BenefitInvitation.programme_id)

    with as_login(login_of(phone)):
        assert session.scalars(invited).all() == [programme.id]
    for anyone in (in_public(), acting_for(programme.id), acting_for(new_id())):
        with anyone:
            assert session.scalars(invited).all() == []
    with pytest.raises(DBAPIError, match="permission denied"), across_tenants(reason="a story"):
        session.scalars(invited).all()
