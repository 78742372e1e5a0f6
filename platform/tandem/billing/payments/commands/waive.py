"""Waivers: care is never simply free. Who bears it, who decided it and why is on record, and in the book."""

from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.billing.ledger import journal_by_rule, lock_book, post
from tandem.billing.payments.errors import WaiverNeedsSecond, WaiverPaid
from tandem.billing.payments.models import ALONE_UP_TO_MINOR, BEARERS, WAIVER_NEXT, Waiver
from tandem.billing.payments.queries import waivers
from tandem.kernel import audit, clock
from tandem.kernel.database import session
from tandem.kernel.errors import refused_field
from tandem.kernel.i18n import Text
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

_RULES: Final = {
    "hospital_fund": ("care_waived", "waived"),
    "charity": ("care_subsidised", "subsidy"),
    "insurer": ("care_insured", "covered"),
}
"""How each bearer's part is booked: posting rule, and its name for the amount (money.md 2.3)."""


def waive(
    *, order_type: str, order_id: UUID, amount: Money, bearer: str, bearer_name: str | None, reason: str, by: UUID
) -> Waiver:
    """Take part of an order's price off its patient, at checkout or after. [hospital]

    Up to ALONE_UP_TO_MINOR an order it is granted at once; what goes beyond, however it is cut into parts, waits for
    a second person. Raises Invalid.
    """
    _check(amount, bearer, bearer_name)
    # One decision on an order at a time, or two of them could each stay under the limit.
    lock_book(amount.currency)
    before_minor = waivers.waived_minor(order_type, order_id, amount.currency)
    waiver = Waiver(
        tenant_id=tenant_id(),
        id=new_id(),
        order_type=order_type,
        order_id=order_id,
        bearer=bearer,
        bearer_name=bearer_name,
        reason=reason,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        needs_second=before_minor + amount.amount_minor > ALONE_UP_TO_MINOR,
        proposed_by=by,
    )
    session.add(waiver)
    session.flush()
    audit.record(
        action="waiver.proposed",
        object_type="waiver",
        object_id=waiver.id,
        details={"bearer": bearer, "amount_minor": amount.amount_minor, "reason": reason},
    )
    if not waiver.needs_second:
        _grant(waiver, by)
    return waiver


def approve_waiver(waiver_id: UUID, *, by: UUID) -> Waiver:
    """The second person agrees; it is booked. [hospital] Raises WaiverNeedsSecond, TransitionRefused, NotFound."""
    waiver = waivers.waiver(waiver_id, for_update=True)
    if waiver.proposed_by == by:
        raise WaiverNeedsSecond
    _grant(waiver, by)
    return waiver


def refuse_waiver(waiver_id: UUID, *, by: UUID, because: str) -> Waiver:
    """It is not granted, or its proposer thought better of it. [hospital] Raises TransitionRefused, NotFound."""
    waiver = waivers.waiver(waiver_id, for_update=True)
    move(waiver, "refused", WAIVER_NEXT, because=because)
    if waiver.proposed_by != by:
        waiver.decided_by = by
    waiver.decided_at = clock.now()
    return waiver


def take_back_waiver(waiver_id: UUID, *, by: UUID, because: str) -> Waiver:
    """A granted waiver was a mistake, or its visit did not take place: the patient owes (or is owed) it again.

    [hospital] Raises WaiverNeedsSecond for whoever granted it alone above the limit, WaiverPaid, TransitionRefused,
    NotFound.
    """
    waiver = waivers.waiver(waiver_id, for_update=True)
    if waivers.received_minor(waiver_id):
        raise WaiverPaid
    if waiver.needs_second and waiver.decided_by == by:
        raise WaiverNeedsSecond
    move(waiver, "taken_back", WAIVER_NEXT, because=because)
    _book(waiver, "taken_back", -waiver.amount_minor, clock.now())
    return waiver


def _grant(waiver: Waiver, by: UUID) -> None:
    move(waiver, "granted", WAIVER_NEXT)
    waiver.decided_by, waiver.decided_at = by, clock.now()
    session.flush()
    _book(waiver, "granted", waiver.amount_minor, waiver.decided_at)


def _book(waiver: Waiver, step: str, amount_minor: int, at: datetime) -> None:
    rule, name = _RULES[waiver.bearer]
    draft = journal_by_rule(
        rule,
        amounts={name: amount_minor},
        key=f"{waiver.id}:{step}",
        effective_at=at,
        source_type="waiver",
        source_id=waiver.id,
        currency=waiver.currency,
        correlation_id=waiver.order_id,
    )
    post([draft])


def _check(amount: Money, bearer: str, bearer_name: str | None) -> None:
    if amount.amount_minor <= 0:
        raise refused_field(
            "amount",
            Text("There is nothing to waive", "减免金额无效"),
            Text("Give an amount above zero.", "金额必须大于零。"),
        )
    if bearer not in BEARERS:
        raise refused_field(
            "bearer",
            Text("Nobody of that kind can bear it", "不支持该承担方"),
            Text(f"Choose one of: {', '.join(BEARERS)}.", f"请选择：{'、'.join(BEARERS)}。"),
            "choice",
        )
    if (bearer == "hospital_fund") != (bearer_name is None):
        raise refused_field(
            "bearer_name",
            Text("A charity or an insurer has a name, the hospital's own fund has none", "慈善或保险须填写名称"),
            Text("Send bearer_name with charity or insurer, and leave it out otherwise.", "仅在慈善或保险时填写名称。"),
        )
