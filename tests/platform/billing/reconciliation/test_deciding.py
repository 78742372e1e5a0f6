"""Differences are settled by two parties, in ones or by the million, and the books follow what they agreed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from tandem.billing.ledger import balance_minor
from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.errors import SameParty
from tandem.billing.reconciliation.rules import Rules, rules_in_force
from tandem.kernel.database import db, session
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.hospitals import a_hospital
from tests.people import a_key, once
from tests.platform.billing.reconciliation.histories import booked, captured, faults, items, run


@pytest.fixture
def hospital(app: object) -> UUID:
    """Ten payments booked, then three that are not."""
    tenant = a_hospital()
    captured(tenant, range(10))
    booked(tenant, range(10))
    run(tenant)
    captured(tenant, range(10, 13))
    run(tenant)
    return tenant


@pytest.fixture
def difference(hospital: UUID) -> UUID:
    """The one about the eleventh payment."""
    with acting_for(hospital):
        return session.execute(
            text("SELECT id FROM discrepancy WHERE tenant_id = :t AND natural_key = 'charge\\:ch_10\\:captured'"),
            {"t": hospital},
        ).scalar_one()


def propose(hospital: UUID, difference: UUID, party: str = "operator", **lines: int) -> UUID:
    with acting_for(hospital), transaction():
        journal = {name.replace("_", "."): amount for name, amount in lines.items()}
        return commands.propose_resolution(difference, cause="agreed by telephone", lines=journal, party=party).id


def approve(hospital: UUID, resolution: UUID, party: str = "hospital") -> int:
    with acting_for(hospital), transaction():
        return commands.approve_resolution(resolution, party=party).settled_count


def test_an_operators_user_cannot_approve_its_own_adjustment(hospital: UUID, difference: UUID) -> None:
    resolution = propose(hospital, difference)

    with pytest.raises(SameParty):
        approve(hospital, resolution, "operator")

    assert len(faults(hospital)) == 3


def test_the_database_itself_refuses_a_checker_of_the_makers_party(hospital: UUID, difference: UUID) -> None:
    resolution = propose(hospital, difference)

    with (
        pytest.raises(IntegrityError, match="discrepancy_resolution_two_parties_check"),
        acting_for(hospital),
        transaction(),
    ):
        session.execute(
            text(
                "UPDATE discrepancy_resolution SET status = 'approved', checker_party = 'operator' "
                "WHERE tenant_id = :t AND id = :id"
            ),
            {"t": hospital, "id": resolution},
        )


def test_what_both_agreed_is_booked_once_and_not_found_again(
    hospital: UUID, difference: UUID, work: Callable[..., int]
) -> None:
    before = session_balance(hospital)
    approve(hospital, propose(hospital, difference, suspense=7_200, cash_psp=-7_200))

    work(hospital)
    again = run(hospital, "full")

    assert session_balance(hospital) - before == 7_200
    assert (again.new_count, again.open_count) == (0, 2)
    assert items(hospital)["charge:ch_10:captured"] == "settled"


def test_a_settled_difference_is_taken_up_again_with_its_history(
    hospital: UUID, difference: UUID, client: FlaskClient
) -> None:
    approve(hospital, propose(hospital, difference))
    with acting_for(hospital), transaction():
        commands.reopen(difference, cause="the telephone call was about another one")

    run(hospital)

    key = a_key(hospital, "hospital", "hospital_finance")
    told = client.get(f"/api/hospital/v1/discrepancies/{difference}/steps", headers=key).json["data"]
    assert [step["to_status"] for step in told] == ["open", "resolved", "open"]
    assert told[1]["because"] == "agreed by telephone"
    assert items(hospital)["charge:ch_10:captured"] == "differs"


def test_a_settled_difference_that_changes_is_open_again(hospital: UUID, difference: UUID) -> None:
    approve(hospital, propose(hospital, difference))
    run(hospital)

    booked(hospital, range(10, 11), 7_100)
    run(hospital)

    assert faults(hospital)["charge:ch_10:captured"] == "booked_amount_differs"


def test_a_journal_that_does_not_balance_or_touches_a_mirrored_account_is_refused(
    hospital: UUID, difference: UUID, client: FlaskClient
) -> None:
    key = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/organizations/{hospital}/discrepancies/{difference}/resolutions"

    answers = [
        client.post(path, json={"cause": "so be it", "journal": journal}, headers=key | once())
        for journal in (
            [line("suspense", 5), line("cash.psp", -4)],
            [line("ap.operator", 5), line("cash.psp", -5)],
            [line("cash.nowhere", 5), line("cash.psp", -5)],
        )
    ]

    assert [answer.json["type"] for answer in answers] == ["/problems/journal-not-balanced"] * 3


def test_a_million_exceptions_of_one_root_are_one_group_and_one_decision(hospital: UUID, client: FlaskClient) -> None:
    key = a_key(hospital, "hospital", "hospital_finance")
    settled: list[int] = []

    def decided() -> tuple[Any, int]:
        """The only group there is, and how many statements it took to agree on what becomes of it."""
        (group,) = client.get("/api/hospital/v1/discrepancy_groups", headers=key).json["data"]
        wish = {name: group[name] for name in ("pass", "kind", "cause_group")} | {"cause": "closed by mistake"}
        proposed = client.post("/api/hospital/v1/discrepancy_group_resolutions", json=wish, headers=key | once())
        resolution = UUID(proposed.json["id"])
        return group, statements(lambda: settled.append(approve(hospital, resolution, "operator")))

    _, spoken_for_few = decided()
    captured(hospital, range(100, 600))
    run(hospital)
    group, spoken_for_all = decided()

    # What one decision says to the database does not grow with what it decides: a million are as many statements.
    assert (group["discrepancies"], group["amount_at_risk"]["amount_minor"]) == (500, 500 * 7_200)
    assert (settled, faults(hospital)) == ([3, 500], {})
    assert spoken_for_all == spoken_for_few


def statements(deed: Callable[[], object]) -> int:
    """How many statements a deed says to the database."""
    spoken: list[str] = []

    def hear(_c: object, _k: object, statement: str, *_: object) -> None:
        spoken.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        deed()
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
    return len(spoken)


def test_small_sums_are_let_be_until_the_months_budget_is_spent(hospital: UUID) -> None:
    captured(hospital, range(20, 24))
    booked(hospital, range(20, 24), 7_201)

    run(hospital, rules=Rules(values={"tolerance_minor": 1, "tolerance_budget_minor": 3}))

    small = [kind for kind in faults(hospital).values() if kind == "booked_amount_differs"]
    assert len(small) == 1
    with acting_for(hospital):
        settled_by = session.execute(
            text(
                "SELECT settled_by, count(*) FROM discrepancy WHERE tenant_id = :t AND status = 'resolved' GROUP BY 1"
            ),
            {"t": hospital},
        ).all()
    assert [tuple(row) for row in settled_by] == [("rule", 3)]


def test_a_rule_edited_during_a_run_counts_from_the_next_run_on(hospital: UUID) -> None:
    with acting_for(hospital):
        at_the_start = rules_in_force()
    with acting_for(OPERATOR_ID, operator=True), transaction():
        commands.set_rule("deadline_days.provider", 3, because="as before, said once more")

    run(hospital, rules=at_the_start)
    with acting_for(hospital):
        afterwards = rules_in_force()
    run(hospital, rules=afterwards)

    with acting_for(hospital):
        versions = session.execute(
            text("SELECT rule_version FROM recon_pass_run WHERE tenant_id = :t ORDER BY finished_at DESC, id DESC"),
            {"t": hospital},
        ).scalars()
        assert list(versions)[:2] == [afterwards.version, at_the_start.version]
    assert at_the_start.version < afterwards.version


def test_a_parked_comparison_is_released_with_everything_it_held_back(hospital: UUID, client: FlaskClient) -> None:
    strict = Rules(values={"guard_floor": 20, "guard_factor": 1})
    captured(hospital, range(100, 150))
    run(hospital, rules=strict)
    key = a_key(OPERATOR_ID, "operator", "operator_finance")
    path = f"/api/operator/v1/organizations/{hospital}/comparison_releases"
    wish = {"comparison": "R1.booked", "because": "an import without journals, known"}

    released = client.post(path, json=wish, headers=key | once())
    twice = client.post(path, json=wish, headers=key | once())
    run(hospital)

    assert (released.status_code, twice.status_code) == (204, 409)
    assert len(faults(hospital)) == 53
    assert set(faults(hospital).values()) == {"fact_not_booked"}


def test_the_desk_is_sorted_by_money_or_by_age_and_each_hospital_sees_its_own(
    hospital: UUID, client: FlaskClient
) -> None:
    other = a_hospital()
    captured(other, range(1), 99_900)
    run(other)
    operator = a_key(OPERATOR_ID, "operator", "operator_finance")
    own = a_key(hospital, "hospital", "hospital_finance")

    everybody = client.get("/api/operator/v1/reconciliation_desk?sort=money&limit=100", headers=operator).json["data"]
    aged = client.get("/api/operator/v1/reconciliation_desk?sort=age&limit=100", headers=operator).json["data"]
    mine = client.get("/api/hospital/v1/reconciliation_desk", headers=own).json["data"]

    sums = [row["amount_at_risk"]["amount_minor"] for row in everybody]
    assert sums == sorted(sums, reverse=True)
    assert str(other) in {row["tenant_id"] for row in everybody}
    assert [row["first_seen_at"] for row in aged] == sorted(row["first_seen_at"] for row in aged)
    assert {row["tenant_id"] for row in mine} == {str(hospital)}


def line(account: str, amount_minor: int) -> dict[str, Any]:
    return {"account": account, "amount_minor": amount_minor}


def session_balance(hospital: UUID) -> int:
    with acting_for(hospital):
        return balance_minor("suspense")
