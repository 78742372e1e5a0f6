"""A month's run for one customer: rated lines become invoices, set-based, each line once, and are issued if in line."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, insert

from tandem.billing.invoices import queries
from tandem.billing.invoices.commands.drafting import write_drafts
from tandem.billing.invoices.commands.issuing import issue_draft
from tandem.billing.invoices.commands.parking import park_customer
from tandem.billing.invoices.commands.parties import customer_kind
from tandem.billing.invoices.drafts import InvoiceDraft, InvoiceLine, Period
from tandem.billing.invoices.guard import out_of_line
from tandem.billing.invoices.models import InvoiceOrigin
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.money import share
from tandem.kernel.tenancy import tenant_id

SERIES: Final = "TDM"
PAYMENT_DAYS: Final = 30
AT_MOST: Final = 500

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
    _park_what_fell_silent(groups, month)
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
    for group, invoice_id in zip(payable, ids, strict=True):
        _judge(group, groups[group], invoice_id, period)
    return ids


def issue_waiting() -> int:
    """Issue what runs have rated, unless the customer is parked; at most five hundred at once. [customer]"""
    if queries.open_park() is not None:
        return 0
    waiting = queries.waiting_invoices(limit=AT_MOST)
    for invoice_id in waiting:
        issue_draft(invoice_id)
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


def _judge(group: Group, lines: Sequence[Rated], invoice_id: UUID, period: Period) -> None:
    history = queries.totals_before(_prefix(group), period.first_day)
    days = (period.last_day - period.first_day).days + 1
    reasons = out_of_line(_sum(lines), lines=len(lines), days=days, history_minor=history)
    if reasons:
        evidence = {"group": str(group[0]), "amount_minor": _sum(lines), "lines": len(lines), "currency": group[1]}
        park_customer(reasons, evidence=evidence, invoice_id=invoice_id)


def _park_what_fell_silent(groups: Mapping[Group, Sequence[Rated]], month: date) -> None:
    first = month.replace(day=1)
    for prefix in queries.run_prefixes_of((first - timedelta(days=1)).replace(day=1)):
        group = next((each for each in groups if _prefix(each) == prefix), None)
        total_minor = 0 if group is None else _sum(groups[group])
        history = queries.totals_before(prefix, first)
        reasons = {} if total_minor else out_of_line(0, lines=0, days=1, history_minor=history)
        if reasons and not queries.has_run(prefix, first):
            evidence = {"group": prefix, "month": str(first), "amount_minor": 0}
            park_customer(reasons, evidence=evidence, invoice_id=None)


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
