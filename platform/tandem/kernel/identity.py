"""Who is asking: people, their sessions, their places in organisations, and the keys of machines.

A token carries the id under which its row is found (a person for sessions, a tenant for API keys), so that no
credential is ever looked up across the wall; what follows the id is a secret of which only a hash is stored.
"""

import secrets
from base64 import b32decode, b32encode
from binascii import Error as NotBase64
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Final, cast
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.access import AUDIENCES, Audience, permissions_of
from tandem.kernel.choices import one_of
from tandem.kernel.crypto import EncryptedText
from tandem.kernel.database import Model, Reference, TenantOwned, Wall, session
from tandem.kernel.errors import Unauthenticated
from tandem.kernel.ids import new_id
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import as_person

SESSION_HOURS: Final = 12
SESSION_IDLE_MINUTES: Final = 30
KEY_TOUCH_MINUTES: Final = 60
# OWASP's smallest argon2id profile: 19 MiB, two passes; about 33 ms on the machine it was measured on.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY: Final = _HASHER.hash(secrets.token_urlsafe(16))



class Person(Reference, Model):
    """Somebody who can sign in, once for the whole platform. 个人"""

    __tablename__ = "person"
    __reason__ = "one login for many hospitals; reached only by identity, never listed"
    __grants__: ClassVar[dict[str, str]] = {
        "tandem_app": "SELECT, INSERT, UPDATE",
        "tandem_operator": "SELECT, INSERT, UPDATE",
    }
    __person_column__ = "id"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_index: Mapped[bytes] = mapped_column(unique=True)
    login: Mapped[str] = mapped_column(EncryptedText("person.login", platform=True))
    name: Mapped[str] = mapped_column(EncryptedText("person.name", platform=True))
    password_hash: Mapped[str | None]
    totp_secret: Mapped[str | None] = mapped_column(EncryptedText("person.totp_secret", platform=True))
    totp_last_step: Mapped[int] = mapped_column(default=0)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(default="zh-CN")
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class LoginSession(Reference, Model):
    """A person signed in, to one place of one organisation. Only the secret's hash is stored. 登录会话"""

    __tablename__ = "login_session"
    __reason__ = "belongs to a person; walled by person"
    __grants__: ClassVar[dict[str, str]] = {
        "tandem_app": "SELECT, INSERT, UPDATE, DELETE",
        "tandem_operator": "SELECT, INSERT, UPDATE, DELETE",
    }
    __person_column__ = "person_id"

    secret_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    audience: Mapped[str]
    tenant_id: Mapped[UUID | None]
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Affiliation(Reference, Model):
    """Where a person has a place: the way from a person to tenants, which no tenant can read. 归属"""

    __tablename__ = "affiliation"
    __reason__ = "a person's own list of places; walled by person"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT, INSERT", "tandem_operator": "SELECT, INSERT"}
    __person_column__ = "person_id"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    audience: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class Membership(TenantOwned, Model):
    """A person's place in one organisation, with roles: staff, or a patient of a hospital. 成员"""

    __tablename__ = "membership"
    # Who is a patient where is between the patient and the hospital.
    __wall__ = Wall(operator="write", operator_where="audience <> 'patient'")
    __table_args__ = (
        UniqueConstraint("tenant_id", "person_id", "audience"),
        one_of("audience", AUDIENCES),
        CheckConstraint("status IN ('active', 'ended')", name="status"),
    )

    person_id: Mapped[UUID]
    audience: Mapped[str]
    roles: Mapped[list[str]]
    status: Mapped[str] = mapped_column(default="active")
    since: Mapped[datetime] = mapped_column(default=clock.now)
    ended_at: Mapped[datetime | None]


