"""Decisions about people."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, case, delete, func, literal, not_, or_, select
from sqlalchemy.dialects.postgresql import insert

from tandem.accounts.people.errors import LoginTaken, PasswordWrong
from tandem.accounts.people.models import FAILURE_WINDOW_MINUTES, FAILURES_ALLOWED, LOCK_MINUTES, LoginThrottle
from tandem.accounts.people.queries import acting_person, login_index, person_of_login
from tandem.kernel import clock, i18n
from tandem.kernel.database import refusing, session
from tandem.kernel.identity import Person, hash_password, verify_password

PURGED_AT_ONCE = 5_000


def create_person(person_id: UUID, *, login: str, name: str, password: str) -> Person:
    """A new person under an id chosen before. [a scope of that person] Raises LoginTaken."""
    person = Person(
        id=person_id,
        login=login,
        login_index=login_index(login),
        name=name,
        password_hash=hash_password(password),
        language=i18n.language.get(),
    )
    with refusing(person_login_index_key=LoginTaken):
        session.add(person)
    return person


def change_password(person_id: UUID, *, password: str, new_password: str) -> Person:
    """Set another password. [a scope of that person] Raises PasswordWrong."""
    person = acting_person(person_id, for_update=True)
    if not verify_password(person.password_hash, password):
        raise PasswordWrong
    person.password_hash = hash_password(new_password)
    return person


def count_attempt(index: bytes) -> LoginThrottle:
    """Count a sign-in before its password is looked at, so that parallel guesses are bounded too. [as_login]

    A known and an unknown login cost the same and are counted the same.
    """
    now = clock.now()
    is_locked = LoginThrottle.locked_until > now
    is_over = or_(
        and_(LoginThrottle.failures > FAILURES_ALLOWED, not_(is_locked)),
        LoginThrottle.last_failed_at < now - timedelta(minutes=FAILURE_WINDOW_MINUTES),
    )
    is_too_many = and_(LoginThrottle.failures == FAILURES_ALLOWED, not_(is_over))
    statement = (
        insert(LoginThrottle)
        .values(login_index=index, failures=1, failures_in_all=1, last_failed_at=now)
        .on_conflict_do_update(
            index_elements=[LoginThrottle.login_index],
            set_={
                "failures": case((is_over, 1), else_=LoginThrottle.failures + 1),
                "failures_in_all": LoginThrottle.failures_in_all + 1,
                "locked_until": case(
                    (is_too_many, literal(now + timedelta(minutes=LOCK_MINUTES))), else_=LoginThrottle.locked_until
                ),
                "last_failed_at": now,
            },
        )
        .returning(LoginThrottle)
    )
    return session.scalars(statement, execution_options={"populate_existing": True}).one()


def forgive_attempts(index: bytes) -> None:
    """A sign-in succeeded: forget the failures, but leave the person a notice of them. [as_login]"""
    throttle = session.scalar(delete(LoginThrottle).where(LoginThrottle.login_index == index).returning(LoginThrottle))
    person = person_of_login(index)
    if throttle is not None and person is not None:
        # The attempt that has just succeeded was counted as well.
        person.failed_logins = throttle.failures_in_all - 1
        person.locked_until = throttle.locked_until


def forget_old_attempts() -> int:
    """Drop counts whose window and lock have both passed; returns how many. [in_public]"""
    old = clock.now() - timedelta(minutes=FAILURE_WINDOW_MINUTES + LOCK_MINUTES)
    some = select(LoginThrottle.login_index).where(LoginThrottle.last_failed_at < old).limit(PURGED_AT_ONCE)
    gone = (
        delete(LoginThrottle)
        .where(LoginThrottle.login_index.in_(some))
        .returning(func.length(LoginThrottle.login_index))
    )
    return len(session.execute(gone).all())
