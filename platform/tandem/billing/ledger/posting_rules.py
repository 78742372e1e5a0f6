"""The posting rules: versioned data, read from `posting_rules.toml`, recorded in a table that nobody can change.

The code runs by the file; the table is what journals, hospitals and the recompute kit refer to. A test and `tandem
ledger verify` hold the two together. Guards are part of the rules: a fee or a pay is never worked out from revenue of
drugs or examinations (Doctors Law art. 31).
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from tandem.billing.ledger.chart import CHART, NEVER_A_BASIS
from tandem.kernel import clock

FILE: Final = Path(__file__).with_suffix(".toml")
FAMILIES: Final = ("payment", "care", "fee", "pay", "settlement", "enterprise", "welfare", "rounding", "fx", "hold")
ON_DELIVERY_ONLY: Final = ("fee", "pay")
"""Families whose amounts are worked out from revenue, so that the guard looks at their `basis`."""
_LEG: Final = re.compile(r"(debit|credit) ([a-z_.{}]+) ([a-z_]+)(?: by (each )?([a-z_]+))?\Z")
_TERM: Final = re.compile(r"\{([a-z_]+)\}")


class RulesBroken(ValueError):
    """The file of posting rules contradicts itself or breaks a guard: a fault of ours, found when it is read."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One line to be: `sign` is 1 for a debit. `party` names a role; `each`: the amount is given by party."""

    account: str
    sign: Literal[1, -1]
    amount: str
    party: str | None = None
    each: bool = False

    def account_code(self, terms: Mapping[str, str]) -> str:
        """The account, with the fact's own words put in. Raises KeyError for a word that the fact does not supply."""
        return _TERM.sub(lambda found: terms[found[1]], self.account) if "{" in self.account else self.account


@dataclass(frozen=True, slots=True)
class Mirror:
    """How the operator's book answers a journal: the account facing each of these, and the one that takes the rest."""

    facing: Mapping[str, str]
    rest: str


