"""Whatever is sent, the answer is Stripe's kind of no, and never a fault of the sandbox."""

import base64
import http.client
import json
import urllib.parse
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from tandem.stripe_sandbox.routes import ROUTES
from tests.platform.stripe_sandbox.stage import KEY


def send(
    sandbox: Any, method: str, path: str, body: bytes | str = b"", headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """A raw request with the right key; returns status and JSON."""
    address = urllib.parse.urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {KEY}", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("told", "code", "param"),
    [
        ({"currency": "cny"}, "parameter_missing", "amount"),
        ({"amount": "", "currency": "cny"}, "parameter_invalid_empty", "amount"),
        ({"amount": "7e3", "currency": "cny"}, "parameter_invalid_integer", "amount"),
        ({"amount": "72.5", "currency": "cny"}, "parameter_invalid_integer", "amount"),
        ({"amount": "-1", "currency": "cny"}, "parameter_invalid_integer", "amount"),
        ({"amount": "٧٢", "currency": "cny"}, "parameter_invalid_integer", "amount"),
        ({"amount": "9" * 30, "currency": "cny"}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000, "currency": "cny"}, "amount_too_large", "amount"),
        ({"amount": 399, "currency": "cny"}, "amount_too_small", "amount"),
        ({"amount": 7200, "currency": "xxx"}, None, "currency"),
        ({"amount": 7200, "currency": "cny", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 7200, "currency": "cny", "transfer_data": {"x": 1}}, "parameter_unknown", "transfer_data[x]"),
        ({"amount": 7200, "currency": "cny", "customer": "cus_no"}, "resource_missing", "customer"),
        ({"amount": 7200, "currency": "cny", "payment_method": "pm_no"}, "resource_missing", "payment_method"),
        ({"amount": 7200, "currency": "cny", "capture_method": "soon"}, None, "capture_method"),
        ({"amount": 7200, "currency": "cny", "confirm": "yes"}, "parameter_invalid_boolean", "confirm"),
        ({"amount": 7200, "currency": "cny", "metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 40}]"),
        ({"amount": 7200, "currency": "cny", "off_session": True}, None, "off_session"),
        ({"amount": 7200, "currency": "cny", "application_fee_amount": 1}, None, "application_fee_amount"),
    ],
)
def test_a_wrong_parameter_is_named(api: stripe.StripeClient, told: Any, code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.payment_intents.create(told)

    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (400, code, param)
    assert refusal.value.request_id and refusal.value.request_id.startswith("req_")


def test_yen_have_no_minor_unit(api: stripe.StripeClient) -> None:
    assert api.v1.payment_intents.create({"amount": 50, "currency": "jpy"}).amount == 50

    with pytest.raises(stripe.InvalidRequestError, match="50 jpy"):
        api.v1.payment_intents.create({"amount": 49, "currency": "jpy"})


@pytest.mark.parametrize("key", ["sk_test_wrong", "", "sk_test_ключ"])
def test_a_wrong_key_is_told_from_a_missing_one(sandbox: Any, key: str) -> None:
    status, body = send(
        sandbox, "GET", "/v1/balance", headers={"Authorization": f"Bearer {key}".encode().decode("latin-1")}
    )

    assert (status, body["error"]["type"]) == (401, "invalid_request_error")


def test_basic_authentication_is_taken_as_stripe_takes_it(sandbox: Any) -> None:
    told = base64.b64encode(f"{KEY}:".encode()).decode()

    assert send(sandbox, "GET", "/v1/balance", headers={"Authorization": f"Basic {told}"})[0] == 200
    assert send(sandbox, "GET", "/v1/balance", headers={"Authorization": "Basic ***"})[0] == 401


def test_a_missing_object_is_missing_on_every_route(sandbox: Any) -> None:
    tried = 0
    for route in ROUTES:
        if "{" not in route.path:
            continue
        path = route.pattern.pattern.removesuffix(r"\Z")
        for name in ("id", "customer"):
            path = path.replace(f"(?P<{name}>[^/]+)", "nobody")
        body = "customer=cus_nobody" if path.endswith("attach") else ""
        status, answer = send(sandbox, route.method, path, body)
        tried += 1
        assert status in (400, 404), (route.method, path)
        assert answer["error"]["code"] in ("resource_missing", "account_invalid"), (route.method, path, answer)

    assert tried > 35


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nothing"),
        ("DELETE", "/v1/payment_intents"),
        ("PUT", "/v1/charges"),
        ("GET", "/v1/"),
        ("GET", "/v2/x"),
    ],
)
def test_an_unknown_url_is_a_404(sandbox: Any, method: str, path: str) -> None:
    address = urllib.parse.urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.request(method, path, headers={"Authorization": f"Bearer {KEY}"})

    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x=" + b"a" * 1_000_001, {}, 413),
        (b"amount=1", {"Content-Length": "many"}, 400),
        (b"", {"Transfer-Encoding": "chunked"}, 400),
        (b"\xff\xfe=1", {}, 400),
        (b"a[b=1", {}, 400),
        (b"a=1&a[b]=2", {}, 400),
        (b"a[b]=2&a=1", {}, 400),
        (b"a" + b"[b]" * 20 + b"=1", {}, 400),
        (b"&".join(b"k%d=1" % n for n in range(1001)), {}, 400),
        (b"name=%00", {}, 400),
        (b'{"name": "json"}', {"Content-Type": "application/json"}, 400),
    ],
)
def test_a_malformed_body_is_refused(sandbox: Any, body: bytes, headers: dict[str, str], status: int) -> None:
    answered, answer = send(sandbox, "POST", "/v1/customers", body, headers)

    assert (answered, answer["error"]["type"]) == (status, "invalid_request_error")


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_impossible_idempotency_key_is_refused(sandbox: Any, key: str) -> None:
    assert send(sandbox, "POST", "/v1/customers", b"name=x", {"Idempotency-Key": key})[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/clock", b"{"),
        ("PUT", "/clock", b"[" * 100_000),
        ("PUT", "/clock", b'"x"'),
        ("POST", "/misdeeds/misdeed_none/amend", b""),
        ("POST", "/payment_intents/pi_none/authorize", b""),
        ("POST", "/payouts/run", b'{"account": "acct_none"}'),
        ("GET", "/nothing", b""),
    ],
)
def test_a_wrong_control_call_is_refused(sandbox: Any, method: str, path: str, body: bytes) -> None:
    status, answer = send(sandbox, method, f"/_sandbox{path}", body)

    assert status in (400, 404) and answer["error"]["message"]


