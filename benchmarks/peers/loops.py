"""What a careful program does that takes one thing after the other: Decimal, a query, a commit.

Facts: `load`. `rating`: `count` contracts of five meters and four graduated tiers, priced in memory, nothing stored.
`invoices`: the same, each contract's use read, its invoice and lines written, committed; with `whole` also what ours
keeps of it: which use each line claimed, each line's tax, the tax of the invoice. `statements`: each hospital's
entries of a month read through a server-side cursor and added up by kind of journal and account (`share`: one in so
many hospitals, because it is slow). `usage`: one event per transaction with its roll-up, over one connection.
Settings: psycopg 3, binary, prepared statements; COPY and executemany where a loop would use them.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import psycopg

from benchmarks.stopwatch import Task
from benchmarks.workload import LADDER, metered, uses

TIERS = [
    (Decimal(first), None if past is None else Decimal(past), Decimal(price))
    for first, (past, price) in zip([0, *(past for past, _ in LADDER if past is not None)], LADDER, strict=True)
]
FEN = Decimal(1)
RATE = Decimal("0.06")

INVOICING = """
CREATE TABLE usage_rollup (contract_id int, meter int, quantity numeric NOT NULL, PRIMARY KEY (contract_id, meter));
CREATE TABLE invoice (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, contract_id int NOT NULL,
    period text NOT NULL, total_minor bigint NOT NULL, UNIQUE (contract_id, period));
CREATE TABLE invoice_line (invoice_id bigint, line_no int, meter int NOT NULL, quantity numeric NOT NULL,
    amount_minor bigint NOT NULL, tax_minor bigint, PRIMARY KEY (invoice_id, line_no));
CREATE TABLE usage_claim (contract_id int, meter int, quantity numeric NOT NULL, invoice_id bigint NOT NULL,
    line_no int NOT NULL, PRIMARY KEY (contract_id, meter));
CREATE TABLE invoice_tax (invoice_id bigint PRIMARY KEY, base_minor bigint NOT NULL, tax_minor bigint NOT NULL);
"""
METERING = """
CREATE TABLE usage_event (tenant_id int, source text, event_id text, meter text NOT NULL, subject text NOT NULL,
    quantity numeric NOT NULL, at timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source, event_id));
CREATE INDEX usage_event_by_time ON usage_event (tenant_id, at, event_id);
CREATE TABLE usage_rollup (tenant_id int, meter text, subject text, hour timestamptz, quantity numeric NOT NULL,
    events bigint NOT NULL, PRIMARY KEY (tenant_id, meter, subject, hour)) WITH (fillfactor = 50);
