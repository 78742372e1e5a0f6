"""Care that somebody else pays for: who bears it, who decided, four eyes above the limit, and always a journal."""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from tandem.billing.ledger import balance_minor
from tandem.billing.payments import commands, waive
from tandem.billing.payments.models import ALONE_UP_TO_MINOR, Waiver
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import acting_for, transaction
from tests.people import once, staff
from tests.platform.billing.money import a_hospital_with_an_agreement, a_payment
from tests.platform.billing.racing import Act, overlapped

URL = "/api/hospital/v1/waivers"
pytestmark = pytest.mark.usefixtures("app")


def a_wish(amount_minor: int = 7_200, **changes: Any) -> dict[str, Any]:
    facts = {"order_type": "appointment", "order_id": str(new_id()), "bearer": "hospital_fund", "reason": "hardship"}
    return facts | {"amount": {"amount_minor": amount_minor, "currency": "CNY"}} | changes


def told(client: FlaskClient, path: str, who: dict[str, str], body: dict[str, Any] | None = None) -> Any:
    return client.post(f"{URL}{path}", json=body, headers=who | once())


def book(hospital: UUID) -> dict[str, int]:
    codes = ("ar.patient", "welfare.expense", "subsidy.receivable", "ar.insurer")
    with acting_for(hospital):
        return {code: sum_ for code in codes if (sum_ := balance_minor(code))}


@pytest.mark.parametrize(
    ("bearer", "name", "account"),
    [
        ("hospital_fund", None, "welfare.expense"),
        ("charity", "红十字会", "subsidy.receivable"),
        ("insurer", "平安健康", "ar.insurer"),
    ],
    ids=["the hospital's own fund", "a charity", "an insurer"],
)
def test_what_the_patient_does_not_pay_is_booked_on_whoever_bears_it(
    client: FlaskClient, bearer: str, name: str | None, account: str
) -> None:
    hospital = new_id()
    finance = staff(hospital, "hospital", "hospital_finance")

    answer = told(client, "", finance, a_wish(2_000, bearer=bearer, bearer_name=name))

    assert (answer.status_code, answer.json["status"]) == (201, "granted")
    assert book(hospital) == {"ar.patient": -2_000, account: 2_000}


def test_above_the_limit_a_second_person_agrees_before_anything_is_booked(client: FlaskClient) -> None:
    hospital = new_id()
    first, second = (staff(hospital, "hospital", "hospital_finance") for _ in range(2))
    proposed = told(client, "", first, a_wish(ALONE_UP_TO_MINOR + 1)).json
    before = book(hospital)

    alone = told(client, f"/{proposed['id']}/approval", first)
    agreed = told(client, f"/{proposed['id']}/approval", second)

    assert (proposed["status"], proposed["needs_second"], before) == ("proposed", True, {})
    assert (alone.status_code, alone.json["type"]) == (403, "/problems/waiver-needs-second")
    assert agreed.json["status"] == "granted"
    assert agreed.json["decided_by"] != agreed.json["proposed_by"]
    assert book(hospital)["welfare.expense"] == ALONE_UP_TO_MINOR + 1


def test_a_big_waiver_cut_into_small_ones_needs_the_second_person_too(client: FlaskClient) -> None:
    finance, wish = staff(new_id(), "hospital", "hospital_finance"), a_wish(ALONE_UP_TO_MINOR)

    answers = [told(client, "", finance, wish).json["status"] for _ in range(2)]

    assert answers == ["granted", "proposed"]


def test_the_database_refuses_one_pair_of_eyes(client: FlaskClient) -> None:
    hospital, person = new_id(), new_id()
    with acting_for(hospital), transaction():
        waiver = waive(
            order_type="appointment", order_id=new_id(), amount=Money(ALONE_UP_TO_MINOR + 1), bearer="hospital_fund",
            bearer_name=None, reason="hardship", by=person,
        )  # fmt: skip

    with acting_for(hospital), pytest.raises(IntegrityError, match="four_eyes"):
        row = session.get_one(Waiver, (hospital, waiver.id))
        row.status, row.decided_by = "granted", person
        session.flush()


def test_a_refused_waiver_books_nothing_and_a_granted_one_is_taken_back_by_a_journal(client: FlaskClient) -> None:
    hospital = new_id()
    first, second = (staff(hospital, "hospital", "hospital_finance") for _ in range(2))
    refused = told(client, "", first, a_wish(ALONE_UP_TO_MINOR + 1)).json
    granted = told(client, "", first, a_wish(3_000)).json

    said_no = told(client, f"/{refused['id']}/refusal", second, {"because": "no proof of hardship"}).json
    taken = told(client, f"/{granted['id']}/taking_back", second, {"because": "visit did not take place"}).json
    again = told(client, f"/{granted['id']}/taking_back", second, {"because": "once more"})

    assert (said_no["status"], taken["status"], again.status_code) == ("refused", "taken_back", 409)
    assert book(hospital) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"bearer": "charity"},
        {"bearer_name": "红十字会"},
        {"bearer": "nobody"},
        {"amount": {"amount_minor": 0, "currency": "CNY"}},
    ],
    ids=["a charity without a name", "the own fund with a name", "nobody", "nothing"],
)
def test_a_waiver_that_says_too_little_is_refused(client: FlaskClient, changes: dict[str, Any]) -> None:
    finance = staff(new_id(), "hospital", "hospital_finance")

    answer = told(client, "", finance, a_wish() | changes)

    assert (answer.status_code, answer.json["type"]) == (422, "/problems/invalid")


