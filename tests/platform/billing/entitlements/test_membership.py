"""Members are granted, accept, leave and come back; a programme closes. Heads are counted once."""

import pytest

from tandem.billing.entitlements import EntitlementNotValid, NoSuchBenefit
from tandem.kernel.ids import new_id
from tests.people import a_person
from tests.programmes import Programme, a_mobile

pytestmark = pytest.mark.usefixtures("app")


def test_a_member_is_granted_once_however_often_the_roster_comes():
    programme, source_id, phone = Programme(), new_id(), a_mobile()

    times = [programme.grant(source_id, phone) for _ in range(3)]

    assert times == [1, 0, 0]
    assert programme.totals() == {"members": 1, "members_active": 0, "units_granted": 2, "units_consumed": 0}


def test_accepting_twice_is_accepting_once():
    programme = Programme()
    member = programme.member()

    again = programme.activate(member.person_id, member.phone)

    assert again == member.entitlement_id
    assert programme.totals()["members_active"] == 1


def test_nobody_accepts_what_was_offered_to_another_number():
    programme = Programme()
    programme.grant(new_id(), a_mobile())

    with pytest.raises(NoSuchBenefit):
        programme.activate(a_person(), a_mobile())


def test_what_was_granted_is_used_only_after_its_member_accepted():
    programme, source_id, phone = Programme(), new_id(), a_mobile()
    member = programme.member()
    programme.revoke(member)
    programme.grant(member.source_id, member.phone)

    with pytest.raises(EntitlementNotValid):
        programme.reserve(member)
    assert programme.grant(source_id, phone) == 1


def test_a_leaver_keeps_what_is_booked_and_loses_what_is_free():
    programme = Programme()
    member = programme.member(units=3)
    key = programme.reserve(member)

    left = programme.revoke(member)

    assert (left, programme.revoke(member)) == (1, 0)
    assert programme.counts(member) == (1, 1, 0)
    programme.consume(member, key)
    assert programme.counts(member) == (1, 0, 1)


def test_what_a_leaver_gives_back_is_not_granted_again():
    programme = Programme()
    member = programme.member(units=3)
    key = programme.reserve(member)
    programme.revoke(member)

    programme.release(member, key)
    programme.release(member, key)

    assert programme.counts(member) == (0, 0, 0)
    with pytest.raises(EntitlementNotValid):
        programme.reserve(member)


def test_whoever_comes_back_is_owed_what_they_had_not_used_and_is_billed_once():
    programme = Programme()
    member = programme.member(units=3)
    programme.consume(member, programme.reserve(member))
    programme.revoke(member)

    new_heads = programme.grant(member.source_id, member.phone, units=3)
    programme.activate(member.person_id, member.phone)

    assert new_heads == 0
    assert programme.counts(member) == (3, 0, 1)
    assert programme.totals() == {"members": 1, "members_active": 1, "units_granted": 3, "units_consumed": 1}


def test_a_corrected_telephone_number_moves_the_offer_to_its_true_owner():
    programme, source_id, wrong, right = Programme(), new_id(), a_mobile(), a_mobile()
    programme.grant(source_id, wrong)

    programme.grant(source_id, right)

    with pytest.raises(NoSuchBenefit):
        programme.activate(a_person(login=wrong), wrong)
    assert programme.activate(a_person(login=right), right)
    assert programme.totals()["members"] == 1


def test_a_number_changed_after_its_owner_accepted_takes_nothing_from_them():
    programme, newcomer = Programme(), a_mobile()
    member = programme.member()

    programme.grant(member.source_id, newcomer)

    with pytest.raises(NoSuchBenefit):
        programme.activate(a_person(login=newcomer), newcomer)
    programme.reserve(member)


def test_the_next_owner_of_a_telephone_number_inherits_nothing():
    programme = Programme()
    member = programme.member()

    with pytest.raises(NoSuchBenefit):
        programme.activate(a_person(), member.phone)


def test_a_closed_programme_withdraws_what_is_free_and_grants_nothing_any_more():
    programme = Programme()
    booked, idle = programme.member(units=2), programme.member(units=2)
    key = programme.reserve(booked)

    closed = [programme.close(), programme.close()]

    assert closed == [2, 0]
    assert (programme.counts(booked), programme.counts(idle)) == ((1, 1, 0), (0, 0, 0))
    assert programme.grant(new_id(), a_mobile()) == 0
    assert programme.grant(idle.source_id, idle.phone) == 0
    programme.consume(booked, key)
    assert programme.totals() == {"members": 2, "members_active": 2, "units_granted": 4, "units_consumed": 1}
