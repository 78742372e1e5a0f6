"""The sandbox as its users meet it: a process of its own, the real Stripe client, an endpoint that hears it."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.platform.stripe_sandbox.stage import SECRET, Receiver, Sandbox


@pytest.fixture(scope="session")
def hook_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def sandbox_process(hook_receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    process = Sandbox(
        tmp_path_factory.mktemp("stripe"),
        *("--webhook-url", hook_receiver.url, "--webhook-secret", SECRET),
    )
    yield process
    assert process.stop() == 0


@pytest.fixture
def sandbox(sandbox_process: Sandbox, hook_receiver: Receiver) -> Sandbox:
    """The sandbox, empty, at the real time, behaving well."""
    sandbox_process.post("/reset")
    hook_receiver.forget()
    return sandbox_process


@pytest.fixture
def receiver(sandbox: Sandbox, hook_receiver: Receiver) -> Receiver:
    """The endpoint that hears everything, its own and of connected accounts."""
    return hook_receiver


@pytest.fixture
def api(sandbox: Sandbox) -> stripe.StripeClient:
    """The real client, pointed at the sandbox."""
    return sandbox.client()


@pytest.fixture
def pay(api: stripe.StripeClient) -> Any:
    """Pay by card at once: ``pay(7200)``; the charge has settled when it returns."""

    def paid(amount: int = 7200, *, method: str = "pm_card_visa", key: str | None = None,
             account: str | None = None, **told: Any) -> stripe.PaymentIntent:  # fmt: skip
        options: Any = {} if account is None else {"stripe_account": account}
        if key is not None:
            options["idempotency_key"] = key
        params: Any = {
            "amount": amount, "currency": "cny", "allowed_payment_method_types": ["card"], "payment_method": method,
            "confirm": True, **told,
        }  # fmt: skip
        intent = api.v1.payment_intents.create(params, options)
        return api.v1.payment_intents.retrieve(
            intent.id,
            {"expand": ["latest_charge.balance_transaction"]},
            {} if account is None else {"stripe_account": account},
        )

    return paid


@pytest.fixture
def hospital(api: stripe.StripeClient) -> str:
    """The id of a connected account."""
    return api.v1.accounts.create({"type": "express", "country": "CN", "email": "a@hospital.test"}).id
