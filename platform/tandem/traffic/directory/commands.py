"""Writing the directory. The hospitals' house tells what is true; nothing here decides who may be seen."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import delete, insert, text

from tandem.accounts import sort_key
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.traffic.directory.models import DirectoryHospital, DirectoryPractitioner, DirectoryService
from tandem.traffic.directory.naming import initials


@dataclass(frozen=True, kw_only=True)
class HospitalCard:
    """What the public sees of a hospital. `specialties` are {code, zh, en}."""

    id: UUID
    name: str
    second_name: str | None
    province: str | None
    city: str | None
    level: str | None
    address: str | None
    phone: str | None
    website: str | None
    introduction: str
    licence_number: str
    licence_authority: str
    licence_valid_to: date
    specialties: list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class ServiceCard:
    """What the public sees of a service. The price is in minor units."""

    id: UUID
    name: str
    name_en: str | None
    description: str
    specialty: str
    specialty_name_zh: str
    specialty_name_en: str
    mode: str
    care_type: str
    price_minor: int
    currency: str
    duration_minutes: int


@dataclass(frozen=True, kw_only=True)
class PractitionerCard:
    """What the public must be shown of a practitioner."""

    id: UUID
    name: str
    title: str
    kind: str
    introduction: str
    specialties: list[str]


def hold(hospital_id: UUID) -> None:
    """Let one writer at a time compute a hospital's cards, so that an older view never overwrites a newer one."""
    # Transaction-scoped: safe behind PgBouncer, gone with the transaction.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": hospital_id.int % 2**63})


def list_hospital(
    card: HospitalCard, services: Sequence[ServiceCard], practitioners: Sequence[PractitionerCard]
) -> None:
    """Show a hospital with all its cards, in place of what was shown of it before."""
    delist_hospital(card.id)
    session.execute(
        insert(DirectoryHospital).values(
            **asdict(card),
            name_sort=sort_key(card.name),
            initials=initials(card.name),
            specialty_codes=_searched(card.specialties),
            refreshed_at=clock.now(),
        )
    )
    if services:
        cards = [asdict(each) | {"hospital_id": card.id, "subject": each.specialty[:2]} for each in services]
        session.execute(insert(DirectoryService), cards)
    if practitioners:
        shown = [asdict(each) | {"hospital_id": card.id, "name_sort": sort_key(each.name)} for each in practitioners]
        session.execute(insert(DirectoryPractitioner), shown)


def delist_hospital(hospital_id: UUID) -> None:
    """Show nothing of a hospital any more."""
    session.execute(delete(DirectoryService).where(DirectoryService.hospital_id == hospital_id))
    session.execute(delete(DirectoryPractitioner).where(DirectoryPractitioner.hospital_id == hospital_id))
    session.execute(delete(DirectoryHospital).where(DirectoryHospital.id == hospital_id))


def _searched(specialties: Sequence[dict[str, str]]) -> list[str]:
    codes = {each["code"] for each in specialties}
    # A search for a whole subject finds hospitals that registered only professions of it.
    return sorted(codes | {code[:2] for code in codes})
