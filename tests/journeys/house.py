"""The whole platform in one process with a provider of its own, for stories told over HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from tandem.app import create_app
from tandem.billing import stripe_gateway
from tandem.embedded.roles import DatabaseUrls
from tandem.kernel import clock, jobs
from tandem.kernel.database import db, session
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import across_tenants
from tests.conftest import WEBHOOK_SECRET
from tests.platform.stripe_sandbox.stage import KEY, Sandbox

IDLE_SECONDS = 0.05


@dataclass(frozen=True)
class House:
    """Where it answers, and how it was set up."""

    app: Flask
    settings: Settings


@contextmanager
def open_house(settings: Settings, urls: DatabaseUrls, home: Path, houses: list[Any]) -> Iterator[House]:
    """Open it on a migrated database of its own; afterwards this process is as it was."""
    own = replace(
        settings,
        home=home,
        app_database_url=urls.app,
        operator_database_url=urls.operator,
        owner_database_url=urls.owner,
        stripe_secret_key=KEY,
    )
    server_app: list[Flask] = []
    server = make_server("127.0.0.1", 0, lambda environ, start: server_app[0](environ, start), threaded=True)
    hook = f"http://127.0.0.1:{server.port}/webhooks/stripe"
    provider = Sandbox(
        home / "provider",
        *("--webhook-url", hook, "--webhook-secret", WEBHOOK_SECRET, "--clock-file", str(home / "clock")),
    )
    own = replace(own, base_url=f"http://127.0.0.1:{server.port}", stripe_base_url=provider.url)
    app = create_app(own, houses)
    server_app.append(app)
    over = threading.Event()
    hands = [
        threading.Thread(target=server.serve_forever),
        threading.Thread(target=_work, args=(app, over)),
    ]
    for hand in hands:
        hand.start()
    try:
        yield House(app, own)
    finally:
        over.set()
        server.shutdown()
        for hand in hands:
            hand.join()
        server.server_close()
        provider.stop()
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()
        clock.follow(settings.clock_file)
        stripe_gateway.configure(settings)


def _work(app: Flask, over: threading.Event) -> None:
    while not over.wait(IDLE_SECONDS):
        with app.app_context():
            for tenant in _tenants_with_work():
                for queue in ("fast", "slow"):
                    while not over.is_set() and jobs.run_next(tenant, queue):
                        pass


def _tenants_with_work() -> list[UUID]:
    row = jobs.JobRow.__table__.c
    due = select(row.tenant_id).where(row.state == "queued", row.run_at <= clock.now()).distinct()
    with across_tenants(reason="a story looks for work"):
        return list(session.scalars(due))
