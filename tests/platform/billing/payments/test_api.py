"""Payments over HTTP: the payer sees the next step, the hospital its money, the operator sums, and nobody more."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tandem.accounts import create_organization
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.people import a_person, a_place, once, operator_staff, signed_in, staff
from tests.platform.billing.payments.till import Till


@pytest.fixture
def patient(till: Till) -> dict[str, str]:
    """Headers of the till's payer, a patient of the hospital."""
    till.payer_id = a_person()
    a_place(till.payer_id, till.hospital_id, "patient", "patient")
    return signed_in(till.payer_id, "patient")


def body(client: FlaskClient, url: str, headers: dict[str, str]) -> Any:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, answer.json
    return answer.json


def test_a_payer_finds_the_address_to_pay_at(client: FlaskClient, till: Till, patient: dict[str, str]) -> None:
    payment_id = till.ask(method="wechat_pay")
    till.settle()

    seen = body(client, f"/api/patient/v1/hospitals/{till.hospital_id}/payments/{payment_id}", patient)

    assert seen["status"] == "requires_action"
    assert seen["next_action"].startswith(till.provider.url)
    assert seen["amount"] == {"amount_minor": 7200, "currency": "CNY"}


def test_another_patients_payment_is_not_there(client: FlaskClient, till: Till, patient: dict[str, str]) -> None:
    payment_id = till.take()
    somebody = a_person()
    a_place(somebody, till.hospital_id, "patient", "patient")
    url = f"/api/patient/v1/hospitals/{till.hospital_id}/payments"

    theirs = client.get(f"{url}/{payment_id}", headers=signed_in(somebody, "patient"))
    missing = client.get(f"{url}/{new_id()}", headers=signed_in(somebody, "patient"))

    assert theirs.status_code == missing.status_code == 404
    assert theirs.json is not None
    assert missing.json is not None
    assert theirs.json["title"] == missing.json["title"]


def test_a_hospital_refunds_a_payment_once(client: FlaskClient, till: Till) -> None:
    payment_id = till.take()
    finance = staff(till.hospital_id, "hospital", "hospital_finance")
    url, key = f"/api/hospital/v1/payments/{payment_id}", once()
    wish = {"amount": {"amount_minor": 1200, "currency": "CNY"}, "reason": "goodwill"}

    answers = [client.post(f"{url}/refunds", json=wish, headers=finance | key).status_code for _ in range(2)]
    till.settle()

    assert answers == [201, 201]
    refunds = body(client, f"{url}/refunds", finance)["data"]
    assert [(each["amount"]["amount_minor"], each["status"]) for each in refunds] == [(1200, "succeeded")]
    assert body(client, url, finance)["refunded"]["amount_minor"] == 1200
    assert [each["id"] for each in body(client, "/api/hospital/v1/refunds", finance)["data"]] == [refunds[0]["id"]]


@pytest.mark.parametrize(
    ("wish", "status", "slug"),
    [
        ({"amount": {"amount_minor": 7201, "currency": "CNY"}, "reason": "goodwill"}, 409, "refund-exceeds-payment"),
        ({"amount": {"amount_minor": 100, "currency": "USD"}, "reason": "goodwill"}, 422, "invalid"),
        ({"amount": {"amount_minor": 0, "currency": "CNY"}, "reason": "goodwill"}, 422, "invalid"),
        ({"amount": {"amount_minor": 1.5, "currency": "CNY"}, "reason": "goodwill"}, 422, "invalid"),
        ({"amount": {"amount_minor": 100, "currency": "CNY"}, "reason": "请退款给患者"}, 422, "invalid"),
        ({"amount": {"amount_minor": 100, "currency": "CNY"}, "reason": "goodwill", "to": "me"}, 422, "invalid"),
    ],
    ids=["too much", "another currency", "nothing", "half a fen", "a text for a code", "an unknown field"],
)
def test_a_refund_that_cannot_be_is_refused(
    client: FlaskClient, till: Till, wish: dict[str, Any], status: int, slug: str
) -> None:
    payment_id = till.take()
    finance = staff(till.hospital_id, "hospital", "hospital_finance")

    answer = client.post(f"/api/hospital/v1/payments/{payment_id}/refunds", json=wish, headers=finance | once())

    assert (answer.status_code, answer.json and answer.json["type"]) == (status, f"/problems/{slug}")
    assert till.payment(payment_id).refund_reserved_minor == 0


def test_a_doctor_refunds_nothing(client: FlaskClient, till: Till) -> None:
    payment_id = till.take()
    doctor = staff(till.hospital_id, "hospital", "doctor")

    answer = client.post(f"/api/hospital/v1/payments/{payment_id}/refunds", json={}, headers=doctor | once())

    assert answer.status_code == 403


def test_another_hospital_finds_no_payment_here(client: FlaskClient, till: Till) -> None:
    payment_id = till.take()
    stranger = staff(new_id(), "hospital", "hospital_finance")

    assert client.get(f"/api/hospital/v1/payments/{payment_id}", headers=stranger).status_code == 404
    assert body(client, "/api/hospital/v1/payments", stranger)["data"] == []


def test_payments_are_listed_by_state_in_pages(client: FlaskClient, till: Till) -> None:
    paid = [till.take() for _ in range(3)]
    till.ask()
    finance = staff(till.hospital_id, "hospital", "hospital_finance")
    url = "/api/hospital/v1/payments?status=succeeded&limit=2"

    first = body(client, url, finance)
    second = body(client, f"{url}&after={first['next']}", finance)

    assert [each["id"] for each in first["data"] + second["data"]] == [str(each) for each in reversed(paid)]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_the_operator_sees_sums_and_states_and_never_who_paid(client: FlaskClient, till: Till) -> None:
    with acting_for(till.hospital_id), transaction():
        create_organization(kind="hospital", name=f"测试医院{new_id()}")
    till.take()

    listed = body(client, f"/api/operator/v1/hospitals/{till.hospital_id}/payments", operator_staff())

    assert [each["amount"]["amount_minor"] for each in listed["data"]] == [7200]
    assert str(till.payer_id) not in str(listed)
    assert "client_secret" not in listed["data"][0]


def test_the_operators_database_role_cannot_read_who_paid(till: Till) -> None:
    till.take()

    with acting_for(till.hospital_id, operator=True), pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("SELECT person_id FROM payer"))
