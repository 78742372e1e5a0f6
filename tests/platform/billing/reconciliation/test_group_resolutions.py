"""Differences of one root are settled together: each is booked by its own journal, once, or nothing of any is."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.errors import NothingInGroup, ProposalOutdated, SameParty
from tandem.billing.reconciliation.models import DiscrepancyResolution
from tandem.billing.reconciliation.passes import provider
from tandem.kernel.database import session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once
from tests.platform.billing.reconciliation.histories import booked, captured, faults, items, run
from tests.platform.billing.reconciliation.planted import moved
from tests.platform.billing.reconciliation.test_proposed_journals import book, journals

Work = Callable[..., int]
NOT_BOOKED = ("R1", "fact_not_booked", "fact_not_booked")


@pytest.fixture
def hospital(app: object) -> UUID:
    """Four payments whose job was lost."""
    tenant = a_hospital()
    captured(tenant, range(4))
    run(tenant)
    return tenant


def propose(hospital: UUID, *, books: bool = True, party: str = "operator") -> UUID:
    with acting_for(hospital), transaction():
        return commands.propose_group_resolution(*NOT_BOOKED, cause="the job was lost", books=books, party=party).id


def approve(hospital: UUID, resolution: UUID, party: str = "hospital") -> int:
    with acting_for(hospital), transaction():
        return commands.approve_resolution(resolution, party=party).settled_count


def counted(hospital: UUID, resolution: UUID) -> tuple[int | None, int]:
    """How many differences were named, and how many were settled."""
    with acting_for(hospital):
        row = session.get_one(DiscrepancyResolution, (hospital, resolution))
        return row.member_count, row.settled_count


def members(client: FlaskClient, hospital: UUID, resolution: UUID) -> list[Any]:
    key = a_key(hospital, "hospital", "hospital_finance") | {"Accept-Language": "en"}
    path = f"/api/hospital/v1/discrepancy_resolutions/{resolution}/members?limit=100"
    listed: list[Any] = client.get(path, headers=key).json["data"]
    return listed


def test_a_group_that_both_agreed_on_books_every_members_own_journal_once(
    hospital: UUID, client: FlaskClient, work: Work
) -> None:
    resolution = propose(hospital)
    with pytest.raises(SameParty):
        approve(hospital, resolution, "operator")
    settled = approve(hospital, resolution)

    work(hospital)
    with acting_for(hospital), transaction():
        again = commands.post_members(resolution)

    assert (settled, again, counted(hospital, resolution)) == (4, 0, (4, 4))
    assert sorted(journals(hospital)) == [("payment_captured", f"charge:ch_{n}:captured") for n in range(4)]
    assert book(hospital) == {"cash.psp": 4 * 7_200, "ar.patient": -4 * 7_200}
    assert run(hospital, "full").open_count == 0
    assert set(items(hospital).values()) == {"matched"}
    told = members(client, hospital, resolution)
    assert {(each["is_settled"], each["refusal"]) for each in told} == {(True, None)}
    assert len({each["journal_id"] for each in told} - {None}) == 4


def test_journals_without_facts_are_undone_together(app: object, work: Work) -> None:
    tenant = a_hospital()
    booked(tenant, range(3))
    run(tenant)
    with acting_for(tenant), transaction():
        kind = session.execute(text("SELECT DISTINCT reconciliation_pass, kind, cause_group FROM discrepancy "
                                    "WHERE tenant_id = :t"), {"t": tenant}).one()  # fmt: skip
        wish = commands.propose_group_resolution(*kind, cause="a test run", books=True, party="hospital")
    approve(tenant, wish.id, "operator")

    work(tenant)

    assert book(tenant) == {}
    assert (len(journals(tenant)), run(tenant, "full").open_count) == (6, 0)


def test_a_group_with_members_that_propose_no_journal_is_refused_by_name_and_can_be_settled_without_booking(
    app: object, client: FlaskClient, work: Work
) -> None:
    tenant = a_hospital()
    captured(tenant, range(2))
    for number in range(2):
        moved(tenant, f"txn_{number}", 7_200, source=f"ch_{number}", fee_minor=240)
    run(tenant, comparison=provider.LISTED_FEES)
    key = a_key(OPERATOR_ID, "operator", "operator_finance") | {"Accept-Language": "en"}
    base = f"/api/operator/v1/organizations/{tenant}"
    (group,) = client.get(f"{base}/discrepancy_groups", headers=key).json["data"]
    wish = {name: group[name] for name in ("pass", "kind", "cause_group")} | {"cause": "another tariff"}

    refused = client.post(f"{base}/discrepancy_group_resolutions", json=wish, headers=key | once())
    lines = [{"account": "suspense", "amount_minor": 1}, {"account": "cash.psp", "amount_minor": -1}]
    by_hand = client.post(f"{base}/discrepancy_group_resolutions", json=wish | {"journal": lines}, headers=key | once())
    unbooked = client.post(f"{base}/discrepancy_group_resolutions", json=wish | {"journal": []}, headers=key | once())
    settled = approve(tenant, UUID(unbooked.json["id"]))
    work(tenant)

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/group-without-journals")
    assert refused.json["without_count"] == 2
    assert {each["natural_key"] for each in refused.json["members"]} == {"fee_off_list:txn_0", "fee_off_list:txn_1"}
    assert {each["because"] for each in refused.json["members"]} == {"ask_provider"}
    assert refused.json["members"][0]["mend"].startswith("The provider is to tell")
    assert (by_hand.status_code, unbooked.status_code, unbooked.json["member_count"], settled) == (422, 201, 2, 2)
    assert (faults(tenant), journals(tenant)) == ({}, [])


def test_what_changed_or_went_away_since_the_proposal_stays_out_and_what_came_since_too(
    hospital: UUID, work: Work
) -> None:
    resolution = propose(hospital)
    booked(hospital, range(1))
    booked(hospital, range(1, 2), 7_100)
    captured(hospital, range(10, 11))
    run(hospital)

    settled = approve(hospital, resolution)
    work(hospital)

    assert (settled, counted(hospital, resolution)) == (2, (4, 2))
    assert book(hospital)["cash.psp"] == 7_200 + 7_100 + 2 * 7_200
    assert faults(hospital) == {
        "charge:ch_1:captured": "booked_amount_differs", "charge:ch_10:captured": "fact_not_booked",
    }  # fmt: skip


def test_an_approval_of_a_group_of_which_nothing_is_left_is_refused(hospital: UUID) -> None:
    resolution = propose(hospital)
    booked(hospital, range(4))
    run(hospital)

    with pytest.raises(ProposalOutdated):
        approve(hospital, resolution)
    with pytest.raises(NothingInGroup):
        propose(hospital)


def test_what_the_book_refuses_of_a_group_is_open_again_and_the_rest_is_booked(
    hospital: UUID, client: FlaskClient, work: Work
) -> None:
    resolution = propose(hospital)
    approve(hospital, resolution)
    # Its own job was late, and says otherwise of the same fact.
    booked(hospital, range(1, 2), 7_100)

    work(hospital)

    assert faults(hospital) == {"charge:ch_1:captured": "fact_not_booked"}
    assert book(hospital)["cash.psp"] == 7_100 + 3 * 7_200
    (told,) = [each for each in members(client, hospital, resolution) if each["refused_because"]]
    assert (told["natural_key"], told["refused_because"]) == ("charge:ch_1:captured", "journal-key-reused")
    assert told["refusal"] == "This key was used for a journal that says something else"
    key = a_key(hospital, "hospital", "hospital_finance")
    steps = client.get(f"/api/hospital/v1/discrepancies/{told['discrepancy_id']}/steps", headers=key).json["data"]
    assert [each["to_status"] for each in steps] == ["open", "resolved", "open"]


def test_a_job_that_is_killed_while_it_books_a_group_books_it_once(
    hospital: UUID, monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    monkeypatch.setattr("tandem.billing.reconciliation.commands.booking.MEMBERS_AT_ONCE", 3)
    resolution = propose(hospital)
    approve(hospital, resolution)
    with acting_for(hospital), transaction():
        first = commands.post_members(resolution)
    with pytest.raises(InterruptedError), acting_for(hospital), transaction():
        commands.post_members(resolution)
        raise InterruptedError

    work(hospital)

    assert first == 3
    assert len(journals(hospital)) == len(set(journals(hospital))) == 4
    assert book(hospital)["cash.psp"] == 4 * 7_200
