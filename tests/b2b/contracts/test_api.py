"""Contracts over HTTP: the operator proposes and approves by two hands, the employer signs, nobody else sees them."""

from datetime import timedelta

import pytest

from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tests.employers import Employer, a_contract, a_package, an_employer, employees
from tests.hospitals import a_hospital, a_live_hospital
from tests.people import once, operator_staff, staff
from tests.platform.billing.rating.plans import a_component, a_plan

MINE = "/api/employer/v1/contracts"


def desk(employer_id) -> str:
    return f"/api/operator/v1/employers/{employer_id}/contracts"


@pytest.fixture(scope="module")
def hospital_id(app):
    with app.app_context():
        return a_live_hospital()


def a_wish(hospital_id, **changes):
    return {
        "package_id": str(a_package()),
        "hospital_ids": [str(hospital_id)],
        "starts_on": str(clock.today()),
    } | changes


def test_a_contract_is_proposed_signed_and_approved_by_three_hands(client, work, hospital_id):
    employer_id = an_employer()
    clerk, supervisor = operator_staff("operator_staff"), operator_staff("operator_supervisor")
    hr = staff(employer_id, "employer", "employer_admin")

    drafted = client.post(desk(employer_id), json=a_wish(hospital_id), headers=clerk | once())
    one = drafted.json["id"]
    proposed = client.post(f"{desk(employer_id)}/{one}/proposals", headers=clerk | once())
    signed = client.post(f"{MINE}/{one}/signatures", headers=hr | once())
    approved = client.post(f"{desk(employer_id)}/{one}/approvals", headers=supervisor | once())

    replies = (drafted, proposed, signed, approved)
    assert [each.status_code for each in replies] == [201] * 4, [each.json for each in replies]
    states = [each.json["status"] for each in replies]
    assert states == ["draft", "negotiable", "executable", "effective"]
    assert client.get(f"{MINE}/{one}", headers=hr).json["price_per_member"]["amount_minor"] == 2_000


def test_whoever_drafted_it_may_not_approve_it(client, hospital_id):
    employer_id = an_employer()
    supervisor, hr = operator_staff("operator_supervisor"), staff(employer_id, "employer", "employer_admin")
    one = client.post(desk(employer_id), json=a_wish(hospital_id), headers=supervisor | once()).json["id"]
    client.post(f"{desk(employer_id)}/{one}/proposals", headers=operator_staff() | once())
    client.post(f"{MINE}/{one}/signatures", headers=hr | once())

    reply = client.post(f"{desk(employer_id)}/{one}/approvals", headers=supervisor | once())

    assert (reply.status_code, reply.json["type"]) == (409, "/problems/same-hand")


def test_an_employer_cannot_approve_and_a_clerk_neither(client):
    employer_id = an_employer()
    one = a_contract(employer_id, [new_id()], until="executable")
    hr, clerk = staff(employer_id, "employer", "employer_admin"), operator_staff("operator_staff")

    replies = [
        client.post(f"{desk(employer_id)}/{one}/approvals", headers=who | once()).status_code for who in (hr, clerk)
    ]

    assert replies[0] in {401, 403}
    assert replies[1] == 403


@pytest.mark.parametrize("hospital", ["unknown", "draft", "employer"])
def test_only_live_hospitals_serve_a_contract(client, hospital_id, hospital):
    stranger = {"unknown": new_id, "draft": a_hospital, "employer": an_employer}[hospital]()
    wish = a_wish(hospital_id, hospital_ids=[str(hospital_id), str(stranger)])

    reply = client.post(desk(an_employer()), json=wish, headers=operator_staff() | once())

    assert (reply.status_code, reply.json["type"]) == (422, "/problems/not-a-serving-hospital")
    assert reply.json["hospital_ids"] == [str(stranger)]


@pytest.mark.parametrize(
    ("changes", "slug"),
    [
        ({"starts_on": "9999-12-31"}, "dates-invalid"),
        ({"starts_on": "0001-01-01"}, "dates-invalid"),
        ({"ends_on": "2020-01-01"}, "dates-invalid"),
        ({"package_id": str(new_id())}, "not-found"),
        ({"hospital_ids": []}, "invalid"),
        ({"hospital_ids": ["x"]}, "invalid"),
        ({"starts_on": "soon"}, "invalid"),
        ({"units_per_member": 100}, "invalid"),
    ],
)
def test_a_contract_that_cannot_be_is_refused_with_a_type(client, hospital_id, changes, slug):
    reply = client.post(desk(an_employer()), json=a_wish(hospital_id, **changes), headers=operator_staff() | once())

    assert reply.status_code in {404, 422}, reply.json
    assert reply.json["type"] == f"/problems/{slug}"


def test_another_employers_contract_is_as_unknown_as_one_that_does_not_exist(client, app):
    mine, theirs = an_employer(), an_employer()
    foreign = a_contract(theirs, [new_id()], until="negotiable")
    hr, clerk = staff(mine, "employer", "employer_admin"), operator_staff()

    for one in (foreign, new_id()):
        replies = [
            client.get(f"{MINE}/{one}", headers=hr),
            client.post(f"{MINE}/{one}/signatures", headers=hr | once()),
            client.get(f"{MINE}/{one}/reports", headers=hr),
            client.get(f"{desk(mine)}/{one}", headers=clerk),
            client.get(f"{desk(mine)}/{one}/totals", headers=clerk),
            client.post(f"{desk(mine)}/{one}/proposals", headers=clerk | once()),
            client.post(f"{desk(mine)}/{one}/approvals", headers=clerk | once()),
            client.post(f"{desk(mine)}/{one}/terminations", json={"because": "no"}, headers=clerk | once()),
        ]
        assert {(each.status_code, each.json["type"]) for each in replies} == {(404, "/problems/not-found")}
    assert client.get(MINE, headers=hr).json["data"] == []


