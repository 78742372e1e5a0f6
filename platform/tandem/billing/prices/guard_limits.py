"""The limits of the guard on runaway bills: dated rows, changed by two people of the operator, never edited.

Names say whom they guard (`invoice.`, `statement.`) and in which unit; decision 0029 says what each is for.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select

from tandem.accounts import deciding_hand
from tandem.billing.prices.models import GuardLimit, GuardLimitProposal
from tandem.kernel import audit, clock
from tandem.kernel.database import Page, page, refusing, session
from tandem.kernel.errors import NotFound, Problem
from tandem.kernel.i18n import Text

_UNKNOWN: Final = "no value is in force for the limits {}"


class GuardLimitNeedsSecond(Problem):
    """Whoever proposed a limit does not approve it."""

    status, slug = 403, "guard-limit-needs-second"
    title = Text("A second person must agree", "须由另一人审批")
    mend = Text("Ask a colleague who may approve limits.", "请由另一位有审批权限的同事处理。")


class GuardLimitDayPassed(Problem):
    """What was in line on a day that has begun is not decided afterwards."""

    status, slug = 409, "guard-limit-day-passed"
    title = Text("That day has begun already", "该生效日期已到或已过")
    mend = Text("Propose it again for a day to come.", "请以未来的日期重新提交。")


class GuardLimitExists(Problem):
    """A limit has one value for each day."""

    status, slug = 409, "guard-limit-exists"
    title = Text("There is a value from that day already", "该日起已有此限额")
    mend = Text("Propose another day.", "请另选生效日期。")


def guard_limits_on(day: date, about: str) -> Mapping[str, int]:
    """The limits of one guard in force on a day, by the name behind its dot. Raises LookupError for none at all."""
    found = session.execute(
        select(GuardLimit.name, GuardLimit.value)
        .where(GuardLimit.name.startswith(f"{about}."), GuardLimit.effective_from <= day)
        .order_by(GuardLimit.name, GuardLimit.effective_from)
    )
    limits = {row.name.partition(".")[2]: row.value for row in found}
    if not limits:
        raise LookupError(_UNKNOWN.format(about))
    return limits


def propose_guard_limit(*, name: str, value: int, effective_from: date, because: str) -> GuardLimitProposal:
    """Ask for another limit from a day to come. [operator] Raises GuardLimitDayPassed."""
    _require_to_come(effective_from)
    row = GuardLimitProposal(
        name=name, value=value, effective_from=effective_from, because=because, proposed_by=deciding_hand()
    )
    session.add(row)
    session.flush()
    audit.record(
        action="guard_limit.proposed",
        object_type="guard_limit_proposal",
        object_id=row.id,
        details={"name": name, "value": value, "because": because},
    )
    return row


def approve_guard_limit(proposal_id: UUID) -> GuardLimit:
    """The second person puts a proposal in force. [operator]

    Raises GuardLimitNeedsSecond, GuardLimitDayPassed, GuardLimitExists, NotFound.
    """
    asked = session.get(GuardLimitProposal, proposal_id)
    if asked is None:
        raise NotFound
    approver = deciding_hand()
    if approver == asked.proposed_by:
        raise GuardLimitNeedsSecond
    _require_to_come(asked.effective_from)
    row = GuardLimit(
        name=asked.name,
        effective_from=asked.effective_from,
        value=asked.value,
        because=asked.because,
        proposed_by=asked.proposed_by,
        approved_by=approver,
    )
    with refusing(guard_limit_pkey=GuardLimitExists):
        session.add(row)
    audit.record(
        action="guard_limit.approved",
        object_type="guard_limit_proposal",
        object_id=asked.id,
        details={"name": row.name, "value": row.value},
    )
    return row


def guard_limits(*, limit: int, after: str | None) -> Page:
    """Every value that every limit has had and will have, by name."""
    by = [GuardLimit.name, GuardLimit.effective_from]
    return page(select(*GuardLimit.__table__.c), by=by, limit=limit, after=after)


def guard_limit_proposals(*, limit: int, after: str | None) -> Page:
    """What was asked for, in the order it was. [operator]"""
    return page(select(*GuardLimitProposal.__table__.c), by=[GuardLimitProposal.id], limit=limit, after=after)


def _require_to_come(day: date) -> None:
    if day <= clock.today():
        raise GuardLimitDayPassed(effective_from=day.isoformat())
