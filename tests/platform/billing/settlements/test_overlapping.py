"""A statement is signed, disputed, corrected and paid at the same moment: whoever is second sees what the first did."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tandem.billing.ledger.verification import verify_books, verify_mirrors
from tandem.billing.settlements import commands, document_of, queries
from tandem.billing.settlements.errors import OwnAdjustment
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import hand
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment
from tests.platform.billing.racing import Act, overlapped

FIRST = date(2026, 9, 1)
WISH: dict[str, Any] = {"withheld_minor": 300, "because": "never given", "evidence": "our records"}


class Statement:
    """A hospital's statement of one visit of 100 yuan, with a fee of 10, and what people can do to it."""

    def __init__(self, work: Callable[..., int]) -> None:
        self.work = work
        self.hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), refund_window_days=0)
        a_delivered_visit(self.hospital, a_payment(self.hospital, 10_000), 10_000)
        work(self.hospital)
        with acting_for(self.hospital), transaction():
            self.id = commands.propose_statement(FIRST).id

    def confirmed(self) -> None:
        with acting_for(self.hospital), transaction():
            commands.confirm_statement(self.id)

    def offered(self, by: UUID | None = None) -> UUID:
        """A line is disputed, and the operator offers to take three yuan off."""
        with acting_for(self.hospital), hand("operator", OPERATOR_ID, by), transaction():
            dispute = commands.dispute_line(self.id, "operator_fees", **WISH).id
            facts: dict[str, Any] = {"party": "operator", "amount_minor": -300, "because": "indeed"}
            return commands.propose_adjustment(self.id, line_dispute_id=dispute, **facts).id

    def signs(self) -> Act:
        return Act(self.hospital, "hospital", partial(commands.confirm_statement, self.id))

    def disputes(self) -> Act:
        return Act(self.hospital, "hospital", partial(commands.dispute_line, self.id, "operator_fees", **WISH))

    def pays(self) -> Act:
        paid: dict[str, Any] = {"paid_on": date(2026, 9, 20), "reference": "B1"}
        return Act(self.hospital, "operator", partial(commands.record_payment, self.id, **paid))

    def accepts(self, adjustment: UUID) -> Act:
        answer: dict[str, Any] = {"party": "hospital", "decision": "accepted"}
        return Act(self.hospital, "hospital", partial(commands.decide_adjustment, adjustment, **answer))

    def ends(self) -> tuple[str, int | None]:
        """Its status and what was withheld, once all jobs are done; books, mirrors and bytes are as they should be."""
        self.work(self.hospital)
        assert verify_mirrors(self.hospital) == []
        with acting_for(self.hospital), transaction():
            row = queries.statement(self.id)
            assert document_of(row)[1] == row.document_sha256
            assert all(each.is_sound for each in verify_books())
            return row.status, None if row.paid_minor is None else row.due_to_operator_minor - row.paid_minor

    def goes_on(self) -> tuple[int, int]:
        """What the next statement takes up from this one, and asks for."""
        today = clock.today()
        with clock.frozen(clock.now() + timedelta(days=2)), acting_for(self.hospital), transaction():
            row = commands.propose_statement(today)
            return row.carried_in_minor, row.due_to_operator_minor


@pytest.fixture
def made(app: Flask, work: Callable[..., int]) -> Statement:
    return Statement(work)


@pytest.mark.parametrize("order", [1, -1], ids=["signed first", "disputed first"])
def test_a_statement_that_is_signed_while_a_line_is_disputed_is_signed_but_for_that(
    app: Flask, made: Statement, order: int
) -> None:
    both = overlapped(app, *[made.signs(), made.disputes()][::order])
    again = overlapped(app, made.signs(), made.disputes())

    assert (both, again) == (["done", "done"], ["transition-refused", "line-already-disputed"])
    assert made.ends() == ("confirmed", None)


@pytest.mark.parametrize(
    ("order", "said", "withheld_minor"),
    [(1, ["done", "transition-refused"], 0), (-1, ["done", "done"], 300)],
    ids=["paid first", "disputed first"],
)
def test_what_is_disputed_while_it_is_paid_is_withheld_or_refused(
    app: Flask, made: Statement, order: int, said: list[str], withheld_minor: int
) -> None:
    made.confirmed()

    assert overlapped(app, *[made.pays(), made.disputes()][::order]) == said
    assert made.ends() == ("closed", withheld_minor)


@pytest.mark.parametrize(
    ("order", "withheld_minor", "next_one"),
    [(1, 300, (300, 0)), (-1, 0, (0, -300))],
    ids=["paid first", "corrected first"],
)
def test_a_correction_accepted_while_its_statement_is_paid_is_settled_once(
    app: Flask, made: Statement, order: int, withheld_minor: int, next_one: tuple[int, int]
) -> None:
    adjustment = made.offered()
    made.confirmed()

    both = overlapped(app, *[made.pays(), made.accepts(adjustment)][::order])
    twice = overlapped(app, made.accepts(adjustment), made.accepts(adjustment))

    assert (both, twice) == (["done", "done"], ["transition-refused"] * 2)
    assert (made.ends(), made.goes_on()) == (("closed", withheld_minor), next_one)


def test_one_person_with_a_seat_at_both_parties_is_one_pair_of_eyes(made: Statement) -> None:
    both = new_id()
    adjustment = made.offered(by=both)

    with acting_for(made.hospital), hand("hospital", made.hospital, both), transaction(), pytest.raises(OwnAdjustment):
        commands.decide_adjustment(adjustment, party="hospital", decision="accepted")
    with acting_for(made.hospital), hand("hospital", made.hospital), transaction():
        accepted = commands.decide_adjustment(adjustment, party="hospital", decision="accepted")

    assert (accepted.status, accepted.proposed_by) == ("accepted", both)
