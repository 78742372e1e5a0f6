"""After every step of a random history the books say what a ledger of plain dictionaries says."""

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
    JournalDraft,
    Line,
    balances,
    capture_hold,
    freeze_book,
    limit_account,
    place_hold,
    post,
    reversal_of,
    thaw_book,
    void_hold,
)
from tandem.billing.ledger.commands import count_checkpoints
from tandem.billing.ledger.verification import verify_books
from tandem.kernel.errors import Problem
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.billing.ledger.model import LIMITS, PlainLedger

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
CODES = ("cash.psp", "cash.bank", "ar.patient", "rev.other")
KEYS = st.integers(0, 12).map(str)
AMOUNTS = st.integers(-9, 9)


class History(RuleBasedStateMachine):
    """The books beside the plain ledger: batches, reversals, holds, a frozen book, checkpoints."""

    holds = Bundle("holds")

    @initialize()
    def open(self) -> None:
        self.hospital, self.plain, self.parts = new_id(), PlainLedger(), 0
        self.journals: dict[str, UUID] = {}
        self.placed: dict[str, UUID] = {}
        opening = [("cash.bank", 5), ("ar.patient", -5)]
        assert self.tell([("open", opening)]) == [self.plain.post("open", opening)]
        with acting_for(self.hospital), transaction():
            (bank,) = (row["id"] for row in balances() if row["code"] == "cash.bank")
            limit_account(bank, floor_minor=LIMITS["cash.bank"][0], ceiling_minor=None)

    @rule(
        batch=st.lists(
            st.tuples(KEYS, st.permutations(CODES), AMOUNTS, AMOUNTS, st.sampled_from([0, 0, 0, 1])), max_size=5
        )
    )
    def post_a_batch(self, batch: list[tuple[str, list[str], int, int, int]]) -> None:
        facts = [
            (key, [(codes[0], one), (codes[1], other), (codes[2], off_by - one - other)])
            for key, codes, one, other, off_by in batch
        ]

        assert self.tell(facts) == [self.plain.post(key, lines) for key, lines in facts]

    @rule(key=KEYS, again=st.booleans())
    def reverse(self, key: str, again: bool) -> None:
        if key not in self.journals:
            return
        undo = f"undo {key}{' again' if again else ''}"
        lines = [(code, -amount) for code, amount in self.plain.booked[key]]
        with acting_for(self.hospital), transaction():
            draft = reversal_of(self.journals[key], kind="reversal", key=undo, effective_at=NOON)
            told = post([draft], partly=True).items[0].outcome

        assert told == self.plain.post(undo, lines, undoes=key)

    @rule(target=holds, amount=st.integers(1, 9))
    def place(self, amount: int) -> Any:
        key = f"hold {len(self.placed)}"
        expires_at = datetime.now(UTC) + timedelta(days=1)

        done = self.attempt(
            lambda: self.placed.update({key: place_hold("ar.patient", amount, key=key, expires_at=expires_at).id})
        )

        assert done == self.plain.place_hold(key, amount)
        return key if done else multiple()

    @rule(key=holds, amount=st.integers(0, 6))
    def capture(self, key: str, amount: int) -> None:
        self.parts += 1
        part = str(self.parts)

        done = self.attempt(
            lambda: capture_hold(self.placed[key], amount, key=part, target_code="rev.other", effective_at=NOON)
        )

        assert done == self.plain.capture(key, amount, part)

    @rule(key=holds)
    def void(self, key: str) -> None:
        done = self.attempt(lambda: void_hold(self.placed[key], because="a story"))

        assert done == self.plain.void(key)

    @rule(frozen=st.sampled_from([False, False, True]))
    def freeze(self, frozen: bool) -> None:
        with acting_for(self.hospital), transaction():
            (freeze_book if frozen else thaw_book)(because="a story")
        self.plain.frozen = frozen

    @rule()
    def count(self) -> None:
        with acting_for(self.hospital), transaction():
            count_checkpoints()

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
            code: amount for code, amount in self.plain.balances.items() if amount
        }

    def tell(self, facts: list[tuple[str, list[tuple[str, int]]]]) -> list[str]:
        drafts = [
            JournalDraft("story", key, NOON, [Line(*line) for line in lines], "story", key) for key, lines in facts
        ]
        with acting_for(self.hospital), transaction():
            items = post(drafts, partly=True).items
        self.journals |= {item.key: item.journal_id for item in items if item.journal_id is not None}
        return [item.outcome for item in items]

    def attempt(self, wish: Any) -> bool:
        try:
            with acting_for(self.hospital), transaction():
                wish()
        except Problem:
            return False
        return True


def test_a_random_history_is_kept_as_plain_dictionaries_would(app: Flask) -> None:
    with app.app_context():
        run_state_machine_as_test(History, settings=settings(max_examples=8, stateful_step_count=12, deadline=None))


@pytest.mark.slow
def test_many_random_histories_are_kept_as_plain_dictionaries_would(app: Flask) -> None:
    with app.app_context():
        run_state_machine_as_test(History, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
