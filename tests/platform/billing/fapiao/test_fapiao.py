"""Fapiao say what the invoice says and never more; they are issued, rejected, taken back with the buyer's consent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tandem.billing import fapiao as door
from tandem.billing.fapiao import Fapiao, Wanted
from tandem.billing.fapiao.errors import FapiaoNotPossible, FapiaoNumberTaken, FapiaoTooLarge, MedicalReceiptExists
from tandem.billing.fapiao.queries import fapiao, fapiao_lines
from tandem.billing.invoices import LineCredit, invoice, void_invoice
from tandem.billing.invoices.errors import InvoiceCredited
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.invoices.money import a_customer, a_hospital, a_line, credited, drafted, issued
from tests.platform.billing.money import a_payment

pytestmark = pytest.mark.usefixtures("app")
HASH, TODAY = "ab" * 32, date(2026, 11, 22)


def asked(row: Any, *lines: Wanted, **wish: Any) -> Fapiao:
    with acting_for(row.tenant_id), transaction():
        return door.request_fapiao(row.id, lines=lines or None, **wish)


def came_back(found: Fapiao, number: str | None = None) -> Fapiao:
    with acting_for(found.tenant_id), transaction():
        return door.record_issued(
            found.id, code="", number=number or new_id().hex[:20], file_sha256=HASH, issued_on=TODAY
        )


def rejected(found: Fapiao) -> Fapiao:
    with acting_for(found.tenant_id), transaction():
        return door.record_rejected(found.id, because="the title is wrong")


def red_letter(blue: Fapiao) -> Fapiao:
    with acting_for(blue.tenant_id), transaction():
        return door.request_red_letter(blue.id, because="wrong title")


def held_minor(row: Any) -> int:
    with acting_for(row.tenant_id), transaction():
        return invoice(row.id).fapiao_minor


def test_a_fapiao_of_all_says_what_the_invoice_says_line_by_line() -> None:
    row = issued(a_hospital(), a_line(10_600), a_line(333), a_line(500, "medical_service"), tax_rounding="document")

    found = asked(row)

    assert (found.net_minor, found.tax_minor, found.total_minor) == (row.net_minor, row.tax_minor, row.total_minor)
    with acting_for(row.tenant_id), transaction():
        lines = fapiao_lines(found.id)
    assert sum(line["net_minor"] + line["tax_minor"] for line in lines) == row.total_minor
    assert (found.status, found.buyer["name"], held_minor(row)) == ("pending", row.buyer["name"], row.total_minor)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_many_fapiao_of_one_line_add_up_to_it_exactly(cuts: list[int]) -> None:
    row = issued(a_hospital(), a_line(2_401))

    parts = [asked(row, Wanted(1, cut)) for cut in cuts]
    parts.append(asked(row))

    assert sum(each.net_minor for each in parts) == row.net_minor
    assert sum(each.tax_minor for each in parts) == row.tax_minor
    with pytest.raises(FapiaoTooLarge):
        asked(row)


def test_fapiao_of_small_parts_take_no_more_tax_together_than_their_line_has() -> None:
    row = issued(a_hospital(), a_line(106))

    parts = [asked(row, Wanted(1, 9)) for _ in range(8)] + [asked(row)]

    assert [each.tax_minor for each in parts if each.tax_minor < 0] == []
    assert sum(each.tax_minor for each in parts) == row.tax_minor == 6


def test_more_than_the_invoice_or_than_a_line_or_than_what_credit_left_is_refused() -> None:
    row = issued(a_customer(), a_line(1_000), a_line(2_000))
    credited(row, LineCredit(1, 400))

    for lines in ([Wanted(1, 601)], [Wanted(3, 1)], [Wanted(2, 1_500), Wanted(2, 501)]):
        with pytest.raises(FapiaoTooLarge):
            asked(row, *lines)

    assert asked(row).total_minor == 2_600


def test_fapiao_asked_for_at_once_by_many_hands_never_exceed_the_invoice(app: Flask) -> None:
    row = issued(a_customer(), a_line(1_000))

    def ask(_: int) -> int:
        with app.app_context():
            try:
                return asked(row, Wanted(1, 400)).total_minor
            except FapiaoTooLarge:
                return 0

    with ThreadPoolExecutor(4) as hands:
        taken = list(hands.map(ask, range(4)))

    assert (sorted(taken), held_minor(row)) == ([0, 0, 400, 400], 800)


def test_what_was_rejected_may_be_asked_for_again_and_an_issued_number_is_used_once() -> None:
    row = issued(a_customer(), a_line(1_000))

    first = rejected(asked(row))
    again = came_back(asked(row), "12345678")

    assert (first.status, again.status, held_minor(row)) == ("rejected", "issued", 1_000)
    with pytest.raises(TransitionRefused):
        came_back(first)
    other = issued(row.tenant_id, a_line(1))
    with pytest.raises(FapiaoNumberTaken):
        came_back(asked(other), "12345678")


def test_a_red_letter_is_issued_only_when_the_buyer_confirmed_and_frees_the_invoice_then() -> None:
    row = issued(a_customer(), a_line(1_000))
    blue = came_back(asked(row))
    red = red_letter(blue)

    with pytest.raises(TransitionRefused):
        came_back(red)
    with pytest.raises(FapiaoNotPossible):
        red_letter(blue)
    with pytest.raises(FapiaoTooLarge):
        asked(row)
    with acting_for(row.tenant_id), transaction():
        door.confirm_red_letter(red.id)
    done = came_back(red)

    assert (done.status, done.reverses_id, done.total_minor, held_minor(row)) == ("issued", blue.id, 1_000, 0)
    assert asked(row).total_minor == 1_000
    with pytest.raises(FapiaoNotPossible):
        red_letter(done)


def test_a_red_letter_the_buyer_refuses_leaves_the_blue_one_standing() -> None:
    blue = came_back(asked(issued(a_customer(), a_line(1_000))))

    rejected(red_letter(blue))

    with acting_for(blue.tenant_id), transaction():
        assert fapiao(blue.id).status == "issued"
    assert red_letter(blue).status == "requested"


def test_an_invoice_with_a_fapiao_is_not_voided_and_a_draft_has_none() -> None:
    row = issued(a_customer())
    asked(row)

    with pytest.raises(InvoiceCredited), acting_for(row.tenant_id), transaction():
        void_invoice(row.id, because="wrong")
    for other in (drafted(a_customer()), credited(issued(a_customer()))):
        with pytest.raises(FapiaoNotPossible):
            asked(other)


def test_customer_asks_clerk_enters_buyer_confirms_over_http(client: FlaskClient) -> None:
    row = issued(a_customer(), a_line(1_000))
    clerk, admin = (
        a_key(OPERATOR_ID, "operator", "operator_finance"),
        a_key(row.tenant_id, "employer", "employer_admin"),
    )
    mine, theirs = "/api/employer/v1", f"/api/operator/v1/organizations/{row.tenant_id}"

    def post(path: str, who: Any, **wish: Any) -> Any:
        return client.post(path, json=wish or None, headers=who | once())

    blue = post(f"{mine}/invoices/{row.id}/fapiao", admin, form="special").json
    waiting = client.get("/api/operator/v1/fapiao?status=pending&limit=100", headers=clerk).json["data"]
    came = {"number": new_id().hex[:20], "file_sha256": HASH, "issued_on": str(TODAY)}
    done = post(f"{theirs}/fapiao/{blue['id']}/issuance", clerk, **came)
    red = post(f"{theirs}/fapiao/{blue['id']}/red_letters", clerk, because="wrong title").json
    agreed = post(f"{mine}/fapiao/{red['id']}/confirmation", admin)

    assert blue["id"] in {each["id"] for each in waiting}
    assert (done.status_code, done.json["number"], done.json["lines"][0]["net_minor"]) == (201, came["number"], 1_000)
    assert (agreed.json["status"], agreed.json["reverses_id"]) == ("confirmed", blue["id"])
    told = client.get(f"{mine}/invoices/{row.id}/fapiao", headers=admin).json["data"]
    assert [each["colour"] for each in told] == ["blue", "red"]
    assert post(f"{theirs}/fapiao/{blue['id']}/issuance", clerk, **came | {"file_sha256": "x"}).status_code == 422


def test_of_a_medical_receipt_only_number_and_hash_are_kept_once(client: FlaskClient) -> None:
    hospital = a_hospital()
    payment = a_payment(hospital)
    finance = a_key(hospital, "hospital", "hospital_finance")
    wish = {"payment_id": str(payment), "number": "33060123-0001", "file_sha256": HASH, "issued_on": str(TODAY)}

    answers = [
        client.post("/api/hospital/v1/medical_receipts", json=each, headers=finance | once())
        for each in (
            wish,
            wish,
            wish | {"file_sha256": "cd" * 32},
            wish | {"patient": "王芳"},
            wish | {"payment_id": str(new_id())},
        )
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 409, 422, 404]
    assert answers[2].json["type"] == f"/problems/{MedicalReceiptExists.slug}"
    assert answers[0].json["id"] == answers[1].json["id"]
    listed = client.get("/api/hospital/v1/medical_receipts", headers=finance).json["data"]
    assert [(UUID(each["payment_id"]), each["number"]) for each in listed] == [(payment, "33060123-0001")]


def test_an_adversary_moves_no_fapiao_out_of_turn_twice_or_from_another_house(app: Flask) -> None:
    row, stranger = issued(a_customer(), a_line(1_000)), a_customer()
    clerk = a_key(OPERATOR_ID, "operator", "operator_finance")
    admin, foreign = (a_key(each, "employer", "employer_admin") for each in (row.tenant_id, stranger))
    mine = "/api/employer/v1"
    theirs, wrong = (f"/api/operator/v1/organizations/{each}" for each in (row.tenant_id, stranger))

    def post(path: str, who: Any, **wish: Any) -> Any:
        with app.test_client() as client:
            return client.post(path, json=wish or None, headers=who | once())

    def at_once(path: str, who: Any, wishes: list[dict[str, Any]]) -> list[int]:
        with ThreadPoolExecutor(len(wishes)) as pool:
            return sorted(each.status_code for each in pool.map(lambda wish: post(path, who, **wish), wishes))

    def came() -> dict[str, str]:
        return {"number": new_id().hex[:20], "file_sha256": HASH, "issued_on": str(TODAY)}

    blue = post(f"{mine}/invoices/{row.id}/fapiao", admin, form="special").json["id"]
    too_early = [
        post(f"{theirs}/fapiao/{blue}/red_letters", clerk, because="early"),
        post(f"{mine}/fapiao/{blue}/confirmation", admin),
    ]
    tomorrow = post(f"{theirs}/fapiao/{blue}/issuance", clerk, **came() | {"issued_on": "2199-01-01"})
    from_outside = [
        post(f"{wrong}/fapiao/{blue}/issuance", clerk, **came()),
        post(f"{mine}/fapiao/{blue}/confirmation", foreign),
        post(f"{mine}/invoices/{row.id}/fapiao", foreign, form="special"),
    ]
    issuances = at_once(f"{theirs}/fapiao/{blue}/issuance", clerk, [came() for _ in range(4)])
    letters = at_once(f"{theirs}/fapiao/{blue}/red_letters", clerk, [{"because": "wrong title"}] * 4)
    [red] = [each for each in _all(app, f"{mine}/invoices/{row.id}/fapiao", admin) if each["colour"] == "red"]
    unconfirmed = post(f"{theirs}/fapiao/{red['id']}/issuance", clerk, **came())
    of_a_red_one = post(f"{theirs}/fapiao/{red['id']}/red_letters", clerk, because="again")
    back = post(f"{theirs}/fapiao/{blue}/rejection", clerk, because="after all")

    assert [each.status_code for each in (*too_early, unconfirmed, of_a_red_one, back)] == [409] * 5
    assert (tomorrow.status_code, [each.status_code for each in from_outside]) == (422, [404] * 3)
    assert (issuances, letters) == ([201, 409, 409, 409], [201, 409, 409, 409])
    assert held_minor(row) == 1_000


def _all(app: Flask, path: str, who: dict[str, str]) -> Any:
    with app.test_client() as client:
        listed: Any = client.get(path, headers=who).json
    return listed["data"]
