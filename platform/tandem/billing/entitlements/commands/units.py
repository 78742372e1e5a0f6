"""A unit's way: reserved by a booking, consumed by a visit, released by a cancellation. [programme]

Every step is keyed by the payment, so doing it twice changes nothing.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.entitlements import errors
from tandem.billing.entitlements.commands.sums import add_to_sums, locked_sums
from tandem.billing.entitlements.models import Entitlement, EntitlementMovement, ProgrammeHospital
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id

_owed = Entitlement.__table__
_step = EntitlementMovement.__table__


def reserve(entitlement_id: UUID, *, key: UUID, hospital_id: UUID, person_id: UUID, on: date, units: int = 1) -> None:
    """Keep units for one booking; `key` is the payment's id. The row's lock decides who gets the last one.

    Raises NoSuchBenefit, HospitalOutsideProgramme, EntitlementNotValid (also for a key whose units were given back)
    or EntitlementSpent. Nothing is written when it raises.
    """
    held = _locked(entitlement_id)
    if held is None or held.person_id != person_id:
        raise errors.NoSuchBenefit
    if _movement(entitlement_id, "release", key) is not None:
        raise errors.EntitlementNotValid(status_now=held.status)
    if _movement(entitlement_id, "reserve", key) is not None:
        return
    if not _serves(hospital_id):
        raise errors.HospitalOutsideProgramme
    if held.status != "activated" or not held.valid_from <= on <= held.valid_to:
        raise errors.EntitlementNotValid(status_now=held.status)
    if held.units_reserved + held.units_consumed + units > held.units_granted:
        raise errors.EntitlementSpent
    _write(entitlement_id, "reserve", key, units, hospital_id)
    _change(entitlement_id, units_reserved=held.units_reserved + units)


def consume(entitlement_id: UUID, *, key: UUID, at: datetime) -> None:
    """The visit took place `at` that moment: what was reserved is used. The books of both sides count it then.

    Without a reservation, or after a release, nothing happens.
    """
    locked_sums()
    held, reserved = _locked(entitlement_id), _movement(entitlement_id, "reserve", key)
    if held is None or reserved is None or _is_over(entitlement_id, key):
        return
    _write(entitlement_id, "consume", key, reserved.units, reserved.hospital_id, at=at)
    _change(
        entitlement_id,
        units_reserved=held.units_reserved - reserved.units,
        units_consumed=held.units_consumed + reserved.units,
    )
    add_to_sums(units_consumed=reserved.units)


def release(entitlement_id: UUID, *, key: UUID) -> None:
    """Give a booking's units back: it was cancelled or refunded. A consumed unit comes back too.

    What a leaver gives back is withdrawn at once.
    """
    locked_sums()
    held, reserved = _locked(entitlement_id), _movement(entitlement_id, "reserve", key)
    if held is None or reserved is None or _movement(entitlement_id, "release", key) is not None:
        return
    was_consumed = _movement(entitlement_id, "consume", key) is not None
    _write(entitlement_id, "release", key, reserved.units, reserved.hospital_id)
    column = "units_consumed" if was_consumed else "units_reserved"
    changes = {column: getattr(held, column) - reserved.units}
    if held.status == "revoked":
        _write(entitlement_id, "revoke", key, reserved.units, None)
        changes["units_granted"] = held.units_granted - reserved.units
    _change(entitlement_id, **changes)
    if was_consumed:
        add_to_sums(units_consumed=-reserved.units)


def _locked(entitlement_id: UUID) -> Any:
    return session.execute(
        select(_owed).where(_owed.c.tenant_id == tenant_id(), _owed.c.id == entitlement_id).with_for_update()
    ).one_or_none()


def _change(entitlement_id: UUID, **changes: Any) -> None:
    named = [_owed.c.tenant_id == tenant_id(), _owed.c.id == entitlement_id]
    session.execute(update(_owed).where(*named).values(**changes))


def _write(
    entitlement_id: UUID, kind: str, key: UUID, units: int, hospital_id: UUID | None, *, at: datetime | None = None
) -> None:
    step = {"entitlement_id": entitlement_id, "kind": kind, "units": units, "key": key, "hospital_id": hospital_id}
    session.execute(insert(_step).values(tenant_id=tenant_id(), id=new_id(), at=at or clock.now(), **step))


def _movement(entitlement_id: UUID, kind: str, key: UUID) -> Any:
    mine = [_step.c.tenant_id == tenant_id(), _step.c.entitlement_id == entitlement_id]
    return session.execute(
        select(_step.c.units, _step.c.hospital_id).where(*mine, _step.c.key == key, _step.c.kind == kind)
    ).one_or_none()


def _is_over(entitlement_id: UUID, key: UUID) -> bool:
    return any(_movement(entitlement_id, kind, key) is not None for kind in ("consume", "release"))


def _serves(hospital_id: UUID) -> bool:
    listed = select(ProgrammeHospital.id).where(
        ProgrammeHospital.tenant_id == tenant_id(), ProgrammeHospital.id == hospital_id
    )
    return session.scalar(listed) is not None
