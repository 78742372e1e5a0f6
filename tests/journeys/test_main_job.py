"""The main job in one breath: admitted, cleared, published; booked, paid, delivered; used, refunded, closed, agreed."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tandem.demo import programmes, visits
from tandem.demo.admission import TERMS, admit_hospital, signed_in
from tandem.demo.caller import Caller
from tandem.demo.closing import await_quiet, close_day
from tandem.demo.founding import found_operator
from tandem.demo.people import invent
from tandem.demo.places import NAMED
from tandem.demo.plan import Visit
from tandem.demo.seeding import HERE, desk_of, platform_today, publish, required_consents
from tandem.demo.stage import Stage
from tandem.demo.wallet import Wallet
from tests.journeys.house import House, open_house

WORLD = "main-job"
ORGANIZATIONS = "/api/operator/v1/organizations"
EARNED = ("rev.medical", "exp.psp_fee", "exp.operator_fee", "dispute.loss")


@dataclass
class Story:
    """Who is in it, once it has been told."""

    stage: Stage
    guests: list[visits.Guest]
    employer: programmes.Employer
    finance: Caller
    statement: dict[str, Any]

    @property
    def hospital(self) -> Any:
        return self.stage.houses[0]

    @property
    def price_minor(self) -> int:
        return int(self.guests[0].service.price_minor)

    @property
    def refund_minor(self) -> int:
        return self.price_minor // visits.PART_REFUNDED

    @property
    def operator_id(self) -> str:
        return str(self.stage.desk.supervisor.get("/api/operator/v1/me")["organization"]["id"])

    def hospitals_balance(self, code: str) -> int:
        """What the hospital's book says of an account, debit positive."""
        return self._balance(self.hospital.id, code)

    def operators_balance(self, code: str) -> int:
        """What the operator's book says of an account, debit positive."""
        return self._balance(self.operator_id, code)

    def lines(self, *kinds: str) -> int:
        """The sum of some lines of the statement."""
        return sum(line["amount_minor"] for line in self.statement["lines"] if line["kind"] in kinds)

    def _balance(self, organization: str, code: str) -> int:
        rows = self.stage.desk.supervisor.get(f"{ORGANIZATIONS}/{organization}/ledger/balances")["data"]
        return sum(row["balance_minor"] for row in rows if row["code"] == code)


@pytest.fixture(scope="module")
def house(settings, new_database, tmp_path_factory):
    import b2b.wiring
    import tandem.wiring
    import tenants.wiring

    home = tmp_path_factory.mktemp("journey")
    with open_house(settings, new_database("journey"), home, [tandem.wiring, tenants.wiring, b2b.wiring]) as opened:
        yield opened


@pytest.fixture(scope="module")
def story(house: House) -> Story:
    """Everything that happens, told once."""
    with house.app.app_context():
        book = found_operator(house.settings)
    public = Caller(house.settings.base_url)
    desk = desk_of(public, book)
    today = platform_today(desk) + timedelta(days=1)
    stage = Stage(
        public, desk, Wallet(house.settings.stripe_base_url), [], [], required_consents(public), WORLD, today, 1, print
    )
    move_clock(stage, time(7))
    stage.houses = [admit_hospital(public, desk, NAMED[0], 0, today)]
    publish(stage.houses[0], today, today)
    employee = invent(f"{WORLD}:patient", 1)
    employer = programmes.open_employer(
        public, desk, stage.houses, number=0, world=WORLD, staff=[employee], today=today
    )
    stage.employers = [employer]
    guests = [booked_and_paid(stage, visit) for visit in planned()]
    for guest in guests:
        visits.await_booking(guest)
    move_clock(stage, time(22, 30))
    delivered_and_refunded(stage, guests)
    move_clock(stage, time(0, 30), days=1)
    close_day(stage, today)
    finance = signed_in(public, "hospital", stage.houses[0].admin_login)
    return Story(stage, guests, employer, finance, confirmed_statement(stage, finance))


def planned() -> list[Visit]:
    """A patient by card; an employee with a benefit; a patient by card who gets a third back."""
    fates = [("card", "deliver", False), ("entitlement", "deliver", True), ("card", "refund_part", False)]
    return [
        Visit(number, 0, 0, 0, number, method, fate, has_evidence=True, is_employee=is_employee, has_latecomer=False)
        for number, (method, fate, is_employee) in enumerate(fates)
    ]


def booked_and_paid(stage: Stage, visit: Visit) -> visits.Guest:
    who = invent(f"{WORLD}:patient", visit.number)
    guest = visits.arrive(stage.public, visit, who, stage.houses[0], stage.consents)
    benefit = programmes.accept_benefit(guest.caller, stage.employers[0].programme_id) if visit.is_employee else None
    start = datetime.combine(stage.first_on, time.min, HERE)
    visits.book(guest, visits.slots_of_day(stage.public, guest.house, guest.service, start)[0])
    visits.pay(guest, stage.wallet, benefit)
    return guest


def delivered_and_refunded(stage: Stage, guests: list[visits.Guest]) -> None:
    service = guests[0].service
    doctor = stage.houses[0].doctor(service)
    doctor.post(
        f"/api/hospital/v1/practitioners/{service.practitioner_id}/real_name_checks",
        {"id_number": service.doctor.id_number, "method": "face"},
    )
    for guest in guests:
        visits.deliver(doctor, guest)
    await_quiet(stage)
    visits.give_back(signed_in(stage.public, "hospital", stage.houses[0].admin_login), guests[2])
    await_quiet(stage)
    stage.wallet.flush()
    await_quiet(stage)


