"""Webhooks: only what the provider signed a moment ago for this platform's mode is taken, stored once and answered."""

import hmac
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import orjson
import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tandem.billing import stripe_gateway
from tandem.billing.payments.models import ProviderEvent, ProviderEventBody
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.jobs import JobRow
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import OPERATOR_ID, acting_for
from tests.conftest import WEBHOOK_SECRET
from tests.people import operator_staff, staff
from tests.platform.billing.payments.till import Till

URL = "/webhooks/stripe"


@pytest.fixture(autouse=True)
def endpoint(settings: Settings) -> Iterator[None]:
    stripe_gateway.configure(settings)
    yield
    stripe_gateway.configure(settings)


def an_event(account: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{new_id().hex}",
        "object": "event",
        "account": account or f"acct_{new_id().hex[:16]}",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": {"id": f"pi_{new_id().hex}", "object": "payment_intent"}},
        "livemode": False,
        "type": "payment_intent.succeeded",
    } | changes


def sent(
    client: FlaskClient, event: Any, *, secret: str = WEBHOOK_SECRET, age_seconds: float = 0, altered: bytes = b""
) -> TestResponse:
    raw = event if isinstance(event, bytes) else orjson.dumps(event)
    stamp = int(time.time() - age_seconds)
    mark = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={stamp},v1={mark}", "Content-Type": "application/json"}
    return client.post(URL, data=raw + altered, headers=headers)


def stored(event: dict[str, Any], tenant: Any = OPERATOR_ID) -> list[ProviderEvent]:
    with acting_for(tenant):
        named = ProviderEvent.provider_event_id == event["id"]
        return list(session.scalars(select(ProviderEvent).where(ProviderEvent.tenant_id == tenant, named)))


@pytest.mark.parametrize(
    ("how", "slug"),
    [
        ({"secret": "whsec_somebody_else"}, "webhook-forged"),
        ({"altered": b" "}, "webhook-forged"),
        ({"age_seconds": 301}, "webhook-out-of-time"),
        ({"age_seconds": -120}, "webhook-out-of-time"),
    ],
    ids=["forged", "altered", "kept for later and replayed", "stamped in the future"],
)
def test_a_webhook_that_cannot_be_believed_is_refused_and_not_stored(
    client: FlaskClient, how: dict[str, Any], slug: str
) -> None:
    event = an_event()

    answer = sent(client, event, **how)

    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["type"] == f"/problems/{slug}"
    assert stored(event) == []


@pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=x,v1=00", "t=1,t=2,v1=00", "t=99999999999999,v1=é"])
def test_a_header_that_is_no_signature_is_refused(client: FlaskClient, header: str) -> None:
    answer = client.post(URL, data=b"{}", headers={"Stripe-Signature": header, "Content-Type": "application/json"})

    assert (answer.status_code, answer.json and answer.json["type"]) == (400, "/problems/webhook-forged")


@pytest.mark.parametrize("is_live", [True, False], ids=["a test event on the live endpoint", "a live one on the test's"])
def test_an_event_of_the_other_mode_is_refused(client: FlaskClient, settings: Settings, *, is_live: bool) -> None:
    key = ("sk_live_" if is_live else "sk_test_") + "0" * 24
    stripe_gateway.configure(replace(settings, stripe_secret_key=key))
    other, own = an_event(livemode=not is_live), an_event(livemode=is_live)

    refused, taken = sent(client, other), sent(client, own)

    assert (refused.status_code, refused.json and refused.json["type"]) == (400, "/problems/webhook-wrong-mode")
    assert (taken.status_code, stored(other), len(stored(own))) == (200, [], 1)


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b"{}", b'{"id": 1}', b'{"data": {"object": null}}'])
def test_signed_nonsense_is_refused(client: FlaskClient, body: bytes) -> None:
    answer = sent(client, body)

    assert (answer.status_code, answer.json and answer.json["type"]) == (400, "/problems/webhook-unreadable")


def test_an_oversized_webhook_is_refused_before_it_is_read(client: FlaskClient) -> None:
    answer = sent(client, an_event(padding="x" * (1 << 20)))

    assert answer.status_code == 413


def test_while_a_secret_is_rotated_both_count(client: FlaskClient, settings: Settings) -> None:
    stripe_gateway.configure(replace(settings, stripe_webhook_secrets=("whsec_new", WEBHOOK_SECRET)))

    answers = [sent(client, an_event(), secret=secret).status_code for secret in ("whsec_new", WEBHOOK_SECRET)]

    assert answers == [200, 200]


def test_without_a_secret_the_endpoint_is_shut(client: FlaskClient, settings: Settings) -> None:
    stripe_gateway.configure(replace(settings, stripe_webhook_secrets=()))

    assert sent(client, an_event(), secret="").status_code == 404


def test_an_event_of_an_unknown_account_is_kept_for_the_operator(client: FlaskClient) -> None:
    event = an_event()

    answer = sent(client, event)

    assert answer.status_code == 200
    assert [each.status for each in stored(event)] == ["unroutable"]
    listed = client.get("/api/operator/v1/provider-events?limit=100", headers=operator_staff()).json
    assert listed is not None
    assert event["id"] in {each["provider_event_id"] for each in listed["data"]}


def test_an_event_is_stored_once_with_its_bytes_however_often_it_comes(client: FlaskClient, till: Till) -> None:
    till.take()
    event = an_event(till.account())

    answers = [sent(client, event).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    (only,) = stored(event, till.hospital_id)
    with acting_for(till.hospital_id):
        assert session.get_one(ProviderEventBody, (till.hospital_id, only.id)).raw == orjson.dumps(event)
        asked = select(JobRow.state).where(JobRow.args["event_id"].astext == str(only.id))
        assert session.scalars(asked).all() == ["queued"]


def test_a_delivery_is_one_round_trip_whether_it_is_news_or_not(
    client: FlaskClient, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.take()
    sent(client, an_event(till.account()))  # whose account it is has been looked up
    event, trips = an_event(till.account()), []
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def said(cursor: Any, *given: Any, **more: Any) -> Any:
        trips.append("execute")
        return execute(cursor, *given, **more)

    def ended(connection: Any) -> None:
        trips.append("commit")
        commit(connection)

    monkeypatch.setattr(psycopg.Cursor, "execute", said)
    monkeypatch.setattr(psycopg.Connection, "commit", ended)
    answers = [sent(client, event).status_code for _ in range(3)]

    assert (answers, trips) == ([200, 200, 200], ["execute"] * 3)


def test_an_event_about_nothing_we_know_is_folded_to_nothing(client: FlaskClient, till: Till) -> None:
    till.take()
    before = till.book()
    event = an_event(till.account())

    sent(client, event)
    till.settle()

    assert [each.status for each in stored(event, till.hospital_id)] == ["folded"]
    assert till.book() == before


def test_an_unworked_event_shows_up_as_stuck(client: FlaskClient, till: Till, at: Any) -> None:
    till.take()
    event = an_event(till.account())
    sent(client, event)
    headers = operator_staff()
    at(clock.now() + timedelta(minutes=11))

    listed = client.get("/api/operator/v1/provider-events?limit=100", headers=headers).json

    assert listed is not None
    assert {each["status"] for each in listed["data"] if each["provider_event_id"] == event["id"]} == {"received"}


def test_only_the_operator_sees_troubled_events(client: FlaskClient, till: Till) -> None:
    answer = client.get(
        "/api/operator/v1/provider-events", headers=staff(till.hospital_id, "hospital", "hospital_admin")
    )

    assert answer.status_code == 401
