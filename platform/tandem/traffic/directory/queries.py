"""Searching the directory. Reads only public tables; no tenant is chosen."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, any_, or_, select

from tandem.kernel import clock
from tandem.kernel.database import Page, page, rows
from tandem.kernel.errors import NotFound
from tandem.traffic.directory.models import DirectoryHospital, DirectoryPractitioner, DirectoryService
from tandem.traffic.directory.naming import is_initials

_hospital = DirectoryHospital.__table__.c
_service = DirectoryService.__table__.c


def hospitals(
    *, specialty: str | None, province: str | None, city: str | None, q: str | None, limit: int, after: str | None
) -> Page:
    """Live, licensed hospitals by name; `q` is the beginning of the name, or of its pinyin initials."""
    statement = _licensed(select(DirectoryHospital.__table__))
    if specialty is not None:
        statement = statement.where(any_(_hospital.specialty_codes) == specialty)
    statement = _placed(statement, province, city)
    if q is not None:
        statement = statement.where(_named(q))
    return page(statement, by=[DirectoryHospital.name_sort, DirectoryHospital.id], limit=limit, after=after)


def hospital(hospital_id: UUID) -> dict[str, Any]:
    """One hospital with the people who practise there. Raises NotFound, also for one that is not shown."""
    found = rows(_licensed(select(DirectoryHospital.__table__)).where(_hospital.id == hospital_id))
    if not found:
        raise NotFound
    return dict(found[0])


def practitioners(hospital_id: UUID, *, limit: int, after: str | None) -> Page:
    """Who practises in a hospital, by name. Raises NotFound for a hospital that is not shown."""
    hospital(hospital_id)
    statement = select(DirectoryPractitioner.__table__).where(DirectoryPractitioner.hospital_id == hospital_id)
    by = [DirectoryPractitioner.name_sort, DirectoryPractitioner.id]
    return page(statement, by=by, limit=limit, after=after)


def services(
    *,
    specialty: str | None,
    hospital_id: UUID | None,
    province: str | None,
    city: str | None,
    mode: str | None,
    care_type: str | None,
    q: str | None,
    limit: int,
    after: str | None,
) -> Page:
    """Published services of live, licensed hospitals, cheapest first; `q` is the beginning of the hospital's name."""
    statement = _licensed(
        select(DirectoryService.__table__, _hospital.name.label("hospital_name"), _hospital.city, _hospital.level).join(
            DirectoryHospital.__table__, _hospital.id == _service.hospital_id
        )
    )
    if specialty is not None:
        column = _service.subject if len(specialty) == 2 else _service.specialty
        statement = statement.where(column == specialty)
    exact = {_service.hospital_id: hospital_id, _service.mode: mode, _service.care_type: care_type}
    statement = statement.where(*(column == value for column, value in exact.items() if value is not None))
    statement = _placed(statement, province, city)
    if q is not None:
        statement = statement.where(_named(q))
    return page(statement, by=[DirectoryService.price_minor, DirectoryService.id], limit=limit, after=after)


def service(service_id: UUID) -> dict[str, Any]:
    """One published service. Raises NotFound, also for one that is not shown."""
    statement = _licensed(
        select(DirectoryService.__table__, _hospital.name.label("hospital_name"), _hospital.city, _hospital.level).join(
            DirectoryHospital.__table__, _hospital.id == _service.hospital_id
        )
    )
    found = rows(statement.where(_service.id == service_id))
    if not found:
        raise NotFound
    return dict(found[0])


def _licensed(statement: Select[Any]) -> Select[Any]:
    # A licence that ran out at midnight hides the hospital at midnight, whenever the projection follows.
    return statement.where(_hospital.licence_valid_to >= clock.today())


def _placed(statement: Select[Any], province: str | None, city: str | None) -> Select[Any]:
    if province is not None:
        statement = statement.where(_hospital.province == province)
    if city is not None:
        statement = statement.where(_hospital.city == city)
    return statement


def _named(typed: str) -> Any:
    begins = _hospital.name.startswith(typed, autoescape=True)
    if not is_initials(typed):
        return begins
    return or_(begins, _hospital.initials.startswith(typed.lower(), autoescape=True))
