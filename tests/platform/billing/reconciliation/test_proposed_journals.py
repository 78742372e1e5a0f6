"""The journal that would mend a difference is told with it; what both parties agree on is booked exactly so, once."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tandem.billing.ledger import balances
from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.errors import ProposalOutdated
from tandem.billing.reconciliation.passes import provider
from tandem.kernel.database import session
from tandem.kernel.errors import TransitionRefused
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once
from tests.platform.billing.reconciliation.histories import booked, captured, faults, items, run
from tests.platform.billing.reconciliation.planted import moved


@pytest.fixture
def hospital(app: object) -> UUID:
    return a_hospital()


def the_difference(hospital: UUID) -> Any:
    """The only one that is not resolved."""
    with acting_for(hospital):
        return session.execute(
            text("SELECT id, kind, proposed_journal, no_journal_because FROM discrepancy WHERE tenant_id = :t "
                 "AND status <> 'resolved'"), {"t": hospital},
        ).one()  # fmt: skip


def propose(hospital: UUID, difference: UUID) -> UUID:
    """The operator takes the difference's own proposal."""
    with acting_for(hospital), transaction():
        return commands.propose_resolution(difference, cause="as proposed", lines=None, party="operator").id


def approve(hospital: UUID, resolution: UUID) -> None:
    with acting_for(hospital), transaction():
        commands.approve_resolution(resolution, party="hospital")


def book(hospital: UUID) -> dict[str, int]:
    with acting_for(hospital):
        return {row["code"]: row["balance_minor"] for row in balances() if row["balance_minor"]}


def journals(hospital: UUID) -> list[tuple[str, str]]:
    with acting_for(hospital):
        found = session.execute(
            text("SELECT kind, idem_key FROM journal WHERE tenant_id = :t ORDER BY seq"), {"t": hospital}
        )
        return [(row.kind, row.idem_key) for row in found]


def test_a_fact_that_was_not_booked_proposes_its_own_journal_and_is_booked_as_that_fact(
    hospital: UUID, work: Callable[..., int]
) -> None:
    captured(hospital, range(1))
    run(hospital)
    told = the_difference(hospital)

    approve(hospital, propose(hospital, told.id))
    work(hospital)

    assert (told.proposed_journal["rule"], told.proposed_journal["amounts"]) == ("payment_captured", {"amount": 7_200})
    assert journals(hospital) == [("payment_captured", "charge:ch_0:captured")]
    assert book(hospital) == {"cash.psp": 7_200, "ar.patient": -7_200}
    assert (run(hospital, "full").open_count, items(hospital)) == (0, {"charge:ch_0:captured": "matched"})


def test_a_wrong_sum_proposes_the_difference_alone(hospital: UUID, work: Callable[..., int]) -> None:
    captured(hospital, range(1))
    booked(hospital, range(1), 7_250)
    run(hospital)

    approve(hospital, propose(hospital, the_difference(hospital).id))
    work(hospital)

    assert book(hospital) == {"cash.psp": 7_200, "ar.patient": -7_200}
    assert (run(hospital, "full").open_count, items(hospital)) == (0, {"charge:ch_0:captured": "settled"})


def test_a_journal_without_a_fact_proposes_to_be_undone(hospital: UUID, work: Callable[..., int]) -> None:
    booked(hospital, range(1))
    run(hospital)
    told = the_difference(hospital)

    approve(hospital, propose(hospital, told.id))
    work(hospital)

    assert told.proposed_journal["of"] == {"kind": "payment_captured", "key": "charge:ch_0:captured"}
    assert book(hospital) == {}
    assert run(hospital, "full").open_count == 0


def test_what_was_agreed_is_booked_once_however_often_its_job_runs(hospital: UUID, work: Callable[..., int]) -> None:
    moved(hospital, "txn_0", 7_200, source="ch_0", fee_minor=239, posted_as="bt:txn_0")
    moved(hospital, "txn_1", 7_200, source="ch_1", fee_minor=239, posted_as="bt:txn_1")
    run(hospital, comparison=provider.FEES)
    with acting_for(hospital):
        found = session.execute(text("SELECT id FROM discrepancy WHERE tenant_id = :t"), {"t": hospital}).scalars()
        resolutions = [propose(hospital, each) for each in found]
    for each in resolutions:
        approve(hospital, each)
    work(hospital)

    for each in [*resolutions, *resolutions]:
        with acting_for(hospital), transaction():
            commands.post_resolution(each)

    assert sorted(journals(hospital)) == [("psp_fee", "bt:txn_0"), ("psp_fee", "bt:txn_1")]


