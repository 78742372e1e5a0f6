"""A month's run for one customer: rated lines become invoices, set-based, each line once, and are issued if in line."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row

from tandem.billing.arrays import plain_array, text_array
from tandem.billing.binary_arrays import uuids
from tandem.billing.invoices import queries, run_statements
from tandem.billing.invoices.commands.drafting import CATEGORY_OF
from tandem.billing.invoices.commands.issuing import issue_rated
from tandem.billing.invoices.commands.parking import park_customer
from tandem.billing.invoices.commands.parties import customer_kind
from tandem.billing.invoices.drafts import Period
from tandem.billing.invoices.errors import TaxRuleUnknown
from tandem.billing.invoices.guard import Limits, out_of_line
from tandem.billing.invoices.suppression import MERGED_CODE, MERGED_TEXT
from tandem.billing.prices import guard_limits_on
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id, new_ids
from tandem.kernel.tenancy import tenant_id

SERIES: Final = "TDM"
PAYMENT_DAYS: Final = 30
AT_MOST: Final = 500
"""Invoices that are issued in one transaction."""

CHUNK: Final = 5_000
"""Contracts that are billed in one transaction: a few seconds' work."""

HISTORY: Final = timedelta(days=400)


class Payer(NamedTuple):
    """A contract, or a subscription without one, and a currency: each has a bill of its own."""

    id: UUID
    currency: str


_FIRST: Final = Payer(UUID(int=0), "")
_LAST: Final = Payer(UUID(int=2**128 - 1), "")


class Drafted(NamedTuple):
    """The invoices that one chunk of a month's run wrote, and after whom the next chunk begins; None when it was the
    last."""

    invoice_ids: Sequence[UUID]
    after: Payer | None


def draft_from_rating(
    month: date, *, due_on: date | None = None, after: tuple[UUID, str] | None = None, at_most: int = CHUNK
) -> Drafted:
    """Turn a chunk of the rated lines on a month's bill into rated invoices, one for each payer. [customer]

    A line that was billed before is left out; lines that come to nothing together make no invoice. A bill that is
    negative, out of line with its own history, or rated with a doubt parks the customer. Raises TaxRuleUnknown.
    """
    first_day = month.replace(day=1)
    period = Period(first_day, (first_day + timedelta(days=32)).replace(day=1) - timedelta(days=1))
    began = Payer(*(after or _FIRST))
    found = session.execute(run_statements.PAGE, _after(began, first_day) | {"at_most": at_most}).first()
    invoice_ids: Sequence[UUID] = []
    if found is not None:
        session.execute(run_statements.ENOUGH_MEMORY)
        past = Payer(found.payer, found.currency)
        invoice_ids = _bill(began, past, period, due_on or clock.today() + timedelta(days=PAYMENT_DAYS))
        if found.payers == at_most:
            return Drafted(invoice_ids, past)
    _judge_silence(period)
    return Drafted(invoice_ids, None)


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


def _bill(began: Payer, last: Payer, period: Period, due_on: date) -> Sequence[UUID]:
    """Bill the payers after `began` up to `last`; returns their invoices."""
    bills = session.execute(run_statements.UNBILLED, _between(began, last, period.first_day)).all()
    clear = [bill for bill in bills if not _is_doubtful(bill, period.first_day)]
    payable = [bill for bill in clear if bill.amount_minor > 0]
    ids = new_ids(len(payable))
    if payable:
        _write(payable, ids, period, due_on)
    _settle_nothing([bill for bill in clear if bill.amount_minor == 0], period.first_day)
    invoice_ids = list(map(UUID, ids))
    _judge(dict(zip(invoice_ids, payable, strict=True)), period)
    return invoice_ids


def _after(payer: Payer, month: date) -> dict[str, Any]:
    return {"tenant": tenant_id(), "month": month, "payer": payer.id, "currency": payer.currency}


def _between(began: Payer, last: Payer, month: date) -> dict[str, Any]:
    return _after(began, month) | {"last_payer": last.id, "last_currency": last.currency}


def _lines(bills: Sequence[Row[Any]], invoice_ids: Sequence[str] | None, month: date) -> dict[str, Any]:
    """The rated lines of some bills, in the order of payers, each with its invoice."""
    counts = [len(bill.line_ids) for bill in bills]
    lines = _bytes(line_id for bill in bills for line_id in bill.line_ids)
    invoices = [None] * len(bills) if invoice_ids is None else _bytes(invoice_ids)
    return {
        "month": month,
        "first_payer": bills[0].payer,
        "last_payer": bills[-1].payer,
        "line_ids": uuids(lines),
        "invoice_ids": uuids([each for each, count in zip(invoices, counts, strict=True) for _ in range(count)]),
    }


def _bytes(ids: Iterable[str]) -> list[bytes]:
    plain = bytes.fromhex("".join(ids).replace("-", ""))
    return [plain[first : first + 16] for first in range(0, len(plain), 16)]


