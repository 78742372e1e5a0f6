"""R1 and R2: our payments against the provider's charges, and the provider's movements against the book."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import RowMapping

from tandem.billing.payments import read_until
from tandem.billing.prices import provider_fee
from tandem.billing.reconciliation import queries
from tandem.billing.reconciliation.findings import Finding, Owner
from tandem.billing.reconciliation.queries import ProviderFact

Row = RowMapping


def facts_and_provider(since: datetime, until: datetime) -> tuple[int, list[Finding]]:
    """R1: every payment, refund, dispute and payout of [since, until) is booked and moved at the provider, in one sum.

    Returns how many were compared, and what differs.
    """
    facts = queries.provider_facts(since, until)
    booked = queries.booked_cash([fact.key for fact in facts])
    moved = queries.moved([fact.object_id for fact in facts])
    asked_until = read_until()
    found: list[Finding] = []
    for fact in facts:
        found += _fact_faults(fact, moved.get((fact.object_id, fact.amount_minor > 0)), booked, asked_until)
    return len(facts), found


def movements_and_book(since: datetime, until: datetime) -> tuple[int, list[Finding]]:
    """R2: every movement of [since, until) stands in cash.psp with its gross sum and its fee, and nothing else does."""
    movements = queries.movements(since, until)
    gross = queries.booked_cash([row["posted_as"] for row in movements if row["posted_as"]])
    fees = queries.booked_fees([row["provider_id"] for row in movements])
    methods = queries.methods_of_charges([row["source_id"] for row in movements if row["kind"] in _CHARGES])
    found: list[Finding] = []
    for row in movements:
        found += _movement_faults(row, gross, fees)
        found += _price_faults(row, methods.get(row["source_id"] or ""))
    return len(movements), found


def balance_at_provider(until: datetime, untold: Mapping[str, int]) -> list[Finding]:
    """R2, in one sum: cash.psp is what the provider's movements add up to, but for movements it has not told.

    `untold` is the sum of those, per currency, as R1 found them.
    """
    book, provider = queries.cash_at_provider(until), queries.movement_sums_until(until)
    found = []
    for currency in sorted(book.keys() | provider.keys()):
        ours, theirs = book.get(currency, 0), provider.get(currency, 0)
        if ours == theirs:
            continue
        is_told = ours - theirs == untold.get(currency, 0)
        found.append(
            Finding(
                "R2",
                f"balance:{currency}",
                "balance_differs",
                "provider" if is_told else "operator",
                ours,
                theirs,
                currency,
                cause="exactly the movements that the provider has not told (see R1)" if is_told else None,
            )
        )
    return found


_CHARGES = {"charge", "payment"}
_OMITTED = "the provider confirms this and was asked for its movements since; it lists none"


def _fact_faults(
    fact: ProviderFact, moved_minor: int | None, booked: Mapping[str, int], asked_until: datetime | None
) -> Iterator[Finding]:
    amount, evidence = fact.amount_minor, {f"{fact.source}_id": str(fact.row_id), "provider_id": fact.object_id}

    def finding(key: str, kind: str, owner: Owner, actual_minor: int, cause: str | None = None) -> Finding:
        return Finding("R1", key, kind, owner, amount, actual_minor, fact.currency, cause, evidence)

    in_book = booked.get(fact.key)
    if in_book != amount:
        kind = "fact_not_booked" if in_book is None else "booked_amount_differs"
        yield finding(fact.key, kind, "operator", in_book or 0)
    if moved_minor is None:
        was_asked = asked_until is not None and asked_until > fact.at
        yield finding(f"moved:{fact.key}", "movement_missing", "provider", 0, _OMITTED if was_asked else None)
    elif moved_minor != amount:
        yield finding(f"moved:{fact.key}", "moved_amount_differs", "provider", moved_minor)


def _movement_faults(row: Row, gross: Mapping[str, int], fees: Mapping[str, int]) -> Iterator[Finding]:
    name, amount, currency = str(row["provider_id"]), int(row["amount_minor"]), str(row["currency"])
    evidence = {"balance_transaction_id": name, "kind": str(row["kind"])}
    posted_as, fee = row["posted_as"], int(row["fee_minor"])
    if posted_as == f"bt:{name}":  # nothing but a fee: its whole sum is what the provider keeps
        amount, fee = 0, fee - amount
    if amount and gross.get(posted_as) != amount:
        yield Finding("R2", f"bt:{name}", "movement_not_booked", "operator", 0, amount, currency, None, evidence)
    elif posted_as is not None and posted_as.startswith("movement:"):
        yield Finding("R2", f"bt:{name}", "movement_unexplained", "operator", 0, amount, currency, None, evidence)
    booked_fee = fees.get(name, 0)
    if fee != booked_fee:
        yield Finding("R2", f"fee:{name}", "fee_not_booked", "operator", booked_fee, fee, currency, None, evidence)


def _price_faults(row: Row, method: str | None) -> Iterator[Finding]:
    amount, fee, currency = int(row["amount_minor"]), int(row["fee_minor"]), str(row["currency"])
    listed = provider_fee(method, amount, currency, row["provider_created_at"]) if method is not None else None
    if listed is not None and listed != fee:
        # The provider's own movement is the fact and is what is booked; the price list is only the yardstick.
        yield Finding(
            "R2",
            f"fee_off_list:{row['provider_id']}",
            "fee_off_list",
            "provider",
            listed,
            fee,
            currency,
            cause="the provider's own balance transaction charges this fee; booked as charged, to be claimed back",
            evidence={"balance_transaction_id": str(row["provider_id"]), "method": str(method)},
        )
