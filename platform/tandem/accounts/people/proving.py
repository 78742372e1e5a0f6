"""Proving who somebody is. An edge of its own: a failure must be remembered although the request is refused.

So these functions open their scopes themselves and commit what they count; views call them before they decide.
"""

from math import ceil
from uuid import UUID

from tandem.accounts.people.commands import count_attempt, forgive_attempts
from tandem.accounts.people.errors import LoginTaken, SignInLocked, SignInRefused
from tandem.accounts.people.models import FAILURES_ALLOWED
from tandem.accounts.people.queries import login_index, person_of_login
from tandem.kernel import audit, clock
from tandem.kernel.identity import verify_password
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, as_login, transaction


def prove_password(login: str, password: str) -> UUID:
    """The person whose login and password these are. Raises SignInRefused, SignInLocked."""
    index = login_index(login)
    _count(index)
    with as_login(index):
        person = person_of_login(index)
        person_id, password_hash = (person.id, person.password_hash) if person else (None, None)
    # Outside of the scope, so that no connection waits while argon2 works.
    if not verify_password(password_hash, password) or person_id is None:
        raise SignInRefused
    return person_id


def forgive(login: str) -> None:
    """Everything that was asked for was right."""
    index = login_index(login)
    with as_login(index), transaction():
        forgive_attempts(index)


def known_or_new_person(login: str, password: str) -> tuple[UUID, bool]:
    """Whose login it is, once the password proves it, or a fresh id for a login nobody has; and whether it is new.

    Raises LoginTaken for a wrong password, SignInLocked.
    """
    index = login_index(login)
    with as_login(index):
        if person_of_login(index) is None:
            return new_id(), True
    try:
        person_id = prove_password(login, password)
    except SignInRefused:
        raise LoginTaken from None
    forgive(login)
    return person_id, False


def _count(index: bytes) -> None:
    with as_login(index), transaction():
        throttle = count_attempt(index)
        locked_until, failures = throttle.locked_until, throttle.failures
    now = clock.now()
    if locked_until is None or locked_until <= now:
        return
    if failures == FAILURES_ALLOWED + 1:
        _tell_the_operator(index)
    raise SignInLocked(
        locked_until=locked_until.isoformat(), retry_after_seconds=ceil((locked_until - now).total_seconds())
    )


def _tell_the_operator(index: bytes) -> None:
    with acting_for(OPERATOR_ID), transaction():
        audit.record(action="login.locked", object_type="login", object_id=index.hex()[:16])