def _write(payable: Sequence[Row[Any]], ids: Sequence[str], period: Period, due_on: date) -> None:
    kind = customer_kind()
    rule = queries.tax_rules_at({CATEGORY_OF[kind]}, clock.today()).get(CATEGORY_OF[kind])
    if rule is None:
        raise TaxRuleUnknown(categories=[CATEGORY_OF[kind]])
    now = {"tenant": tenant_id(), "now": clock.now()}
    lines = _lines(payable, ids, period.first_day)
    taxed = {"rate": rule.rate, "merged_code": MERGED_CODE, "merged_text": MERGED_TEXT, "is_merged": kind == "employer"}
    its_invoices = {
        "ids": plain_array(ids),
        "run_keys": text_array([_run_key(bill) for bill in payable]),
        "contract_ids": plain_array(bill.payer if bill.is_contract else "NULL" for bill in payable),
    }
    said = {
        "series": SERIES,
        "customer_kind": kind,
        "first_day": period.first_day,
        "last_day": period.last_day,
        "due_on": due_on,
    }
    told: dict[str, Any] = {"jurisdiction": rule.jurisdiction, "category": rule.category}
    told |= {"treatment": rule.treatment, "reason": rule.reason, "circular": rule.circular}
    session.execute(run_statements.INVOICES, now | lines | taxed | its_invoices | said)
    session.execute(run_statements.LINES, now | lines | taxed | {"tax_rule_id": rule.id})
    session.execute(
        run_statements.TAXES, now | told | {"ids": its_invoices["ids"], "rate": rule.rate, "tax_rule_id": rule.id}
    )
    session.execute(run_statements.ORIGINS, now | lines)


def _settle_nothing(bills: Sequence[Row[Any]], month: date) -> None:
    if bills:
        now = {"tenant": tenant_id(), "now": clock.now()}
        session.execute(run_statements.ORIGINS, now | _lines(bills, None, month))


def _run(bill: Row[Any]) -> str:
    return f"rating:{bill.payer}:{bill.currency}:"


def _run_key(bill: Row[Any]) -> str:
    return f"{_run(bill)}{derived_id('run', *sorted(bill.line_ids))}"


def _is_doubtful(bill: Row[Any], month: date) -> bool:
    reasons = dict.fromkeys(bill.doubts or [], 0)
    if bill.amount_minor < 0:
        reasons["negative_total"] = 0
    if reasons:
        evidence = {"group": str(bill.payer), "month": str(month)}
        evidence |= {"amount_minor": bill.amount_minor, "currency": bill.currency}
        park_customer(reasons, evidence=evidence, invoice_id=None)
    return bool(reasons)


def _judge(bills: Mapping[UUID, Row[Any]], period: Period) -> None:
    """Hold every bill against its own history."""
    if not bills:
        return
    limits = Limits(**guard_limits_on(clock.today(), "invoice"))
    runs = [_run(bill) for bill in bills.values()]
    # From the first payer's runs to all of the last one's, whatever the currency: they lie in the order of payers.
    told = {"runs": text_array(runs), "first_run": min(runs), "last_run": f"{max(runs)[:-1]}zzzz"}
    history = {row.run: row.history or [] for row in session.execute(run_statements.HISTORY, _since(period) | told)}
    days = (period.last_day - period.first_day).days + 1
    for invoice_id, bill in bills.items():
        before = history.get(_run(bill), [])
        reasons = out_of_line(bill.amount_minor, lines=bill.lines, days=days, history_minor=before, limits=limits)
        if reasons:
            evidence = {"group": str(bill.payer), "amount_minor": bill.amount_minor, "lines": bill.lines}
            park_customer(reasons, evidence=evidence | {"currency": bill.currency}, invoice_id=invoice_id)


def _judge_silence(period: Period) -> None:
    """Hold every run that billed last month and does not now against its own history."""
    limits = Limits(**guard_limits_on(clock.today(), "invoice"))
    before = {"month_before": (period.first_day - timedelta(days=1)).replace(day=1)}
    silent = session.execute(run_statements.SILENT, _since(period) | before).all()
    # What was not billed for a doubt is not silent: it has parked the customer by itself.
    everybody = _between(_FIRST, _LAST, period.first_day)
    waiting = {_run(bill) for bill in session.execute(run_statements.UNBILLED, everybody)} if silent else set[str]()
    for row in silent:
        reasons = out_of_line(0, lines=0, days=1, history_minor=row.history or [], limits=limits)
        if reasons and row.run not in waiting:
            evidence = {"group": row.run, "month": str(period.first_day), "amount_minor": 0}
            park_customer(reasons, evidence=evidence, invoice_id=None)


def _since(period: Period) -> dict[str, Any]:
    return {"tenant": tenant_id(), "month": period.first_day, "since": period.first_day - HISTORY}
