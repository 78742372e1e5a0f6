"""The inbox under everything that happens to news: twice at once, weeks later, out of order, half told, never told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event as events
from sqlalchemy import func, select

from tandem.accounts import create_organization
from tandem.accounts.organizations.models import Organization
from tandem.billing import stripe_gateway
from tandem.billing.payments import commands
from tandem.billing.payments.jobs import sweep_payments
from tandem.billing.payments.jobs.asking import ensure_account
from tandem.billing.payments.models import ProviderEvent
from tandem.billing.provider_facts import hint_from
from tandem.kernel import clock
from tandem.kernel.database import db, session
from tandem.kernel.ids import new_id
from tandem.kernel.jobs import JobRow
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.conftest import WEBHOOK_SECRET
from tests.platform.billing.payments.test_webhooks import an_event, sent, stored
from tests.platform.billing.payments.till import Till
from tests.platform.stripe_sandbox.stage import KEY


def events_of(till: Till) -> list[ProviderEvent]:
    with acting_for(till.hospital_id):
        return list(session.scalars(select(ProviderEvent).where(ProviderEvent.tenant_id == till.hospital_id)))


def jobs_about(event: ProviderEvent) -> int:
    """How often it was asked for that an event be folded."""
    with acting_for(event.tenant_id):
        asked = session.scalars(select(JobRow.args).where(JobRow.tenant_id == event.tenant_id)).all()
    return [each.get("event_id") for each in asked].count(str(event.id))


def given_back_at_the_provider(till: Till, payment_id: UUID, amount_minor: int) -> str:
    """A refund that somebody makes at the provider's own page; its id."""
    params = {"payment_intent": till.payment(payment_id).provider_intent_id, "amount": amount_minor}
    made = till.stripe().v1.refunds.create(params, {"stripe_account": till.account()})  # type: ignore[arg-type]  # a plain dict
    return made.id


def test_the_same_event_on_two_workers_in_the_same_instant_is_stored_once(app: Flask, till: Till) -> None:
    till.take()
    event, both = an_event(till.account()), threading.Barrier(2)

    def deliver(_: int) -> int:
        both.wait()
        return sent(app.test_client(), event).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(deliver, range(2)))

    assert answers == [200, 200]
    assert [jobs_about(each) for each in stored(event, till.hospital_id)] == [1]


def test_the_same_event_thirty_days_later_changes_nothing(client: FlaskClient, till: Till, at: Any) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    payment_id = till.take()
    refund = given_back_at_the_provider(till, payment_id, 1_200)
    event = an_event(till.account(), type="refund.updated", data={"object": {"id": refund}})
    sent(client, event)
    till.work(till.hospital_id)
    before = till.book()
    at(clock.now() + timedelta(days=30))

    answer = sent(client, event)
    till.work(till.hospital_id)

    (only,) = stored(event, till.hospital_id)
    assert (answer.status_code, only.status, jobs_about(only)) == (200, "folded", 1)
    assert till.book() == before
    assert before["ar.patient"] == -6_000


def test_a_delivery_that_was_stored_but_never_acknowledged_is_brought_again_and_stored_once(till: Till) -> None:
    till.take()
    (told,) = [each for each in events_of(till) if each.kind == "charge.succeeded"]
    before = till.book()

    till.provider.post(f"/webhooks/events/{told.provider_event_id}/resend")
    till.settle()

    assert [each.kind for each in events_of(till)].count("charge.succeeded") == 1
    assert till.book() == before


