"""One key, one effect: the same request gets the same answer, another request is refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe

from tandem.stripe_sandbox.books import House
from tandem.stripe_sandbox.desk import Desk, Request
from tandem.stripe_sandbox.sandbox import Sandbox as Inside

WISH: Any = {
    "amount": 7200,
    "currency": "cny",
    "allowed_payment_method_types": ["card"],
    "payment_method": "pm_card_visa",
    "confirm": True,
    "metadata": {"a": "1", "b": "2"},
}


def test_the_same_request_gets_the_same_answer(api: stripe.StripeClient) -> None:
    first = api.v1.payment_intents.create(WISH, {"idempotency_key": "visit-1"})
    api.v1.payment_intents.update(first.id, {"description": "changed since"})

    again = api.v1.payment_intents.create(WISH, {"idempotency_key": "visit-1"})

    assert again.to_dict() == first.to_dict()
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(api.v1.charges.list().data) == 1


def test_the_order_of_parameters_does_not_matter(api: stripe.StripeClient) -> None:
    first = api.v1.payment_intents.create(WISH, {"idempotency_key": "visit-1"})

    again = api.v1.payment_intents.create(dict(reversed(WISH.items())), {"idempotency_key": "visit-1"})

    assert again.id == first.id


@pytest.mark.parametrize("changed", [{"amount": 7201}, {"metadata": {"a": "1"}}, {"description": "new"}])
def test_another_body_under_the_same_key_is_an_error(api: stripe.StripeClient, changed: Any) -> None:
    api.v1.payment_intents.create(WISH, {"idempotency_key": "visit-1"})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        api.v1.payment_intents.create({**WISH, **changed}, {"idempotency_key": "visit-1"})

    assert refusal.value.http_status == 400
    assert refusal.value.json_body["error"]["type"] == "idempotency_error"


def test_another_url_under_the_same_key_is_an_error(api: stripe.StripeClient) -> None:
    api.v1.customers.create({"name": "王芳"}, {"idempotency_key": "visit-1"})

    with pytest.raises(stripe.IdempotencyError):
        api.v1.payment_methods.create({"type": "alipay"}, {"idempotency_key": "visit-1"})


def test_a_decline_is_remembered(api: stripe.StripeClient) -> None:
    wish = {**WISH, "payment_method": "pm_card_chargeDeclined"}
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            api.v1.payment_intents.create(wish, {"idempotency_key": "visit-1"})

    assert refusal.value.headers["Idempotent-Replayed"] == "true"
    assert len(api.v1.charges.list().data) == 1


def test_a_mistake_in_the_parameters_is_not_remembered(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.create({**WISH, "amount": "many"}, {"idempotency_key": "visit-1"})

    assert api.v1.payment_intents.create(WISH, {"idempotency_key": "visit-1"}).status == "succeeded"


def test_many_at_once_make_one(sandbox: Any) -> None:
    def create(_: int) -> str:
        return str(sandbox.client(max_network_retries=5).v1.payment_intents.create(WISH, {"idempotency_key": "k"}).id)

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(create, range(24)))

    assert len(made) == 1
    assert len(sandbox.client().v1.charges.list().data) == 1


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    """A sandbox without its server, to stop it in the middle of a request."""
    opened = Inside(tmp_path, House(secret_key="sk_test_inside", base_url="http://inside.test"))
    yield opened
    opened.close()


def test_a_key_in_use_is_a_conflict(inside: Inside) -> None:
    desk = Desk(inside)
    headers = {"authorization": "Bearer sk_test_inside", "idempotency-key": "visit-1"}
    request = Request("POST", "/v1/customers", "", headers, b"name=x")
    statuses = []

    with inside.storage.transaction():  # the first request waits here for its turn
        first = threading.Thread(target=lambda: statuses.append(desk.answer(request).status))
        first.start()
        while not desk._in_use:
            first.join(0.01)
        second = desk.answer(request)
    first.join()
    third = desk.answer(request)

    assert (second.status, statuses) == (409, [200])
    assert b'"code":"idempotency_key_in_use"' in second.body
    assert (third.status, third.headers["Idempotent-Replayed"]) == (200, "true")
