"""What can happen to an entitlement. Every step is keyed, so doing it twice changes nothing. [programme]"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.entitlements import errors
from tandem.billing.entitlements.models import (
    BenefitInvitation,
    Entitlement,
    EntitlementMovement,
    Grant,
    ProgrammeHospital,
    ProgrammeTotal,
)
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.tenancy import tenant_id

_owed = Entitlement.__table__
_step = EntitlementMovement.__table__
_total = ProgrammeTotal.__table__


def admit_hospital(hospital_id: UUID) -> None:
    """Let a hospital serve this programme."""
    wish = insert(ProgrammeHospital.__table__).values(tenant_id=tenant_id(), id=hospital_id, admitted_at=clock.now())
    session.execute(wish.on_conflict_do_nothing())


def grant(grants: Sequence[Grant]) -> int:
    """Owe these members their units; a roster row already granted is left as it is. Returns how many are new."""
    if not grants:
        return 0
    now, programme = clock.now(), tenant_id()
    wish = insert(_owed).values([_owed_row(programme, each) | {"created_at": now} for each in grants])
    fresh = session.execute(
        wish.on_conflict_do_nothing(index_elements=["tenant_id", "source_id"]).returning(
            _owed.c.id, _owed.c.source_id, _owed.c.units_granted
        )
    ).all()
    if not fresh:
        return 0
    session.execute(
        insert(_step).values(
            [
                {
                    "tenant_id": programme,
                    "id": new_id(),
                    "entitlement_id": row.id,
                    "kind": "grant",
                    "units": row.units_granted,
                    "key": row.source_id,
                    "at": now,
                }
                for row in fresh
            ]
        )
    )
    invitations = {each.login_index for each in grants}
    session.execute(
        insert(BenefitInvitation.__table__)
        .values([{"login_index": index, "programme_id": programme, "created_at": now} for index in sorted(invitations)])
        .on_conflict_do_nothing()
    )
    _count(members=len(fresh), units_granted=sum(row.units_granted for row in fresh))
    return len(fresh)


def activate(person_id: UUID, login_index: bytes) -> UUID:
    """The member accepts the benefit: from here on it can be used. Returns the entitlement's id.

    Raises NoSuchBenefit when nothing is waiting for this login.
    """
    waiting = (
        select(_owed.c.id, _owed.c.status)
        .where(_owed.c.tenant_id == tenant_id(), _owed.c.login_index == login_index, _owed.c.status != "revoked")
        .order_by(_owed.c.created_at.desc())
        .limit(1)
        .with_for_update()
    )
    found = session.execute(waiting).one_or_none()
    if found is None:
        raise errors.NoSuchBenefit
    if found.status == "granted":
        session.execute(
            update(_owed)
            .where(_owed.c.tenant_id == tenant_id(), _owed.c.id == found.id)
            .values(status="activated", person_id=person_id, activated_at=clock.now())
        )
        _count(members_active=1)
        audit.record(action="entitlement.activated", object_type="entitlement", object_id=found.id)
    entitlement_id: UUID = found.id
    return entitlement_id


def reserve(entitlement_id: UUID, *, key: UUID, hospital_id: UUID, person_id: UUID, on: date, units: int = 1) -> None:
    """Keep units for one booking; `key` is the payment's id. The database decides who gets the last one.

    Raises HospitalOutsideProgramme, EntitlementNotValid or EntitlementSpent.
    """
    if not _first(entitlement_id, "reserve", key, units, hospital_id):
        return
    serves = select(ProgrammeHospital.id).where(
        ProgrammeHospital.tenant_id == tenant_id(), ProgrammeHospital.id == hospital_id
    )
    if session.scalar(serves) is None:
        raise errors.HospitalOutsideProgramme
    mine = [_owed.c.tenant_id == tenant_id(), _owed.c.id == entitlement_id, _owed.c.person_id == person_id]
    took = session.execute(
        update(_owed)
        .where(
            *mine,
            _owed.c.status == "activated",
            _owed.c.valid_from <= on,
            _owed.c.valid_to >= on,
            _owed.c.units_reserved + _owed.c.units_consumed + units <= _owed.c.units_granted,
        )
        .values(units_reserved=_owed.c.units_reserved + units)
        .returning(_owed.c.id)
    ).one_or_none()
    if took is None:
        raise _why_not(mine, on)


def release(entitlement_id: UUID, *, key: UUID) -> None:
    """Give a booking's units back: it was cancelled or refunded. A consumed unit comes back too."""
    reserved = _movement("reserve", key)
    if reserved is None or not _first(entitlement_id, "release", key, reserved.units, reserved.hospital_id):
        return
    was_consumed = _movement("consume", key) is not None
    column = _owed.c.units_consumed if was_consumed else _owed.c.units_reserved
    session.execute(
        update(_owed)
        .where(_owed.c.tenant_id == tenant_id(), _owed.c.id == entitlement_id)
        .values(
            {
                column: column - reserved.units,
                # What a leaver gives back is not granted again.
                _owed.c.units_granted: case(
                    (_owed.c.status == "revoked", _owed.c.units_granted - reserved.units), else_=_owed.c.units_granted
                ),
            }
        )
    )
    if was_consumed:
        session.execute(
            update(_total)
            .where(_total.c.tenant_id == tenant_id())
            .values(units_consumed=_total.c.units_consumed - reserved.units)
        )


