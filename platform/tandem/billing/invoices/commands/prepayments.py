"""The end of a prepayment: what a programme left is refunded or serves the following one, and is nobody's income.

The operator proposes, the employer decides. The rest is read off the operator's book, which has every draw.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from tandem.accounts import hand
from tandem.billing import entitlements
from tandem.billing.contracts import require_signed
from tandem.billing.invoices import postings, queries
from tandem.billing.invoices.errors import (
    PrepaymentChanged,
    PrepaymentClosed,
    PrepaymentNeedsSecond,
    PrepaymentRunning,
    PrepaymentUnbooked,
    PrepaymentUnpaid,
    PrepaymentUsedUp,
)
from tandem.billing.invoices.events import PrepaymentClosingAccepted
from tandem.billing.invoices.models import CLOSING_NEXT, PrepaymentClosing
from tandem.billing.ledger import balance_minor, is_mirrored, lock_book, mirror_currency, post
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id

STILL_DRAWN: Final = timedelta(days=7)
"""So long after its last day a programme's last visits may still be on their way into the books."""


def propose_closing(
    programme_id: UUID, *, policy: str, following_programme_id: UUID | None = None, currency: str = "CNY"
) -> PrepaymentClosing:
    """Say what becomes of what a programme left, or of what came back to it since it was closed.

    [employer, operator's role]
    Raises PrepaymentRunning until it is over and drawn on no more, PrepaymentUnpaid, PrepaymentUnbooked,
    PrepaymentUsedUp for no rest, PrepaymentClosed, Invalid for a programme that this employer never signed.
    """
    if (policy == "rolled_over") != (following_programme_id is not None) or following_programme_id == programme_id:
        raise refused_field(
            "following_programme_id",
            Text("What is rolled over, and nothing else, serves another programme", "仅结转须填写后续计划"),
            Text("Name the following programme with rolled_over only.", "仅在结转时填写另一计划。"),
        )
    for each in (programme_id, following_programme_id):
        require_signed(contract_id=None, programme_id=each)
    _require_over(programme_id)
    _require_settled(programme_id, currency)
    closing = PrepaymentClosing(
        tenant_id=tenant_id(),
        id=new_id(),
        programme_id=programme_id,
        policy=policy,
        following_programme_id=following_programme_id,
        unused_minor=_unused_minor(programme_id, currency),
        currency=currency,
        proposed_by=hand(),
    )
    with refusing(prepayment_closing_once_key=PrepaymentClosed):
        session.add(closing)
    audit.record(
        action="prepayment_closing.proposed",
        object_type="prepayment_closing",
        object_id=closing.id,
        details={"policy": policy, "programme_id": str(programme_id), "unused_minor": closing.unused_minor},
    )
    return closing


def decide_closing(closing_id: UUID, decision: Literal["accepted", "declined"]) -> PrepaymentClosing:
    """The employer's word on it; accepted, it is booked. [employer]

    Raises PrepaymentNeedsSecond for whoever proposed it, PrepaymentChanged when the rest is another by now or an
    invoice was issued meanwhile, PrepaymentUnbooked, TransitionRefused, NotFound.
    """
    closing, decider = queries.prepayment_closing(closing_id, for_update=True), hand()
    if decision == "accepted" and decider is not None and closing.proposed_by == decider:
        raise PrepaymentNeedsSecond
    move(closing, decision, CLOSING_NEXT)
    closing.decided_by, closing.decided_at = decider, clock.now()
    if decision == "accepted":
        _book(closing)
        outbox.add(PrepaymentClosingAccepted(closing.id))
    return closing


def book_roll_over(closing: PrepaymentClosing) -> None:
    """The operator's side of a rest that serves the following programme. [operator's tenant]"""
    post([postings.programme_rolled_over(closing)])


def book_draws(told: Mapping[UUID, int], *, key: str, at: datetime, currency: str) -> None:
    """What was told as drawn on programmes is the employer's expense, booked once for each key and programme.

    Not of a programme that was closed, whose closing has booked all there was, nor of one whose invoices were booked
    as expense at once. [employer]
    """
    lock_book(currency)
    drafts = [
        postings.prepayment_drawn(programme, told[programme], key=f"{key}:{programme}", at=at, currency=currency)
        for programme in sorted(queries.prepaid_programmes(currency) & told.keys())
        if told[programme]
    ]
    post(drafts)


def _book(closing: PrepaymentClosing) -> None:
    lock_book(closing.currency)
    # An invoice that was being issued while the rest was proposed held no row that anybody could see.
    if queries.open_minor_of(closing.programme_id, closing.currency):
        raise PrepaymentChanged
    _require_booked(closing.programme_id, closing.currency)
    if _unused_minor(closing.programme_id, closing.currency) != closing.unused_minor:
        raise PrepaymentChanged
    # Draws that no statement told, because few stood behind them, are told now, in one sum with all others.
    held_minor = balance_minor("prepaid.benefits", party_id=closing.programme_id, currency=closing.currency)
    at, used_minor = closing.decided_at or clock.now(), held_minor - closing.unused_minor
    about: dict[str, Any] = {"key": str(closing.id), "at": at, "currency": closing.currency}
    drawn = [postings.prepayment_drawn(closing.programme_id, used_minor, **about)] if used_minor else []
    post([*drawn, postings.prepayment_closed(closing)])
    jobs.enqueue(mirror_currency, currency=closing.currency)


def _require_over(programme_id: UUID) -> None:
    with acting_for(programme_id):
        totals, reserved = entitlements.programme_totals(), entitlements.units_reserved()
    closed_at = totals.closed_at if totals is not None else None
    if closed_at is None or reserved or closed_at + STILL_DRAWN > clock.now():
        raise PrepaymentRunning(days=STILL_DRAWN.days)


def _require_settled(programme_id: UUID, currency: str) -> None:
    held = queries.hold_invoices_of(programme_id, currency)
    open_minor = sum(row.open_minor for row in held if row.status == "issued")
    if open_minor:
        raise PrepaymentUnpaid(open_minor=open_minor)
    _require_booked(programme_id, currency)


def _require_booked(programme_id: UUID, currency: str) -> None:
    # What was credited a moment ago is owed back on its invoice; still counted as left, it would go back twice. So
    # would what an earlier closing handed on, until the operator's book has followed.
    if not queries.are_booked(programme_id, currency) or not is_mirrored(currency):
        raise PrepaymentUnbooked
    handed_on = queries.handed_on(programme_id, currency)
    with acting_for(OPERATOR_ID, operator=True):
        if not queries.have_followed(handed_on):
            raise PrepaymentUnbooked


def _unused_minor(programme_id: UUID, currency: str) -> int:
    with acting_for(OPERATOR_ID, operator=True):
        owed_minor = -balance_minor("prepaid.programme", party_id=programme_id, currency=currency)
    if owed_minor <= 0:
        raise PrepaymentUsedUp
    return owed_minor
