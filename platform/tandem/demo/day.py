"""Days on the platform: admit, open, book, pay, cancel, dispute, deliver, refund, close, reconcile, prove."""

import time as stopwatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from tandem.demo import programmes, visits
from tandem.demo.admission import House, admit_hospital, signed_in
from tandem.demo.caller import Caller
from tandem.demo.closing import await_quiet, close_day, take_account
from tandem.demo.errors import Refused, Stuck
from tandem.demo.founding import read_book
from tandem.demo.people import Invented, invent
from tandem.demo.places import places
from tandem.demo.plan import Visit
from tandem.demo.plan import visits as planned_visits
from tandem.demo.seeding import HERE, desk_of, platform_now, publish, required_consents
from tandem.demo.stage import Say, Stage
from tandem.demo.visits import Guest
from tandem.demo.wallet import Wallet
from tandem.kernel.settings import Settings

MORNING: Final = time(7, 0)
EVENING: Final = time(22, 30)


@dataclass(frozen=True)
class DaySettings:
    """What kind of days to live."""

    hospitals: int
    patients: int
    days: int
    seed: int
    file: Path | None
    misbehave: bool
    threads: int


def live_days(settings: Settings, wish: DaySettings, say: Say) -> dict[str, Any]:
    """Live the days and return the account of them: sums by hospital and employer, and the proofs."""
    began = stopwatch.monotonic()
    plan = planned_visits(hospitals=wish.hospitals, patients=wish.patients, days=wish.days, seed=wish.seed)
    stage = _set(settings, wish, plan, say)
    guests: list[Guest] = []
    for number in range(wish.days):
        guests += _live(stage, number, [visit for visit in plan if visit.day == number])
    account = take_account(stage, guests, wish.days)
    account["seconds"] = round(stopwatch.monotonic() - began, 1)
    return account


def _set(settings: Settings, wish: DaySettings, plan: Sequence[Visit], say: Say) -> Stage:
    chosen = places(wish.hospitals, wish.file)
    book = read_book(settings.home)
    if "operator" not in book:
        raise Stuck("the operator is not founded: run `tandem up` (or `tandem demo seed`) first")
    public = Caller(settings.base_url)
    desk = desk_of(public, book)
    first_on = platform_now(desk).astimezone(HERE).date() + timedelta(days=1)
    world = f"{wish.seed}-{first_on:%Y%m%d}"
    stage = Stage(
        public,
        desk,
        Wallet(settings.stripe_base_url),
        [],
        [],
        required_consents(public),
        world,
        first_on,
        wish.threads,
        say,
    )
    _move_clock(stage, first_on, MORNING)
    stage.wallet.misbehave(wish.seed if wish.misbehave else None)
    say(f"admitting {len(chosen)} hospitals")
    last_on = first_on + timedelta(days=wish.days - 1)
    stage.houses = stage.each(lambda each: _open_house(stage, each[1], each[0], last_on), enumerate(chosen))
    stage.employers = _open_employers(stage, plan)
    return stage


def _open_house(stage: Stage, place: Any, number: int, last_on: date) -> House:
    house = admit_hospital(stage.public, stage.desk, place, number, stage.first_on)
    try:
        publish(house, stage.first_on, last_on)
    except Refused as refused:
        # A schedule of the small seeded world may cover these days already.
        if refused.status != 409:
            raise
    return house


def _open_employers(stage: Stage, plan: Sequence[Visit]) -> list[programmes.Employer]:
    members: dict[int, list[Invented]] = defaultdict(list)
    for visit in plan:
        if visit.is_employee:
            members[visit.number % len(programmes.EMPLOYERS)].append(_patient(stage, visit))
    stage.say(f"contracting {len(members)} employers with {sum(map(len, members.values()))} employees")
    return [
        programmes.open_employer(
            stage.public,
            stage.desk,
            stage.houses,
            number=number,
            world=stage.world,
            staff=members[number],
            today=stage.first_on,
        )
        for number in sorted(members)
    ]


