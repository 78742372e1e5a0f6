"""News travels up: a house tells what happened, a higher house has subscribed a job. The outbox is the job table.

Telling inserts one job row per subscriber in the transaction of the fact itself, so neither can exist alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from tandem.kernel.doorbell import ring_bells
from tandem.kernel.jobs.declaration import Job
from tandem.kernel.jobs.enqueueing import enqueue

__all__ = ["Event", "add", "ring_bells", "subscribe", "subscribers"]


class Event:
    """A fact about the scope's tenant, told in ids. Subclasses are frozen dataclasses; the class name is the news."""


_subscribers: dict[type[Event], list[Job[Any]]] = {}


def subscribe(subscriptions: Mapping[type[Event], Iterable[Job[Any]]]) -> None:
    """Let jobs hear of events; a house's `wiring.SUBSCRIPTIONS`. Subscribing twice changes nothing.

    Raises TypeError when a job needs an argument that its event does not carry.
    """
    for news, listeners in subscriptions.items():
        if not is_dataclass(news):
            raise TypeError(f"{news.__name__} must be a frozen dataclass of ids")
        carried = {each.name for each in fields(news)}
        heard = _subscribers.setdefault(news, [])
        for work in listeners:
            if missing := work.required - carried:
                raise TypeError(f"{work.name} needs {sorted(missing)}, which {news.__name__} does not carry")
            if work not in heard:
                heard.append(work)


def subscribers(news: type[Event]) -> tuple[Job[Any], ...]:
    """The jobs that hear of it, in the order they subscribed."""
    return tuple(_subscribers.get(news, ()))


def add(event: Event) -> None:
    """Tell the event: one job per subscriber, in the current transaction and for the scope's tenant.

    Raises NotAnId when the event carries something else than ids.
    """
    for work in subscribers(type(event)):
        enqueue(work, **{name: getattr(event, name) for name in work.kinds if hasattr(event, name)})