def confirmed_statement(stage: Stage, finance: Caller) -> dict[str, Any]:
    listed = finance.get("/api/hospital/v1/settlement_statements")["data"]
    assert len(listed) == 1, listed
    one = f"/api/hospital/v1/settlement_statements/{listed[0]['id']}"
    finance.post(f"{one}/confirmation")
    confirmed: dict[str, Any] = finance.get(one)
    return confirmed


def move_clock(stage: Stage, at: time, days: int = 0) -> None:
    moment = datetime.combine(stage.first_on + timedelta(days=days), at, HERE)
    stage.desk.supervisor.put("/api/operator/v1/test_clock", {"now": moment.isoformat()})


def a_fee(basis_minor: int) -> int:
    """The agreement's fee on one visit, worked out by hand: 8.5 % and a yuan, at most 12 %."""
    percent, cap = (Decimal(str(TERMS[name])) / 100 for name in ("percent_of_net", "cap_percent"))
    whole = Decimal(1)
    fee = (basis_minor * percent).quantize(whole, ROUND_HALF_UP) + 100
    return int(min(fee, (basis_minor * cap).quantize(whole, ROUND_HALF_UP)))


def test_every_visit_was_delivered_and_metered_once(story: Story):
    used = story.finance.all("/api/hospital/v1/usage_events")
    base, patient = story.guests[0].base, signed_in(story.stage.public, "patient", story.guests[0].who)

    assert [guest.outcome for guest in story.guests] == ["delivered"] * 3
    assert [each["amount"]["amount_minor"] for each in used] == [story.price_minor] * 3
    assert len(patient.get(f"{base}/records")["data"]) == 1


def test_the_patients_paid_what_the_hospital_says_they_did(story: Story):
    payments = story.finance.all("/api/hospital/v1/payments")
    by_card = [each for each in payments if each["method"] == "card"]

    assert [each["amount"]["amount_minor"] for each in by_card] == [story.price_minor] * 2
    assert sum(each["refunded"]["amount_minor"] for each in by_card) == story.refund_minor
    assert story.statement["gross_minor"] == 3 * story.price_minor
    assert story.statement["refunds_minor"] == story.refund_minor


def test_the_fee_is_what_the_agreement_says(story: Story):
    kept_minor = story.price_minor - story.refund_minor

    assert story.statement["operator_fee_minor"] == 2 * a_fee(story.price_minor) + a_fee(kept_minor)
    assert story.lines("operator_fees", "operator_fees_reversed") == -story.statement["operator_fee_minor"]


def test_the_statement_adds_up_and_is_agreed(story: Story):
    said = story.statement
    deducted = said["refunds_minor"] + said["provider_fees_minor"] + said["operator_fee_minor"]

    assert (said["status"], said["is_reproduced"], said["visit_count"]) == ("confirmed", True, 3)
    assert said["payable_minor"] == said["gross_minor"] - deducted
    assert said["payable_minor"] == sum(line["amount_minor"] for line in said["lines"] if not line["is_memo"])
    assert said["payable_minor"] == -sum(story.hospitals_balance(code) for code in EARNED)


def test_hospital_and_operator_owe_each_other_the_same(story: Story):
    owed_minor = story.hospitals_balance("ap.operator") + story.hospitals_balance("ar.operator")
    mirrored_minor = story.operators_balance("ar.hospital") + story.operators_balance("ap.hospital")

    assert owed_minor + mirrored_minor == 0
    # What is still inside its refund window is owed and not due.
    assert story.statement["due_to_operator_minor"] + story.statement["fee_waiting_minor"] == -owed_minor


def test_the_employer_owes_what_the_operator_books_and_used_one_unit(story: Story):
    employer = signed_in(story.stage.public, "employer", story.employer.admin)
    invoices = employer.all("/api/employer/v1/invoices")
    billed_minor = sum(each["total"]["amount_minor"] for each in invoices)
    contract = f"/api/operator/v1/employers/{story.employer.id}/contracts/{story.employer.contract_id}"
    totals = story.stage.desk.staff.get(f"{contract}/totals")

    assert billed_minor == programmes.PACKAGE["price_per_member"]["amount_minor"]
    assert story.operators_balance("ar.enterprise") == billed_minor
    assert story.operators_balance("prepaid.programme") == story.price_minor - billed_minor
    assert (totals["units_granted"], totals["units_consumed"]) == (programmes.PACKAGE["units_per_member"], 1)


def test_the_employer_is_told_sums_and_never_people(story: Story):
    employer = signed_in(story.stage.public, "employer", story.employer.admin)
    invoice = employer.all("/api/employer/v1/invoices")[0]
    told = str(employer.get(f"/api/employer/v1/invoices/{invoice['id']}"))

    who = story.guests[1].who
    assert not [
        secret for secret in (who.name, who.phone, who.id_number, story.guests[1].appointment_id) if secret in told
    ]


def test_the_provider_holds_what_the_book_says_and_nothing_for_the_operator(story: Story):
    held = story.stage.wallet.balances_minor()

    assert held.pop(None, 0) == 0
    assert held == {story.hospital.id: story.hospitals_balance("cash.psp")}


def test_every_book_balances_and_nothing_is_left_to_explain(story: Story):
    keeper = story.stage.desk.supervisor
    books = [
        keeper.get(f"{ORGANIZATIONS}/{each}/ledger/balances")["data"] for each in (story.hospital.id, story.operator_id)
    ]

    assert [sum(account["balance_minor"] for account in book) for book in books] == [0, 0]
    assert [each for each in keeper.all("/api/operator/v1/discrepancies") if each["status"] == "open"] == []
    assert keeper.get("/api/operator/v1/job_totals")["dead"] == 0