def test_an_invoice_refers_to_what_its_own_customer_has_signed_and_to_nothing_else(client, work):
    mine, theirs = Employer(work), Employer(work)
    offered = a_contract(mine.id, [new_id()], until="negotiable")
    line = {"code": "units", "text": "Units", "quantity": 1, "unit_price": 500, "amount_minor": 500}
    days = {"first_day": "2026-09-01", "last_day": "2026-09-30", "due_on": "2026-10-31"}
    clerk = operator_staff("operator_finance")

    def refused(**named):
        wish = {"series": "B2B", "lines": [line]} | days | {name: str(each) for name, each in named.items()}
        url = f"/api/operator/v1/organizations/{mine.id}/invoices"
        answer = client.post(url, json=wish, headers=clerk | once())
        return [error["field"] for error in answer.json["errors"]] if answer.status_code == 422 else answer.status_code

    assert refused(contract_id=mine.contract_id, programme_id=mine.programme_id) == 201
    assert refused(programme_id=mine.programme_id) == 201
    for nothing in (new_id(), theirs.contract_id, offered):
        assert refused(contract_id=nothing) == ["contract_id"]
    for nothing in (new_id(), theirs.programme_id):
        assert refused(programme_id=nothing) == ["programme_id"]
        assert refused(contract_id=mine.contract_id, programme_id=nothing) == ["programme_id"]


def test_metered_use_is_billed_under_a_contract_that_its_customer_has_signed_and_no_other(client, work):
    mine, theirs = Employer(work), Employer(work)
    clerk = operator_staff("operator_supervisor")
    wish = {"plan_version_id": str(a_plan(a_component("flat", None, flat_minor=9_900))), "first_day": "2026-09-01"}

    def subscribed(contract_id, subject):
        url = f"/api/operator/v1/organizations/{mine.id}/subscriptions"
        named = {"contract_id": str(contract_id), "subject": subject}
        return client.post(url, json=wish | named, headers=clerk | once())

    signed = subscribed(mine.contract_id, "one")
    unknown = [subscribed(each, "two") for each in (new_id(), theirs.contract_id)]

    assert (signed.status_code, signed.json["contract_id"]) == (201, str(mine.contract_id)), signed.json
    assert [(each.status_code, each.json["errors"][0]["field"]) for each in unknown] == [(422, "contract_id")] * 2


def test_a_hospital_and_a_programme_are_no_employers(client, work, hospital_id):
    employer = Employer(work)
    clerk = operator_staff()

    replies = [client.get(desk(each), headers=clerk) for each in (hospital_id, employer.programme_id, new_id())]

    assert [each.status_code for each in replies] == [404, 404, 404]


def test_the_operator_reads_sums_of_a_programme_and_the_employer_does_not(client, work):
    employer = Employer(work)
    employer.upload(employees(3))
    hr = staff(employer.id, "employer", "employer_admin")

    totals = client.get(f"{desk(employer.id)}/{employer.contract_id}/totals", headers=operator_staff())

    assert totals.json == {"members": 3, "members_active": 0, "units_granted": 6, "units_consumed": 0}
    assert client.get(f"{MINE}/{employer.contract_id}/totals", headers=hr).status_code == 404
    assert client.get(f"{MINE}/{employer.contract_id}/reports", headers=hr).json["data"] == []


def test_nobody_of_the_employer_sees_who_uses_what_in_anything_it_can_read(client, work):
    employer = Employer(work)
    employer.upload(employees(3))
    hr = staff(employer.id, "employer", "employer_admin")
    secret = {"units_consumed", "units_reserved", "activated", "members_active", "entitlement_id", "person_id"}

    for path in (MINE, f"{MINE}/{employer.contract_id}", "/api/employer/v1/members", "/api/employer/v1/rosters"):
        reply = client.get(path, headers=hr)
        assert reply.status_code == 200
        assert not [word for word in secret if word in reply.text]


def test_a_contract_is_ended_early_with_a_reason(client, work):
    employer = Employer(work)
    path = f"{desk(employer.id)}/{employer.contract_id}/terminations"

    without = client.post(path, json={}, headers=operator_staff() | once())
    ended = client.post(path, json={"because": "the enterprise closed"}, headers=operator_staff() | once())
    again = client.post(path, json={"because": "the enterprise closed"}, headers=operator_staff() | once())

    assert [each.status_code for each in (without, ended, again)] == [422, 201, 409]
    assert (ended.json["status"], again.json["allowed"]) == ("terminated", [])


def test_a_contract_not_yet_in_force_is_dropped_and_one_in_force_is_not(client, work):
    employer = Employer(work)
    drafted = a_contract(employer.id, [new_id()], until="executable", starts_on=clock.today() + timedelta(days=9))

    replies = [
        client.post(
            f"{desk(employer.id)}/{one}/cancellations", json={"because": "no"}, headers=operator_staff() | once()
        )
        for one in (drafted, employer.contract_id)
    ]

    assert [each.status_code for each in replies] == [201, 409]
