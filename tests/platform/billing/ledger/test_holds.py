"""Money is set aside, captured in parts, called off or given back in time; every step is a journal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tandem.billing.ledger import (
    JournalDraft,
    Line,
    balance_minor,
    capture_hold,
    limit_account,
    place_hold,
    post,
    void_hold,
)
from tandem.billing.ledger.commands import expire_holds
from tandem.billing.ledger.errors import (
    BalanceLimitReached,
    HoldExpired,
    HoldKeyReused,
    HoldNotPossible,
    HoldTooSmall,
    JournalKeyReused,
)
from tandem.billing.ledger.models import Account, MoneyHold
from tandem.billing.ledger.verification import verify_books
from tandem.kernel.database import session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction

pytestmark = pytest.mark.usefixtures("app")
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
TONIGHT = NOON + timedelta(hours=8)
PROGRAMME = new_id()


@pytest.fixture
def employer(at: Callable[[datetime], None]) -> UUID:
    """An employer who prepaid 1000 for a programme, and cannot hold or draw more than that."""
    at(NOON)
    employer = new_id()
    prepaid = JournalDraft(
        kind="prepayment_invoiced",
        key="1",
        effective_at=NOON,
        lines=[Line("prepaid.benefits", 1_000, PROGRAMME), Line("ap.operator", -1_000)],
        source_type="invoice",
        source_id="1",
    )
    with acting_for(employer), transaction():
        post([prepaid])
        account = session.query(Account).filter_by(tenant_id=employer, code="prepaid.benefits").one()
        limit_account(account.id, floor_minor=0, ceiling_minor=None)
    return employer


def hold(amount_minor: int = 600, key: str = "visit", **changes: object) -> MoneyHold:
    facts = {"key": key, "expires_at": TONIGHT, "party_id": PROGRAMME}
    return place_hold("prepaid.benefits", amount_minor, **(facts | changes))  # type: ignore[arg-type]  # a shorthand


def capture(held: MoneyHold, amount_minor: int, key: str = "1") -> MoneyHold:
    return capture_hold(
        held.id, amount_minor, key=key, target_code="exp.benefits", target_party_id=PROGRAMME, effective_at=NOON
    )


def free_held_and_spent(employer: UUID) -> tuple[int, int, int]:
    with acting_for(employer):
        assert all(verdict.is_sound for verdict in verify_books())
        return tuple(balance_minor(code) for code in ("prepaid.benefits", "held.prepaid.benefits", "exp.benefits"))  # type: ignore[return-value]  # three codes


def test_what_is_held_cannot_be_held_again_by_somebody_else(employer: UUID) -> None:
    with acting_for(employer), transaction():
        hold(600)

    with acting_for(employer), pytest.raises(BalanceLimitReached) as refused, transaction():
        hold(401, "another")

    assert refused.value.facts["balance_minor"] == 400
    assert free_held_and_spent(employer) == (400, 600, 0)


def test_a_hold_told_twice_is_placed_once_and_told_otherwise_is_refused(employer: UUID) -> None:
    with acting_for(employer), transaction():
        first, again = hold(), hold()

        assert first.id == again.id
        with pytest.raises(HoldKeyReused):
            hold(601)
    assert free_held_and_spent(employer) == (400, 600, 0)


def test_a_hold_is_captured_in_parts_and_each_part_once(employer: UUID) -> None:
    with acting_for(employer), transaction():
        held = hold(600)
        capture(held, 200, "first")
        capture(held, 200, "first")
        capture(held, 400, "second")

        assert (held.status, held.captured_minor, held.left_minor) == ("captured", 600, 0)
        with pytest.raises(JournalKeyReused):
            capture(held, 100, "first")
        with pytest.raises(TransitionRefused):
            capture(held, 1, "third")
    assert free_held_and_spent(employer) == (400, 0, 600)


def test_more_than_is_held_is_not_captured(employer: UUID) -> None:
    with acting_for(employer), transaction():
        held = hold(600)
        capture(held, 500, "first")

        with pytest.raises(HoldTooSmall) as refused:
            capture(held, 101, "second")

    assert refused.value.facts["left_minor"] == 100
    assert free_held_and_spent(employer) == (400, 100, 500)


def test_a_hold_captured_in_part_and_then_voided_gives_back_the_rest(employer: UUID) -> None:
    with acting_for(employer), transaction():
        held = hold(600)
        capture(held, 150)
        void_hold(held.id, because="the visit was shorter")

        with pytest.raises(TransitionRefused):
            void_hold(held.id, because="again")
    assert free_held_and_spent(employer) == (850, 0, 150)


def test_a_hold_captured_after_its_time_is_refused_even_before_the_job_came(
    employer: UUID, at: Callable[[datetime], None]
) -> None:
    with acting_for(employer), transaction():
        held_id = hold(600).id
    at(TONIGHT)

    with acting_for(employer), transaction(), pytest.raises(HoldExpired):
        capture(session.get_one(MoneyHold, (employer, held_id)), 100)

    with acting_for(employer), transaction():
        assert (expire_holds(), expire_holds()) == (1, 0)
    assert free_held_and_spent(employer) == (1_000, 0, 0)


def test_holds_expire_in_bounded_lots_oldest_first(employer: UUID, at: Callable[[datetime], None]) -> None:
    with acting_for(employer), transaction():
        for n in range(5):
            hold(100, str(n), expires_at=TONIGHT + timedelta(minutes=n))
    at(TONIGHT + timedelta(days=1))

    with acting_for(employer), transaction():
        assert [expire_holds(at_most=3), expire_holds(at_most=3), expire_holds(at_most=3)] == [3, 2, 0]

    assert free_held_and_spent(employer) == (1_000, 0, 0)


def test_only_money_that_can_be_held_is(employer: UUID) -> None:
    with acting_for(employer), transaction():
        with pytest.raises(HoldNotPossible):
            place_hold("cash.bank", 1, key="1", expires_at=TONIGHT)
        with pytest.raises(HoldExpired):
            hold(1, expires_at=NOON)
        with pytest.raises(HoldTooSmall):
            hold(0)


def test_a_credit_balance_is_held_on_its_own_side() -> None:
    hospital, prepaid = new_id(), [Line("cash.psp", 500), Line("ar.patient", -500)]
    paid = JournalDraft("payment_captured", "1", NOON, prepaid, "payment", "1")

    with acting_for(hospital), transaction():
        post([paid])
        place_hold("ar.patient", 300, key="1", expires_at=datetime.now(UTC) + timedelta(hours=1))

        assert (balance_minor("ar.patient"), balance_minor("held.ar.patient")) == (-200, -300)


def test_a_hold_that_has_expired_stays_so_when_the_clock_goes_back(
    employer: UUID, at: Callable[[datetime], None]
) -> None:
    with acting_for(employer), transaction():
        lapsed, young = hold(600), hold(300, "another", expires_at=TONIGHT + timedelta(days=9))
    at(TONIGHT)
    with acting_for(employer), transaction():
        expire_holds()
    at(NOON - timedelta(days=2))

    with acting_for(employer), transaction():
        with pytest.raises(TransitionRefused):
            capture(lapsed, 100)
        capture(young, 300)
        expire_holds()
    assert free_held_and_spent(employer) == (700, 0, 300)
