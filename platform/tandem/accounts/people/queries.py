"""Finding a person: by who acts, or by the login somebody says. Nobody is ever listed."""

from uuid import UUID

from sqlalchemy import select

from tandem.kernel import crypto
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound
from tandem.kernel.identity import Person


def login_index(login: str) -> bytes:
    """The blind index of a login name; a phone number is the same however it is spelled."""
    return crypto.platform_index(login, "person.login")


def person_of_login(index: bytes) -> Person | None:
    """The person with that login. [as_login]"""
    return session.scalar(select(Person).where(Person.login_index == index))


def acting_person(person_id: UUID, *, for_update: bool = False) -> Person:
    """The acting person's own row. [any scope of that person] Raises NotFound."""
    statement = select(Person).where(Person.id == person_id)
    found = session.scalar(statement.with_for_update() if for_update else statement)
    if found is None:
        raise NotFound
    return found
