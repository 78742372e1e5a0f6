"""After every step of a random history the books say what a ledger of plain dictionaries says."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tandem.billing.ledger import (
    Instant,
    JournalDraft,
    Line,
    balance_at,
    balances,
    capture_hold,
    close_account,
    freeze_book,
    limit_account,
    place_hold,
    post,
    reversal_of,
    thaw_book,
    void_hold,
)
from tandem.billing.ledger.commands import count_checkpoints, expire_holds
from tandem.billing.ledger.verification import verify_books
from tandem.kernel import clock
from tandem.kernel.errors import Problem
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.ledger.model import LIMITS, PlainLedger

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
CODES = ("cash.psp", "cash.bank", "ar.patient", "rev.other", "tax.vat")
KEYS = st.integers(0, 12).map(str)
AMOUNTS = st.integers(-9, 9)
HOURS = st.sampled_from([0, 0, 1, 5, 19, 20, 30, 50])


def moment(hour: int) -> datetime:
    """An hour of the story."""
    return NOON + timedelta(hours=hour)


class History(RuleBasedStateMachine):
    """The books beside the plain ledger: late facts in batches, reversals, holds, closed, frozen, checkpoints."""

    holds = Bundle("holds")

    @initialize()
    def open(self) -> None:
        self.hospital, self.plain, self.parts = new_id(), PlainLedger(), 0
        self.journals: dict[str, UUID] = {}
        self.placed: dict[str, UUID] = {}
        opening = [("cash.bank", 5), ("ar.patient", -6), ("tax.vat", 1)]
        assert self.tell([("open", 0, opening)]) == [self.plain.post("open", 0, opening)]
        floor, ceiling = LIMITS["cash.bank"]
        with self.here():
            limit_account(self.account("cash.bank"), floor_minor=floor, ceiling_minor=ceiling)

    @rule(
        batch=st.lists(
            st.tuples(KEYS, HOURS, st.permutations(CODES), AMOUNTS, AMOUNTS, st.sampled_from([0, 0, 0, 1])), max_size=5
        )
    )
    def post_a_batch(self, batch: list[tuple[str, int, list[str], int, int, int]]) -> None:
        facts = [
            (key, self.plain.hour - ago, [(codes[0], one), (codes[1], other), (codes[2], off_by - one - other)])
            for key, ago, codes, one, other, off_by in batch
        ]

        assert self.tell(facts) == [self.plain.post(*fact) for fact in facts]

    @rule(key=KEYS, again=st.booleans(), ago=HOURS)
    def reverse(self, key: str, again: bool, ago: int) -> None:
        if key not in self.journals:
            return
        undo, at = f"undo {key}{' again' if again else ''}", self.plain.hour - ago
        lines = [(code, -amount) for code, amount in self.plain.booked[key][2]]
        with self.here():
            draft = reversal_of(self.journals[key], kind="reversal", key=undo, effective_at=moment(at))
            told = post([draft], partly=True).items[0].outcome

        assert told == self.plain.post(undo, at, lines, undoes=key)

    @rule(target=holds, amount=st.integers(1, 9), lasts=st.integers(1, 40))
    def place(self, amount: int, lasts: int) -> Any:
        key, until = f"hold {len(self.placed)}", self.plain.hour + lasts
        expires_at = moment(until)

        done = self.attempt(
            lambda: self.placed.update({key: place_hold("ar.patient", amount, key=key, expires_at=expires_at).id})
        )

        assert done == self.plain.place_hold(key, amount, until)
        return key if done else multiple()

    @rule(key=holds, amount=st.integers(0, 6))
    def capture(self, key: str, amount: int) -> None:
        self.parts += 1
        part, at = str(self.parts), moment(self.plain.hour)

        done = self.attempt(
            lambda: capture_hold(self.placed[key], amount, key=part, target_code="rev.other", effective_at=at)
        )

        assert done == self.plain.capture(key, amount, part)

    @rule(key=holds)
    def void(self, key: str) -> None:
        done = self.attempt(lambda: void_hold(self.placed[key], because="a story"))

        assert done == self.plain.void(key)

    @rule()
    def expire(self) -> None:
        assert self.attempt(expire_holds) == self.plain.expire()

    @rule()
    def close(self) -> None:
        done = self.attempt(lambda: close_account(self.account("tax.vat"), because="a story"))

        assert done == self.plain.close("tax.vat")

    @rule(frozen=st.sampled_from([False, False, True]))
    def freeze(self, frozen: bool) -> None:
        with self.here():
            (freeze_book if frozen else thaw_book)(because="a story")
        self.plain.frozen = frozen

    @rule(hours=st.integers(1, 30))
    def let_time_pass(self, hours: int) -> None:
        self.plain.hour += hours

    @rule()
    def count(self) -> None:
        with self.here():
            count_checkpoints()

    @rule(code=st.sampled_from(CODES), ago=st.integers(-2, 60))
    def look_back(self, code: str, ago: int) -> None:
        hour = self.plain.hour - ago
        with self.here():
            found = [balance_at(code, Instant(moment(hour), basis)) for basis in ("effective", "booked")]

        assert found == [self.plain.balances(**before)[code] for before in ({"true_before": hour}, {"booked_before": hour})]

    @invariant()
    def the_books_say_the_same(self) -> None:
        if not hasattr(self, "plain"):
            return
        with acting_for(self.hospital):
            (verdict,) = verify_books()
            found = {row["code"]: row["balance_minor"] for row in balances()}
        assert verdict.is_sound, verdict.faults
        assert verdict.journals == len(self.plain.booked)
        assert {code: amount for code, amount in found.items() if amount} == {
            code: amount for code, amount in self.plain.balances().items() if amount
        }

    def tell(self, facts: list[tuple[str, int, list[tuple[str, int]]]]) -> list[str]:
        drafts = [
            JournalDraft("story", key, moment(at), [Line(*line) for line in lines], "story", key)
            for key, at, lines in facts
        ]
        with self.here():
            items = post(drafts, partly=True).items
        self.journals |= {item.key: item.journal_id for item in items if item.journal_id is not None}
        return [item.outcome for item in items]

    def attempt(self, wish: Any) -> bool:
        try:
            with self.here():
                wish()
        except Problem:
            return False
        return True

    def account(self, code: str) -> UUID:
        found: UUID = next(row["id"] for row in balances() if row["code"] == code)
        return found

    @contextmanager
    def here(self) -> Iterator[None]:
        """The hospital at the story's hour, committed."""
        with clock.frozen(moment(self.plain.hour)), acting_for(self.hospital), transaction():
            yield


def test_a_random_history_is_kept_as_plain_dictionaries_would(app: Flask) -> None:
    with app.app_context():
        run_state_machine_as_test(History, settings=settings(max_examples=8, stateful_step_count=12))


@pytest.mark.slow
def test_many_random_histories_are_kept_as_plain_dictionaries_would(app: Flask) -> None:
    with app.app_context():
        run_state_machine_as_test(History, settings=settings(max_examples=150, stateful_step_count=30))
