"""Balances keep their limits, are known at any instant, and closed accounts and frozen books take nothing more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tandem.billing.ledger import (
    Instant,
    JournalDraft,
    Line,
    balance_at,
    balance_minor,
    balances,
    close_account,
    freeze_book,
    journal_by_rule,
    limit_account,
    post,
    thaw_book,
)
from tandem.billing.ledger.commands import count_checkpoints, forget_checkpoints
from tandem.billing.ledger.errors import AccountClosed, AccountNotEmpty, BalanceLimitReached, BookFrozen
from tandem.billing.ledger.verification import verify_books
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key

pytestmark = pytest.mark.usefixtures("app")
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def a_payment(key: str, amount_minor: int = 100, effective_at: datetime = NOON) -> JournalDraft:
    lines = [Line("cash.psp", amount_minor), Line("ar.patient", -amount_minor)]
    return JournalDraft("payment", key, effective_at, lines, "payment", key)


@pytest.fixture
def hospital() -> UUID:
    return new_id()


def account_id(code: str) -> UUID:
    return next(row["id"] for row in balances() if row["code"] == code)


def test_a_limit_is_kept_item_by_item_and_the_rest_of_the_batch_goes_on(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("first")])
        limit_account(account_id("cash.psp"), floor_minor=0, ceiling_minor=250)

        moved = {"a": 100, "b": 100, "c": -200, "d": -1, "to the ceiling": 250, "e": -200}
        result = post([a_payment(key, amount_minor) for key, amount_minor in moved.items()], partly=True)

        assert [item.outcome for item in result.items] == [
            *("posted", "refused", "posted", "refused", "posted", "posted"),
        ]
        assert [type(refusal) for refusal in result.refusals] == [BalanceLimitReached] * 2
        assert result.refusals[0].facts | {"balance_minor": 200, "ceiling_minor": 250} == result.refusals[0].facts
        assert balance_minor("cash.psp") == 50


def test_the_database_itself_keeps_a_balance_within_its_limits(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("first")])
        limit_account(account_id("cash.psp"), floor_minor=0, ceiling_minor=None)

    with acting_for(hospital), pytest.raises(IntegrityError, match="account_balance_floor"), transaction():
        session.execute(text("UPDATE account_balance SET posted_minor = -1 WHERE tenant_id = :t"), {"t": hospital})


def test_a_limit_that_is_broken_already_is_not_set(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("first")])

        with pytest.raises(BalanceLimitReached):
            limit_account(account_id("cash.psp"), floor_minor=None, ceiling_minor=99)


def test_an_account_is_closed_when_its_balance_has_a_successor(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("first")])
        psp = account_id("cash.psp")
        with pytest.raises(AccountNotEmpty):
            close_account(psp, because="another provider")
        handed_on = journal_by_rule(
            "account_succeeded",
            amounts={"balance": 100},
            parties={"party": None, "successor": None},
            terms={"account": "cash.psp", "successor": "cash.bank"},
            key=str(psp),
            effective_at=NOON,
            source_type="account",
            source_id=psp,
        )
        post([handed_on])
        close_account(psp, because="another provider")

        result = post([a_payment("later")], partly=True)

        assert isinstance(result.refusals[0], AccountClosed)
        assert (balance_minor("cash.psp"), balance_minor("cash.bank")) == (0, 100)


def test_a_frozen_book_takes_nothing_until_it_is_thawed(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("first")])
        freeze_book(because="under audit")
        frozen = post([a_payment("first"), a_payment("second")], partly=True)
        thaw_book(because="audited")
        thawed = post([a_payment("second")])

        assert [item.outcome for item in frozen.items] == ["duplicate", "refused"]
        assert isinstance(frozen.refusals[0], BookFrozen)
        assert thawed.items[0].outcome == "posted"


def test_a_late_fact_of_a_closed_period_is_booked_now_and_true_then(
    hospital: UUID, at: Callable[[datetime], None]
) -> None:
    at(NOON)
    with acting_for(hospital), transaction():
        post([a_payment("in time", 100)])
        count_checkpoints()
    at(NOON + 40 * DAY)

    with acting_for(hospital), transaction():
        post([a_payment("late", 11, NOON - DAY)])

        assert balance_at("cash.psp", Instant(NOON, "effective")) == 11
        assert balance_at("cash.psp", Instant(NOON + DAY, "effective")) == 111
        assert balance_at("cash.psp", Instant(NOON + DAY, "booked")) == 100
        assert balance_at("cash.psp", Instant(NOON + 41 * DAY, "booked")) == 111


HOURS = st.integers(-60, 60)


@settings(max_examples=15)
@given(st.lists(st.tuples(HOURS, HOURS, st.integers(1, 999), st.booleans()), min_size=1, max_size=8), HOURS)
def test_a_balance_at_any_instant_is_what_adding_up_the_entries_says(
    app: object, history: list[tuple[int, int, int, bool]], asked: int
) -> None:
    """Booked in any order of the clock, which in a test moves backwards too: places and seals go on all the same."""
    hospital, told = new_id(), []
    for n, (true_at, booked_at, amount, counts) in enumerate(history):
        with clock.frozen(NOON + timedelta(hours=booked_at)), acting_for(hospital), transaction():
            post([a_payment(str(n), amount, NOON + timedelta(hours=true_at))])
            if counts:
                count_checkpoints()
        told.append((true_at, booked_at, amount))

    with acting_for(hospital), transaction():
        instants = [Instant(NOON + timedelta(hours=asked), basis) for basis in ("effective", "booked")]
        found = [balance_at("cash.psp", instant) for instant in instants]
        forget_checkpoints()
        again = [balance_at("cash.psp", instant) for instant in instants]
        [verdict] = verify_books()

    by_truth, by_booking = (sum(fact[2] for fact in told if fact[place] < asked) for place in (0, 1))
    assert found == again == [by_truth, by_booking]
    assert (verdict.faults, verdict.journals) == ([], len(history))


def test_checkpoints_are_counted_in_bounded_lots_and_once(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment(str(n)) for n in range(5)])

        assert [count_checkpoints(at_most=3), count_checkpoints(at_most=3), count_checkpoints(at_most=3)] == [3, 2, 0]
        assert balance_at("cash.psp", Instant(NOON + DAY)) == 500
        assert verify_books()[0].is_sound


def test_a_checkpoint_that_was_altered_is_found_out(hospital: UUID) -> None:
    with acting_for(hospital), transaction():
        post([a_payment("first")])
        count_checkpoints()
        session.execute(text("UPDATE balance_checkpoint SET moved_minor = 7 WHERE tenant_id = :t"), {"t": hospital})

        faults = verify_books()[0].faults

    sides = product(("ar.patient", "cash.psp"), ("booked", "effective"))
    assert faults == [f"account {code}: its checkpoints by {basis} day do not add up" for code, basis in sides]


def test_a_finance_officer_reads_balances_page_by_page_and_as_of_any_moment(client: FlaskClient) -> None:
    hospital = a_hospital()
    with acting_for(hospital), transaction():
        post([a_payment("first"), a_payment("second", 11, NOON + DAY)])
    headers = a_key(hospital, "hospital", "hospital_finance")

    first = client.get("/api/hospital/v1/ledger/balances?limit=1", headers=headers).json
    then = client.get(f"/api/hospital/v1/ledger/balances?at={NOON + DAY:%Y-%m-%dT%H:%M:%SZ}", headers=headers).json

    assert [row["code"] for row in first["data"]] == ["ar.patient"]
    assert first["has_more"] is True
    assert {row["code"]: row["balance_minor"] for row in then["data"]} == {"ar.patient": -100, "cash.psp": 100}