class ApiKey(TenantOwned, Model):
    """A machine's key: shown once, stored as a hash, with roles and an end. 接口密钥"""

    __tablename__ = "api_key"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        UniqueConstraint("tenant_id", "secret_hash"),
        one_of("audience", AUDIENCES),
        Index(None, "tenant_id", "created_at"),
    )

    name: Mapped[str]
    hint: Mapped[str]
    secret_hash: Mapped[bytes]
    audience: Mapped[str]
    roles: Mapped[list[str]]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Actor:
    """Who acts: a person in a place, a key, a worker, or nobody."""

    kind: str
    id: UUID | None
    audience: Audience
    tenant_id: UUID | None = None
    person_id: UUID | None = None
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = field(default=frozenset(), repr=False)


NOBODY: Final = Actor("nobody", None, "public")
WORKER: Final = Actor("worker", None, "public")

_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def current_actor() -> Actor:
    """Who acts now; NOBODY outside a request, WORKER inside a job."""
    return _actor.get()


def act_as(actor: Actor) -> None:
    """Say who acts from here on, in this context."""
    _actor.set(actor)


@dataclass(frozen=True)
class Token:
    """A credential as it came: which row to ask for, and the secret's hash."""

    kind: str
    owner_id: UUID
    secret_hash: bytes


def read_token(text: str) -> Token:
    """Take a token apart. Raises Unauthenticated for anything that is none of ours."""
    kind, _, rest = text.rpartition("_")
    try:
        raw = b32decode(rest.upper() + "=" * (-len(rest) % 8))
    except (NotBase64, ValueError):
        raise Unauthenticated from None
    if kind not in {"tds", "tdi", "tdm_test", "tdm_live"} or len(raw) != 48:
        raise Unauthenticated
    return Token(kind, UUID(bytes=raw[:16]), sha256(raw).digest())


@dataclass(frozen=True)
class PatientSession:
    """What the edge must know of a patient's session."""

    person_id: UUID
    audience: str
    csrf_token: str = field(repr=False)
    is_here: bool


def _patient_session(is_here: str) -> Statement:
    return Statement(f"""
SELECT audience, csrf_token, expires_at, revoked_at, last_seen_at, {is_here} AS is_here
FROM login_session WHERE secret_hash = %(secret_hash)s AND person_id = %(person_id)s
""")  # noqa: S608  # the two conditions below and no caller's words


_PATIENT_SESSION: Final = _patient_session("false")
_PATIENT_SESSION_HERE: Final = _patient_session("""
    EXISTS (SELECT 1 FROM membership
            WHERE tenant_id = %(tenant_id)s AND person_id = %(person_id)s AND audience = 'patient'
              AND status = 'active')""")
_SEEN: Final = Statement("""
UPDATE login_session SET last_seen_at = %(now)s
WHERE secret_hash = %(secret_hash)s AND person_id = %(person_id)s AND last_seen_at = %(seen_before)s
""")


def make_token(kind: str, owner_id: UUID) -> tuple[str, bytes]:
    """A fresh token and the hash to store; the token itself is shown once and kept nowhere."""
    raw = owner_id.bytes + secrets.token_bytes(32)
    return f"{kind}_{b32encode(raw).decode().rstrip('=').lower()}", sha256(raw).digest()


def open_session(person: Person, audience: Audience, tenant_id: UUID | None) -> tuple[str, LoginSession]:
    """Open a session for a person in one place; returns the token once. [as_person]"""
    token, secret_hash = make_token("tds", person.id)
    opened = LoginSession(
        secret_hash=secret_hash,
        person_id=person.id,
        audience=audience,
        tenant_id=tenant_id,
        csrf_token=secrets.token_urlsafe(24),
        expires_at=clock.now() + timedelta(hours=SESSION_HOURS),
    )
    session.add(opened)
    return token, opened


