"""Taking a roster in. [employer]"""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from b2b.rosters import queries
from b2b.rosters.errors import MemberLeft
from b2b.rosters.events import RosterChanged
from b2b.rosters.models import RosterImport, RosterMember
from b2b.rosters.reading import MemberRow, Roster, read_roster
from tandem.kernel import audit, clock, crypto, outbox
from tandem.kernel.database import session
from tandem.kernel.identity import current_actor
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.tenancy import tenant_id

BATCH = 1_000
ERRORS_KEPT = 1_000

_table = RosterMember.__table__


def import_roster(content: bytes, *, dry_run: bool = False) -> RosterImport:
    """Take a CSV of employees in: new rows are added, known staff numbers changed, bad rows told and left out.

    The same file again changes nothing and answers as the first time. With `dry_run` nothing is written.
    Raises SheetUnreadable.
    """
    digest = sha256(content).digest()
    before = queries.import_of_file(digest)
    if before is not None:
        return before
    roster = read_roster(content)
    known = _known(roster.members)
    report = RosterImport(
        tenant_id=tenant_id(),
        id=new_id(),
        file_sha256=digest,
        rows_read=len(roster.members) + len(roster.refused),
        rows_added=sum(each.staff_number not in known for each in roster.members),
        rows_changed=sum(_differs(each, known) for each in roster.members),
        rows_unchanged=0,
        rows_refused=len(roster.refused),
        errors=_told(roster),
        created_by=current_actor().id,
        created_at=clock.now(),
    )
    report.rows_unchanged = len(roster.members) - report.rows_added - report.rows_changed
    if dry_run:
        return report
    for start in range(0, len(roster.members), BATCH):
        _upsert(roster.members[start : start + BATCH], report.id)
    session.add(report)
    session.flush()
    audit.record(
        action="roster.imported",
        object_type="roster_import",
        object_id=report.id,
        details={"added": report.rows_added, "changed": report.rows_changed, "refused": report.rows_refused},
    )
    outbox.add(RosterChanged(report.id))
    return report


def end_membership(member_id: UUID, *, left_on: date) -> RosterMember:
    """Somebody leaves. Raises NotFound, MemberLeft."""
    leaver = queries.member(member_id)
    if leaver.left_on is not None:
        raise MemberLeft(left_on=leaver.left_on)
    leaver.left_on = left_on
    audit.record(action="roster_member.left", object_type="roster_member", object_id=leaver.id)
    outbox.add(RosterChanged(leaver.import_id))
    return leaver


def _known(rows: Sequence[MemberRow]) -> dict[str, tuple[bytes, date, date | None]]:
    known: dict[str, tuple[bytes, date, date | None]] = {}
    for start in range(0, len(rows), BATCH):
        numbers = [each.staff_number for each in rows[start : start + BATCH]]
        statement = select(_table.c.staff_number, _table.c.login_index, _table.c.joined_on, _table.c.left_on).where(
            _table.c.tenant_id == tenant_id(), _table.c.staff_number.in_(numbers)
        )
        known |= {row[0]: (row[1], row[2], row[3]) for row in session.execute(statement)}
    return known


def _differs(row: MemberRow, known: dict[str, tuple[bytes, date, date | None]]) -> bool:
    held = known.get(row.staff_number)
    return held is not None and held != (_login_index(row), row.joined_on, row.left_on)


def _login_index(row: MemberRow) -> bytes:
    return crypto.platform_index(row.phone, "person.login")


def _upsert(members: Sequence[MemberRow], import_id: UUID) -> None:
    if not members:
        return
    wish = insert(RosterMember).values(
        [
            {
                "tenant_id": tenant_id(),
                "id": derived_id("roster_member", tenant_id(), each.staff_number),
                "staff_number": each.staff_number,
                "name": each.name,
                "phone": each.phone,
                "login_index": _login_index(each),
                "joined_on": each.joined_on,
                "left_on": each.left_on,
                "import_id": import_id,
                "created_at": clock.now(),
            }
            for each in members
        ]
    )
    fresh = {
        name: wish.excluded[name] for name in ("name", "phone", "login_index", "joined_on", "left_on", "import_id")
    }
    changed = or_(
        _table.c.login_index != wish.excluded.login_index,
        _table.c.joined_on != wish.excluded.joined_on,
        func.coalesce(_table.c.left_on, date.max) != func.coalesce(wish.excluded.left_on, date.max),
    )
    session.execute(wish.on_conflict_do_update(index_elements=["tenant_id", "staff_number"], set_=fresh, where=changed))


def _told(roster: Roster) -> list[dict[str, Any]]:
    return [
        {
            "row": each.row,
            "column": each.column,
            "code": each.code,
            "reason": {"en": each.reason.en, "zh": each.reason.zh},
            "mend": {"en": each.mend.en, "zh": each.mend.zh},
        }
        for each in roster.refused[:ERRORS_KEPT]
    ]
