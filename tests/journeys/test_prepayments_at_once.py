"""The rest of a prepayment is offered and taken while somebody invoices, credits, draws, gives back, or answers too."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from flask import Flask

from tandem.billing import invoices
from tandem.billing.invoices import commands as invoicing
from tandem.billing.invoices.errors import PrepaymentNeedsSecond, PrepaymentUnbooked, PrepaymentUnpaid
from tandem.billing.invoices.models import Invoice, PrepaymentClosing
from tandem.billing.ledger import balance_minor, journal_by_rule, mirror_book, post
from tandem.billing.ledger.verification import verify_books, verify_mirrors
from tandem.billing.payments import commands as paying
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.money import Money
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import hand
from tests.journeys import kill_stories_of_prepayments as story
from tests.journeys.kill_stories import Stage, quiet
from tests.platform.billing.invoices.money import a_customer, a_line, a_wish
from tests.platform.billing.money import a_hospital_with_an_agreement
from tests.platform.billing.racing import Act, overlapped


class Ended:
    """A programme that was prepaid with 2,000 yuan, drawn on eleven times, and is over for long enough."""

    def __init__(self, app: Flask) -> None:
        self.stage = Stage(a_hospital_with_an_agreement(), a_customer(), None, app, 0)  # type: ignore[arg-type]  # no provider
        story.prepares(self.stage)
        for step in (story.prepays, story.transfers_the_rest, story.ends):
            step(self.stage)
        self.employer, self.programme = self.stage.employer_id, story.of(self.stage, "programme")

    def the(self, table: Any) -> Any:
        with acting_for(self.employer):
            return story.row_of(self.stage, table)

    def offers(self, **policy: Any) -> Act:
        wish = {"policy": "refunded"} | policy
        return Act(self.employer, "operator", partial(invoicing.propose_closing, self.programme, **wish))

    def invoices_more(self) -> Act:
        facts = a_wish(self.employer, lines=[a_line(5_000)], programme_id=self.programme)
        return Act(self.employer, "operator", partial(invoices.issue_invoice, **facts))

    def takes_off(self) -> Act:
        part: dict[str, Any] = {"because": "a head too many", "lines": [invoices.LineCredit(1, 1_000)]}
        return Act(self.employer, "operator", partial(invoices.credit_invoice, self.the(Invoice).id, **part))

    def answers(self, word: Any, offer: Any = None) -> Act:
        offer = offer or self.the(PrepaymentClosing)
        return Act(self.employer, "employer", partial(invoicing.decide_closing, offer.id, word))

    def asks_back(self) -> Act:
        offer, payee = self.the(PrepaymentClosing), paying.Payee("某公司", "中国银行", "6222")
        amount = Money(offer.unused_minor, "CNY")
        wish: dict[str, Any] = {"prepayment_closing_id": offer.id, "because": "over", "payee": payee}
        return Act(self.employer, "operator", partial(paying.propose_repayment, amount=amount, **wish))

    def does(self, act: Act) -> Any:
        with acting_for(act.tenant, operator=act.audience == "operator"), hand(act.audience, act.tenant), transaction():
            return act.do()

    def hears_of_a_refund(self) -> None:
        """A visit of before the end is given back after all."""
        facts: dict[str, Any] = {"key": str(new_id()), "source_type": "refund", "source_id": new_id()}
        amounts, parties = {"refund": self.stage.price_minor}, {"programme": self.programme}
        with acting_for(self.stage.hospital_id):
            with transaction():
                post([
                    journal_by_rule(
                        "programme_revenue_reversed", amounts=amounts, parties=parties, effective_at=clock.now(), **facts
                    )
                ])  # fmt: skip
            mirror_book()

    def held_minor(self, name: str = "programme") -> int:
        """What the operator still holds for a programme, once all is done and every book is proven."""
        quiet(self.stage)
        assert verify_mirrors(self.employer) == []
        with acting_for(self.employer):
            assert all(each.is_sound for each in verify_books())
        with acting_for(OPERATOR_ID):
            return -balance_minor("prepaid.programme", party_id=story.of(self.stage, name))


@pytest.fixture
def ended(app: Flask, at: Callable[[datetime], None]) -> Ended:
    made = Ended(app)
    at(clock.now() + story.AT_THE_END)
    return made


@pytest.mark.parametrize("order", [1, -1], ids=["offered first", "invoiced first"])
def test_a_rest_that_was_offered_while_its_programme_was_invoiced_is_not_accepted(
    app: Flask, ended: Ended, order: int
) -> None:
    """Neither sees the other, but no more is invoiced, and the rest is offered again once that invoice is settled."""
    both = overlapped(app, *[ended.offers(), ended.invoices_more()][::order])
    later = overlapped(app, ended.invoices_more(), ended.answers("accepted"))
    ended.does(ended.answers("declined"))

    assert (both, later) == (["done", "done"], ["prepayment-closed", "prepayment-changed"])
    with pytest.raises(PrepaymentUnpaid):
        ended.does(ended.offers())


@pytest.mark.parametrize(
    ("order", "said"),
    [(1, ["done", "prepayment-closed"]), (-1, ["done", "prepayment-unbooked"])],
    ids=["offered first", "credited first"],
)
def test_what_is_credited_at_the_same_moment_is_not_offered_too(
    app: Flask, ended: Ended, order: int, said: list[str]
) -> None:
    assert overlapped(app, *[ended.offers(), ended.takes_off()][::order]) == said


def test_a_rest_is_offered_accepted_and_asked_back_once_whoever_tries_at_once(app: Flask, ended: Ended) -> None:
    offered = overlapped(app, ended.offers(), ended.offers())
    answered = overlapped(app, ended.answers("accepted"), ended.answers("declined"))
    held = ended.held_minor()
    asked = overlapped(app, ended.asks_back(), ended.asks_back())

    assert (offered, answered) == (["done", "prepayment-closed"], ["done", "transition-refused"])
    assert (held, asked) == (0, ["done", "nothing-owed-back"])


def test_whoever_offered_a_rest_does_not_accept_it_with_another_seat(ended: Ended) -> None:
    offer = ended.does(ended.offers())

    with (
        acting_for(ended.employer), hand("employer", ended.employer, offer.proposed_by), transaction(),
        pytest.raises(PrepaymentNeedsSecond),
    ):  # fmt: skip
        invoicing.decide_closing(offer.id, "accepted")


def test_what_comes_back_to_a_closed_programme_is_owed_back_too(ended: Ended) -> None:
    first = ended.does(ended.offers(policy="rolled_over", following_programme_id=story.of(ended.stage, "following")))
    ended.does(ended.answers("accepted", first))
    with pytest.raises(PrepaymentUnbooked):
        ended.does(ended.offers())
    handed_on = ended.held_minor(), ended.held_minor("following")

    ended.hears_of_a_refund()
    second = ended.does(ended.offers())
    ended.does(ended.answers("accepted", second))

    assert handed_on == (0, first.unused_minor)
    assert (second.unused_minor, ended.held_minor()) == (ended.stage.price_minor, 0)
