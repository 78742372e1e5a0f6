"""Recomputing a tenant's chain from its rows, to name the first row that is not what was recorded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import RowMapping, func, select, union

from tandem.kernel.audit.models import GENESIS, AuditCheckpoint, AuditEvent, AuditHead, AuditPending, AuditSeal
from tandem.kernel.audit.sealing import checkpoint_words, link_hash, public_key
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

How = Literal["altered", "deleted", "inserted", "reordered", "truncated", "forged"]
READ_ROWS: Final = 1_000

_event, _pending, _seal = AuditEvent.__table__, AuditPending.__table__, AuditSeal.__table__
_head, _checkpoint = AuditHead.__table__, AuditCheckpoint.__table__


@dataclass(frozen=True)
class Broken:
    """The first row that does not fit: the link's number, the event's id where there is one, and what was done."""

    how: How
    seq: int | None
    audit_id: UUID | None


@dataclass(frozen=True)
class Verdict:
    """What checking one tenant's trail found. `broken` None: every sealed event is as it was recorded."""

    tenant_id: UUID
    sealed: int
    pending: int
    checkpoints: int
    broken: Broken | None


def verify() -> Verdict:
    """Check the whole trail of the scope's tenant: chain, gaps, strays, end, and signed checkpoints."""
    tenant = tenant_id()
    signed = _checkpoints(tenant)
    walk = _Walk({each.seq: each for each in signed})
    broken = walk.through(tenant) or _stray(tenant) or _cut_short(tenant, walk, signed)
    pending = session.execute(select(func.count(_pending.c.id)).where(_pending.c.tenant_id == tenant)).scalar_one()
    return Verdict(tenant, walk.seq, pending, len(signed), broken)


def tenants_with_a_trail() -> list[UUID]:
    """Every tenant that has, or claims to have had, an event. [across_tenants]"""
    sources = union(*(select(table.c.tenant_id) for table in (_event, _pending, _head, _checkpoint)))
    return sorted(session.execute(sources).scalars())


class _Walk:
    """One pass along the chain: where we are, and what the last link's hash was."""

    def __init__(self, signed: Mapping[int, Any]) -> None:
        self.seq, self.previous = 0, GENESIS
        self._signed = signed

    def through(self, tenant: UUID) -> Broken | None:
        """Walk all links; the first that does not fit, or None."""
        links = _links(tenant)
        link = next(links, None)
        while link is not None:
            following = next(links, None)
            if broken := self._step(tenant, link, following):
                return broken
            link = following
        return None

    def _step(self, tenant: UUID, link: RowMapping, following: RowMapping | None) -> Broken | None:
        seq, event_id = link["seq"], link["seal_id"]
        if seq != self.seq + 1:
            return Broken("deleted", self.seq + 1, None)
        if link["id"] is None:
            return Broken("deleted", seq, event_id)
        if link["prev_hash"] != self.previous:
            return Broken("reordered", seq, event_id)
        if link_hash(self.previous, link) != link["hash"]:
            return Broken(self._how_changed(link, following), seq, event_id)
        if (checkpoint := self._signed.get(seq)) and not _is_signed(tenant, checkpoint, link["hash"]):
            return Broken("forged", seq, event_id)
        self.seq, self.previous = seq, link["hash"]
        return None

    def _how_changed(self, link: RowMapping, following: RowMapping | None) -> How:
        if following is None or following["id"] is None:
            return "altered"
        return "reordered" if link_hash(self.previous, following) == link["hash"] else "altered"


def _links(tenant: UUID) -> Iterator[RowMapping]:
    after = 0
    while True:
        found = session.execute(
            select(_seal.c.id.label("seal_id"), _seal.c.seq, _seal.c.prev_hash, _seal.c.hash, *_event.c)
            .outerjoin(_event, (_event.c.tenant_id == _seal.c.tenant_id) & (_event.c.id == _seal.c.id))
            .where(_seal.c.tenant_id == tenant, _seal.c.seq > after)
            .order_by(_seal.c.seq)
            .limit(READ_ROWS)
        )
        links = found.mappings().all()
        yield from links
        if len(links) < READ_ROWS:
            return
        after = links[-1]["seq"]


def _stray(tenant: UUID) -> Broken | None:
    """An event that is neither sealed nor waiting was put in behind the platform's back; so was a lost waiting one."""
    event = select(_event.c.id).where(_event.c.tenant_id == tenant)
    known = select(_seal.c.id).where(_seal.c.tenant_id == tenant, _seal.c.id == _event.c.id)
    waiting = select(_pending.c.id).where(_pending.c.tenant_id == tenant, _pending.c.id == _event.c.id)
    stray = session.execute(
        event.where(~known.exists(), ~waiting.exists()).order_by(_event.c.id).limit(1)
    ).scalar_one_or_none()
    if stray is not None:
        return Broken("inserted", None, stray)
    there = select(_event.c.id).where(_event.c.tenant_id == tenant, _event.c.id == _pending.c.id)
    gone = session.execute(
        select(_pending.c.id).where(_pending.c.tenant_id == tenant, ~there.exists()).order_by(_pending.c.id).limit(1)
    ).scalar_one_or_none()
    return None if gone is None else Broken("deleted", None, gone)


def _cut_short(tenant: UUID, walk: _Walk, signed: list[Any]) -> Broken | None:
    head = session.execute(select(_head.c.seq, _head.c.hash).where(_head.c.tenant_id == tenant)).one_or_none()
    ends_as_said = (walk.seq == 0) if head is None else (head.seq, head.hash) == (walk.seq, walk.previous)
    furthest_signed = max((each.seq for each in signed), default=0)
    if ends_as_said and furthest_signed <= walk.seq:
        return None
    return Broken("truncated", walk.seq + 1, None)


def _checkpoints(tenant: UUID) -> list[Any]:
    found = session.execute(select(_checkpoint).where(_checkpoint.c.tenant_id == tenant).order_by(_checkpoint.c.seq))
    return list(found.all())


def _is_signed(tenant: UUID, checkpoint: Any, digest: bytes) -> bool:
    if checkpoint.public_key != public_key():
        return False
    try:
        Ed25519PublicKey.from_public_bytes(checkpoint.public_key).verify(
            checkpoint.signature, checkpoint_words(tenant, checkpoint.seq, digest, checkpoint.at)
        )
    except InvalidSignature:
        return False
    return True
