"""News travels up: a house tells what happened, a higher house has subscribed a job. The outbox is the job table.

Telling inserts one job row per subscriber in the transaction of the fact itself, so neither can exist alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from tandem.kernel.database import session
from tandem.kernel.doorbell import note, ring_bells, ring_soon
from tandem.kernel.jobs.declaration import Job
from tandem.kernel.jobs.enqueueing import asked, asking_after, enqueue
from tandem.kernel.tenancy import tenant_id

__all__ = [
    "Event",
    "add",
    "asked_by",
    "asking_after",
    "ring_after_commit",
    "ring_bells",
    "ring_for",
    "subscribe",
    "subscribers",
]


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
    for work, args in _told(event):
        enqueue(work, **args)


def asked_by(event: Event) -> str:
    """What `add` would ask for, as SQL of `asking_after` takes it: for a statement that tells the event itself.

    Raises NotAnId when the event carries something else than ids.
    """
    return asked(_told(event))


def ring_for(news: type[Event]) -> None:
    """Wake those who hear of it: the scope's tenant has told it in a transaction that is through."""
    ring_soon({(tenant_id(), work.queue) for work in subscribers(news)})


def ring_after_commit(news: type[Event]) -> None:
    """Wake those who hear of it once the transaction at hand, which tells it by SQL of its own, is through."""
    for work in subscribers(news):
        note(session, tenant_id(), work.queue)


def _told(event: Event) -> list[tuple[Job[Any], dict[str, Any]]]:
    return [
        (work, {name: getattr(event, name) for name in work.kinds if hasattr(event, name)})
        for work in subscribers(type(event))
    ]