def _live(stage: Stage, number: int, plan: Sequence[Visit]) -> list[Guest]:
    day = stage.first_on + timedelta(days=number)
    _move_clock(stage, day, MORNING)
    stage.say(f"{day}: {len(plan)} patients book and pay")
    slots = _slots(stage, day)
    guests: list[Guest] = stage.each(lambda visit: _book_and_pay(stage, visit, slots), plan)
    stage.wallet.flush()
    stage.each(visits.await_booking, guests)
    stage.each(visits.cancel, [each for each in guests if each.visit.fate == "cancel"])
    stage.say(f"{day}: doctors deliver")
    _move_clock(stage, day, EVENING)
    _deliver(stage, guests)
    _settle_disputes(stage, guests)
    await_quiet(stage)
    _move_clock(stage, day + timedelta(days=1), time(0, 30))
    stage.say(f"{day}: closing")
    close_day(stage, day)
    return guests


def _slots(stage: Stage, day: date) -> dict[tuple[int, int], list[dict[str, Any]]]:
    start = datetime.combine(day, time.min, HERE)
    doors = [(place, turn) for place, house in enumerate(stage.houses) for turn in range(len(house.services))]
    found = stage.each(
        lambda door: visits.slots_of_day(
            stage.public, stage.houses[door[0]], stage.houses[door[0]].services[door[1]], start
        ),
        doors,
    )
    return dict(zip(doors, found, strict=True))


def _book_and_pay(stage: Stage, visit: Visit, slots: dict[tuple[int, int], list[dict[str, Any]]]) -> Guest:
    house = stage.houses[visit.hospital]
    guest = visits.arrive(stage.public, visit, _patient(stage, visit), house, stage.consents)
    benefit = None
    if visit.is_employee:
        employer = _employer_of(stage, visit)
        benefit = programmes.accept_benefit(guest.caller, employer.programme_id)
    slot = slots[visit.hospital, visit.service][visit.slot]
    visits.book(guest, slot)
    if visit.has_latecomer and not visits.come_too_late(stage.public, guest, slot, stage.world, stage.consents):
        guest.notes.append("a latecomer was not told slot-taken")
    visits.pay(guest, stage.wallet, benefit)
    return guest


def _deliver(stage: Stage, guests: Sequence[Guest]) -> None:
    by_doctor: dict[str, list[Guest]] = defaultdict(list)
    for guest in guests:
        if guest.outcome == "booked":
            by_doctor[guest.service.practitioner_id].append(guest)

    def work(theirs: list[Guest]) -> None:
        service = theirs[0].service
        doctor = theirs[0].house.doctor(service)
        path = f"/api/hospital/v1/practitioners/{service.practitioner_id}/real_name_checks"
        doctor.post(path, {"id_number": service.doctor.id_number, "method": "face"})
        for guest in theirs:
            (visits.mark_absent if guest.visit.fate == "no_show" else visits.deliver)(doctor, guest)

    stage.each(work, list(by_doctor.values()))
    refunded = [each for each in guests if each.visit.fate.startswith("refund") and each.outcome == "delivered"]
    houses = {guest.house.id: guest.house for guest in refunded}
    admins = {each.id: signed_in(stage.public, "hospital", each.admin_login) for each in houses.values()}
    stage.each(lambda guest: visits.give_back(admins[guest.house.id], guest), refunded)


def _settle_disputes(stage: Stage, guests: Sequence[Guest]) -> None:
    for guest in guests:
        if guest.visit.fate.startswith("dispute") and guest.outcome == "delivered":
            stage.wallet.dispute(guest.intent_id, won=guest.visit.fate == "dispute_won")


def _patient(stage: Stage, visit: Visit) -> Invented:
    return invent(f"{stage.world}:patient", visit.number)


def _employer_of(stage: Stage, visit: Visit) -> programmes.Employer:
    name = programmes.EMPLOYERS[visit.number % len(programmes.EMPLOYERS)]
    return next(each for each in stage.employers if each.name == name)


def _move_clock(stage: Stage, day: date, at: time) -> None:
    moment = datetime.combine(day, at, HERE)
    if platform_now(stage.desk) < moment:
        stage.desk.supervisor.put("/api/operator/v1/test_clock", {"now": moment.isoformat()})
