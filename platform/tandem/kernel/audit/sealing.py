"""The sealer: adds waiting events to their tenant's hash chain, in batches, one sealer per tenant at a time."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import RowMapping, Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from tandem.kernel import clock, ids, telemetry
from tandem.kernel.audit.models import GENESIS, AuditCheckpoint, AuditEvent, AuditHead, AuditPending, AuditSeal
from tandem.kernel.database import session
from tandem.kernel.tenancy import across_tenants, acting_for, tenant_id, transaction

BATCH_EVENTS: Final = 500
ROUND_TENANTS: Final = 500

_event, _pending, _seal = AuditEvent.__table__, AuditPending.__table__, AuditSeal.__table__
_head, _checkpoint = AuditHead.__table__, AuditCheckpoint.__table__


class _Signer:
    key: Ed25519PrivateKey | None = None


def configure(audit_key: bytes) -> None:
    """Give this process the 32 secret bytes of the key that signs checkpoints."""
    _Signer.key = Ed25519PrivateKey.from_private_bytes(audit_key)


def public_key() -> bytes:
    """The 32 public bytes that checkpoints are checked with. Raises RuntimeError before `configure`."""
    return _signer().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def seal_pending() -> int:
    """Seal what waits, of up to five hundred tenants. One tenant's trouble stops that tenant only."""
    with across_tenants(reason="audit sealer"), transaction():
        tenants = session.execute(select(_pending.c.tenant_id).distinct().limit(ROUND_TENANTS)).scalars().all()
    sealed = 0
    for tenant in tenants:
        try:
            with acting_for(tenant), transaction():
                sealed += seal_tenant()
        except SQLAlchemyError as error:
            telemetry.count("audit_seals_failed")
            telemetry.log.error("audit_seal_failed", tenant_id=str(tenant), exc_info=error)
    return sealed


def seal_tenant(limit: int = BATCH_EVENTS) -> int:
    """Add up to `limit` waiting events of the scope's tenant to its chain. Returns how many."""
    tenant = tenant_id()
    seq, previous = _locked_head(tenant)
    waiting = (
        select(_event)
        .join(_pending, (_pending.c.tenant_id == _event.c.tenant_id) & (_pending.c.id == _event.c.id))
        .where(_event.c.tenant_id == tenant, _pending.c.tenant_id == tenant)
        .order_by(_event.c.id)
        .limit(limit)
    )
    links = []
    for event in session.execute(waiting).mappings():
        seq, digest = seq + 1, link_hash(previous, event)
        links.append({"tenant_id": tenant, "id": event["id"], "seq": seq, "prev_hash": previous, "hash": digest})
        previous = digest
    if links:
        session.execute(insert(_seal), links)
        done = [link["id"] for link in links]
        session.execute(delete(_pending).where(_pending.c.tenant_id == tenant, _pending.c.id.in_(done)))
        session.execute(update(_head).where(_head.c.tenant_id == tenant).values(seq=seq, hash=previous))
    return len(links)


def _locked_head(tenant: UUID) -> tuple[int, bytes]:
    head: Select[Any] = select(_head.c.seq, _head.c.hash).where(_head.c.tenant_id == tenant).with_for_update()
    row = session.execute(head).one_or_none()
    if row is None:
        session.execute(insert(_head).values(tenant_id=tenant, id=tenant, seq=0, hash=GENESIS).on_conflict_do_nothing())
        row = session.execute(head).one()
    return row.seq, row.hash


def link_hash(previous: bytes, event: Mapping[str, Any] | RowMapping) -> bytes:
    """SHA-256 over the previous link's hash and the event's canonical JSON (sorted keys, UTC times)."""
    names = (column.key for column in _event.c)
    plain = {name: _plain(event[name]) for name in names}
    return hashlib.sha256(previous + orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


def sign_checkpoint() -> int | None:
    """Seal what waits and sign the head of the scope's tenant's chain; the seq signed, None for an empty chain."""
    while seal_tenant() == BATCH_EVENTS:
        continue
    tenant = tenant_id()
    seq, digest = _locked_head(tenant)
    if seq == 0:
        return None
    now = clock.now()
    row = {"tenant_id": tenant, "id": ids.new_id(), "at": now, "seq": seq, "hash": digest}
    signature = _signer().sign(checkpoint_words(tenant, seq, digest, now))
    session.execute(insert(_checkpoint).values(**row, public_key=public_key(), signature=signature))
    return seq


def checkpoint_words(tenant: UUID, seq: int, digest: bytes, at: datetime) -> bytes:
    """The bytes a checkpoint's signature is over."""
    words = ["tandem audit checkpoint 1", str(tenant), str(seq), digest.hex(), _plain(at)]
    return "\n".join(words).encode()


def _signer() -> Ed25519PrivateKey:
    if _Signer.key is None:
        raise RuntimeError("audit.configure(audit_key) was not called")
    return _Signer.key
