"""News arrives signed, at least once, and again until it is taken."""

import json
import time
from typing import Any

import pytest
import stripe

from tandem.stripe_sandbox.delivery import PAUSES_SECONDS, signature
from tests.platform.stripe_sandbox.stage import SECRET, until


def test_news_is_verified_by_the_real_client(pay: Any, sandbox: Any, receiver: Any) -> None:
    intent = pay(7200, key="visit-1")
    sandbox.post("/webhooks/flush")

    events = [
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET) for headers, body in receiver.heard
    ]

    assert {event.type for event in events if event.data.object["id"] == intent.id} == {
        "payment_intent.created",
        "payment_intent.succeeded",
    }
    assert {event.request.idempotency_key for event in events if event.request.id} == {"visit-1"}
    assert {event.api_version for event in events} == {stripe.api_version}


def test_news_comes_of_itself(pay: Any, receiver: Any) -> None:
    pay(7200)

    until(lambda: len(receiver.types) == 4)

    assert sorted(receiver.types) == [
        "charge.succeeded", "charge.updated", "payment_intent.created", "payment_intent.succeeded",
    ]  # fmt: skip


def test_an_altered_body_or_another_secret_is_not_believed(pay: Any, sandbox: Any, receiver: Any) -> None:
    pay(7200)
    sandbox.post("/webhooks/flush")
    headers, body = receiver.heard[0]

    for forged, secret in ((body.replace(b"7200", b"9200"), SECRET), (body, "whsec_of_another")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(forged, headers["Stripe-Signature"], secret)


def test_a_failing_endpoint_is_tried_again(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    receiver.failures_left = 2
    api.v1.customers.create({"name": "王芳"})
    sandbox.post("/webhooks/flush")
    assert receiver.types == []

    for pause in PAUSES_SECONDS[:2]:
        sandbox.advance(seconds=pause + 1)
        pending = sandbox.post("/webhooks/flush")

    log = sandbox.get("/webhooks/deliveries")["data"]
    assert receiver.types == ["customer.created"]
    assert pending["count"] == 0
    assert [(d["type"], d["state"], d["attempts"], d["answer"]) for d in log] == [
        ("customer.created", "delivered", 3, "200")
    ]


def test_after_three_days_it_gives_up(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    receiver.failures_left = 1000
    api.v1.customers.create({"name": "王芳"})

    for _ in range(len(PAUSES_SECONDS) + 1):
        sandbox.post("/webhooks/flush", {"include_future": True})
    log = sandbox.get("/webhooks/deliveries")["data"]

    event_id = log[0]["event"]
    assert [(d["state"], d["answer"]) for d in log] == [("given_up", "500")]
    assert sum(PAUSES_SECONDS) > 2.5 * 86400
    assert [e.id for e in api.v1.events.list({"delivery_success": False})] == [event_id]


def test_lost_news_can_be_sent_again(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    api.v1.customers.create({"name": "王芳"})
    event = api.v1.events.list().data[0]

    sandbox.post(f"/webhooks/events/{event.id}/resend")
    sandbox.post("/webhooks/flush")

    assert [e["id"] for e in receiver.events] == [event.id, event.id]


def test_an_endpoint_hears_what_it_asked_for(
    api: stripe.StripeClient, sandbox: Any, receiver: Any, pay: Any, hospital: str
) -> None:
    told: Any = {"url": receiver.url, "enabled_events": ["charge.succeeded"]}
    own = api.v1.webhook_endpoints.create(told)
    connected = api.v1.webhook_endpoints.create({**told, "connect": True})

    pay(7200)
    pay(7200, account=hospital)
    sandbox.post("/webhooks/flush")

    def heard_with(secret: str) -> list[tuple[str, str | None]]:
        found = []
        for headers, body in receiver.heard:
            try:
                event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
            except stripe.SignatureVerificationError:
                continue
            found.append((event.type, json.loads(body).get("account")))
        return found

    assert heard_with(own.secret) == [("charge.succeeded", None)]
    assert heard_with(connected.secret) == [("charge.succeeded", hospital)]
    assert "secret" not in api.v1.webhook_endpoints.retrieve(own.id)


def test_a_disabled_or_deleted_endpoint_hears_nothing(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    told: Any = {"url": receiver.url, "enabled_events": ["customer.created"]}
    endpoints = [api.v1.webhook_endpoints.create(told).id for _ in range(3)]
    api.v1.webhook_endpoints.update(endpoints[0], {"disabled": True})
    api.v1.webhook_endpoints.delete(endpoints[1])

    api.v1.customers.create({"name": "王芳"})
    sandbox.post("/webhooks/flush")

    assert receiver.types == ["customer.created"] * 2  # the one given by flags, and the third


def test_while_a_secret_is_rolled_both_are_good(api: stripe.StripeClient, sandbox: Any, receiver: Any) -> None:
    endpoint = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.created"]})
    fresh = sandbox.post(f"/webhooks/endpoints/{endpoint.id}/roll_secret", {"old_lasts_seconds": 3600})["secret"]

    def headers_of_next() -> list[tuple[str, bytes]]:
        receiver.forget()
        api.v1.customers.create({"name": "王芳"})
        sandbox.post("/webhooks/flush")
        return [(headers["Stripe-Signature"], body) for headers, body in receiver.heard]

    def believed(signed: tuple[str, bytes], secret: str) -> bool:
        try:
            stripe.Webhook.construct_event(signed[1], signed[0], secret)
        except stripe.SignatureVerificationError:
            return False
        return True

    during = headers_of_next()
    sandbox.advance(seconds=3601)
    after = headers_of_next()

    assert [sum(believed(s, secret) for s in during) for secret in (endpoint.secret, fresh)] == [1, 1]
    assert [sum(believed(s, secret) for s in after) for secret in (endpoint.secret, fresh)] == [0, 1]


def test_the_stamp_is_real_time_however_the_clock_is_moved(
    api: stripe.StripeClient, sandbox: Any, receiver: Any
) -> None:
    sandbox.advance(days=30)
    api.v1.customers.create({"name": "王芳"})
    sandbox.post("/webhooks/flush")
    headers, body = receiver.heard[0]

    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET, tolerance=60)

    assert event.created > time.time() + 29 * 86400


def test_the_signature_is_stripes_published_scheme() -> None:
    # Computed with openssl: printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
    expected = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925"

    header = signature(b'{"id":"evt_1"}', ("whsec_test",), 1_700_000_000)

    assert header == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize("url", ["ftp://h.test/", "h.test", "http://", "http://h.test:99999/", "http://[::1"])
def test_an_impossible_address_is_refused(api: stripe.StripeClient, url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})

    assert refusal.value.code == "url_invalid"


def test_an_endpoint_that_is_not_there_is_news_for_the_log(api: stripe.StripeClient, sandbox: Any) -> None:
    api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/ä b", "enabled_events": ["customer.created"]})

    api.v1.customers.create({"name": "王芳"})
    pending = sandbox.post("/webhooks/flush")

    assert [(d["state"], d["attempts"]) for d in pending["data"]] == [("pending", 1)]
    assert pending["data"][0]["answer"]