def test_an_approval_of_what_has_changed_or_gone_away_meanwhile_is_refused_and_books_nothing(
    hospital: UUID, work: Callable[..., int]
) -> None:
    captured(hospital, range(1))
    run(hospital)
    resolution = propose(hospital, the_difference(hospital).id)
    booked(hospital, range(1), 7_100)
    run(hospital)

    with pytest.raises(ProposalOutdated):
        approve(hospital, resolution)
    booked(hospital, range(1, 2))
    captured(hospital, range(1, 2))
    with acting_for(hospital), transaction():
        session.execute(text("UPDATE payment SET amount_minor = 7100 WHERE provider_charge_id = 'ch_0' "
                             "AND tenant_id = :t"), {"t": hospital})  # fmt: skip
    run(hospital)
    with pytest.raises(TransitionRefused):
        approve(hospital, resolution)
    work(hospital)

    assert faults(hospital) == {}
    assert book(hospital)["cash.psp"] == 7_100 + 7_200


def test_what_the_book_refuses_is_open_again_and_says_why(
    hospital: UUID, client: FlaskClient, work: Callable[..., int]
) -> None:
    captured(hospital, range(1))
    run(hospital)
    difference = the_difference(hospital).id
    resolution = propose(hospital, difference)
    approve(hospital, resolution)
    # Its own job was late, and says otherwise of the same fact.
    booked(hospital, range(1), 7_100)

    work(hospital)

    assert faults(hospital) == {"charge:ch_0:captured": "fact_not_booked"}
    with acting_for(hospital):
        refused = session.execute(
            text("SELECT refused_because FROM discrepancy_resolution WHERE tenant_id = :t"), {"t": hospital}
        ).scalar_one()
    assert refused == "journal-key-reused"
    assert book(hospital)["cash.psp"] == 7_100
    (told,) = client.get("/api/hospital/v1/discrepancy_resolutions", headers=in_english(hospital)).json["data"]
    assert told["refusal"] == "This key was used for a journal that says something else"


def test_why_nothing_is_proposed_is_told_in_the_readers_own_language(hospital: UUID, client: FlaskClient) -> None:
    captured(hospital, range(1))
    moved(hospital, "txn_0", 7_200, source="ch_0", fee_minor=240)
    run(hospital, comparison=provider.LISTED_FEES)

    (in_words,) = client.get("/api/hospital/v1/reconciliation_desk", headers=in_english(hospital)).json["data"]
    key = a_key(hospital, "hospital", "hospital_finance")
    (in_chinese,) = client.get("/api/hospital/v1/reconciliation_desk", headers=key).json["data"]

    assert (in_words["proposed_journal"], in_words["no_journal_because"]) == (None, "ask_provider")
    assert in_words["mend"] == "The provider is to tell or mend it; the book follows its facts"
    assert in_chinese["mend"] == "应由支付机构更正或补告，账簿随其事实入账"


def in_english(hospital: UUID) -> dict[str, str]:
    return a_key(hospital, "hospital", "hospital_finance") | {"Accept-Language": "en"}


def test_the_desk_shows_what_would_mend_a_difference_and_both_parties_decide_over_http(
    hospital: UUID, client: FlaskClient, work: Callable[..., int]
) -> None:
    captured(hospital, range(1))
    run(hospital)
    mine = a_key(hospital, "hospital", "hospital_admin")
    theirs = a_key(OPERATOR_ID, "operator", "operator_finance")
    (told,) = client.get("/api/hospital/v1/reconciliation_desk", headers=mine).json["data"]
    path = f"/api/operator/v1/organizations/{hospital}/discrepancies/{told['id']}/resolutions"

    proposed = client.post(path, json={"cause": "the job was lost"}, headers=theirs | once())
    approval = f"/api/hospital/v1/discrepancy_resolutions/{proposed.json['id']}/approvals"
    refused = client.post(approval, headers=a_key(hospital, "hospital", "doctor") | once())
    approved = client.post(approval, headers=mine | once())
    work(hospital)
    listed = client.get("/api/hospital/v1/discrepancy_resolutions", headers=mine).json["data"]

    assert told["proposed_journal"]["rule"] == "payment_captured"
    assert told["mend"] == "双方确认后，按建议分录入账"
    assert proposed.json["proposed_journal"] == told["proposed_journal"]
    assert (proposed.status_code, refused.status_code, approved.status_code) == (201, 403, 201)
    assert refused.json["roles"] == ["hospital_admin", "hospital_finance"]
    assert listed[0]["journal_id"]
    assert book(hospital)["cash.psp"] == 7_200
