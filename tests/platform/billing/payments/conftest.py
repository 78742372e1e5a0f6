"""A hospital that is paid: the whole application, and Stripe's double over HTTP, whose webhooks really arrive."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tandem.billing import stripe_gateway
from tandem.kernel.settings import Settings
from tests.conftest import WEBHOOK_SECRET
from tests.platform.billing.payments.till import Till
from tests.platform.stripe_sandbox.stage import KEY, Sandbox


@pytest.fixture(scope="session")
def provider_process(app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The provider, bringing its webhooks to this application."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    process = Sandbox(
        tmp_path_factory.mktemp("provider"),
        *("--webhook-url", f"http://127.0.0.1:{server.port}/webhooks/stripe", "--webhook-secret", WEBHOOK_SECRET),
    )
    yield process
    process.stop()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def provider(settings: Settings, provider_process: Sandbox) -> Iterator[Sandbox]:
    """The provider, behaving well, with this application pointed at it."""
    provider_process.call("PUT", "/misbehaviour", {})
    provider_process.call("PUT", "/clock", {"offset_seconds": 0})
    stripe_gateway.configure(replace(settings, stripe_secret_key=KEY, stripe_base_url=provider_process.url))
    yield provider_process
    stripe_gateway.configure(settings)


@pytest.fixture
def till(provider: Sandbox, work: Callable[..., int]) -> Till:
    """A fresh hospital's till."""
    return Till(provider, work)
