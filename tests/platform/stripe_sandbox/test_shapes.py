"""Every object is shaped as the classes of the real client declare it, nothing missing, nothing made up."""

import importlib
import inspect
import json
import urllib.request
from typing import Any, get_args, get_origin

import pytest
import stripe

from tandem.stripe_sandbox.call import Route
from tandem.stripe_sandbox.routes import ROUTES
from tests.platform.stripe_sandbox.shapes import differences


def test_the_checker_sees_what_is_wrong() -> None:
    refund = {"object": "refund", "id": 7, "amount": 1, "created": 1, "currency": "cny", "colour": "red"}

    assert differences(refund) == [
        "refund.colour is not declared",
        "refund.id: 7 is no str",
    ]
    assert "refund.amount is missing" in differences({"object": "refund", "id": "re_1"})


@pytest.fixture
def everything(api: stripe.StripeClient, sandbox: Any, pay: Any, hospital: str) -> Any:
    """One of each object, in as many states as matter; returns a way to fetch JSON as it is on the wire."""
    customer = api.v1.customers.create({"name": "王芳", "email": "w@patient.test", "address": {"city": "上海"}})
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    pay(5000, customer=customer.id, method=method.id, description="visit")
    refunded = pay(5000)
    api.v1.refunds.create({"payment_intent": refunded.id, "amount": 100, "reason": "requested_by_customer"})
    pay(9000, method="pm_card_createDispute")
    pay(9000, capture_method="manual")
    with pytest.raises(stripe.CardError):
        pay(9000, method="pm_card_chargeDeclined")
    direct = pay(9000, account=hospital, application_fee_amount=900)
    api.v1.refunds.create(
        {"payment_intent": direct.id, "amount": 4500, "refund_application_fee": True}, {"stripe_account": hospital}
    )
    for wallet in ("alipay", "wechat_pay"):
        params: Any = {
            "amount": 700, "currency": "cny", "allowed_payment_method_types": [wallet], "confirm": True,
            "payment_method_options": {"wechat_pay": {"client": "web"}},
            "payment_method_data": {"type": wallet}, "return_url": "https://hospital.test/",
        }  # fmt: skip
        api.v1.payment_intents.create(params)
        second = api.v1.payment_intents.create(params)
        sandbox.post(f"/payment_intents/{second.id}/authorize")
        api.v1.refunds.create({"payment_intent": second.id, "amount": 100})
    line = {"currency": "cny", "unit_amount": 8800, "product_data": {"name": "复诊"}}
    for _ in range(2):
        session = api.v1.checkout.sessions.create(
            {"mode": "payment", "success_url": "https://hospital.test/", "line_items": [{"price_data": line}]}
        )
    sandbox.post(f"/checkout/sessions/{session.id}/complete")
    api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["payout.paid"]})
    pay(9000, method="pm_card_bypassPending")
    pay(30_000, method="pm_card_bypassPending")
    transfer = api.v1.transfers.create({"amount": 100, "currency": "cny", "destination": hospital})
    api.v1.transfers.reversals.create(transfer.id, {"amount": 50})
    api.v1.payouts.create({"amount": 100, "currency": "cny"})
    sandbox.post("/payouts/run")
    sandbox.advance(days=20)

    def fetch(path: str, account: str | None = None) -> Any:
        headers = {"Authorization": "Bearer sk_test_tandem_sandbox"}
        if account:
            headers["Stripe-Account"] = account
        with urllib.request.urlopen(urllib.request.Request(sandbox.url + path, headers=headers)) as response:
            return json.load(response)

    return fetch


LISTS = [
    "accounts", "application_fees", "balance_transactions", "charges", "checkout/sessions", "customers",
    "disputes", "events", "payment_intents", "payment_methods", "payouts", "refunds", "transfers",
    "webhook_endpoints",
]  # fmt: skip


def test_every_object_is_shaped_as_declared(everything: Any, hospital: str) -> None:
    found: dict[str, list[str]] = {}
    for name in LISTS:
        for account in (None, hospital):
            listed = everything(f"/v1/{name}?limit=100", account)
            found[f"{name} {account}"] = differences(listed)
            assert listed["data"] or account, f"the story made no {name}"
            for item in listed["data"]:
                found[f"{name} {account}"] += differences(item)

    assert {name: sorted(set(wrong)) for name, wrong in found.items() if wrong} == {}
    assert differences(everything("/v1/balance")) == []
    assert differences(everything("/v1/account")) == []


def test_what_events_carry_is_shaped_as_declared(everything: Any, hospital: str) -> None:
    events = [e for account in (None, hospital) for e in everything("/v1/events?limit=100", account)["data"]]

    wrong = {d for event in events for d in differences(event["data"]["object"])}

    assert len({event["type"] for event in events}) > 20
    assert wrong == set()


def test_expanded_and_nested_objects_are_shaped_as_declared(everything: Any) -> None:
    expand = "expand[]=data.latest_charge.balance_transaction&expand[]=data.customer&expand[]=data.payment_method"
    intents = everything(f"/v1/payment_intents?limit=100&{expand}")["data"]
    sessions = everything("/v1/checkout/sessions?expand[]=data.line_items")["data"]

    wrong = {d for body in [*intents, *sessions] for d in differences(body)}

    assert any(isinstance(intent["latest_charge"], dict) for intent in intents)
    assert wrong == set()


FOLDERS = {"checkout.sessions": "checkout"}


def declared_parameters(route: Route) -> set[str] | None:
    """The parameter names of the client's typed dictionary for this route, or None when it has none."""
    steps = [step for step in route.path.split("/")[2:] if not step.startswith("{")]
    by_path = {
        ("POST", True): "update", ("POST", False): "create", ("GET", True): "retrieve", ("GET", False): "list",
        ("DELETE", True): "delete",
    }  # fmt: skip
    singular = {"dispute": "dispute"}
    verbs = {"confirm", "capture", "cancel", "attach", "detach", "expire", "close"}
    verb = steps.pop() if steps[-1] in verbs else by_path[route.method, route.path.endswith("}")]
    folder = "stripe.params.checkout" if steps[0] == "checkout" else "stripe.params"
    if steps[0] == "checkout":
        steps = steps[1:]
    noun = "_".join(singular.get(step, step.removesuffix("s")) for step in steps)
    name = f"{noun}_{verb}_params"
    try:
        module = importlib.import_module(f"{folder}._{name}")
    except ModuleNotFoundError:
        return None
    cls = getattr(module, "".join(part.title() for part in name.split("_")))
    names: set[str] = set()
    for ancestor in inspect.getmro(cls):
        names |= set(inspect.get_annotations(ancestor))
    if not names:
        names = set(cls.__annotations__)
    return names


def test_every_parameter_is_one_the_client_declares() -> None:
    unknown, compared = {}, 0
    for route in ROUTES:
        declared = declared_parameters(route)
        if declared is None:
            continue
        compared += 1
        made_up = set(route.shape) - declared - {"payment_method_types"}  # known only to be refused
        if made_up:
            unknown[f"{route.method} {route.path}"] = made_up

    assert compared > 40
    assert unknown == {}


def test_type_names_of_events_are_stripes(everything: Any, hospital: str) -> None:
    hint = inspect.get_annotations(stripe.Event)["type"]
    known = set(get_args(hint)) if get_origin(hint) is not None else set()

    events = [e["type"] for account in (None, hospital) for e in everything("/v1/events?limit=100", account)["data"]]

    assert len(known) > 200
    assert set(events) - known == set()
