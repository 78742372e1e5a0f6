"""A person pays on the provider's page."""

import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
import stripe


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Stay, to see where one would be sent."""


def press(url: str, button: str) -> tuple[int, str]:
    """Press a button of a page; returns the status and where one is sent."""
    body = urllib.parse.urlencode({"press": button}).encode()
    try:
        with urllib.request.build_opener(NoRedirect).open(url, body) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers.get("Location", "")


def look(url: str) -> str:
    with urllib.request.urlopen(url) as page:
        return str(page.read().decode())


@pytest.fixture
def session(api: stripe.StripeClient) -> Any:
    """An open session about two consultations of 88.00."""
    price: Any = {"currency": "cny", "unit_amount": 8800, "product_data": {"name": "复诊 <视频>"}}
    return api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://hospital.test/done?s={CHECKOUT_SESSION_ID}",
            "line_items": [{"price_data": price, "quantity": 2}],
            "client_reference_id": "visit-17",
            "payment_intent_data": {"metadata": {"visit": "17"}, "description": "复诊"},
        }
    )


def test_a_person_pays_on_the_page(api: stripe.StripeClient, session: Any, sandbox: Any, receiver: Any) -> None:
    page = look(session.url)

    status, place = press(session.url, "card")

    sandbox.post("/webhooks/flush")
    after = api.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "line_items"]})
    assert "176.00 CNY" in page and "复诊 &lt;视频&gt; × 2" in page
    assert (status, place) == (303, f"https://hospital.test/done?s={session.id}")
    assert (after.status, after.payment_status, after.amount_total) == ("complete", "paid", 17_600)
    assert after.payment_intent.metadata.to_dict() == {"visit": "17"}
    assert after.line_items.data[0].quantity == 2
    assert {"checkout.session.completed", "payment_intent.succeeded"} <= set(receiver.types)


def test_the_demonstrator_completes_a_session(api: stripe.StripeClient, session: Any, sandbox: Any) -> None:
    done = sandbox.post(f"/checkout/sessions/{session.id}/complete", {"payment_method": "alipay"})

    charge = api.v1.payment_intents.retrieve(done["payment_intent"], {"expand": ["latest_charge"]}).latest_charge
    assert charge.payment_method_details.type == "alipay"
    assert api.v1.checkout.sessions.list({"payment_intent": done["payment_intent"]}).data[0].id == session.id


def test_a_declined_card_leaves_the_session_open(api: stripe.StripeClient, session: Any, sandbox: Any) -> None:
    status, body = sandbox.call(
        "POST", f"/checkout/sessions/{session.id}/complete", {"payment_method": "pm_card_chargeDeclined"}
    )

    assert (status, body["error"]["code"]) == (402, "card_declined")
    assert api.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_session_is_paid_once(api: stripe.StripeClient, session: Any, sandbox: Any) -> None:
    press(session.url, "card")

    status, _ = sandbox.call("POST", f"/checkout/sessions/{session.id}/complete", {})

    assert status == 400
    assert len(api.v1.payment_intents.list().data) == 1


def test_a_session_expires_by_hand_or_by_time(
    api: stripe.StripeClient, session: Any, sandbox: Any, receiver: Any
) -> None:
    price: Any = {"currency": "cny", "unit_amount": 8800, "product_data": {"name": "x"}}
    other = api.v1.checkout.sessions.create(
        {"mode": "payment", "success_url": "https://h.test/", "line_items": [{"price_data": price}]}
    )

    assert api.v1.checkout.sessions.expire(other.id).status == "expired"
    sandbox.advance(days=1, seconds=5)
    sandbox.post("/webhooks/flush")

    assert api.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert receiver.types.count("checkout.session.expired") == 2
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.checkout.sessions.expire(session.id)


@pytest.mark.parametrize(("button", "outcome"), [("authorize", "succeeded"), ("decline", "failed")])
def test_a_wallets_page_sends_its_payer_back(api: stripe.StripeClient, button: str, outcome: str) -> None:
    intent = api.v1.payment_intents.create(
        {
            "amount": 7200,
            "currency": "cny",
            "allowed_payment_method_types": ["alipay"],
            "payment_method_data": {"type": "alipay"},
            "confirm": True,
            "return_url": "https://hospital.test/back?x=1",
        }
    )
    url = intent.next_action.alipay_handle_redirect.url
    assert "72.00 CNY" in look(url)

    status, place = press(url, button)

    assert status == 303
    assert place.startswith(f"https://hospital.test/back?x=1&payment_intent={intent.id}&")
    assert place.endswith(f"redirect_status={outcome}")


def test_pages_that_are_not_there_say_so(sandbox: Any, pay: Any) -> None:
    receipt = pay().latest_charge.receipt_url

    assert "72.00 CNY" in look(receipt)
    for path in ("/", "/receipts/ch_none", "/checkout/acct_x/cs_y", "/authorize/a/b/c", "/favicon.ico"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            look(sandbox.url + path)
        with refusal.value:
            assert refusal.value.code == 404