LEAF = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.sampled_from(["", "true", "cny", "pm_card_visa", "card", "0", "7200"]),
)
NAMES = sorted({name for route in ROUTES for name in route.shape})
KEYS = st.builds(
    lambda name, steps: name + "".join(f"[{step}]" for step in steps),
    st.one_of(st.sampled_from(NAMES), st.text(max_size=6)),
    st.lists(st.sampled_from(["", "0", "1", "type", "enabled", "gte", "price_data", "card", "x"]), max_size=3),
)


@settings(max_examples=300)
@given(route=st.sampled_from(ROUTES), pairs=st.lists(st.tuples(KEYS, LEAF), max_size=6), known=st.booleans())
def test_no_input_is_a_fault(sandbox: Any, route: Any, pairs: list[tuple[str, str]], known: bool) -> None:
    path = route.path.replace("{id}", "pm_card_visa" if known else "x%20y").replace("{customer}", "cus_1")
    form = urllib.parse.urlencode([(k, v) for k, v in pairs], errors="replace")

    if route.method == "GET":
        status, answer = send(sandbox, "GET", f"{path}?{form}")
    else:
        status, answer = send(sandbox, route.method, path, form)

    assert status < 500, (route, pairs, answer)
    assert status == 200 or answer["error"]["message"]
