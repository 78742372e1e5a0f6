"""Who is owed what: members are granted their units, accept them, leave, come back; a programme closes. [programme]"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.entitlements.commands.sums import add_to_sums, locked_sums
from tandem.billing.entitlements.errors import NoSuchBenefit
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

CLOSED_AT_ONCE: Final = 1_000

_owed = Entitlement.__table__
_total = ProgrammeTotal.__table__


def admit_hospital(hospital_id: UUID) -> None:
    """Let a hospital serve this programme."""
    wish = insert(ProgrammeHospital.__table__).values(tenant_id=tenant_id(), id=hospital_id, admitted_at=clock.now())
    session.execute(wish.on_conflict_do_nothing())


def grant(grants: Sequence[Grant]) -> int:
    """Owe these members their units. Returns how many are members for the first time, which is what is billed.

    Whoever is owed already keeps what they have, but a telephone number that HR corrected is followed until somebody
    has accepted. Whoever left and is back is owed again what is left of the same units. A closed programme grants
    nothing.
    """
    if not grants or locked_sums().closed_at is not None:
        return 0
    fresh = _owe(grants)
    back = _bring_back({each.source_id: each for each in grants if each.source_id not in fresh})
    _invite({each.login_index for each in grants if each.source_id in fresh | back})
    add_to_sums(members=len(fresh), units_granted=sum(each.units for each in grants if each.source_id in fresh))
    return len(fresh)


def activate(person_id: UUID, login_index: bytes) -> UUID:
    """The member accepts the benefit: from here on it can be used. Returns the entitlement's id.

    Raises NoSuchBenefit when nothing is waiting for this login.
    """
    locked_sums()
    # A telephone number finds a new owner one day; what its former owner accepted stays theirs.
    nobody_elses = or_(_owed.c.person_id.is_(None), _owed.c.person_id == person_id)
    waiting = (
        select(_owed.c.id, _owed.c.status, _owed.c.activated_at)
        .where(_owed.c.tenant_id == tenant_id(), _owed.c.login_index == login_index, _owed.c.status != "revoked")
        .where(nobody_elses)
        .order_by(_owed.c.created_at.desc(), _owed.c.id)
        .limit(1)
        .with_for_update()
    )
    found = session.execute(waiting).one_or_none()
    if found is None:
        raise NoSuchBenefit
    if found.status == "granted":
        first_time = found.activated_at is None
        _change(
            found.id,
            status="activated",
            person_id=person_id,
            activated_at=clock.now() if first_time else found.activated_at,
        )
        # Whoever left and came back was counted when they accepted first.
        add_to_sums(members_active=int(first_time))
        audit.record(action="entitlement.activated", object_type="entitlement", object_id=found.id)
    entitlement_id: UUID = found.id
    return entitlement_id


def revoke(source_ids: Sequence[UUID]) -> int:
    """Members left the employer: what is free is withdrawn, what is reserved may be finished. Returns how many."""
    locked_sums()
    left = _withdraw(_owed.c.source_id.in_(source_ids), len(source_ids))
    for entitlement_id in left:
        audit.record(action="entitlement.revoked", object_type="entitlement", object_id=entitlement_id)
    return len(left)


def close_programme() -> int:
    """The contract ended: every member's free units are withdrawn, none is ever granted again. Returns how many."""
    if locked_sums().closed_at is not None:
        return 0
    session.execute(update(_total).where(_total.c.tenant_id == tenant_id()).values(closed_at=clock.now()))
    members = 0
    while left := _withdraw(_owed.c.status != "revoked", CLOSED_AT_ONCE):
        members += len(left)
    audit.record(
        action="programme.closed", object_type="organization", object_id=tenant_id(), details={"members": members}
    )
    return members


def _owe(grants: Sequence[Grant]) -> set[UUID]:
    now, programme = clock.now(), tenant_id()
    wish = insert(_owed).on_conflict_do_nothing(index_elements=["tenant_id", "source_id"])
    fresh = session.execute(
        wish.returning(_owed.c.id, _owed.c.source_id, _owed.c.units_granted),
        [_owed_row(programme, each) | {"created_at": now} for each in grants],
    ).all()
    _write("grant", [(row.id, row.source_id, row.units_granted) for row in fresh])
    return {row.source_id for row in fresh}


def _bring_back(grants: Mapping[UUID, Grant]) -> set[UUID]:
    if not grants:
        return set()
    known = select(_owed).where(
        _owed.c.tenant_id == tenant_id(), _owed.c.source_id.in_(grants), _owed.c.status != "activated"
    )
    back: set[UUID] = set()
    for held in session.execute(known.order_by(_owed.c.id).with_for_update()).all():
        wanted = grants[held.source_id]
        if held.status == "granted" and held.login_index == wanted.login_index:
            continue
        units = max(wanted.units, held.units_reserved + held.units_consumed)
        if units > held.units_granted:
            _write("grant", [(held.id, new_id(), units - held.units_granted)])
        _change(
            held.id,
            status="granted",
            login_index=wanted.login_index,
            person_id=held.person_id if held.login_index == wanted.login_index else None,
            units_granted=max(units, held.units_granted),
        )
        back.add(held.source_id)
    return back


def _withdraw(whose: ColumnElement[bool], at_most: int) -> list[UUID]:
    members = select(_owed.c.id, _owed.c.units_granted, _owed.c.units_reserved, _owed.c.units_consumed).where(
        _owed.c.tenant_id == tenant_id(), _owed.c.status != "revoked", whose
    )
    held = session.execute(members.order_by(_owed.c.id).limit(at_most).with_for_update()).all()
    if not held:
        return []
    free = [(row.id, new_id(), row.units_granted - row.units_reserved - row.units_consumed) for row in held]
    _write("revoke", [each for each in free if each[2] > 0])
    session.execute(
        update(_owed)
        .where(_owed.c.tenant_id == tenant_id(), _owed.c.id.in_([row.id for row in held]))
        .values(status="revoked", units_granted=_owed.c.units_reserved + _owed.c.units_consumed)
    )
    return [row.id for row in held]


def _invite(logins: set[bytes]) -> None:
    if not logins:
        return
    waiting = [
        {"login_index": index, "programme_id": tenant_id(), "created_at": clock.now()} for index in sorted(logins)
    ]
    session.execute(insert(BenefitInvitation.__table__).on_conflict_do_nothing(), waiting)


def _write(kind: str, steps: Sequence[tuple[UUID, UUID, int]]) -> None:
    """Write steps down: entitlement, key, units."""
    if not steps:
        return
    common = {"tenant_id": tenant_id(), "kind": kind, "at": clock.now()}
    written = [
        common | {"id": new_id(), "entitlement_id": entitlement_id, "key": key, "units": units}
        for entitlement_id, key, units in steps
    ]
    session.execute(insert(EntitlementMovement.__table__), written)


def _change(entitlement_id: UUID, **changes: Any) -> None:
    named = [_owed.c.tenant_id == tenant_id(), _owed.c.id == entitlement_id]
    session.execute(update(_owed).where(*named).values(**changes))


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