@dataclass(frozen=True)
class PostingRule:
    """One version of one rule. `basis`: the revenue that its amounts are worked out from, for fees and pay."""

    code: str
    version: int
    effective_from: date
    family: str
    why: str
    legs: tuple[Leg, ...]
    basis: tuple[str, ...]
    mirror: Mirror | None
    source: str
    said: tuple[str, ...] = field(repr=False)

    @cached_property
    def name(self) -> str:
        """What a journal's `rule_version` begins with."""
        return f"{self.code}@{self.version}"

    @cached_property
    def is_withdrawn(self) -> bool:
        """A version without legs: from its day on the rule is in force no more."""
        return not self.legs

    @cached_property
    def amounts(self) -> frozenset[str]:
        return frozenset(leg.amount for leg in self.legs)

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(leg.party for leg in self.legs if leg.party is not None and not leg.each)

    @cached_property
    def terms(self) -> frozenset[str]:
        return frozenset(word for leg in self.legs for word in _TERM.findall(leg.account))

    def sha256(self) -> str:
        """The version's hash, in hexadecimal: of compact JSON with sorted keys, so that anybody can make it again."""
        return sha256(json.dumps(self.document(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def document(self) -> dict[str, Any]:
        """All that the version decides, as plain data."""
        mirror = None if self.mirror is None else {"facing": dict(self.mirror.facing), "rest": self.mirror.rest}
        return {
            "code": self.code,
            "version": self.version,
            "effective_from": self.effective_from.isoformat(),
            "family": self.family,
            "legs": list(self.said),
            "basis": list(self.basis),
            "mirror": mirror,
        }


@cache
def posting_rules() -> Mapping[str, tuple[PostingRule, ...]]:
    """Every rule's versions, the newest first. Raises RulesBroken."""
    return read_rules(FILE.read_text(encoding="utf-8"))


def rule_at(code: str, effective_at: datetime) -> PostingRule | None:
    """The version of a rule that was in force when a fact was true; None for no such rule, none yet, or withdrawn."""
    versions = posting_rules().get(code)
    if versions is None:
        return None
    if len(versions) == 1 and versions[0].effective_from.year < effective_at.year:
        return versions[0]
    day = effective_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
    found = next((each for each in versions if each.effective_from <= day), None)
    return None if found is None or found.is_withdrawn else found


def read_rules(text: str) -> Mapping[str, tuple[PostingRule, ...]]:
    """Rules from their written form. Raises RulesBroken for what contradicts the chart or breaks a guard."""
    found: dict[str, list[PostingRule]] = {}
    for entry in tomllib.loads(text)["rule"]:
        rule = _rule(entry)
        _guard(rule)
        found.setdefault(rule.code, []).append(rule)
    for code, versions in found.items():
        versions.sort(key=lambda rule: rule.version, reverse=True)
        days = [rule.effective_from for rule in versions]
        if [rule.version for rule in versions] != list(range(len(versions), 0, -1)) or len(set(days)) != len(days):
            raise RulesBroken(f"{code}: versions count from 1 and each has a day of its own")
        if days != sorted(days, reverse=True):
            raise RulesBroken(f"{code}: a later version counts from a later day")
    return {code: tuple(versions) for code, versions in found.items()}


def recorded_rules() -> list[dict[str, Any]]:
    """Every version as the row that records it: for the migrations that add versions, and for the test of them."""
    return [
        {"code": rule.code, "version": rule.version, "effective_from": rule.effective_from, "family": rule.family}
        | {"why": rule.why, "legs": list(rule.said), "basis": list(rule.basis), "source": rule.source}
        | {"mirror": rule.document()["mirror"], "sha256": rule.sha256()}
        for versions in posting_rules().values()
        for rule in versions
    ]


def _rule(entry: Mapping[str, Any]) -> PostingRule:
    mirror = entry.get("mirror")
    return PostingRule(
        code=entry["code"],
        version=entry["version"],
        effective_from=entry["effective_from"],
        family=entry["family"],
        why=entry["why"],
        legs=tuple(_leg(entry["code"], said) for said in entry["legs"]),
        basis=tuple(entry.get("basis", ())),
        mirror=mirror and Mirror(mirror["facing"], mirror["rest"]),
        source=entry.get("source", "money.md 2.3"),
        said=tuple(entry["legs"]),
    )


def _leg(code: str, said: str) -> Leg:
    found = _LEG.match(said)
    if found is None:
        raise RulesBroken(f"{code}: cannot read the leg {said!r}")
    side, account, amount, each, party = found.groups()
    return Leg(account, 1 if side == "debit" else -1, amount, party, bool(each))


def _guard(rule: PostingRule) -> None:
    if rule.family not in FAMILIES:
        raise RulesBroken(f"{rule.code}: no family is called {rule.family}")
    if rule.is_withdrawn and rule.version > 1:
        return
    if len(rule.legs) < 2 or {leg.sign for leg in rule.legs} != {1, -1}:
        raise RulesBroken(f"{rule.code}: a rule debits and credits")
    named = {leg.account for leg in rule.legs if "{" not in leg.account} | set(rule.basis)
    if rule.mirror is not None:
        named |= {rule.mirror.rest, *rule.mirror.facing, *rule.mirror.facing.values()}
    if unknown := sorted(named - CHART.keys()):
        raise RulesBroken(f"{rule.code}: the chart has no {unknown[0]}")
    for leg in rule.legs:
        if "{" not in leg.account and CHART[leg.account].by_party is (leg.party is None):
            raise RulesBroken(f"{rule.code}: {leg.account} is kept by party, or must not be")
    forbidden = sorted(NEVER_A_BASIS & named)
    if rule.family in ON_DELIVERY_ONLY and forbidden:
        raise RulesBroken(f"{rule.code}: a {rule.family} never refers to {forbidden[0]}")