def test_a_doctor_waives_nothing_and_another_hospital_sees_nothing(client: FlaskClient) -> None:
    hospital, wish = new_id(), a_wish()
    made = told(client, "", staff(hospital, "hospital", "hospital_finance"), wish).json
    stranger = staff(new_id(), "hospital", "hospital_finance")

    assert told(client, "", staff(hospital, "hospital", "doctor"), wish).status_code == 403
    seen: Any = client.get(URL, headers=stranger).json
    assert seen["data"] == []
    assert told(client, f"/{made['id']}/taking_back", stranger, {"because": "not ours"}).status_code == 404


@pytest.mark.parametrize(
    ("bearer", "name", "account"),
    [("charity", "红十字会", "subsidy.receivable"), ("insurer", "平安健康", "ar.insurer")],
)
def test_what_a_bearer_pays_is_taken_off_what_it_owes_once_per_reference(
    client: FlaskClient, bearer: str, name: str, account: str
) -> None:
    hospital = new_id()
    finance = staff(hospital, "hospital", "hospital_finance")
    made = told(client, "", finance, a_wish(3_000, bearer=bearer, bearer_name=name)).json
    receipts = f"/{made['id']}/receipts"
    paid = {"amount": {"amount_minor": 2_000, "currency": "CNY"}, "received_on": "2026-09-02", "reference": "B-1"}

    first, again = (told(client, receipts, finance, paid) for _ in range(2))
    other_sum = told(client, receipts, finance, paid | {"amount": {"amount_minor": 1, "currency": "CNY"}})
    too_much = told(client, receipts, finance, paid | {"reference": "B-2"})
    stranger = told(client, receipts, staff(new_id(), "hospital", "hospital_finance"), paid)
    taken_back = told(client, f"/{made['id']}/taking_back", finance, {"because": "a mistake"})

    assert (first.status_code, first.json["id"]) == (201, again.json["id"])
    assert (other_sum.json["type"], too_much.json["left_minor"]) == ("/problems/receipt-key-reused", 1_000)
    assert (stranger.status_code, taken_back.json["type"]) == (404, "/problems/waiver-paid")
    assert book(hospital) == {"ar.patient": -3_000, account: 1_000}
    with acting_for(hospital):
        assert balance_minor("cash.bank") == 2_000


def test_the_hospitals_own_fund_owes_it_nothing(client: FlaskClient) -> None:
    finance = staff(new_id(), "hospital", "hospital_finance")
    made = told(client, "", finance, a_wish(3_000)).json
    paid = {"amount": {"amount_minor": 2_000, "currency": "CNY"}, "received_on": "2026-09-02", "reference": "B-1"}

    answer = told(client, f"/{made['id']}/receipts", finance, paid)

    assert (answer.status_code, answer.json["type"]) == (409, "/problems/nobody-owes-this")


def test_what_two_people_do_to_a_waiver_at_the_same_moment_is_done_once(app: Flask) -> None:
    hospital = new_id()
    wish: dict[str, Any] = {
        "order_type": "appointment",
        "bearer": "charity",
        "bearer_name": "红十字会",
        "reason": "hard",
    }

    def of(amount_minor: int) -> UUID:
        with acting_for(hospital), transaction():
            return waive(order_id=new_id(), amount=Money(amount_minor), by=new_id(), **wish).id

    def approves(waiver: UUID) -> Act:
        return Act(hospital, "hospital", partial(commands.approve_waiver, waiver, by=new_id()))

    def takes_back(waiver: UUID) -> Act:
        return Act(hospital, "hospital", partial(commands.take_back_waiver, waiver, by=new_id(), because="a mistake"))

    def pays(waiver: UUID) -> Act:
        paid: dict[str, Any] = {"received_on": date(2026, 9, 20), "reference": "R1", "by": new_id()}
        return Act(hospital, "hospital", partial(commands.record_bearer_payment, waiver, amount=Money(500), **paid))

    first, second, large = of(500), of(500), of(ALONE_UP_TO_MINOR + 1)
    told = [
        overlapped(app, takes_back(first), pays(first)),
        overlapped(app, pays(second), takes_back(second)),
        overlapped(app, approves(large), approves(large)),
    ]

    assert told == [["done", "nobody-owes-this"], ["done", "waiver-paid"], ["done", "transition-refused"]]
    assert book(hospital) == {"ar.patient": -500 - (ALONE_UP_TO_MINOR + 1), "subsidy.receivable": ALONE_UP_TO_MINOR + 1}


@pytest.mark.parametrize("order", [1, -1], ids=["waived first", "refunded first"])
def test_a_payment_refunded_while_a_part_of_its_price_is_waived_is_in_the_same_books_either_way(
    app: Flask, order: int
) -> None:
    hospital = a_hospital_with_an_agreement()
    paid = a_payment(hospital, 7_200)
    borne: dict[str, Any] = {"bearer": "hospital_fund", "bearer_name": None, "reason": "hardship", "by": new_id()}
    waives = partial(waive, order_type="appointment", order_id=paid, amount=Money(2_000), **borne)
    refunds = partial(commands.refund_payment, paid, 7_200, reason="requested")
    acts = [Act(hospital, "hospital", waives), Act(hospital, "hospital", partial(refunds, key="one"))][::order]

    both = overlapped(app, *acts)
    again = overlapped(app, *[Act(hospital, "hospital", partial(refunds, key=key)) for key in ("two", "three")])

    assert (both, again) == (["done", "done"], ["refund-exceeds-payment"] * 2)
    assert book(hospital) == {"ar.patient": -2_000, "welfare.expense": 2_000}
