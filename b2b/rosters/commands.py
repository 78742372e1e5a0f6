"""Taking a roster in. [employer]"""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from b2b.rosters import queries
from b2b.rosters.errors import MemberLeft
from b2b.rosters.events import RosterChanged
from b2b.rosters.models import RosterImport, RosterMember
from b2b.rosters.reading import MemberRow, Roster, read_roster
from tandem.accounts import own_organization
from tandem.kernel import audit, clock, crypto, outbox
from tandem.kernel.database import session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.identity import current_actor
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.tenancy import tenant_id

BATCH = 1_000
ERRORS_KEPT = 1_000

_table = RosterMember.__table__


def import_roster(content: bytes, *, dry_run: bool = False) -> RosterImport:
    """Take a CSV of employees in: new rows are added, known staff numbers changed, bad rows told and left out.

    The file that was taken last, sent again, changes nothing and answers as the first time. Once another file or a
    departure has changed the roster since, the same file is HR's latest word and is taken like any other.
    With `dry_run` it is only told what would happen now. Raises what `read_roster` raises.
    """
    digest = sha256(content).digest()
    if not dry_run:
        own_organization(for_update=True)  # one file of an employer at a time, so that what is told is what was done
        before = queries.standing_import(digest)
        if before is not None:
            return before
    roster = read_roster(content)
    known = _known(roster.members)
    added = [each for each in roster.members if each.staff_number not in known]
    changed = [each for each in roster.members if known.get(each.staff_number, each) != each]
    report = RosterImport(
        tenant_id=tenant_id(),
        id=None if dry_run else new_id(),
        file_sha256=digest,
        rows_read=len(roster.members) + len({each.row for each in roster.refused}),
        rows_added=len(added),
        rows_changed=len(changed),
        rows_unchanged=len(roster.members) - len(added) - len(changed),
        rows_refused=len({each.row for each in roster.refused}),
        errors=_told(roster),
        created_by=current_actor().id,
        created_at=clock.now(),
    )
    if not dry_run:
        _write(report, [*added, *changed])
    return report


def end_membership(member_id: UUID, *, left_on: date) -> RosterMember:
    """Somebody leaves. Raises NotFound, MemberLeft, Invalid for a day before they joined."""
    own_organization(for_update=True)
    leaver = queries.member(member_id)
    if leaver.left_on is not None:
        raise MemberLeft(left_on=leaver.left_on)
    if left_on < leaver.joined_on:
        raise refused_field(
            "left_on",
            Text("This is before the first day", "离职日期早于入职日期"),
            Text("Name the day from which they no longer belong to you.", "请填写自何日起不再在职。"),
        )
    leaver.left_on = left_on
    _supersede_standing_import()
    audit.record(action="roster_member.left", object_type="roster_member", object_id=leaver.id)
    outbox.add(RosterChanged(new_id()))
    return leaver


def _write(report: RosterImport, members: Sequence[MemberRow]) -> None:
    for start in range(0, len(members), BATCH):
        _upsert(members[start : start + BATCH], report.id)
    _supersede_standing_import()
    session.add(report)
    session.flush()
    audit.record(
        action="roster.imported",
        object_type="roster_import",
        object_id=report.id,
        details={"added": report.rows_added, "changed": report.rows_changed, "refused": report.rows_refused},
    )
    outbox.add(RosterChanged(report.id))


def _supersede_standing_import() -> None:
    taken = RosterImport.__table__
    session.execute(
        update(taken)
        .where(taken.c.tenant_id == tenant_id(), taken.c.superseded_at.is_(None))
        .values(superseded_at=clock.now())
    )


def _known(members: Sequence[MemberRow]) -> dict[str, MemberRow]:
    known: dict[str, MemberRow] = {}
    columns = [_table.c[name] for name in MemberRow.__dataclass_fields__]
    for start in range(0, len(members), BATCH):
        numbers = [each.staff_number for each in members[start : start + BATCH]]
        held = select(*columns).where(_table.c.tenant_id == tenant_id(), _table.c.staff_number.in_(numbers))
        known |= {row.staff_number: MemberRow(*row) for row in session.execute(held)}
    return known


def _upsert(members: Sequence[MemberRow], import_id: UUID) -> None:
    # Values are sent apart from the statement, so that it is compiled once and not once for each batch.
    wish = insert(_table)
    rows = [
        {
            "tenant_id": tenant_id(),
            "id": derived_id("roster_member", tenant_id(), each.staff_number),
            "staff_number": each.staff_number,
            "name": each.name,
            "phone": each.phone,
            "login_index": crypto.platform_index(each.phone, "person.login"),
            "joined_on": each.joined_on,
            "left_on": each.left_on,
            "import_id": import_id,
            "created_at": clock.now(),
        }
        for each in members
    ]
    fresh = {
        name: wish.excluded[name] for name in ("name", "phone", "login_index", "joined_on", "left_on", "import_id")
    }
    upsert = wish.on_conflict_do_update(index_elements=["tenant_id", "staff_number"], set_=fresh)
    session.execute(upsert, rows)


def _told(roster: Roster) -> list[dict[str, Any]]:
    return [
        {
            "row": each.row,
            "column": each.field,
            "code": each.code,
            "reason": {"en": each.reason.en, "zh": each.reason.zh},
            "mend": {"en": each.mend.en, "zh": each.mend.zh},
        }
        for each in roster.refused[:ERRORS_KEPT]
    ]
