"""`tandem ledger`: what a keeper of the books sees of them, and how a book is frozen."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from tandem.billing.ledger import JournalDraft, Line, place_hold, post
from tandem.billing.ledger.posting_rules import posting_rules
from tandem.kernel import clock
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction
from tests.platform.cli.conftest import Tandem

pytestmark = pytest.mark.usefixtures("app")
DOLLARS = [Line("cash.psp", 500), Line("ar.patient", -500)]
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)


def a_payment(key: str, effective_at: datetime = NOON) -> JournalDraft:
    lines = [Line("cash.psp", 7_200), Line("ar.patient", -7_200)]
    return JournalDraft("payment", key, effective_at, lines, "payment", key)


@pytest.fixture
def tandem(tandem: Tandem) -> Tandem:
    """`tandem ledger` with these words."""
    return partial(tandem, "ledger")


@pytest.fixture
def hospital() -> UUID:
    """A hospital with two payments on two days, and a hold on what the patients have coming."""
    hospital = new_id()
    with acting_for(hospital), transaction():
        post([a_payment("1"), a_payment("2", NOON + timedelta(days=1))])
        place_hold("ar.patient", 500, key="1", expires_at=clock.now() + timedelta(days=1))
    return hospital


def test_balances_are_shown_now_and_as_they_stood(tandem: Tandem, hospital: UUID) -> None:
    now = tandem("balances", "--tenant", str(hospital), "--json")
    then = tandem("balances", "--tenant", str(hospital), "--at", "2026-09-02", "--json")
    shown = tandem("balances", "--tenant", str(hospital), "--limit", "1")

    stood = [{row["code"]: row["balance_minor"] for row in json.loads(each.output)["balances"]} for each in (now, then)]
    assert stood[0] == {"ar.patient": -13_900, "cash.psp": 14_400, "held.ar.patient": -500}
    assert stood[1] == {"ar.patient": -7_200, "cash.psp": 7_200, "held.ar.patient": 0}
    assert "-¥139.00" in shown.output
    assert "there are more: --after" in shown.output


def test_holds_are_shown(tandem: Tandem, hospital: UUID) -> None:
    pending = json.loads(tandem("holds", "--tenant", str(hospital), "--json").output)["holds"]
    voided = json.loads(tandem("holds", "--tenant", str(hospital), "--status", "voided", "--json").output)["holds"]

    assert [(hold["amount_minor"], hold["captured_minor"], hold["status"]) for hold in pending] == [(500, 0, "pending")]
    assert voided == []


def test_every_posting_rule_is_shown_with_its_version(tandem: Tandem) -> None:
    told = json.loads(tandem("rules", "--json").output)["posting_rules"]

    assert {(rule["code"], rule["version"]) for rule in told} == {
        (rule.code, rule.version) for versions in posting_rules().values() for rule in versions
    }
    assert all(len(rule["sha256"]) == 64 for rule in told)
    # A version without legs withdraws its rule: there was one with legs before it.
    assert {rule["code"] for rule in told if not rule["legs"]} <= {rule["code"] for rule in told if rule["legs"]}


def test_a_book_is_frozen_and_thawed_for_a_reason(tandem: Tandem, hospital: UUID) -> None:
    frozen = tandem("freeze", "--tenant", str(hospital), "--because", "under audit")
    with acting_for(hospital), transaction():
        while_frozen = post([a_payment("3")], partly=True)
    thawed = tandem("thaw", "--tenant", str(hospital), "--because", "audited")

    assert (frozen.exit_code, thawed.exit_code) == (0, 0), frozen.output + thawed.output
    assert [item.outcome for item in while_frozen.items] == ["refused"]
    assert tandem("freeze", "--tenant", str(hospital)).exit_code == 2
    with acting_for(hospital), transaction():
        assert post([a_payment("3")]).items[0].outcome == "posted"


@pytest.mark.parametrize(("shape", "opening"), [("beancount", "1970-01-01 open "), ("hledger", "account ")])
def test_all_books_go_into_one_text_in_which_no_two_share_an_account(
    tandem: Tandem, hospital: UUID, shape: str, opening: str
) -> None:
    other = new_id()
    with acting_for(other), transaction():
        post([a_payment("1"), JournalDraft("story", "2", NOON, DOLLARS, "story", "2", "USD")])

    told = tandem("export", "--format", shape)

    names = [line.split()[-2 if shape == "beancount" else -1] for line in told.output.splitlines() if opening in line]
    assert told.exit_code == 0, told.output
    assert len(set(names)) == len(names)
    assert {f"Assets:B-{owner}-CNY:Cash:Psp" for owner in (hospital, other)} <= set(names)
    assert f"Assets:B-{other}-USD:Cash:Psp" in names


def test_all_books_as_one_table_with_one_head_say_whose_each_entry_is(tandem: Tandem, hospital: UUID) -> None:
    told = tandem("export")
    alone = tandem("export", "--tenant", str(hospital))
    nobody = tandem("export", "--tenant", str(new_id()))

    head, *lines = told.output.splitlines()
    mine = [line for line in lines if line.startswith(f"{hospital},")]
    assert head.startswith("tenant_id,seq,")
    assert head not in lines
    assert alone.output.splitlines() == [head, *mine]
    assert (nobody.exit_code, len(mine)) == (1, 6)
