"""Holds: money set aside before it moves. Every step posts a journal; none edits one. 资金冻结"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from tandem.billing.ledger import queries
from tandem.billing.ledger.chart import HOLDABLE
from tandem.billing.ledger.commands.books import lock_book
from tandem.billing.ledger.commands.posting import post
from tandem.billing.ledger.drafting import journal_by_rule
from tandem.billing.ledger.drafts import JournalDraft
from tandem.billing.ledger.errors import HoldExpired, HoldKeyReused, HoldNotPossible, HoldTooSmall
from tandem.billing.ledger.models import HOLD_NEXT, MoneyHold
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

EXPIRED_AT_ONCE: Final = 500


def place_hold(
    account_code: str,
    amount_minor: int,
    *,
    key: str,
    expires_at: datetime,
    party_id: UUID | None = None,
    currency: str = "CNY",
) -> MoneyHold:
    """Set a sum aside, once per key. What the account has is its limits' business, which the posting keeps.

    Raises HoldNotPossible, HoldKeyReused, HoldExpired, HoldTooSmall, BalanceLimitReached and other JournalRefused.
    """
    if account_code not in HOLDABLE:
        raise HoldNotPossible(account=account_code, holdable=sorted(HOLDABLE))
    lock_book(currency)
    known = session.scalar(select(MoneyHold).where(MoneyHold.tenant_id == tenant_id(), MoneyHold.key == key))
    if known is not None:
        told = (known.account_code, known.amount_minor, known.party_id, known.currency, known.expires_at)
        if told != (account_code, amount_minor, party_id, currency, expires_at):
            raise HoldKeyReused(key=key)
        return known
    now = clock.now()
    if expires_at <= now:
        raise HoldExpired(expires_at=expires_at)
    if amount_minor <= 0:
        raise HoldTooSmall(left_minor=0)
    hold = MoneyHold(
        tenant_id=tenant_id(),
        id=new_id(),
        key=key,
        account_code=account_code,
        party_id=party_id,
        currency=currency,
        amount_minor=amount_minor,
        captured_minor=0,
        status="pending",
        placed_at=now,
        expires_at=expires_at,
    )
    placed = _journal(hold, "hold_placed", str(hold.id), amount_minor, at=now)
    (hold.journal_id,) = post([placed]).journal_ids
    session.add(hold)
    session.flush()
    return hold


def capture_hold(
    hold_id: UUID,
    amount_minor: int,
    *,
    key: str,
    target_code: str,
    target_party_id: UUID | None = None,
    effective_at: datetime,
) -> MoneyHold:
    """Move part or all of what is held to where it was meant for, once per key.

    Raises HoldExpired, HoldTooSmall, TransitionRefused, NotFound, JournalRefused.
    """
    hold = _locked(hold_id)
    draft = _journal(
        hold, "hold_captured", f"{hold.id}:{key}", amount_minor, at=effective_at, target=(target_code, target_party_id)
    )
    if queries.journals_by_key([(draft.kind, draft.key)]):
        # Told again: the posting says whether it is the same fact.
        post([draft])
        return hold
    if hold.status != "pending":
        raise TransitionRefused(current=hold.status, wanted="captured", allowed=sorted(HOLD_NEXT[hold.status]))
    if clock.now() >= hold.expires_at:
        raise HoldExpired(expires_at=hold.expires_at)
    if not 0 < amount_minor <= hold.left_minor:
        raise HoldTooSmall(left_minor=hold.left_minor)
    post([draft])
    hold.captured_minor += amount_minor
    if hold.captured_minor == hold.amount_minor:
        move(hold, "captured", HOLD_NEXT)
    session.flush()
    return hold


def void_hold(hold_id: UUID, *, because: str) -> MoneyHold:
    """Call a hold off: what was not captured goes back. Raises TransitionRefused, NotFound."""
    hold = _locked(hold_id)
    left_minor = hold.left_minor
    move(hold, "voided", HOLD_NEXT, because=because)
    post([_journal(hold, "hold_released", str(hold.id), left_minor, at=clock.now())])
    session.flush()
    return hold


def expire_holds(at_most: int = EXPIRED_AT_ONCE) -> int:
    """Give back what holds held whose time has run out; returns how many, never more than `at_most`."""
    now = clock.now()
    due = (MoneyHold.tenant_id == tenant_id(), MoneyHold.status == "pending", MoneyHold.expires_at <= now)
    # Books first, holds second, in the order in which every other command takes them.
    for currency in session.scalars(select(MoneyHold.currency).where(*due).distinct().order_by(MoneyHold.currency)):
        lock_book(currency)
    holds = session.scalars(
        select(MoneyHold).where(*due).order_by(MoneyHold.expires_at, MoneyHold.id).limit(at_most).with_for_update()
    ).all()
    post([_journal(hold, "hold_released", str(hold.id), hold.left_minor, at=hold.expires_at) for hold in holds])
    for hold in holds:
        move(hold, "expired", HOLD_NEXT)
    session.flush()
    return len(holds)


def _locked(hold_id: UUID) -> MoneyHold:
    lock_book(queries.hold(hold_id).currency)
    return queries.hold(hold_id, for_update=True)


def _journal(
    hold: MoneyHold,
    rule: str,
    key: str,
    amount_minor: int,
    *,
    at: datetime,
    target: tuple[str, UUID | None] | None = None,
) -> JournalDraft:
    held = f"held.{hold.account_code}"
    parties: dict[str, UUID | None] = {"holder": hold.party_id}
    terms = {"held": held}
    if target is None:
        terms["account"] = hold.account_code
    else:
        terms["target"], parties["party"] = target
    return journal_by_rule(
        rule,
        amounts={"amount": HOLDABLE[hold.account_code] * amount_minor},
        parties=parties,
        terms=terms,
        key=key,
        effective_at=at,
        source_type="money_hold",
        source_id=hold.id,
        currency=hold.currency,
        correlation_id=hold.id,
    )
