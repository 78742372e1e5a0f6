"""Writing a register: listed hospitals, known and not admitted, named by nature so that a second run finds them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import literal_column, or_
from sqlalchemy.dialects.postgresql import insert

from tandem.accounts.hands import hand
from tandem.accounts.imports.reading import HospitalRow, Reading
from tandem.accounts.organizations.models import Organization, OrganizationStep
from tandem.accounts.organizations.naming import sort_key
from tandem.accounts.organizations.queries import natural_id
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.identity import current_actor
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID

BATCH_ROWS: Final = 500
_REFRESHED: Final = ("province_code", "city_code", "address", "phone", "tags")

_organization = Organization.__table__.c


@dataclass
class ImportCounts:
    """What an import did, by hospitals."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


def import_hospitals(
    reading: Reading, content: bytes, *, dry_run: bool = False, progress: Callable[[int], None] = lambda _: None
) -> ImportCounts:
    """List the hospitals of a reading. [across tenants]

    A hospital met before is refreshed as long as it is only listed; one that speaks for itself is never overwritten.
    A dry run does all of it and takes it back. `progress` hears how many rows each batch had.
    """
    counts = ImportCounts()
    savepoint = session.begin_nested()
    for start in range(0, len(reading.rows), BATCH_ROWS):
        batch = reading.rows[start : start + BATCH_ROWS]
        _write(batch, counts)
        progress(len(batch))
    if dry_run:
        savepoint.rollback()
        return counts
    savepoint.commit()
    audit.record(
        action="organizations.imported",
        object_type="file",
        object_id=sha256(content).hexdigest(),
        details={"created": counts.created, "updated": counts.updated, "unchanged": counts.unchanged},
        of_tenant=OPERATOR_ID,
    )
    return counts


def _write(batch: Sequence[HospitalRow], counts: ImportCounts) -> None:
    wish = insert(Organization).values([_values(row) for row in batch])
    differs = or_(*(_organization[name].is_distinct_from(wish.excluded[name]) for name in _REFRESHED))
    upsert: Any = wish.on_conflict_do_update(
        index_elements=["tenant_id", "id"],
        set_={name: wish.excluded[name] for name in _REFRESHED}
        | {"version": _organization.version + 1, "updated_at": clock.now()},
        where=(_organization.status == "listed") & differs,
    ).returning(Organization.id, literal_column("xmax = 0").label("is_new"))
    touched = session.execute(upsert).all()
    created = [row.id for row in touched if row.is_new]
    if created:
        session.execute(insert(OrganizationStep), [_first_step(tenant) for tenant in created])
    counts.created += len(created)
    counts.updated += len(touched) - len(created)
    counts.unchanged += len(batch) - len(touched)


def _values(row: HospitalRow) -> dict[str, Any]:
    tenant, now = natural_id("hospital", name=row.name, city=row.city), clock.now()
    return {
        "tenant_id": tenant,
        "id": tenant,
        "kind": "hospital",
        "status": "listed",
        "name": row.name,
        "name_sort": sort_key(row.name),
        "province_code": row.province_code,
        "province": row.province,
        "city_code": row.city_code,
        "city": row.city,
        "address": row.address,
        "phone": row.phone,
        "tags": list(row.tags),
        "source": "import",
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


def _first_step(tenant: UUID) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "id": new_id(),
        "organization_id": tenant,
        "to_status": "listed",
        "taken_by": hand(),
        "taken_by_kind": current_actor().kind,
        "taken_at": clock.now(),
    }
