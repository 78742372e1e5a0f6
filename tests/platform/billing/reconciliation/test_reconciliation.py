"""Reconciliation against a provider that misbehaves: what differs is found once, owned, explained, and resolved."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from tandem.accounts import AgreementVersion
from tandem.billing.entitlements.models import Entitlement, EntitlementMovement
from tandem.billing.ledger import JournalDraft, Line, post
from tandem.billing.reconciliation import Discrepancy
from tandem.billing.reconciliation.jobs import close_hospital_day, reconcile_day
from tandem.billing.settlements import last_statement
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_live_hospital
from tests.people import a_key, once
from tests.platform.billing.money import a_delivered_visit, a_payment
from tests.platform.billing.payments.till import Till

Move = Callable[[datetime], None]


@pytest.fixture
def today(till: Till, at: Move) -> date:
    """The day of the story: a hospital with an agreement, seen from the day after."""
    till.hospital_id = a_live_hospital()
    with acting_for(till.hospital_id, operator=True), transaction():
        session.add(
            AgreementVersion(
                tenant_id=till.hospital_id,
                organization_id=till.hospital_id,
                number=1,
                status="in_force",
                effective_from=clock.now() - timedelta(days=30),
                terms_sha256="0" * 64,
                percent_of_net=Decimal(10),
            )
        )
    return clock.today()


def visited(till: Till, amount_minor: int = 7_200) -> UUID:
    """A patient pays and is seen."""
    payment_id = till.take(amount_minor)
    a_delivered_visit(till.hospital_id, payment_id, amount_minor, at=clock.now())
    till.settle()
    return payment_id


def close(till: Till, day: date, at: Move) -> dict[tuple[str, str], Discrepancy]:
    """Close the day, seen from the next one; returns the differences by kind and state."""
    at(clock.day_bounds(day)[1] + timedelta(hours=2))
    with acting_for(till.hospital_id):
        close_hospital_day(day)
    return differences(till)


def differences(till: Till) -> dict[tuple[str, str], Discrepancy]:
    with acting_for(till.hospital_id):
        found = session.scalars(select(Discrepancy).where(Discrepancy.tenant_id == till.hospital_id)).all()
    return {(each.kind, each.status): each for each in found}


def test_a_day_on_which_everybody_behaved_has_no_differences(till: Till, today: date, at: Move) -> None:
    payment_id = visited(till)
    till.give_back(payment_id, 1_000)
    till.settle()

    assert close(till, today, at) == {}
    with acting_for(till.hospital_id):
        statement = last_statement("CNY")
    assert statement is not None
    assert (statement.gross_minor, statement.refunds_minor, statement.operator_fee_minor) == (7_200, 1_000, 620)
    book = till.book()
    assert statement.payable_minor == 7_200 - 1_000 - book["exp.psp_fee"] - 620


def test_a_fee_off_the_providers_list_is_found_and_explained_by_its_own_movement(
    till: Till, today: date, at: Move
) -> None:
    till.provider.put("/misbehaviour", {"charge_different_fee": 1})
    payment_id = visited(till)

    found = close(till, today, at)

    assert list(found) == [("fee_off_list", "explained")]
    difference = found["fee_off_list", "explained"]
    assert (difference.owner, difference.actual_minor) == ("provider", till.payment(payment_id).fee_minor)
    assert difference.expected_minor == 239  # 2.9 % of 72.00 and 0.30


def test_a_movement_the_provider_omits_is_found_with_its_sum_and_gone_when_it_comes(
    till: Till, today: date, at: Move
) -> None:
    till.provider.put("/misbehaviour", {"omit_balance_transaction": 1})
    visited(till)
    found = close(till, today, at)

    assert {key: each.amount_at_risk_minor for key, each in found.items()} == {
        ("movement_missing", "explained"): 7_200,
        ("balance_differs", "explained"): 7_200,
    }
    amend(till)
    with acting_for(till.hospital_id):
        close_hospital_day(today)

    assert set(differences(till)) == {("movement_missing", "resolved"), ("balance_differs", "resolved")}


def amend(till: Till) -> None:
    """The provider tells what it had omitted."""
    till.provider.put("/misbehaviour", {})
    status, _ = till.provider.call("POST", "/misdeeds/amend", {})
    assert status == 200


def test_a_booking_nobody_at_the_provider_knows_is_open_and_the_operators_to_find(
    till: Till, today: date, at: Move
) -> None:
    visited(till)
    stray = JournalDraft(
        kind="payment_captured",
        key="charge:ch_stray:captured",
        effective_at=clock.now(),
        lines=[Line("cash.psp", 5), Line("ar.patient", -5)],
        source_type="payment",
        source_id=new_id(),
    )
    with acting_for(till.hospital_id), transaction():
        post([stray])

    found = close(till, today, at)

    difference = found["balance_differs", "open"]
    assert (difference.owner, difference.amount_at_risk_minor) == ("operator", 5)
    assert difference.deadline_at == difference.first_seen_at + timedelta(days=1)


def test_a_fault_seen_every_night_is_one_row_with_a_counter(till: Till, today: date, at: Move) -> None:
    till.provider.put("/misbehaviour", {"charge_different_fee": 1})
    visited(till)
    close(till, today, at)

    for _ in range(2):
        with acting_for(till.hospital_id):
            reconcile_day(today)

    (difference,) = differences(till).values()
    assert difference.seen_count == 3


def test_a_use_nobody_paid_for_is_the_hospitals_to_explain(till: Till, today: date, at: Move) -> None:
    a_delivered_visit(till.hospital_id, None, 7_200, at=clock.now())

    found = close(till, today, at)

    assert {(key[0], each.owner) for key, each in found.items()} == {("usage_unpaid", "hospital")}


def test_a_missing_mirror_is_found_journal_by_journal(till: Till, today: date, at: Move) -> None:
    visited(till)
    with acting_for(till.hospital_id), transaction():
        session.execute(
            text("UPDATE mirror_cursor SET mirrored_seq = 1000 WHERE tenant_id = :t"), {"t": till.hospital_id}
        )
        booked = JournalDraft(
            kind="operator_fee",
            key="by hand",
            effective_at=clock.now(),
            lines=[Line("exp.operator_fee", 77), Line("ap.operator", -77)],
            source_type="usage_event",
            source_id=new_id(),
        )
        post([booked])

    found = close(till, today, at)

    assert found["mirror_missing", "open"].amount_at_risk_minor == 77
    assert found["fees_differ", "open"].amount_at_risk_minor == 77


def a_consumption(programme: UUID, hospital: UUID, payment: UUID, moment: datetime) -> None:
    """A unit of a programme, used at a hospital for one of its payments."""
    with acting_for(programme), transaction():
        owed = Entitlement(
            tenant_id=programme,
            id=new_id(),
            source_id=new_id(),
            login_index=new_id().bytes,
            units_granted=1,
            units_consumed=1,
            valid_from=moment.date(),
            valid_to=moment.date(),
            status="activated",
        )
        session.add(owed)
        session.flush()
        step = {"kind": "consume", "units": 1, "key": payment, "hospital_id": hospital, "at": moment}
        session.add(EntitlementMovement(tenant_id=programme, entitlement_id=owed.id, **step))


def test_visits_on_a_benefit_and_units_consumed_for_them_are_held_against_each_other(
    till: Till, today: date, at: Move
) -> None:
    programme, moment = new_id(), clock.now()
    both, only_delivered, only_consumed = (a_payment(till.hospital_id, programme=programme) for _ in range(3))
    for payment in (both, only_delivered):
        a_delivered_visit(till.hospital_id, payment, at=moment, programme_id=programme)
    for payment in (both, only_consumed):
        a_consumption(programme, till.hospital_id, payment, moment)

    found = close(till, today, at)

    assert {kind: each.evidence["payment_id"] for (kind, _), each in found.items()} == {
        "benefit_not_consumed": str(only_delivered),
        "benefit_without_use": str(only_consumed),
    }


def ask(client: FlaskClient, path: str, who: dict[str, str], wish: dict[str, Any]) -> Any:
    return client.post(path, json=wish, headers=who | once())


def test_who_owns_a_difference_explains_it_and_the_other_side_agrees_how_it_is_settled(
    till: Till, today: date, at: Move, client: FlaskClient
) -> None:
    a_delivered_visit(till.hospital_id, None, 7_200, at=clock.now())
    close(till, today, at)
    hospital = a_key(till.hospital_id, "hospital", "hospital_finance")
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    (difference,) = client.get("/api/hospital/v1/discrepancies", headers=hospital).json["data"]
    mine = f"/api/hospital/v1/discrepancies/{difference['id']}"

    explained = ask(client, f"{mine}/explanations", hospital, {"cause": "a free visit for a colleague"})
    proposed = ask(client, f"{mine}/resolutions", hospital, {"cause": "waived"})
    approval = f"discrepancy_resolutions/{proposed.json['id']}/approvals"
    alone = ask(client, f"/api/hospital/v1/{approval}", hospital, {})
    agreed = ask(client, f"/api/operator/v1/organizations/{till.hospital_id}/{approval}", operator, {})

    assert (explained.status_code, proposed.status_code, alone.status_code) == (201, 201, 403)
    assert alone.json["type"] == "/problems/same-party"
    assert (agreed.status_code, agreed.json["settled_count"]) == (201, 1)
    assert [key[1] for key in differences(till)] == ["resolved"]


def test_the_operator_closes_a_day_for_everybody_and_sees_how_far_it_is(
    till: Till, today: date, at: Move, client: FlaskClient, work: Callable[..., int]
) -> None:
    visited(till)
    at(clock.day_bounds(today)[1] + timedelta(hours=2))
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")

    asked = ask(client, "/api/operator/v1/day_closes", operator, {"day": today.isoformat()})
    too_soon = ask(client, "/api/operator/v1/day_closes", operator, {"day": clock.today().isoformat()})
    work(OPERATOR_ID)
    path = f"/api/operator/v1/day_closes/{asked.json['id']}"
    before = client.get(path, headers=operator).json
    work(till.hospital_id)
    after = client.get(path, headers=operator).json

    assert (asked.status_code, too_soon.status_code) == (202, 409)
    assert before["tenant_count"] >= 1
    assert after["done_count"] == before["done_count"] + 1
    runs = client.get(f"/api/operator/v1/organizations/{till.hospital_id}/reconciliation_runs", headers=operator).json[
        "data"
    ]
    assert [run["day_close_id"] for run in runs] == [asked.json["id"]]
    assert runs[0]["statement_id"]
    assert client.get("/api/operator/v1/discrepancy_totals", headers=operator).status_code == 200
