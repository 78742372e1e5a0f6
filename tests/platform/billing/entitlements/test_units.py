"""A unit is reserved, consumed and released: once each, by its owner, in time, at a hospital of the programme."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from tandem.billing.entitlements import (
    EntitlementNotValid,
    EntitlementSpent,
    HospitalOutsideProgramme,
    NoSuchBenefit,
)
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tests.programmes import Member, Programme

pytestmark = pytest.mark.usefixtures("app")


def at_once(app: Flask, times: int, act: Callable[[int], object]) -> list[object]:
    """Do it from many threads; what each got, or the reason it was refused. A worker waits its turn and tries again."""

    def one(number: int) -> object:
        with app.app_context():
            while True:
                try:
                    return act(number)
                except (OperationalError, NoConnection):
                    continue
                except EntitlementSpent as refused:
                    return refused.slug

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_a_visit_moves_a_unit_from_granted_over_reserved_to_consumed():
    programme = Programme()
    member = programme.member(units=2)

    key = programme.reserve(member)
    while_booked = programme.counts(member)
    programme.consume(member, key)

    assert while_booked == (2, 1, 0)
    assert programme.counts(member) == (2, 0, 1)
    assert programme.totals()["units_consumed"] == 1


def test_of_two_bookings_for_the_last_unit_one_wins():
    programme = Programme()
    member = programme.member(units=1)
    programme.reserve(member)

    with pytest.raises(EntitlementSpent):
        programme.reserve(member)

    assert programme.counts(member) == (1, 1, 0)


def test_fifty_bookings_race_for_three_units_and_three_win(app):
    programme = Programme()
    member = programme.member(units=3)

    outcomes = at_once(app, 50, lambda _: programme.reserve(member))

    assert sum(isinstance(each, UUID) for each in outcomes) == 3
    assert outcomes.count("entitlement-spent") == 47
    assert programme.counts(member) == (3, 3, 0)


def test_the_same_booking_told_fifty_times_at_once_keeps_one_unit(app):
    programme = Programme()
    member, key = programme.member(units=5), new_id()

    at_once(app, 50, lambda _: programme.reserve(member, key))

    assert programme.counts(member) == (5, 1, 0)


def test_a_visit_finished_and_refunded_at_once_never_takes_the_unit_of_another_booking(app):
    for _ in range(8):
        programme = Programme()
        member = programme.member(units=2)
        other, key = programme.reserve(member), programme.reserve(member)

        at_once(app, 2, lambda n, m=member, k=key, p=programme: (p.consume, p.release)[n](m, k))

        assert programme.counts(member) == (2, 1, 0)
        programme.consume(member, other)
        assert programme.counts(member) == (2, 0, 1)


@pytest.mark.parametrize("repeated", ["reserve", "consume", "release"])
def test_a_step_told_twice_changes_nothing(repeated):
    programme = Programme()
    member, key = programme.member(units=2), new_id()
    steps: dict[str, Callable[[Member, UUID], object]] = {
        "reserve": programme.reserve,
        "consume": programme.consume,
        "release": programme.release,
    }
    for name, step in steps.items():
        step(member, key)
        if name == repeated:
            break
    before, sums = programme.counts(member), programme.totals()

    if repeated == "release":
        with pytest.raises(EntitlementNotValid):
            programme.reserve(member, key)
        programme.consume(member, key)
    steps[repeated](member, key)

    assert programme.counts(member) == before
    assert programme.totals() == sums


def test_a_cancelled_booking_gives_its_unit_back():
    programme = Programme()
    member = programme.member(units=1)

    programme.release(member, programme.reserve(member))

    assert programme.counts(member) == (1, 0, 0)
    programme.reserve(member)


def test_a_refund_after_the_visit_gives_the_consumed_unit_back():
    programme = Programme()
    member = programme.member(units=1)
    key = programme.reserve(member)
    programme.consume(member, key)

    programme.release(member, key)

    assert programme.counts(member) == (1, 0, 0)
    assert programme.totals()["units_consumed"] == 0


def test_a_visit_that_was_never_booked_consumes_and_releases_nothing():
    programme = Programme()
    member = programme.member(units=1)

    programme.consume(member, new_id())
    programme.release(member, new_id())

    assert programme.counts(member) == (1, 0, 0)


def test_nobody_uses_the_benefit_of_another_person():
    programme = Programme()
    owner, stranger = programme.member(units=1), programme.member(units=1)

    with pytest.raises(NoSuchBenefit):
        programme.reserve(owner, person_id=stranger.person_id)

    assert programme.counts(owner) == (1, 0, 0)


def test_an_invented_benefit_is_refused_in_words_a_payment_can_tell():
    programme, elsewhere = Programme(), Programme()
    member = elsewhere.member()

    with pytest.raises(NoSuchBenefit):
        programme.reserve(member)

    assert elsewhere.counts(member) == (2, 0, 0)


def test_a_hospital_outside_the_programme_is_refused():
    programme = Programme()
    member = programme.member(units=1)

    with pytest.raises(HospitalOutsideProgramme):
        programme.reserve(member, hospital_id=new_id())

    assert programme.counts(member) == (1, 0, 0)


@pytest.mark.parametrize("days", [-1, 91])
def test_a_benefit_is_used_between_its_dates_only(days):
    programme = Programme()
    member = programme.member()

    with pytest.raises(EntitlementNotValid):
        programme.reserve(member, on=clock.today() + timedelta(days=days))


@pytest.mark.parametrize("days", [0, 90])
def test_a_benefit_is_used_on_its_first_and_its_last_day(days):
    programme = Programme()
    member = programme.member()

    programme.reserve(member, on=clock.today() + timedelta(days=days))

    assert programme.counts(member) == (2, 1, 0)
