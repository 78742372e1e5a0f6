"""Two people at the same thing at the same moment: real threads, real commits, and an order that is decided."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from threading import Event
from typing import Any, Final
from uuid import UUID

from flask import Flask

from tandem.kernel.errors import Problem
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import hand

WAIT_SECONDS: Final = 0.25
"""How long the first keeps its transaction open for the second, which is less than anybody waits for a lock."""


@dataclass(frozen=True)
class Act:
    """What somebody does in one transaction: of the tenant itself, or of the operator in the tenant's rows."""

    tenant: UUID
    audience: str
    do: Callable[[], Any]
    person: UUID | None = None

    def scopes(self) -> list[AbstractContextManager[Any]]:
        place = acting_for(self.tenant, operator=self.audience == "operator")
        return [place, hand(self.audience, self.tenant, self.person)]


def overlapped(app: Flask, first: Act, second: Act) -> list[str]:
    """The second begins when the first has done all but commit; "done", or the problem, of each of the two.

    What is no problem but a fault (a deadlock, a stale row, a broken constraint) is raised.
    """
    done_but_not_committed, both_are_there = Event(), Event()

    def run(act: Act, before: Callable[[], Any], after: Callable[[], Any]) -> str:
        try:
            with ExitStack() as stack:
                stack.enter_context(app.app_context())
                for scope in act.scopes():
                    stack.enter_context(scope)
                before()
                with transaction():
                    act.do()
                    after()
        except Problem as refused:
            return refused.slug
        finally:
            after()
        return "done"

    def leave_open() -> None:
        done_but_not_committed.set()
        both_are_there.wait(WAIT_SECONDS)

    with ThreadPoolExecutor(2) as people:
        outcomes = [
            people.submit(run, first, lambda: None, leave_open),
            people.submit(run, second, done_but_not_committed.wait, both_are_there.set),
        ]
        return [each.result() for each in outcomes]
