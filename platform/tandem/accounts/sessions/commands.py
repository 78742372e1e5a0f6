"""Decisions about sessions and the second factor."""

from collections.abc import Sequence
from uuid import UUID

import pyotp
from sqlalchemy import ColumnElement, update

from tandem.accounts.people.errors import PasswordWrong
from tandem.accounts.people.queries import acting_person
from tandem.accounts.sessions.errors import CodeWrong, PlaceNeeded, SecondFactorNeeded
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.identity import LoginSession, Person, verify_password, verify_totp

ISSUER = "Tandem"


def require_second_factor(person_id: UUID, code: str | None) -> Person:
    """The person, once a second factor, if enrolled, was shown. [as that person] Raises SecondFactorNeeded."""
    person = acting_person(person_id, for_update=True)
    if person.totp_secret is not None and (code is None or not verify_totp(person, code)):
        raise SecondFactorNeeded
    return person


def choose_place(places: Sequence[UUID], wanted: UUID | None) -> UUID | None:
    """The one organisation to sign in to, None when the person has no seat there.

    Raises PlaceNeeded when there are several and none was named.
    """
    if wanted is not None:
        return wanted if wanted in places else None
    if len(places) > 1:
        raise PlaceNeeded(tenant_ids=places)
    return places[0] if places else None


def close_session(secret_hash: bytes) -> None:
    """Sign out of one session. [a scope of its person]"""
    _close(LoginSession.secret_hash == secret_hash)


def close_sessions(person_id: UUID) -> None:
    """Sign out everywhere. [a scope of that person]"""
    _close(LoginSession.person_id == person_id)


def propose_totp(person: Person) -> tuple[str, str]:
    """A fresh secret and the address an authenticator reads; nothing is kept until a code proves it."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=str(person.id), issuer_name=ISSUER)


def enrol_totp(person_id: UUID, *, secret: str, code: str, password: str) -> None:
    """From now on signing in needs a code of this secret. [a scope of that person] Raises PasswordWrong, CodeWrong."""
    person = _proven(person_id, password)
    person.totp_secret, person.totp_last_step = secret, 0
    if not verify_totp(person, code):
        raise CodeWrong


def remove_totp(person_id: UUID, *, code: str, password: str) -> None:
    """Signing in needs the password only. [a scope of that person] Raises PasswordWrong, CodeWrong."""
    person = _proven(person_id, password)
    if not verify_totp(person, code):
        raise CodeWrong
    person.totp_secret = None


def _proven(person_id: UUID, password: str) -> Person:
    person = acting_person(person_id, for_update=True)
    if not verify_password(person.password_hash, password):
        raise PasswordWrong
    return person


def _close(chosen: ColumnElement[bool]) -> None:
    session.execute(
        update(LoginSession)
        .where(chosen, LoginSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session=False)
    )
