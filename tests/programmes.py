"""Programmes for stories: members who are owed units, hospitals that serve them, and what is left."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tandem.billing import entitlements
from tandem.billing.entitlements.models import Entitlement, EntitlementMovement, ProgrammeTotal
from tandem.kernel import clock, crypto
from tandem.kernel.database import rows, session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.people import a_person

_numbers = iter(range(new_id().int % 10**7, 10**9))


def a_mobile() -> str:
    """A mobile number that nobody else has."""
    return f"+86139{next(_numbers) % 10**8:08d}"


def login_of(phone: str) -> bytes:
    """How a telephone number is found among logins."""
    return crypto.platform_index(phone, "person.login")


@dataclass(frozen=True)
class Member:
    """Somebody a programme owes units."""

    source_id: UUID
    phone: str
    person_id: UUID
    entitlement_id: UUID


@dataclass
class Programme:
    """A programme with one hospital that serves it."""

    id: UUID = field(default_factory=new_id)
    hospital_id: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        with acting_for(self.id), transaction():
            entitlements.admit_hospital(self.hospital_id)

    def grant(self, source_id: UUID, phone: str, units: int = 2, **dates: Any) -> int:
        """Owe a roster row its units; how many are new."""
        days = {"valid_from": clock.today(), "valid_to": clock.today() + timedelta(days=90)} | dates
        with acting_for(self.id), transaction():
            return entitlements.grant([entitlements.Grant(source_id, login_of(phone), units, **days)])

    def activate(self, person_id: UUID, phone: str) -> UUID:
        """Somebody accepts."""
        with acting_for(self.id), transaction():
            return entitlements.activate(person_id, login_of(phone))

    def member(self, units: int = 2, **dates: Any) -> Member:
        """Somebody who was granted their units and has accepted them."""
        source_id, phone = new_id(), a_mobile()
        person_id = a_person(login=phone)
        self.grant(source_id, phone, units, **dates)
        return Member(source_id, phone, person_id, self.activate(person_id, phone))

    def reserve(self, member: Member, key: UUID | None = None, **changes: Any) -> UUID:
        """Keep a unit for a booking; the booking's key."""
        key = key or new_id()
        asked = {"hospital_id": self.hospital_id, "person_id": member.person_id, "on": clock.today()} | changes
        with acting_for(self.id), transaction():
            entitlements.reserve(member.entitlement_id, key=key, **asked)
        return key

    def consume(self, member: Member, key: UUID, at: datetime | None = None) -> None:
        """The visit took place."""
        with acting_for(self.id), transaction():
            entitlements.consume(member.entitlement_id, key=key, at=at or clock.now())

    def release(self, member: Member, key: UUID) -> None:
        """The visit was cancelled."""
        with acting_for(self.id), transaction():
            entitlements.release(member.entitlement_id, key=key)

    def revoke(self, member: Member) -> int:
        """The member leaves the employer."""
        with acting_for(self.id), transaction():
            return entitlements.revoke([member.source_id])

    def close(self) -> int:
        """The contract is over."""
        with acting_for(self.id), transaction():
            return entitlements.close_programme()

    def counts(self, member: Member) -> tuple[int, int, int]:
        """Units granted, reserved and consumed: the counters, which must be the sums of the movements."""
        with acting_for(self.id):
            named = Entitlement.__table__.c
            wanted = select(named.units_granted, named.units_reserved, named.units_consumed)
            [held] = session.execute(wanted.where(named.id == member.entitlement_id)).all()
        counted: tuple[int, int, int] = tuple(held)
        assert counted == self._movements_of(member)
        return counted

    def totals(self) -> dict[str, int]:
        """The programme's sums, as the operator's role reads them."""
        with acting_for(self.id, operator=True):
            [row] = rows(select(*ProgrammeTotal.__table__.c).where(ProgrammeTotal.tenant_id == self.id))
        return {name: row[name] for name in ("members", "members_active", "units_granted", "units_consumed")}

    def _movements_of(self, member: Member) -> tuple[int, int, int]:
        step = EntitlementMovement.__table__.c
        with acting_for(self.id):
            steps = session.execute(
                select(step.kind, step.key, step.units).where(step.entitlement_id == member.entitlement_id)
            ).all()
        consumed = {each.key for each in steps if each.kind == "consume"}
        granted = reserved = used = 0
        for each in steps:
            was_consumed = each.key in consumed
            granted += {"grant": each.units, "revoke": -each.units}.get(each.kind, 0)
            used += {"consume": each.units, "release": -each.units * was_consumed}.get(each.kind, 0)
            taken = {"reserve": each.units, "consume": -each.units, "release": -each.units * (not was_consumed)}
            reserved += taken.get(each.kind, 0)
        return granted, reserved, used
