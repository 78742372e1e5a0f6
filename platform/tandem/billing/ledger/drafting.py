"""Journals made by rule: the fact brings named amounts and parties, the rule says which accounts they move."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from tandem.billing.ledger.chart import CHART
from tandem.billing.ledger.drafts import JournalDraft, Line
from tandem.billing.ledger.errors import PostingRuleUnknown, RuleAmountUnknown, RulePartyUnknown
from tandem.billing.ledger.posting_rules import Leg, PostingRule, rule_at

Amount = int | Mapping[UUID, int]
_NOTHING: Final[Mapping[str, str]] = {}


def journal_by_rule(
    rule: str,
    *,
    amounts: Mapping[str, Amount],
    key: str,
    effective_at: datetime,
    source_type: str,
    source_id: UUID | str,
    parties: Mapping[str, UUID | None] | None = None,
    terms: Mapping[str, str] = _NOTHING,
    currency: str = "CNY",
    correlation_id: UUID | None = None,
    formula: str | None = None,
) -> JournalDraft:
    """The journal that a rule makes of a fact, by the version in force when the fact was true.

    `amounts` are minor units by name (by party, where the rule says "each"); `parties` are organisations or
    programmes by role; `terms` are words in accounts, such as a currency. `formula` names what worked the amounts
    out, such as an agreement's version. Raises PostingRuleUnknown, RuleAmountUnknown, RulePartyUnknown.
    """
    version = rule_at(rule, effective_at)
    if version is None:
        raise PostingRuleUnknown(kind=rule, key=key)
    parties = parties or {}
    _fit(version, amounts, parties, terms)
    return JournalDraft(
        kind=rule,
        key=key,
        effective_at=effective_at,
        lines=[line for leg in version.legs for line in _lines(version, leg, amounts, parties, terms)],
        source_type=source_type,
        source_id=source_id,
        currency=currency,
        correlation_id=correlation_id,
        rule_version=version.name if formula is None else f"{version.name}/{formula}",
    )


def _fit(
    rule: PostingRule, amounts: Mapping[str, Amount], parties: Mapping[str, UUID | None], terms: Mapping[str, str]
) -> None:
    if rule.amounts != amounts.keys():
        raise RuleAmountUnknown(rule=rule.name, amount=min(rule.amounts ^ amounts.keys()))
    if rule.roles != parties.keys():
        raise RulePartyUnknown(rule=rule.name, party=min(rule.roles ^ parties.keys()))
    if rule.terms != terms.keys():
        raise RulePartyUnknown(rule=rule.name, term=min(rule.terms ^ terms.keys()))


def _lines(
    rule: PostingRule,
    leg: Leg,
    amounts: Mapping[str, Amount],
    parties: Mapping[str, UUID | None],
    terms: Mapping[str, str],
) -> Iterator[Line]:
    code, amount = leg.account_code(terms), amounts[leg.amount]
    if isinstance(amount, int):
        if leg.each:
            raise RuleAmountUnknown(rule=rule.name, amount=leg.amount)
        if amount:
            yield Line(code, leg.sign * amount, _party(leg, code, parties))
        return
    if not leg.each:
        raise RuleAmountUnknown(rule=rule.name, amount=leg.amount)
    # In order of the parties, so that the same fact told twice reads the same.
    for party, part in sorted(amount.items()):
        if part:
            yield Line(code, leg.sign * part, party)


def _party(leg: Leg, code: str, parties: Mapping[str, UUID | None]) -> UUID | None:
    if leg.party is None or (leg.account != code and not (code in CHART and CHART[code].by_party)):
        return None
    return parties[leg.party]
