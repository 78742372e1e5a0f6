"""A month's run for one customer: rated lines become invoices, set-based, each line once, and are issued if in line."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, insert

from tandem.billing.invoices import queries
from tandem.billing.invoices.commands.drafting import write_drafts
from tandem.billing.invoices.commands.issuing import issue_rated
from tandem.billing.invoices.commands.parking import park_customer
from tandem.billing.invoices.commands.parties import customer_kind
from tandem.billing.invoices.drafts import InvoiceDraft, InvoiceLine, Period
from tandem.billing.invoices.guard import Limits, out_of_line
from tandem.billing.invoices.models import InvoiceOrigin
from tandem.billing.prices import guard_limits_on
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.money import share
from tandem.kernel.tenancy import tenant_id

SERIES: Final = "TDM"
PAYMENT_DAYS: Final = 30
AT_MOST: Final = 500
HISTORY: Final = timedelta(days=400)

Rated = Mapping[str, Any] | RowMapping
Group = tuple[UUID, str]


def draft_from_rating(rated: Sequence[Rated], *, month: date, due_on: date | None = None) -> Sequence[UUID]:
    """Turn the rated lines on a month's bill into rated invoices, one for each contract and currency. [customer]

    A line that was billed before is left out; lines that come to nothing together make no invoice. A bill that is
    negative, out of line with its own history, or rated with a doubt parks the customer. Returns the invoices' ids.
    """
    billed = queries.billed_lines([line["id"] for line in rated])
    groups: dict[Group, list[Rated]] = {}
    for line in rated:
        if line["id"] not in billed:
            groups.setdefault((line["contract_id"] or line["subscription_id"], line["currency"]), []).append(line)
    doubtful = [group for group, lines in groups.items() if _is_doubtful(group, lines, month)]
    payable = [group for group in groups if group not in doubtful and _sum(groups[group]) > 0]
    kind, last_day = customer_kind(), (month.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    period = Period(month.replace(day=1), last_day)
    drafts = [
        InvoiceDraft(
            series=SERIES,
            period=period,
            lines=[_line(line, kind) for line in groups[group]],
            due_on=due_on or clock.today() + timedelta(days=PAYMENT_DAYS),
            currency=group[1],
            contract_id=groups[group][0]["contract_id"],
            run_key=f"{_prefix(group)}{derived_id('run', *sorted(str(line['id']) for line in groups[group]))}",
        )
        for group in payable
    ]
    ids = write_drafts(drafts, status="rated")
    bills: dict[Group, UUID | None] = dict(zip(payable, ids, strict=True))
    _remember(bills | _nothing(groups), groups)
    _judge(dict(zip(payable, ids, strict=True)), groups, period)
    return ids


def issue_waiting() -> int:
    """Issue what runs have rated, unless the customer is parked; at most five hundred at once. [customer]

    One statement numbers them all, in the order in which they were written. What was taxed by a rule that has changed
    since goes on waiting: it must be voided, and the next run bills it anew.
    """
    if queries.open_park() is not None:
        return 0
    waiting = queries.waiting_invoices(in_force_on=clock.today(), limit=AT_MOST)
    by_series: dict[str, list[UUID]] = {}
    for invoice in waiting:
        by_series.setdefault(invoice["series"], []).append(invoice["id"])
    for series, ids in by_series.items():
        issue_rated(series, ids)
    return len(waiting)


def _prefix(group: Group) -> str:
    return f"rating:{group[0]}:{group[1]}:"


def _sum(lines: Sequence[Rated]) -> int:
    return sum(line["amount_minor"] for line in lines)


def _nothing(groups: Mapping[Group, Sequence[Rated]]) -> dict[Group, UUID | None]:
    return {group: None for group, lines in groups.items() if _sum(lines) == 0 and not _doubts(lines)}


def _doubts(lines: Sequence[Rated]) -> list[str]:
    return sorted({line["parked_reason"] for line in lines if line.get("parked_reason")})


def _is_doubtful(group: Group, lines: Sequence[Rated], month: date) -> bool:
    reasons = dict.fromkeys(_doubts(lines), 0)
    if _sum(lines) < 0:
        reasons["negative_total"] = 0
    if reasons:
        evidence = {"group": str(group[0]), "month": str(month), "amount_minor": _sum(lines), "currency": group[1]}
        park_customer(reasons, evidence=evidence, invoice_id=None)
    return bool(reasons)


def _judge(bills: Mapping[Group, UUID], groups: Mapping[Group, Sequence[Rated]], period: Period) -> None:
    """Hold every bill, and every run that billed last month and does not now, against its own history."""
    totals = queries.run_totals(period.first_day - HISTORY)
    limits = Limits(**guard_limits_on(clock.today(), "invoice"))
    days = (period.last_day - period.first_day).days + 1
    for group, invoice_id in bills.items():
        lines, history = groups[group], _history(totals.get(_prefix(group), {}), period.first_day)
        reasons = out_of_line(_sum(lines), lines=len(lines), days=days, history_minor=history, limits=limits)
        if reasons:
            evidence = {"group": str(group[0]), "amount_minor": _sum(lines), "lines": len(lines), "currency": group[1]}
            park_customer(reasons, evidence=evidence, invoice_id=invoice_id)
    month_before = (period.first_day - timedelta(days=1)).replace(day=1)
    for prefix, billed in totals.items():
        is_silent = month_before in billed and period.first_day not in billed
        history = _history(billed, period.first_day)
        reasons = out_of_line(0, lines=0, days=days, history_minor=history, limits=limits)
        if is_silent and reasons and not any(_prefix(group) == prefix and _sum(groups[group]) for group in groups):
            evidence = {"group": prefix, "month": str(period.first_day), "amount_minor": 0}
            park_customer(reasons, evidence=evidence, invoice_id=None)


def _history(billed: Mapping[date, int], before: date) -> list[int]:
    return [billed[month] for month in sorted(billed, reverse=True) if month < before]


def _line(line: Rated, kind: str) -> InvoiceLine:
    quantity, price, amount = Decimal(line["quantity"]), line["unit_price"], int(line["amount_minor"])
    # Over several tiers no one price times the quantity is the amount; then none is told.
    told = price if price is not None and share(1, quantity * price) == amount else None
    is_late = line["revision"] > 0
    return InvoiceLine(
        code=line["code"],
        text=f"{line['text_zh']} {line['text_en']}".strip(),
        quantity=quantity,
        unit_price=told,
        amount_minor=amount,
        members=_members(line, kind),
        kind="adjustment" if is_late else "item",
        of=Period(line["period_first"], line["period_until"] - timedelta(days=1)) if is_late else None,
        line_input_hash=line["line_input_hash"],
    )


def _members(line: Rated, kind: str) -> int | None:
    # Use whose people were not counted may be one person's: an enterprise is told it in a sum only.
    counted: int | None = line.get("members")
    return 0 if counted is None and kind == "employer" and line["meter"] is not None else counted


def _remember(bills: Mapping[Group, UUID | None], groups: Mapping[Group, Sequence[Rated]]) -> None:
    now = clock.now()
    rows = [
        {"tenant_id": tenant_id(), "id": line["id"], "invoice_id": invoice_id, "billed_at": now}
        for group, invoice_id in bills.items()
        for line in groups[group]
    ]
    if rows:
        session.execute(insert(InvoiceOrigin.__table__), rows)
