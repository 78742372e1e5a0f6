"""The platform's table of contents: its views, what happens when something has happened, and what happens when."""

from collections.abc import Sequence
from typing import Any

from tandem.accounts import wiring as accounts
from tandem.billing import wiring as billing
from tandem.billing.entitlements import api as entitlements_api
from tandem.billing.payments import wiring as payments
from tandem.kernel import upkeep
from tandem.kernel.http import Api
from tandem.kernel.jobs import Cron, Job
from tandem.kernel.outbox import Event
from tandem.traffic.directory import api as directory_api
from tandem.web import assets, front, guide, health, layout, problems

APIS: Sequence[Api] = [
    *accounts.APIS,
    directory_api.hospitals,
    directory_api.services,
    *payments.APIS,
    *billing.APIS,
    *entitlements_api.APIS,
]
BLUEPRINTS: Sequence[Any] = [
    health.blueprint,
    assets.blueprint,
    layout.blueprint,
    front.blueprint,
    guide.blueprint,
    problems.blueprint,
]
SUBSCRIPTIONS: dict[type[Event], Sequence[Job[Any]]] = {**payments.SUBSCRIPTIONS, **billing.SUBSCRIPTIONS}
SCHEDULE: Sequence[Cron] = [*upkeep.SCHEDULE, *accounts.SCHEDULE, *payments.SCHEDULE, *billing.SCHEDULE]
ON_OPEN: Sequence[Any] = [
    accounts.introduce_tenants,
    payments.open_gateway,
    billing.introduce_transfers,
    layout.open_pages,
    problems.open_error_pages,
]