def consume(entitlement_id: UUID, *, key: UUID, at: datetime) -> None:
    """The visit took place `at` that moment: what was reserved is used. The books of both sides count it then."""
    reserved = _movement("reserve", key)
    if reserved is None or _movement("release", key) is not None:
        return
    if not _first(entitlement_id, "consume", key, reserved.units, reserved.hospital_id, at=at):
        return
    session.execute(
        update(_owed)
        .where(_owed.c.tenant_id == tenant_id(), _owed.c.id == entitlement_id)
        .values(
            units_reserved=_owed.c.units_reserved - reserved.units,
            units_consumed=_owed.c.units_consumed + reserved.units,
        )
    )
    _count(units_consumed=reserved.units)


def revoke(source_ids: Sequence[UUID]) -> int:
    """Members left the employer: what is free is withdrawn, what is reserved may be finished. Returns how many."""
    left = session.execute(
        update(_owed)
        .where(_owed.c.tenant_id == tenant_id(), _owed.c.source_id.in_(source_ids), _owed.c.status != "revoked")
        .values(status="revoked", units_granted=_owed.c.units_reserved + _owed.c.units_consumed)
        .returning(_owed.c.id)
    ).all()
    for row in left:
        audit.record(action="entitlement.revoked", object_type="entitlement", object_id=row.id)
    return len(left)


def close_programme() -> int:
    """The contract ended: every member's free units are withdrawn. Returns how many members that was."""
    everyone = session.scalars(
        select(_owed.c.source_id).where(_owed.c.tenant_id == tenant_id(), _owed.c.status != "revoked")
    ).all()
    return revoke(everyone)


def _owed_row(programme: UUID, each: Grant) -> dict[str, Any]:
    return {
        "tenant_id": programme,
        "id": derived_id("entitlement", programme, each.source_id),
        "source_id": each.source_id,
        "login_index": each.login_index,
        "units_granted": each.units,
        "units_reserved": 0,
        "units_consumed": 0,
        "valid_from": each.valid_from,
        "valid_to": each.valid_to,
        "status": "granted",
    }


def _first(
    entitlement_id: UUID, kind: str, key: UUID, units: int, hospital_id: UUID | None, *, at: datetime | None = None
) -> bool:
    wish = insert(_step).values(
        tenant_id=tenant_id(),
        id=new_id(),
        entitlement_id=entitlement_id,
        kind=kind,
        units=units,
        key=key,
        hospital_id=hospital_id,
        at=at or clock.now(),
    )
    done = wish.on_conflict_do_nothing(index_elements=["tenant_id", "key", "kind"]).returning(_step.c.id)
    return session.execute(done).one_or_none() is not None


def _movement(kind: str, key: UUID) -> Any:
    return session.execute(
        select(_step.c.units, _step.c.hospital_id).where(
            _step.c.tenant_id == tenant_id(), _step.c.key == key, _step.c.kind == kind
        )
    ).one_or_none()


def _why_not(mine: Sequence[Any], on: date) -> Exception:
    found = session.execute(select(_owed.c.status, _owed.c.valid_from, _owed.c.valid_to).where(*mine)).one_or_none()
    if found is None:
        return errors.NoSuchBenefit()
    if found.status != "activated" or not found.valid_from <= on <= found.valid_to:
        return errors.EntitlementNotValid(status_now=found.status)
    return errors.EntitlementSpent()


def _count(**changes: int) -> None:
    zero = dict.fromkeys(("members", "members_active", "units_granted", "units_consumed"), 0)
    wish = insert(_total).values(tenant_id=tenant_id(), id=tenant_id(), **(zero | changes))
    added = {name: getattr(_total.c, name) + getattr(wish.excluded, name) for name in changes}
    session.execute(wish.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=added))


__all__ = ["activate", "admit_hospital", "close_programme", "consume", "grant", "release", "reserve", "revoke"]