"""
METER_ONE = """
WITH fresh AS (INSERT INTO usage_event (tenant_id, source, event_id, meter, subject, quantity, at)
    VALUES (1, 'benchmark', %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING *)
INSERT INTO usage_rollup AS r (tenant_id, meter, subject, hour, quantity, events)
    SELECT tenant_id, meter, subject, date_trunc('hour', at), quantity, 1 FROM fresh
    ON CONFLICT (tenant_id, meter, subject, hour) DO UPDATE SET quantity = r.quantity + EXCLUDED.quantity,
    events = r.events + 1
"""


def main() -> None:
    task = Task.given()
    {"rating": _rating, "invoices": _invoices, "statements": _statements, "usage": _usage}[task.facts["load"]](task)


def _rating(task: Task) -> None:
    used = _used(task)
    with task.timed():
        total = sum(sum(map(_price_minor, quantities)) for quantities in used)
    task.tell(total_minor=total)


def _invoices(task: Task) -> None:
    used = _used(task)
    with psycopg.connect(task.url) as database:
        database.execute(INVOICING)
        with database.cursor().copy("COPY usage_rollup FROM STDIN") as rows:
            for contract, quantities in enumerate(used):
                for meter, quantity in enumerate(quantities):
                    rows.write_row((contract, meter, quantity))
        database.commit()
        database.execute("ANALYZE")
        database.commit()
        with task.timed():
            for contract in range(task.count):
                _invoice(database, contract, is_whole=bool(task.facts.get("whole")))
    task.tell()


def _invoice(database: psycopg.Connection, contract: int, *, is_whole: bool) -> None:
    found = database.execute(
        "SELECT meter, quantity FROM usage_rollup WHERE contract_id = %s ORDER BY meter", [contract], prepare=True
    ).fetchall()
    amounts = [_price_minor(quantity) for _, quantity in found]
    taxes = [_tax_minor(amount) if is_whole else None for amount in amounts]
    row = database.execute(
        "INSERT INTO invoice (contract_id, period, total_minor) VALUES (%s, '2026-10', %s) RETURNING id",
        [contract, sum(amounts)],
        prepare=True,
    ).fetchone()
    assert row is not None
    lines = enumerate(zip(found, amounts, taxes, strict=True), start=1)
    database.cursor().executemany(
        "INSERT INTO invoice_line VALUES (%s, %s, %s, %s, %s, %s)",
        [(row[0], line_no, *use, amount, tax) for line_no, (use, amount, tax) in lines],
    )
    if is_whole:
        database.cursor().executemany(
            "INSERT INTO usage_claim VALUES (%s, %s, %s, %s, %s)",
            [(contract, *use, row[0], line_no) for line_no, use in enumerate(found, start=1)],
        )
        tax_minor = sum(tax or 0 for tax in taxes)
        database.execute(
            "INSERT INTO invoice_tax VALUES (%s, %s, %s)", [row[0], sum(amounts) - tax_minor, tax_minor], prepare=True
        )
    database.commit()


def _tax_minor(amount: int) -> int:
    return int((amount * RATE / (1 + RATE)).quantize(FEN, ROUND_HALF_UP))


def _price_minor(quantity: Decimal) -> int:
    amount = Decimal(0)
    for first, past, price in TIERS:
        if quantity <= first:
            break
        amount += (min(quantity, past) - first if past is not None else quantity - first) * price
    return int(amount.quantize(FEN, ROUND_HALF_UP))


def _used(task: Task) -> list[list[Decimal]]:
    return [[Decimal(each).scaleb(-2) for each in quantities] for quantities in metered(task.seed, task.count)]


def _statements(task: Task) -> None:
    with psycopg.connect(task.url) as database:
        found = database.execute("SELECT tenant_id FROM book ORDER BY tenant_id").fetchall()
        hospitals = [row[0] for row in found][:: int(task.facts["share"])]
        with task.timed():
            read = sum(_statement(database, hospital) for hospital in hospitals)
    task.tell(read, hospitals=len(hospitals))


def _statement(database: psycopg.Connection, hospital: object) -> int:
    lines: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    read = 0
    with database.cursor("entries", binary=True) as entries:
        entries.itersize = 10_000
        entries.execute(
            "SELECT j.kind, a.code, e.amount_minor FROM entry e JOIN journal j ON j.tenant_id = e.tenant_id"
            " AND j.book_id = e.book_id AND j.seq = e.seq JOIN account a ON a.tenant_id = e.tenant_id"
            " AND a.id = e.account_id WHERE e.tenant_id = %s AND j.effective_at >= '2026-07-31 16:00+00'"
            " AND j.effective_at < '2026-08-31 16:00+00'",
            [hospital],
        )
        for kind, code, amount_minor in entries:
            lines[kind, code] += Decimal(amount_minor).scaleb(-2)
            read += 1
    assert sum(lines.values()) == 0
    return read


def _usage(task: Task) -> None:
    began = datetime(2026, 10, 1, tzinfo=UTC)
    events = [
        (use.key, "visit", use.subject, Decimal(use.quantity), began + timedelta(minutes=use.minute))
        for use in uses(task.seed, task.count)
    ]
    with psycopg.connect(task.url, autocommit=True) as database:
        database.execute(METERING)
        with task.timed():
            for event in events:
                database.execute(METER_ONE, event, prepare=True)
    task.tell()


main()
