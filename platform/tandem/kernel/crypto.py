"""Personal fields, encrypted per tenant (AES-256-GCM), and blind indexes to find them by exact value.

A tenant's data key is made at random, wrapped by the platform's master key (`TANDEM_FIELD_KEY`) and kept in
`tenant_key`; destroying it erases every field of that tenant at once, backups included. A value carries the owner and
the number of its key, and is bound to owner and column: moved to another column or tenant it no longer opens.
Platform rows (a person's login) use a key derived from the master key itself.
"""

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import (
    CheckConstraint,
    Dialect,
    Engine,
    LargeBinary,
    Text,
    TypeDecorator,
    UniqueConstraint,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from tandem.kernel import clock
from tandem.kernel.database import Model, TenantOwned, Wall, connection_at_hand, db, session
from tandem.kernel.ids import new_id
from tandem.kernel.spellings import normal_form
from tandem.kernel.tenancy import acting_for, current_scope, tenant_id, transaction

PLATFORM: Final = UUID(int=0)
# Another process may go on using a key this long after it was rotated or destroyed.
KEY_CACHE_SECONDS: Final = 60.0
KEY_CACHE_SIZE: Final = 8_192
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_HEAD_BYTES: Final = 1 + 16 + 2
# Where the key's number lies in a value, as SQL counts: rotation finds old values by it.
_NUMBER_AT: Final = 18
# Stands for "the active key" in the cache; no stored number is negative.
_ACTIVE: Final = -1
# Marks a scope whose transaction rotates or destroys keys.
_CHANGES_KEYS: Final = "tandem.changes_keys"


class Unreadable(Exception):
    """A stored value does not open: altered, moved from another tenant or column, or its key was destroyed."""


class TenantKey(TenantOwned, Model):
    """A tenant's key for its fields or its blind indexes, wrapped by the master key. 租户密钥"""

    __tablename__ = "tenant_key"
    __wall__ = Wall(operator="write")
    __table_args__ = (
        UniqueConstraint("tenant_id", "purpose", "number"),
        CheckConstraint("purpose IN ('field', 'index')", name="purpose"),
        CheckConstraint("status IN ('active', 'retired', 'destroyed')", name="status"),
        CheckConstraint("(status = 'destroyed') = (wrapped IS NULL)", name="destroyed_is_gone"),
        CheckConstraint("number BETWEEN 1 AND 65535", name="number_fits_two_bytes"),
    )

    purpose: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
    # Which master key wraps it: the first eight bytes of that key's fingerprint.
    master: Mapped[bytes]
    wrapped: Mapped[bytes | None]
    status: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


_key = TenantKey.__table__
_OF_PURPOSE: Final = select(_key).where(
    _key.c.tenant_id == bindparam("the_tenant"), _key.c.purpose == bindparam("the_purpose")
)
_NUMBERED: Final = _OF_PURPOSE.where(_key.c.number == bindparam("the_number"))
_NEWEST: Final = _OF_PURPOSE.order_by(_key.c.number.desc()).limit(1)


@dataclass(frozen=True)
class _Master:
    """One master key and what is derived from it."""

    fingerprint: bytes
    wrapping: AESGCM
    platform_field: AESGCM
    platform_index: bytes

    @classmethod
    def of(cls, secret: bytes) -> "_Master":
        if len(secret) != 32:
            raise ValueError("TANDEM_FIELD_KEY must be 32 bytes, base64")

        def derived(use: str) -> bytes:
            return HKDF(SHA256(), 32, salt=None, info=f"tandem {use} 1".encode()).derive(secret)

        field, wrap = AESGCM(derived("platform field")), AESGCM(derived("wrap"))
        return cls(sha256(b"tandem master" + secret).digest()[:8], wrap, field, derived("platform index"))

    @property
    def number(self) -> int:
        return int.from_bytes(self.fingerprint[:2])


class _Keys:
    masters: tuple[_Master, ...] = ()
    cache: Final[OrderedDict[tuple[Engine, UUID, str, int], tuple[float, int, bytes]]] = OrderedDict()
    lock: Final = threading.Lock()


def configure(field_key: bytes, *older: bytes) -> None:
    """Give this process the master key (32 bytes), and older ones that may still have wrapped something."""
    _Keys.masters = tuple(_Master.of(secret) for secret in (field_key, *older))
    forget_keys()


def forget_keys(tenant: UUID | None = None) -> None:
    """Drop cached keys, of one tenant or all."""
    with _Keys.lock:
        for cached in [cached for cached in _Keys.cache if tenant in (None, cached[1])]:
            del _Keys.cache[cached]


class EncryptedText(TypeDecorator[str]):
    """Text that PostgreSQL only ever sees encrypted. Name its place: `EncryptedText("patient.name")`.

    `platform=True` for rows without a tenant. Cannot be compared in SQL: keep a `blind_index` column beside it.
    Reading raises Unreadable for a value that was altered, moved or erased.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str, platform: bool = False) -> None:
        super().__init__()
        if place.count(".") != 1:
            raise ValueError("name the place as table.column")
        self.place = place
        self.platform = platform

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(value, self.place, platform=self.platform)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else decrypt(bytes(value), self.place)


def encrypt(text: str, place: str, *, platform: bool = False, owner: UUID | None = None) -> bytes:
    """Encrypt for the scope's tenant (or the platform, or another owner) and for one place, "table.column"."""
    if platform:
        owner, number, cipher = PLATFORM, _first_master().number, _first_master().platform_field
    else:
        owner = owner or tenant_id()
        number, key = _active_key(owner, "field")
        cipher = AESGCM(key)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    head = _VERSION + owner.bytes + number.to_bytes(2)
    return head + nonce + cipher.encrypt(nonce, text.encode(), _bound_to(owner, place))


def decrypt(value: bytes, place: str) -> str:
    """Open a value. Raises Unreadable; also for another tenant's value in a scope of one tenant."""
    head, nonce, sealed = value[:_HEAD_BYTES], value[_HEAD_BYTES:][:_NONCE_BYTES], value[_HEAD_BYTES + _NONCE_BYTES :]
    if len(head) < _HEAD_BYTES or head[:1] != _VERSION:
        raise Unreadable(place)
    owner, number = UUID(bytes=head[1:17]), int.from_bytes(head[17:])
    tenant = current_scope().tenant_id
    if owner != PLATFORM and tenant is not None and tenant != owner:
        raise Unreadable(place)
    try:
        return _cipher(owner, number).decrypt(nonce, sealed, _bound_to(owner, place)).decode()
    except (InvalidTag, ValueError, LookupError):
        raise Unreadable(place) from None


def blind_index(value: str, purpose: str) -> bytes:
    """What the scope's tenant finds `value` by, for one purpose ("patient.phone"): 32 bytes.

    Purposes ending in phone, id_number or login normalise accordingly; others fold case and width. Raises ValueError
    for a value that is no phone number, under phone.
    """
    return _indexed(_active_key(tenant_id(), "index")[1], value, purpose)


def platform_index(value: str, purpose: str) -> bytes:
    """Like `blind_index` for platform rows: the same for every tenant."""
    return _indexed(_first_master().platform_index, value, purpose)


def rotate_tenant_key() -> int:
    """Give the scope's tenant a fresh field key for all that is written from now on; returns its number.

    Values under older keys stay readable; `reencrypt_batch`, repeated, brings them over. Blind indexes keep theirs.
    """
    tenant = tenant_id()
    old, _ = _active_key(tenant, "field")
    current_scope().info[_CHANGES_KEYS] = True
    retired = _key.c.tenant_id == tenant, _key.c.purpose == "field", _key.c.status == "active"
    session.execute(update(_key).where(*retired).values(status="retired"))
    session.execute(insert(_key).values(_fresh_key(tenant, "field", old + 1)))
    forget_keys(tenant)
    return old + 1


def reencrypt_batch(limit: int = 500) -> int:
    """Bring up to `limit` values of the scope's tenant under its active key. 0 means all are; safe to repeat."""
    tenant = tenant_id()
    number, _ = _active_key(tenant, "field")
    left = limit
    for mapper in Model.registry.mappers:
        wall: Wall | None = getattr(mapper.class_, "__wall__", None)
        if wall is None or wall.append_only or left == 0:
            continue
        for column in mapper.local_table.columns:
            if isinstance(column.type, EncryptedText) and not column.type.platform and left:
                left -= _reencrypt(mapper.local_table, column, tenant, number, left)
    return limit - left


def destroy_tenant_keys() -> int:
    """Erase every encrypted field of the scope's tenant, for ever, by destroying its keys. Returns how many keys."""
    tenant = tenant_id()
    current_scope().info[_CHANGES_KEYS] = True
    gone = session.execute(
        update(_key)
        .where(_key.c.tenant_id == tenant, _key.c.status != "destroyed")
        .values(status="destroyed", wrapped=None)
        .returning(_key.c.id)
    ).all()
    forget_keys(tenant)
    return len(gone)


def _reencrypt(table: Any, column: Any, tenant: UUID, number: int, limit: int) -> int:
    raw = func.coalesce(column, type_=LargeBinary)
    old = func.substring(raw, _NUMBER_AT, 2, type_=LargeBinary) != number.to_bytes(2)
    found = session.execute(
        select(table.c.id, raw).where(table.c.tenant_id == tenant, column.is_not(None), old).limit(limit)
    ).all()
    for row_id, value in found:
        fresh = encrypt(decrypt(value, column.type.place), column.type.place)
        session.execute(
            update(table)
            # Only if nobody wrote another value meanwhile.
            .where(table.c.tenant_id == tenant, table.c.id == row_id, raw == value)
            .values({column: _as_it_is(fresh)})
        )
    return len(found)


def _as_it_is(value: bytes) -> Any:
    return func.coalesce(value, type_=LargeBinary)


def _first_master() -> _Master:
    if not _Keys.masters:
        raise RuntimeError("crypto.configure(field_key) was not called")
    return _Keys.masters[0]


def _cipher(owner: UUID, number: int) -> AESGCM:
    if owner == PLATFORM:
        return next(master.platform_field for master in _Keys.masters if master.number == number)
    return AESGCM(_cached(owner, "field", number, lambda: _load(owner, "field", number))[1])


def _active_key(tenant: UUID, purpose: str) -> tuple[int, bytes]:
    return _cached(tenant, purpose, _ACTIVE, lambda: _load_active(tenant, purpose))


def _cached(tenant: UUID, purpose: str, number: int, load: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    # The operator's tenant has the same id everywhere: one database's key must not serve another's rows. By engine and
    # not by URL, which is spelled out anew each time it is hashed or compared.
    wanted, now = (db.engine, tenant, purpose, number), time.monotonic()
    with _Keys.lock:
        held = _Keys.cache.get(wanted)
        if held is not None and held[0] > now:
            _Keys.cache.move_to_end(wanted)
            return held[1], held[2]
    found = load()
    with _Keys.lock:
        _Keys.cache[wanted] = (now + KEY_CACHE_SECONDS, *found)
        while len(_Keys.cache) > KEY_CACHE_SIZE:
            _Keys.cache.popitem(last=False)
    return found


def _load(tenant: UUID, purpose: str, number: int) -> tuple[int, bytes]:
    facts = {"the_tenant": tenant, "the_purpose": purpose, "the_number": number}
    row = _seen_from_here(tenant, _NUMBERED, facts)
    if row is None:
        with _beside(tenant):
            row = session.execute(_NUMBERED, facts).one_or_none()
    return _unwrapped(row)


def _load_active(tenant: UUID, purpose: str) -> tuple[int, bytes]:
    """The active key, made on first need in a transaction of its own: nothing is ever encrypted under a key that
    another transaction's rollback could take away."""
    facts = {"the_tenant": tenant, "the_purpose": purpose}
    row = _seen_from_here(tenant, _NEWEST, facts)
    if row is None:
        with _beside(tenant):
            row = session.execute(_NEWEST, facts).one_or_none()
            if row is None:
                session.execute(insert(_key).values(_fresh_key(tenant, purpose, 1)).on_conflict_do_nothing())
                row = session.execute(_NEWEST, facts).one()
    return _unwrapped(row)


def _seen_from_here(tenant: UUID, statement: Any, facts: dict[str, Any]) -> Any:
    # The transaction at hand costs one round trip, one of its own three; with thousands of hospitals most requests are
    # the first of theirs in this process. A transaction that changes keys may yet be rolled back: it never answers.
    if current_scope().tenant_id != tenant or current_scope().info.get(_CHANGES_KEYS):
        return None
    return connection_at_hand().execute(statement, facts).one_or_none()


@contextmanager
def _beside(tenant: UUID) -> Iterator[None]:
    with acting_for(tenant, operator=current_scope().role == "operator"), transaction():
        yield


def _fresh_key(tenant: UUID, purpose: str, number: int) -> dict[str, Any]:
    master, nonce = _first_master(), secrets.token_bytes(_NONCE_BYTES)
    wrapped = nonce + master.wrapping.encrypt(nonce, secrets.token_bytes(32), _wrapped_for(tenant, purpose, number))
    return {
        "tenant_id": tenant,
        "id": new_id(),
        "purpose": purpose,
        "number": number,
        "master": master.fingerprint,
        "wrapped": wrapped,
        "status": "active",
        "created_at": clock.now(),
    }


def _unwrapped(row: Any) -> tuple[int, bytes]:
    if row is None or row.wrapped is None:
        raise Unreadable("the key was destroyed")
    master = next((each for each in _Keys.masters if each.fingerprint == row.master), None)
    if master is None:
        raise Unreadable("the master key that wrapped this tenant's key is not configured")
    bound = _wrapped_for(row.tenant_id, row.purpose, row.number)
    key = master.wrapping.decrypt(row.wrapped[:_NONCE_BYTES], row.wrapped[_NONCE_BYTES:], bound)
    return row.number, key


def _bound_to(owner: UUID, place: str) -> bytes:
    return f"{owner}|{place}".encode()


def _wrapped_for(tenant: UUID, purpose: str, number: int) -> bytes:
    return f"{tenant}|{purpose}|{number}".encode()


def _indexed(key: bytes, value: str, purpose: str) -> bytes:
    normal = normal_form(value, purpose.rpartition(".")[2])
    return hmac.digest(key, f"{purpose}\x00{normal}".encode(), "sha256")
