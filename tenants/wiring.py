"""This house's table of contents: its views, what happens when something has happened, and what happens when."""

from collections.abc import Sequence
from typing import Any

from tandem.kernel.http import Api
from tandem.kernel.jobs import Cron, Job
from tandem.kernel.outbox import Event

APIS: Sequence[Api] = []
BLUEPRINTS: Sequence[Any] = []
SUBSCRIPTIONS: dict[type[Event], Sequence[Job[Any]]] = {}
SCHEDULE: Sequence[Cron] = []
