"""Who may see which rows, for one transaction.

The wall is PostgreSQL's row-level security; a Scope is how this process stands before it. A scope has its own
session, so a warm identity map of one tenant can never answer for another. There is no default scope: a query
without one fails loudly, because an empty page that should have been full is the worst answer of all.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from tandem.kernel.ids import derived_id

Role = Literal["app", "operator"]

OPERATOR_ID: Final = derived_id("tenant", "operator")
"""The operator's own tenant: one platform has one operator."""

STATEMENT_TIMEOUT_MS: Final = 5_000
REPORT_TIMEOUT_MS: Final = 20_000
LOCK_TIMEOUT_MS: Final = 1_000

AFTER_COMMIT: Final[list[Callable[[Session], None]]] = []
"""What follows a commit: the outbox rings its bells here. A listener never raises."""


class NoTenantChosen(RuntimeError):
    """A query was made without saying for whom. Always a fault of ours, never of a caller."""


@dataclass(eq=False)
class Scope:
    """For whom the current transaction acts, through which database role."""

    role: Role
    tenant_id: UUID | None = None
    person_id: UUID | None = None
    login_index: bytes | None = None
    reason: str = ""
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
    # Most requests never need a session: what they say goes straight to a connection, which a session would take over.
    session: Session | None = field(default=None, repr=False)
    connection: Connection | None = field(default=None, repr=False)
    info: dict[str, Any] = field(default_factory=dict, repr=False)
    _before: Token["Scope | None"] | None = field(default=None, repr=False)

    def __enter__(self) -> "Scope":
        self._before = _scope.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _scope.reset(self._before)
        try:
            if self.session is not None:
                self.session.close()
        finally:
            self._let_go()

    def commit(self) -> None:
        """Commit what was done so far; whatever is done next is another transaction."""
        if self.session is not None:
            self.session.commit()
        elif self.connection is not None:
            self.connection.commit()
        self._let_go()

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        try:
            if self.session is not None:
                self.session.rollback()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        # Closed, a connection rolls back what it has begun, and others can have it.
        held, self.connection = self.connection, None
        if held is not None:
            held.close()

    def opening(self) -> str:
        """The transaction's first words, sent in one round trip. Every value is a validated literal.

        `SET LOCAL`, not `set_config()`: only the statement reaches the workers of a Citus cluster.
        """
        words = [
            "BEGIN",
            f"SET LOCAL statement_timeout = {int(self.statement_timeout_ms)}",
            f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}",
        ]
        if self.tenant_id is not None:
            words.append(f"SET LOCAL app.tenant_id = '{_literal(self.tenant_id)}'")
        if self.person_id is not None:
            words.append(f"SET LOCAL app.person_id = '{_literal(self.person_id)}'")
        if self.login_index is not None:
            words.append(f"SET LOCAL app.login_index = '{self.login_index.hex()}'")
        return "; ".join(words)


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


def _literal(an_id: UUID) -> str:
    return str(an_id if isinstance(an_id, UUID) else UUID(str(an_id)))


def current_scope() -> Scope:
    """The scope in force. Raises NoTenantChosen when there is none."""
    scope = _scope.get()
    if scope is None:
        raise NoTenantChosen("choose a tenant first: acting_for(), as_person(), across_tenants() or in_public()")
    return scope


def tenant_id() -> UUID:
    """The tenant of the current scope. Raises NoTenantChosen where the scope is of no single tenant."""
    tenant = current_scope().tenant_id
    if tenant is None:
        raise NoTenantChosen("this scope is of no single tenant")
    return tenant


def acting_for(
    tenant: UUID,
    *,
    operator: bool = False,
    person_id: UUID | None = None,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> AbstractContextManager[Scope]:
    """Act on the rows of one tenant; with `operator`, through the role that has no grant on clinical tables."""
    role: Role = "operator" if operator else "app"
    return Scope(role, tenant, person_id, statement_timeout_ms=statement_timeout_ms)


def across_tenants(*, reason: str, statement_timeout_ms: int = REPORT_TIMEOUT_MS) -> AbstractContextManager[Scope]:
    """The operator's view over many tenants, on non-clinical tables only. `reason` is what the audit trail says."""
    return Scope("operator", reason=reason, statement_timeout_ms=statement_timeout_ms)


def as_person(person: UUID) -> AbstractContextManager[Scope]:
    """A person's own platform rows: login, sessions, affiliations."""
    return Scope("app", person_id=person)


def as_login(login_index: bytes) -> AbstractContextManager[Scope]:
    """Somebody who says a login name: exactly that person's row can be found, none can be listed."""
    return Scope("app", login_index=login_index)


def in_public() -> AbstractContextManager[Scope]:
    """Nobody in particular: projections and reference tables only."""
    return Scope("app")


@contextmanager
def transaction() -> Iterator[None]:
    """The edge: one commit at the end, none on an error. Only requests, jobs and command lines stand at the edge."""
    scope = current_scope()
    try:
        yield
        scope.commit()
    except BaseException:
        scope.rollback()
        raise
    if scope.session is not None:
        for listener in AFTER_COMMIT:
            listener(scope.session)
