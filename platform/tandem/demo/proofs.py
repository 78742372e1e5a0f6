"""The proof lines. Each holds two independent sayings against each other: books, statements, provider, programmes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tandem.demo.stage import Stage
from tandem.demo.visits import Guest

WANTED = {
    "deliver": "delivered",
    "refund_part": "delivered",
    "refund_whole": "delivered",
    "dispute_lost": "delivered",
    "dispute_won": "delivered",
    "cancel": "cancelled",
    "no_show": "noshow",
    "declined": "pending",
    "abandon": "pending",
}


@dataclass
class Facts:
    """Everything the proofs look at, read once."""

    guests: Sequence[Guest]
    statements: dict[str, list[dict[str, Any]]]
    balances: dict[str, list[dict[str, Any]]]
    operator_balances: list[dict[str, Any]]
    provider_balances: dict[str, int]
    discrepancies: list[dict[str, Any]]
    misdeeds: list[dict[str, Any]]
    dead_jobs: int
    units_used_and_delivered: tuple[int, int]

    @classmethod
    def gather(cls, stage: Stage, guests: Sequence[Guest], last_on: date) -> "Facts":
        """Ask the platform and the provider."""
        keeper = stage.desk.supervisor
        ids = [house.id for house in stage.houses]
        books = stage.each(lambda each: keeper.all(f"/api/operator/v1/organizations/{each}/ledger/balances"), ids)
        said = stage.each(lambda each: _statements(stage, each, last_on), ids)
        operator_id = keeper.get("/api/operator/v1/me")["organization"]["id"]
        used = [
            keeper.get(f"/api/operator/v1/employers/{each.id}/contracts/{each.contract_id}/totals")["units_consumed"]
            for each in stage.employers
        ]
        delivered = sum(guest.visit.is_employee and guest.outcome == "delivered" for guest in guests)
        return cls(
            guests,
            dict(zip(ids, said, strict=True)),
            dict(zip(ids, books, strict=True)),
            keeper.all(f"/api/operator/v1/organizations/{operator_id}/ledger/balances"),
            stage.wallet.balances_minor(),
            keeper.all("/api/operator/v1/discrepancies"),
            stage.wallet.misdeeds(),
            keeper.get("/api/operator/v1/job_totals")["dead"],
            (sum(used), delivered),
        )

    def misdeed_counts(self) -> dict[str, int]:
        """How often the provider misbehaved, by kind."""
        return dict(sorted(Counter(str(each["kind"]) for each in self.misdeeds).items()))


def prove(facts: Facts, hospitals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every proof, whether it holds, and the figures behind it."""
    return [
        _books_balanced(facts),
        _parties_agree(facts),
        _statements_reproduced(facts),
        _statements_are_the_ledger(facts, hospitals),
        _ledger_is_the_provider(facts),
        _discrepancies_closed(facts),
        _benefits_used(facts),
        _nothing_given_up(facts),
        _fates_fulfilled(facts),
    ]


def _statements(stage: Stage, hospital_id: str, last_on: date) -> list[dict[str, Any]]:
    base = f"/api/operator/v1/hospitals/{hospital_id}/settlement_statements"
    mine = [
        each
        for each in stage.desk.supervisor.all(base)
        if str(stage.first_on) <= each["last_day"] and each["first_day"] <= str(last_on)
    ]
    return [stage.desk.supervisor.get(f"{base}/{each['id']}") for each in mine]


def _proof(name: str, holds: bool, detail: str) -> dict[str, Any]:
    return {"name": name, "holds": holds, "detail": detail}


def _books_balanced(facts: Facts) -> dict[str, Any]:
    books = [*facts.balances.values(), facts.operator_balances]
    off = [sum(account["balance_minor"] for account in book) for book in books]
    return _proof("books balanced", not any(off), f"{len(books)} books, sum of sums {sum(off)} fen")


def _parties_agree(facts: Facts) -> dict[str, Any]:
    theirs = sum(_sum(book, "ap.operator") + _sum(book, "ar.operator") for book in facts.balances.values())
    ids = set(facts.balances)
    ours = sum(
        account["balance_minor"]
        for account in facts.operator_balances
        if account["code"] in {"ar.hospital", "ap.hospital"} and account["party_id"] in ids
    )
    detail = f"hospitals say {theirs} fen, the operator says {ours} fen"
    return _proof("inter-party sums zero", theirs + ours == 0, detail)


def _statements_reproduced(facts: Facts) -> dict[str, Any]:
    every = [statement for said in facts.statements.values() for statement in said]
    holds = bool(every) and all(statement["is_reproduced"] for statement in every)
    return _proof("statements reproduced", holds, f"{len(every)} statements, each run again to the same bytes")


def _statements_are_the_ledger(facts: Facts, hospitals: Sequence[dict[str, Any]]) -> dict[str, Any]:
    payable = sum(row["payable_minor"] for row in hospitals)
    lines = sum(
        line["amount_minor"]
        for said in facts.statements.values()
        for each in said
        for line in each["lines"]
        if not line["is_memo"]
    )
    return _proof("statements = their lines", payable == lines, f"payable {payable} fen, lines {lines} fen")


def _ledger_is_the_provider(facts: Facts) -> dict[str, Any]:
    if not facts.provider_balances:
        return _proof("ledger = provider", True, "no sandbox to ask")
    differing = {
        hospital: (_sum(book, "cash.psp"), facts.provider_balances.get(hospital, 0))
        for hospital, book in facts.balances.items()
        if _sum(book, "cash.psp") != facts.provider_balances.get(hospital, 0)
    }
    total = sum(_sum(book, "cash.psp") for book in facts.balances.values())
    return _proof(
        "ledger = provider", not differing, f"{total} fen in {len(facts.balances)} accounts; {len(differing)} differ"
    )


def _discrepancies_closed(facts: Facts) -> dict[str, Any]:
    ids = set(facts.balances)
    mine = [each for each in facts.discrepancies if each["tenant_id"] in ids]
    states = Counter(str(each["status"]) for each in mine)
    told = f"found {len(mine)}, explained {states['explained']}, resolved {states['resolved']}, open {states['open']}"
    return _proof("discrepancies accounted for", states["open"] == 0, told)


def _benefits_used(facts: Facts) -> dict[str, Any]:
    used, delivered = facts.units_used_and_delivered
    given_back = sum(guest.visit.is_employee and guest.visit.fate == "refund_whole" for guest in facts.guests)
    told = f"{used} units used, {delivered} visits delivered on a benefit, {given_back} given back"
    return _proof("benefits used = visits delivered", used == delivered - given_back, told)


def _nothing_given_up(facts: Facts) -> dict[str, Any]:
    return _proof("no job given up", facts.dead_jobs == 0, f"{facts.dead_jobs} dead jobs")


def _fates_fulfilled(facts: Facts) -> dict[str, Any]:
    astray = [guest for guest in facts.guests if guest.notes or guest.outcome != WANTED[guest.visit.fate]]
    told = f"{len(facts.guests)} patients, {len(astray)} whose day went otherwise"
    return _proof("every patient's day as planned", not astray, told)


def _sum(book: Sequence[dict[str, Any]], code: str) -> int:
    return sum(int(account["balance_minor"]) for account in book if account["code"] == code)
