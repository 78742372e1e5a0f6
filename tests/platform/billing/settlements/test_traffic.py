"""A channel that brought a patient is paid once, for a completed visit that stays paid."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tandem.billing.settlements import claim_visit
from tandem.billing.settlements.commands import traffic
from tandem.billing.settlements.commands.traffic import traffic_claim
from tandem.billing.settlements.errors import VisitClaimed
from tandem.billing.settlements.models import TrafficClaim
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key, once
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment, a_refund
from tests.platform.billing.settlements.test_accruals import book_of, owed_by

pytestmark = pytest.mark.usefixtures("app")
Work = Callable[..., int]


@pytest.fixture
def hospital() -> UUID:
    """A hospital that agreed to a fee of 10 % and 5 yuan for each patient brought."""
    return a_hospital_with_an_agreement(percent_of_net=Decimal(10), traffic_per_visit_minor=500)


def claimed(hospital: UUID, usage: UUID, channel: str = "search") -> None:
    with acting_for(hospital), transaction():
        claim_visit(usage, channel=channel)


def claim_of(hospital: UUID, usage: UUID) -> TrafficClaim:
    with acting_for(hospital), transaction():
        found = traffic_claim(usage)
    assert found is not None
    return found


def test_a_traffic_fee_claimed_by_two_channels_for_one_visit_is_paid_to_the_first_and_only_once(
    hospital: UUID, client: FlaskClient, work: Work
) -> None:
    usage = a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000)
    work(hospital)
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/hospitals/{hospital}/usage_events/{usage}/traffic_claims"

    first = client.post(path, json={"channel": "search"}, headers=operator | once())
    again = client.post(path, json={"channel": "search"}, headers=operator | once())
    other = client.post(path, json={"channel": "short video"}, headers=operator | once())
    work(hospital)

    assert (first.status_code, again.json["id"], other.status_code) == (201, first.json["id"], 409)
    assert (book_of(hospital)["ap.operator"], owed_by(hospital)) == (-1_500, 1_500)


def test_two_claims_at_the_same_instant_are_decided_by_the_database(
    hospital: UUID, app: Flask, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000)
    both_have_looked = Barrier(2, timeout=20)

    def look(usage_event_id: UUID) -> None:
        assert traffic_claim(usage_event_id) is None
        both_have_looked.wait()

    def claim(channel: str) -> str:
        with app.app_context(), suppress(VisitClaimed):
            claimed(hospital, usage, channel)
            return channel
        return "refused"

    with monkeypatch.context() as meanwhile, ThreadPoolExecutor(2) as channels:
        meanwhile.setattr(traffic, "traffic_claim", look)
        told = list(channels.map(claim, ("search", "short video")))
    work(hospital)

    (winner,) = {*told} - {"refused"}
    assert (told.count("refused"), claim_of(hospital, usage).channel, owed_by(hospital)) == (1, winner, 1_500)


@pytest.mark.parametrize("claimed_first", [True, False])
def test_a_claim_before_the_visit_is_accrued_waits_for_it(hospital: UUID, work: Work, *, claimed_first: bool) -> None:
    usage = a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000)
    if not claimed_first:
        work(hospital)
    claimed(hospital, usage)

    work(hospital)

    assert (claim_of(hospital, usage).status, owed_by(hospital)) == ("owed", 1_500)


def test_refunds_claw_the_traffic_fee_back_by_their_part_and_in_whole(hospital: UUID, work: Work) -> None:
    payment = a_payment(hospital, 10_000)
    usage = a_delivered_visit(hospital, payment, 10_000)
    claimed(hospital, usage)
    work(hospital)

    a_refund(hospital, payment, 2_500)
    work(hospital)
    after_a_part = owed_by(hospital)
    a_refund(hospital, payment, 7_500)
    work(hospital)

    assert (after_a_part, owed_by(hospital), book_of(hospital)) == (750 + 375, 0, {})


def test_fee_and_traffic_fee_that_reach_the_price_exactly_are_owed(work: Work) -> None:
    hospital = a_hospital_with_an_agreement(percent_of_net=Decimal(10), traffic_per_visit_minor=9_000)
    claimed(hospital, a_delivered_visit(hospital, a_payment(hospital, 10_000), 10_000))

    work(hospital)

    assert owed_by(hospital) == 10_000


@pytest.mark.parametrize(
    ("terms", "refund", "why"),
    [
        ({"percent_of_net": Decimal(10)}, 0, "not-agreed"),
        ({"percent_of_net": Decimal(10), "traffic_per_visit_minor": 500}, 1, "refunded"),
        ({"percent_of_net": Decimal(10), "traffic_per_visit_minor": 9_001}, 0, "beyond-price"),
    ],
)
def test_nothing_is_owed_for_a_visit_given_back_beyond_its_price_or_without_terms(
    work: Work, terms: dict[str, object], refund: int, why: str
) -> None:
    hospital = a_hospital_with_an_agreement(**terms)
    payment = a_payment(hospital, 10_000)
    usage = a_delivered_visit(hospital, payment, 10_000)
    work(hospital)
    if refund:
        a_refund(hospital, payment, refund)
        work(hospital)

    claimed(hospital, usage)
    work(hospital)

    claim = claim_of(hospital, usage)
    assert (claim.status, claim.refusal, owed_by(hospital)) == ("refused", why, 1_000)
