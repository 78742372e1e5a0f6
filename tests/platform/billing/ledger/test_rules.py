"""Posting rules are data: versioned, recorded, never changed, and never reaching for what a fee may not touch."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from json import dumps
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from tandem.billing.ledger import JournalDraft, balances, journal_by_rule, post
from tandem.billing.ledger.chart import CHART, NEVER_A_BASIS
from tandem.billing.ledger.errors import (
    JournalRefused,
    PostingRuleUnknown,
    RuleAmountUnknown,
    RulePartyUnknown,
)
from tandem.billing.ledger.models import PostingRuleVersion
from tandem.billing.ledger.posting_rules import (
    PostingRule,
    RulesBroken,
    posting_rules,
    read_rules,
    recorded_rules,
    rule_at,
)
from tandem.kernel.database import rows
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, in_public, transaction

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
A_RULE = """
[[rule]]
code = "visit"
version = 1
effective_from = 2026-01-01
family = "care"
why = "A story."
legs = ["debit ar.patient price", "credit rev.medical price"]
"""


def a_journal(rule: str, amounts: dict[str, Any], **changes: Any) -> JournalDraft:
    facts = {"key": str(new_id()), "effective_at": NOON, "source_type": "story", "source_id": new_id()}
    return journal_by_rule(rule, amounts=amounts, **(facts | changes))


def said(draft: JournalDraft) -> list[tuple[str, int, UUID | None]]:
    return [(line.account_code, line.amount_minor, line.party_id) for line in draft.lines]


def test_a_rule_makes_the_same_journal_of_the_same_fact_and_says_its_version() -> None:
    draft = a_journal("payment_captured", {"amount": 7_200})

    assert said(draft) == [("cash.psp", 7_200, None), ("ar.patient", -7_200, None)]
    assert draft.rule_version == "payment_captured@1"


def test_a_formula_is_named_beside_the_rule() -> None:
    draft = a_journal("operator_fee", {"fee": 900}, formula="agreement:7")

    assert draft.rule_version == "operator_fee@1/agreement:7"


def test_an_amount_by_party_makes_a_leg_for_each_and_nothing_for_zero() -> None:
    ours, theirs, idle = sorted(new_id() for _ in range(3))
    owed = {theirs: 300, ours: 200, idle: 0}

    draft = a_journal("settlement_paid", {"fee": 500, "owed": owed, "cash": 0})

    assert said(draft) == [("ap.operator", 500, None), ("ar.operator", -200, ours), ("ar.operator", -300, theirs)]


@pytest.mark.parametrize(
    ("rule", "facts", "refusal"),
    [
        ("no_such_rule", {"amounts": {"amount": 1}}, PostingRuleUnknown),
        ("payment_captured", {"amounts": {"amount": 1}, "effective_at": datetime(2019, 1, 1, tzinfo=UTC)}, PostingRuleUnknown),
        ("payment_captured", {"amounts": {"sum": 1}}, RuleAmountUnknown),
        ("payment_captured", {"amounts": {"amount": 1, "tip": 1}}, RuleAmountUnknown),
        ("payment_captured", {"amounts": {"amount": {new_id(): 1}}}, RuleAmountUnknown),
        ("settlement_paid", {"amounts": {"fee": 1, "owed": 1, "cash": 1}}, RuleAmountUnknown),
        ("invoice_issued", {"amounts": {"total": 1}}, RulePartyUnknown),
        ("payment_captured", {"amounts": {"amount": 1}, "parties": {"friend": new_id()}}, RulePartyUnknown),
        ("currency_sold", {"amounts": {"given": 1}}, RulePartyUnknown),
    ],
)  # fmt: skip
def test_an_amount_or_a_party_that_a_rule_does_not_know_is_refused(
    rule: str, facts: dict[str, Any], refusal: type[JournalRefused]
) -> None:
    with pytest.raises(refusal):
        a_journal(rule, **facts)


def test_a_fact_is_booked_by_the_version_of_its_own_day() -> None:
    later = A_RULE.replace("version = 1", "version = 2").replace("2026-01-01", "2026-10-01")

    newest, first = read_rules(A_RULE + later)["visit"]

    assert (newest.version, first.version) == (2, 1)
    assert rule_at("payment_captured", NOON) is posting_rules()["payment_captured"][0]


def test_a_version_without_legs_withdraws_its_rule_from_its_day_on() -> None:
    before, after = (datetime(2026, 11, day, 4, tzinfo=UTC) for day in (21, 22))

    assert rule_at("prepayment_donated", before) is posting_rules()["prepayment_donated"][1]
    assert rule_at("prepayment_donated", after) is None
    with pytest.raises(RulesBroken, match="debits and credits"):
        read_rules(re.sub(r"legs = .*", "legs = []", A_RULE))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("rev.medical", "rev.dreams"), "the chart has no rev.dreams"),
        (("rev.medical", "ar.operator"), "kept by party"),
        (('"credit rev.medical price"', '"debit rev.medical price"'), "debits and credits"),
        (("credit rev.medical price", "gives rev.medical"), "cannot read the leg"),
        (('"care"', '"gift"'), "no family is called gift"),
        (("version = 1", "version = 2"), "versions count from 1"),
    ],
)
def test_a_rule_that_contradicts_itself_is_not_read(change: tuple[str, str], words: str) -> None:
    with pytest.raises(RulesBroken, match=words):
        read_rules(A_RULE.replace(*change))


@pytest.mark.parametrize("family", ["fee", "pay"])
@pytest.mark.parametrize("account", sorted(NEVER_A_BASIS))
def test_no_fee_and_no_pay_is_worked_out_from_drugs_or_examinations(family: str, account: str) -> None:
    on_it = A_RULE.replace('"care"', f'"{family}"\nbasis = ["{account}"]')
    through_it = A_RULE.replace('"care"', f'"{family}"').replace("rev.medical", account)

    for wish in (on_it, through_it):
        with pytest.raises(RulesBroken, match=f"a {family} never refers to {account}"):
            read_rules(wish)


def test_the_rules_of_the_house_keep_every_guard() -> None:
    guarded = [rule for versions in posting_rules().values() for rule in versions if rule.family in ("fee", "pay")]

    assert {account for rule in guarded for account in rule.basis} == {"rev.medical"}
    assert {account for account in CHART if account.startswith("rev.")} >= NEVER_A_BASIS


@pytest.mark.usefixtures("app")
def test_the_recorded_rules_are_those_the_code_runs_by() -> None:
    with in_public(), transaction():
        recorded = {(row["code"], row["version"]): dict(row) for row in rows(select(*PostingRuleVersion.__table__.c))}

    assert recorded == {(row["code"], row["version"]): row for row in recorded_rules()}


def test_a_versions_hash_can_be_made_again_with_the_standard_library_alone() -> None:
    (rule,) = posting_rules()["operator_fee"]

    plain = dumps(rule.document(), sort_keys=True, separators=(",", ":")).encode()

    assert rule.sha256() == sha256(plain).hexdigest()


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("change", ["UPDATE posting_rule_version SET why = ''", "DELETE FROM posting_rule_version"])
def test_a_recorded_rule_is_changed_by_nobody(database_urls: Any, role: str, change: str) -> None:
    refused = psycopg.errors.InsufficientPrivilege if role == "app" else psycopg.errors.RestrictViolation

    with psycopg.connect(getattr(database_urls, role)) as connection, pytest.raises(refused):
        connection.execute(change)


def test_the_database_itself_records_no_fee_on_drugs(app: Flask, database_urls: Any) -> None:
    wish = (
        "INSERT INTO posting_rule_version VALUES ('kickback', 1, '2026-01-01', 'pay', '', "
        "'{debit exp.operator_fee fee,credit ap.operator fee}', '{rev.drug}', NULL, '', '')"
    )

    with psycopg.connect(database_urls.owner) as connection, pytest.raises(psycopg.errors.CheckViolation, match="drug"):
        connection.execute(wish)


def amounts_that_balance(rule: PostingRule) -> dict[str, Any]:
    """Amounts of 300, 200, ... for a rule, the last such that its legs sum to zero."""
    weights = {name: sum(leg.sign for leg in rule.legs if leg.amount == name) for name in sorted(rule.amounts)}
    amounts = {name: 300 - 100 * place for place, name in enumerate(weights)}
    unsure = [name for name, weight in weights.items() if weight]
    if unsure:
        *others, last = unsure
        amounts[last] = -weights[last] * sum(weights[name] * amounts[name] for name in others)
    by_party = {leg.amount for leg in rule.legs if leg.each}
    return {name: {new_id(): amount} if name in by_party else amount for name, amount in amounts.items()}


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("rule", sorted(code for code, (newest, *_) in posting_rules().items() if newest.legs))
def test_every_rule_of_the_house_makes_a_journal_that_can_be_booked(rule: str) -> None:
    (newest, *_) = posting_rules()[rule]
    terms = {"other": "usd", "cash": "cash.bank", "account": "ar.patient", "successor": "ar.insurer"}
    terms |= {"held": "suspense", "target": "rev.other", "counter": "ar.patient"}
    amounts = amounts_that_balance(newest)
    parties = {role: new_id() for role in newest.roles}

    with acting_for(new_id()), transaction():
        draft = a_journal(rule, amounts, parties=parties, terms={word: terms[word] for word in newest.terms})
        result = post([draft])

        assert result.items[0].outcome == "posted"
        assert sum(row["balance_minor"] for row in balances()) == 0


@pytest.mark.usefixtures("app")
def test_money_changed_and_changed_back_leaves_two_books_without_a_position_and_the_difference_in_one() -> None:
    hospital, exchange = new_id(), new_id()
    usd = {"currency": "USD", "terms": {"other": "cny", "cash": "cash.bank"}, "correlation_id": exchange}
    cny = {"terms": {"other": "usd", "cash": "cash.bank"}, "correlation_id": exchange}

    with acting_for(hospital), transaction():
        post([
            a_journal("currency_sold", {"given": 70_000}, **cny),
            a_journal("currency_bought", {"received": 10_000, "carried": 10_000, "gain": 0}, **usd),
            a_journal("currency_sold", {"given": 10_000}, **usd),
            a_journal("currency_bought", {"received": 71_500, "carried": 70_000, "gain": 1_500}, **cny),
        ])  # fmt: skip
        stood = {(row["currency"], row["code"]): row["balance_minor"] for row in balances()}

    assert stood == {
        ("CNY", "cash.bank"): 1_500,
        ("CNY", "fx.gain_loss"): -1_500,
        ("CNY", "fx.position.usd"): 0,
        ("USD", "cash.bank"): 0,
        ("USD", "fx.position.cny"): 0,
    }


@pytest.mark.usefixtures("app")
def test_a_prepayment_is_drawn_and_its_rest_refunded_so_that_every_fen_has_an_account() -> None:
    employer, programme = new_id(), {"programme": new_id()}

    with acting_for(employer), transaction():
        post([
            a_journal("prepayment_invoiced", {"total": 100_000}, parties=programme),
            a_journal("invoice_paid", {"amount": 100_000}),
            a_journal("prepayment_drawn", {"used": 64_800}, parties=programme),
            a_journal("prepayment_refunded", {"unused": 35_200}, parties=programme),
        ])  # fmt: skip
        stood = {row["code"]: row["balance_minor"] for row in balances()}

    assert stood == {"prepaid.benefits": 0, "exp.benefits": 64_800, "ap.operator": 35_200, "cash.bank": -100_000}


@pytest.mark.usefixtures("app")
def test_free_care_is_booked_by_who_bears_it() -> None:
    with acting_for(new_id()), transaction():
        post([
            a_journal("medical_revenue", {"price": 7_200}),
            a_journal("care_waived", {"waived": 2_000}),
            a_journal("care_subsidised", {"subsidy": 3_000}),
            a_journal("care_insured", {"covered": 2_199}),
            a_journal("rounding_written_off", {"residual": 1}, parties={"party": None}, terms={"account": "ar.patient"}),
            a_journal("subsidy_received", {"subsidy": 3_000}),
        ])  # fmt: skip
        stood = {row["code"]: row["balance_minor"] for row in balances() if row["balance_minor"]}

    assert stood == {
        "rev.medical": -7_200,
        "welfare.expense": 2_000,
        "ar.insurer": 2_199,
        "rounding": 1,
        "cash.bank": 3_000,
    }