def find_session(token: Token) -> LoginSession:
    """The live session of a token. Opens the person's own scope for it, and notes now and then that it is in use.

    Raises Unauthenticated when it was revoked, has ended, or has lain idle for half an hour.
    """
    with as_person(token.owner_id):
        found = cast(
            "LoginSession | None",
            session.scalar(select(LoginSession).where(LoginSession.secret_hash == token.secret_hash)),
        )
        now = clock.now()
        if found is None or found.revoked_at is not None or now >= found.expires_at:
            raise Unauthenticated
        idle = now - found.last_seen_at
        if idle > timedelta(minutes=SESSION_IDLE_MINUTES):
            raise Unauthenticated
        if idle > timedelta(minutes=1):
            found.last_seen_at = now
        # Committed though most only read: after a rollback the driver has every statement prepared anew.
        session.commit()
        return found


def patient_session(token: Token, hospital: UUID | None) -> PatientSession:
    """The live patient session of a token, and whether its person is a patient of `hospital`, in one round trip.

    [the person's own, with or without the hospital's tenant] Raises Unauthenticated when it was revoked, has ended, or
    has lain idle for half an hour. That it is in use is noted with whatever the request itself commits.
    """
    statement = _PATIENT_SESSION if hospital is None else _PATIENT_SESSION_HERE
    mine = {"secret_hash": token.secret_hash, "person_id": token.owner_id}
    found = statement.row(mine | {"tenant_id": hospital})
    now = clock.now()
    if found is None or found["revoked_at"] is not None or now >= found["expires_at"]:
        raise Unauthenticated
    idle = now - found["last_seen_at"]
    if idle > timedelta(minutes=SESSION_IDLE_MINUTES):
        raise Unauthenticated
    if idle > timedelta(minutes=1):
        _SEEN.rows(mine | {"now": now, "seen_before": found["last_seen_at"]})
    return PatientSession(token.owner_id, found["audience"], found["csrf_token"], found["is_here"])


def actor_in_place(login: LoginSession) -> Actor:
    """The session's person with the roles held now, not when the session began. [the place's tenant]

    Raises Unauthenticated when the place was ended.
    """
    audience = cast(Audience, login.audience)
    statement = select(Membership.roles).where(
        Membership.tenant_id == login.tenant_id,
        Membership.person_id == login.person_id,
        Membership.audience == audience,
        Membership.status == "active",
    )
    roles = session.scalar(statement)
    if roles is None:
        raise Unauthenticated
    return Actor(
        "person",
        login.person_id,
        audience,
        login.tenant_id,
        login.person_id,
        tuple(roles),
        permissions_of(roles, audience),
    )


def patient_actor(person_id: UUID) -> Actor:
    """A signed-in person as a patient, of whichever hospital the route names."""
    return Actor("person", person_id, "patient", None, person_id, ("patient",), permissions_of(["patient"], "patient"))


def actor_of_key(token: Token, audience: Audience) -> Actor:
    """The actor behind an API key. [the key's tenant] Raises Unauthenticated when it is not good here."""
    key = session.scalar(
        select(ApiKey).where(ApiKey.tenant_id == token.owner_id, ApiKey.secret_hash == token.secret_hash)
    )
    now = clock.now()
    if key is None or key.revoked_at is not None or now >= key.expires_at or key.audience != audience:
        raise Unauthenticated
    if key.last_used_at is None or now - key.last_used_at > timedelta(minutes=KEY_TOUCH_MINUTES):
        key.last_used_at = now
    return Actor(
        "api_key", key.id, audience, key.tenant_id, None, tuple(key.roles), permissions_of(key.roles, audience)
    )


def hash_password(password: str) -> str:
    """Argon2id."""
    return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password fits. A missing hash costs the same time, so that nobody learns who has a login."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except VerificationError:
        return False


def verify_totp(person: Person, code: str) -> bool:
    """Whether the one-time code fits; each code counts once (OWASP ASVS 6.5.1)."""
    if person.totp_secret is None:
        return False
    totp = pyotp.TOTP(person.totp_secret)
    now = int(clock.now().timestamp())
    for step in (now // 30 - 1, now // 30, now // 30 + 1):
        if step > person.totp_last_step and secrets.compare_digest(totp.at(step * 30), code):
            person.totp_last_step = step
            return True
    return False
