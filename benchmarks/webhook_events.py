"""Deliveries of a provider: the same for everybody, signed as Stripe signs; the standard library alone."""

import hmac
import json
import random
import time
from hashlib import sha256
from typing import Any, Final

ACCOUNT: Final = "acct_benchmark"
SECRET: Final = "whsec_" + "0" * 32
CREATED: Final = 1_790_000_000


def payment_intent(name: str) -> dict[str, Any]:
    """A PaymentIntent as Stripe shows it, with the members both sides read. It names no charge and no customer."""
    return {
        "id": name,
        "object": "payment_intent",
        "amount": 7_200,
        "amount_capturable": 0,
        "amount_received": 7_200,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{name}_secret_0",
        "confirmation_method": "automatic",
        "created": CREATED,
        "currency": "cny",
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {"tandem_key": "0197a6c0-0000-7000-8000-000000000000"},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"wechat_pay": {"app_id": None, "client": None}},
        "payment_method_types": ["card", "alipay", "wechat_pay"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def event(number: int) -> bytes:
    """The bytes of one event."""
    told = {
        "id": f"evt_benchmark{number:012d}",
        "object": "event",
        "account": ACCOUNT,
        "api_version": "2026-05-27.dahlia",
        "created": CREATED + number,
        "data": {"object": payment_intent(f"pi_benchmark{number:012d}")},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "payment_intent.succeeded",
    }
    return json.dumps(told, indent=2).encode()


def deliveries(seed: int, count: int, path: str) -> list[bytes]:
    """So many HTTP requests: half of them repetitions, all in random order, signed now."""
    numbers = [*range(count // 2), *range(count - count // 2)]
    random.Random(seed).shuffle(numbers)
    return [_request(event(number), path) for number in numbers]


def _request(body: bytes, path: str) -> bytes:
    signed_at = int(time.time())
    seal = hmac.new(SECRET.encode(), f"{signed_at}.".encode() + body, sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Stripe-Signature: t={signed_at},v1={seal}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