def test_taking_an_event_is_one_statement_and_a_repetition_writes_nothing(client: FlaskClient, till: Till) -> None:
    till.take()
    event, spoken = an_event(till.account()), list[str]()
    sent(client, an_event(till.account()))

    def hear(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        spoken.append(statement.split(maxsplit=1)[0] + ("" if "provider_event" not in statement else " event"))

    events.listen(db.engine, "before_cursor_execute", hear)
    try:
        sent(client, event)
        first = list(spoken)
        spoken.clear()
        sent(client, event)
    finally:
        events.remove(db.engine, "before_cursor_execute", hear)

    assert first == ["WITH event"]
    assert spoken == ["WITH event"]


def test_a_secret_rotated_in_mid_flight_takes_what_the_old_one_signed(
    client: FlaskClient, till: Till, settings: Settings
) -> None:
    till.take()
    event = an_event(till.account())
    configured = replace(settings, stripe_secret_key=KEY, stripe_base_url=till.provider.url)
    stripe_gateway.configure(replace(configured, stripe_webhook_secrets=("whsec_new", WEBHOOK_SECRET)))
    during = sent(client, event).status_code
    stripe_gateway.configure(replace(configured, stripe_webhook_secrets=("whsec_new",)))

    after = sent(client, event).status_code

    assert (during, after) == (200, 400)
    assert sent(client, event, secret="whsec_new").status_code == 200
    assert len(stored(event, till.hospital_id)) == 1


@pytest.mark.parametrize("secrets", [(), ("",), ("acct_1=",)], ids=["none", "an empty one", "an account's empty one"])
def test_an_empty_secret_shuts_the_endpoint_instead_of_opening_it(
    client: FlaskClient, settings: Settings, secrets: tuple[str, ...]
) -> None:
    stripe_gateway.configure(replace(settings, stripe_webhook_secrets=secrets))

    answers = {sent(client, an_event(account), secret="").status_code for account in ("acct_1", "acct_2")}

    stripe_gateway.configure(settings)
    assert answers <= {400, 404}


def test_an_accounts_own_secret_counts_for_its_events_and_for_no_other(client: FlaskClient, settings: Settings) -> None:
    stripe_gateway.configure(replace(settings, stripe_webhook_secrets=("acct_a=whsec_a", "whsec_all")))

    answers = {
        (account, secret): sent(client, an_event(account), secret=secret).status_code
        for account in ("acct_a", "acct_b")
        for secret in ("whsec_a", "whsec_all")
    }

    stripe_gateway.configure(settings)
    assert answers == {
        ("acct_a", "whsec_a"): 200,
        ("acct_a", "whsec_all"): 400,
        ("acct_b", "whsec_a"): 400,
        ("acct_b", "whsec_all"): 200,
    }


@pytest.mark.parametrize(
    "shape",
    [
        {"api_version": "2031-01-01.unheard", "data": {"object": {"id": "CHARGE", "sum": {"value": "72.00"}}}},
        {"api_version": None, "data": {"object": {"id": "CHARGE", "object": "charge_v2"}}},
        {"data": None, "related_object": {"id": "CHARGE", "type": "v1.charge", "url": "/v1/charges"}},
        {"data": {}, "related_object": {"id": "CHARGE", "type": "charge"}, "created": "2026-11-01T00:00:00.000Z"},
    ],
    ids=["fields gone", "another name", "a thin event", "told in words"],
)
def test_an_event_of_another_api_version_is_a_hint_and_the_object_is_fetched_in_ours(
    client: FlaskClient, till: Till, shape: dict[str, Any]
) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1, "omit_balance_transaction": 1})
    payment_id = till.take()
    charge_id = till.payment(payment_id).provider_charge_id or ""
    till.provider.post("/misdeeds/amend")
    event = an_event(till.account(), **_naming(shape, charge_id)) | {"type": "charge.updated"}

    answer = sent(client, {name: value for name, value in event.items() if value is not None or name != "data"})
    till.work(till.hospital_id)

    (row,) = stored(event, till.hospital_id)
    assert (answer.status_code, row.status, row.api_version) == (200, "folded", event["api_version"])
    assert till.payment(payment_id).fee_minor is not None


def _naming(shape: Any, charge_id: str) -> Any:
    if isinstance(shape, dict):
        return {name: _naming(value, charge_id) for name, value in shape.items()}
    return charge_id if shape == "CHARGE" else shape


def test_an_event_that_came_before_its_account_was_known_is_not_lost(client: FlaskClient, till: Till) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    till.take()
    with acting_for(till.hospital_id):
        told = till.stripe().v1.events.list({"limit": 1}, {"stripe_account": till.account()}).data[0]
    event = an_event(told.account or "", id=told.id)
    with acting_for(OPERATOR_ID), transaction():
        commands.store_event(hint_from(event), b"{}", is_routable=False)

    till.read()

    assert [each.status for each in stored(event)] == ["unroutable"]
    assert {each.status for each in stored(event, till.hospital_id)} <= {"folded", "ignored"}
    assert len(stored(event, till.hospital_id)) == 1


def test_a_refund_told_before_its_charge_brings_the_charge_with_it(client: FlaskClient, till: Till) -> None:
    till.provider.put("/misbehaviour", {"lose_webhook": 1})
    payment_id = till.ask(method="alipay")
    till.work(till.hospital_id)
    intent_id = till.payment(payment_id).provider_intent_id or ""
    till.provider.post(f"/payment_intents/{intent_id}/authorize")
    refund = given_back_at_the_provider(till, payment_id, 1_200)
    till.provider.advance(days=1)
    before = till.payment(payment_id).status

    sent(client, an_event(till.account(), type="refund.updated", data={"object": {"id": refund}}))
    till.work(till.hospital_id)

    payment = till.payment(payment_id)
    assert (before, payment.status, payment.refunded_minor) == ("requires_action", "succeeded", 1_200)
    assert till.book()["ar.patient"] == -6_000


def test_a_movement_that_is_never_told_leaves_the_payment_booked_gross_and_looked_for(till: Till, at: Any) -> None:
    till.provider.put("/misbehaviour", {"omit_balance_transaction": 1, "lose_webhook": 1})
    payment_id = till.take()
    for days in (1, 5, 13):
        at(clock.now() + timedelta(days=days))
        till.read()
        with acting_for(till.hospital_id):
            sweep_payments()

    assert (till.payment(payment_id).status, till.payment(payment_id).fee_minor) == ("succeeded", None)
    assert till.book() == {"cash.psp": 7_200, "ar.patient": -7_200}


def test_money_of_a_hospital_that_has_left_is_booked_in_its_own_book(till: Till) -> None:
    with acting_for(till.hospital_id), transaction():
        create_organization(kind="hospital", name=f"离开的医院{new_id()}")
    payment_id = till.ask(method="alipay")
    till.settle()
    with acting_for(till.hospital_id), transaction():
        session.get_one(Organization, (till.hospital_id, till.hospital_id)).status = "suspended"

    till.provider.post(f"/payment_intents/{till.payment(payment_id).provider_intent_id}/authorize")
    till.settle()

    assert till.payment(payment_id).status == "succeeded"
    assert till.book()["ar.patient"] == -7_200


def test_an_endpoint_registered_twice_and_one_deleted_again_tells_everything_once(
    till: Till, client: FlaskClient
) -> None:
    url = till.stripe().v1.webhook_endpoints.list().data[0].url
    second = till.stripe().v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"], "connect": True})
    settings = stripe_gateway._settings()
    stripe_gateway.configure(
        replace(settings, stripe_webhook_secrets=(*settings.stripe_webhook_secrets, second.secret or ""))
    )
    till.take()
    twice = _kinds(till.hospital_id)
    till.stripe().v1.webhook_endpoints.delete(second.id)

    till.take(5_000)

    assert set(twice.values()) == {1}
    assert {kind: count * 2 for kind, count in twice.items()} == _kinds(till.hospital_id)
    assert till.book()["ar.patient"] == -12_200


def _kinds(hospital_id: UUID) -> dict[str, int]:
    with acting_for(hospital_id):
        counted = select(ProviderEvent.kind, func.count()).where(
            ProviderEvent.tenant_id == hospital_id, ProviderEvent.object_kind.in_(["charge", "payment_intent"])
        )
        return dict(session.execute(counted.group_by(ProviderEvent.kind)).all())


@pytest.mark.parametrize(("province", "country"), [("330000", "CN"), ("810000", "HK"), ("820000", "MO"), (None, "CN")])
def test_a_hospitals_account_is_opened_where_the_hospital_is(till: Till, province: str | None, country: str) -> None:
    with acting_for(till.hospital_id), transaction():
        create_organization(kind="hospital", name=f"各地医院{new_id()}", province_code=province)

    with acting_for(till.hospital_id):
        account = ensure_account()

    assert till.stripe().v1.accounts.retrieve(account).country == country
