"""The table of contents: every row of the issue's table, who competes in it, and which data sets they need."""

import os
from typing import Final

from benchmarks.money.contest import Competitor, Ratio, Row
from benchmarks.money.growth import GROWTH
from benchmarks.money.place import programs_of_postgres

_PGBENCH: Final = {
    "program": str(programs_of_postgres() / "pgbench"),
    "clients": [1, 4, 8, 16],
    "cores": os.cpu_count() or 1,
}
_PLPGSQL: Final = (
    "row at a time in PL/pgSQL, prepared, best of 1, 4, 8 and 16 clients; no foreign key, trigger, wall or chain"
)
_HORDAK: Final = "its own triggers and foreign keys; 50,000 legs per atomic block as in its own benchmark command"


def _ours_posting(key: str, title: str, small: int, full: int, **facts: object) -> Competitor:
    return Competitor(
        key, title, "benchmarks.ours.posting:spread", {"small": small, "full": full}, "ours", "batches of 10,000", facts
    )


POSTING: Final = Row(
    "posting",
    "Batch posting, balanced journals",
    "20,000 journals/s on one core's worth; 25x hordak bulk, 150x its single, 3x row-at-a-time PL/pgSQL",
    "journals",
    [
        _ours_posting("ours_4", "Tandem, 4 legs", 5_000, 100_000, legs=4),
        _ours_posting("ours_2", "Tandem, 2 legs", 5_000, 100_000, legs=2),
        Competitor("hordak_bulk_4", "django-hordak bulk_create, 4 legs", "hordak_posting.py",
                   {"small": 500, "full": 12_500}, "hordak", _HORDAK, {"legs": 4}),
        Competitor("hordak_bulk_2", "django-hordak bulk_create, 2 legs", "hordak_posting.py",
                   {"small": 500, "full": 25_000}, "hordak", _HORDAK, {"legs": 2}),
        Competitor("hordak_single_4", "django-hordak one by one, 4 legs", "hordak_posting.py",
                   {"small": 50, "full": 500}, "hordak", "one atomic block each", {"legs": 4, "single": True}),
        Competitor("hordak_single_2", "django-hordak one by one, 2 legs", "hordak_posting.py",
                   {"small": 50, "full": 1_000}, "hordak", "one atomic block each", {"legs": 2, "single": True}),
        Competitor("plpgsql_4", "PL/pgSQL under pgbench, 4 legs", "pgbench_rows.py",
                   {"small": 2, "full": 6}, "template0", _PLPGSQL, _PGBENCH | {"load": "posting"}),
    ],
    [
        Ratio("Tandem, journals per CPU second (own and server)", "ours_4", None, 20_000, "cpu"),
        Ratio("over hordak bulk, 4 legs", "ours_4", "hordak_bulk_4", 25),
        Ratio("over hordak bulk, 2 legs", "ours_2", "hordak_bulk_2", 25),
        Ratio("over hordak one by one, 4 legs", "ours_4", "hordak_single_4", 150),
        Ratio("over hordak one by one, 2 legs", "ours_2", "hordak_single_2", 150),
        Ratio("over PL/pgSQL row at a time, 4 legs", "ours_4", "plpgsql_4", 3),
    ],
)  # fmt: skip

HOT: Final = Row(
    "hot",
    "One hot account in every journal",
    "90 % of the spread rate",
    "journals",
    [
        _ours_posting("ours_spread", "Tandem, spread", 5_000, 100_000, legs=4),
        _ours_posting("ours_hot", "Tandem, one hot account", 5_000, 100_000, legs=4, hot=True),
        Competitor("plpgsql_spread", "PL/pgSQL under pgbench, spread", "pgbench_rows.py",
                   {"small": 2, "full": 5}, "template0", _PLPGSQL, _PGBENCH | {"load": "posting"}),
        Competitor("plpgsql_hot", "PL/pgSQL under pgbench, one hot account", "pgbench_rows.py",
                   {"small": 2, "full": 5}, "template0", _PLPGSQL, _PGBENCH | {"load": "posting", "hot": True}),
    ],
    [
        Ratio("hot over spread, Tandem", "ours_hot", "ours_spread", 0.9),
        Ratio("hot over spread, Tandem, by CPU", "ours_hot", "ours_spread", 0.9, "cpu"),
        Ratio("hot over spread, PL/pgSQL", "plpgsql_hot", "plpgsql_spread"),
    ],
)  # fmt: skip

_DJSTRIPE: Final = (
    "no middleware but CommonMiddleware, one persistent connection per thread, the values of deploy/gunicorn.conf.py"
)
WEBHOOKS: Final = Row(
    "webhooks",
    "Webhook inbox, 50 % duplicates, random order, eight connections",
    "5x dj-stripe on the same gunicorn and PostgreSQL",
    "deliveries",
    [
        Competitor("ours", "Tandem", "benchmarks.ours.webhooks:inbox", {"small": 1_000, "full": 6_000}, "ours",
                   "deploy/gunicorn.conf.py; stored and a job enqueued, folded later by workers that do not run here"),
        Competitor("djstripe", "dj-stripe, as documented", "benchmarks.ours.webhooks:djstripe",
                   {"small": 200, "full": 1_000}, "djstripe",
                   f"{_DJSTRIPE}; works each event in the request; the provider's answer stands ready in a stub",
                   wants_peers=True),
        Competitor("djstripe_queued", "dj-stripe, event callback to a queue", "benchmarks.ours.webhooks:djstripe",
                   {"small": 400, "full": 2_000}, "djstripe",
                   f"{_DJSTRIPE}; DJSTRIPE_WEBHOOK_EVENT_CALLBACK puts the delivery on a Redis list, nothing else is"
                   " done, and duplicates are not told apart", {"queued": True}, wants_peers=True),
    ],
    [
        Ratio("over dj-stripe as documented", "ours", "djstripe", 5),
        Ratio("over dj-stripe with a queue", "ours", "djstripe_queued"),
    ],
)  # fmt: skip

_BOOK: Final = {"small": 2_000, "full": 100_000}
VERIFY: Final = Row(
    "verify",
    "Full verify: zero-sum, chain, balances, accounts",
    "1M journals at least 50x as fast as beancount loads and checks them",
    "journals",
    [
        Competitor("ours", "Tandem, `ledger verify`", "benchmarks.ours.books:verify", _BOOK, "book-{n}",
                   "also recomputes every journal's SHA-256 and the chain, which the others do not", in_place=True),
        Competitor("beancount", "beancount, loader.load_file", "text_books.py", _BOOK, "book-{n}",
                   "the book as `tandem ledger export` writes it; load cache off", in_place=True),
        Competitor("hledger", "hledger check", "text_books.py", _BOOK, "book-{n}",
                   "the same book in its own format", tool="hledger", in_place=True),
    ],
    [
        Ratio("over beancount", "ours", "beancount", 50),
        Ratio("over beancount, by CPU", "ours", "beancount", 50, "cpu"),
        Ratio("over hledger", "ours", "hledger"),
    ],
    "100,000 journals for all; how ours grows to 1M stands under growth.",
)  # fmt: skip

_HOSPITALS: Final = {"small": 16_000, "full": 10_000_000}
STATEMENTS: Final = Row(
    "statements",
    "Settlement statements for 200 hospitals",
    "10M entries in less than 10 s, byte-identical when run again",
    "entries",
    [
        Competitor("ours", "Tandem, propose_statement", "benchmarks.ours.books:statements", _HOSPITALS,
                   "hospitals-200-{n}",
                   "a transaction each, as many at once as cores; every document is run again and compared",
                   {"hospitals": 200}, in_place=True),
        Competitor("loop", "naive Decimal loop over the entries", "loops.py", _HOSPITALS, "hospitals-200-{n}",
                   "one hospital in ten; server-side cursor, binary; adds up, stores nothing",
                   {"load": "statements", "share": 10}, in_place=True),
    ],
    [
        Ratio("seconds for all statements", "ours", None, 10, "seconds", at_most=True),
        Ratio("entries per second, over the naive loop", "ours", "loop"),
    ],
)  # fmt: skip

_SINGLE: Final = "dedupe and roll-up in one statement and transaction per event; no wall"
USAGE: Final = Row(
    "usage",
    "Usage ingest with dedupe and hourly roll-up",
    "30,000 events/s; 20x single-row commits",
    "events",
    [
        Competitor("ours", "Tandem", "benchmarks.ours.usage:report", {"small": 5_000, "full": 200_000}, "ours",
                   "batches of 10,000, each answered item by item"),
        Competitor("again", "Tandem, all of it a second time", "benchmarks.ours.usage:report",
                   {"small": 5_000, "full": 100_000}, "ours", "every event a duplicate", {"again": True}),
        Competitor("posted", "Tandem, over HTTP", "benchmarks.ours.usage:post", {"small": 5_000, "full": 100_000},
                   "ours", "the same batches posted to gunicorn over one connection; deploy/gunicorn.conf.py"),
        Competitor("single", "single-row commits, one connection", "loops.py", {"small": 200, "full": 5_000},
                   "template0", _SINGLE, {"load": "usage"}),
        Competitor("pgbench", "single-row commits, pgbench", "pgbench_rows.py", {"small": 2, "full": 5}, "template0",
                   f"{_SINGLE}; prepared, best of 1, 4, 8 and 16 clients", _PGBENCH | {"load": "usage"}),
    ],
    [
        Ratio("Tandem, events per second", "ours", None, 30_000),
        Ratio("Tandem, events per CPU second", "ours", None, None, "cpu"),
        Ratio("Tandem over HTTP, events per second", "posted", None, 30_000),
        Ratio("over single-row commits on one connection", "ours", "single", 20),
        Ratio("over single-row commits on one connection, by CPU", "ours", "single", None, "cpu"),
        Ratio("over single-row commits at the best concurrency", "ours", "pgbench", 20),
    ],
)  # fmt: skip

_PAIRS: Final = {"small": 20_000, "full": 1_000_000}
MATCHING: Final = Row(
    "matching",
    "Payments against ledger, full outer join by key, one in a thousand differs",
    "1M x 1M with results stored at least 1.5x as fast as pandas' outer merge, which stores nothing",
    "pairs",
    [
        Competitor("ours", "Tandem, pass R1 over everything", "benchmarks.ours.matching:match", _PAIRS, "payments-{n}",
                   "payments against cash.psp's entries of as many journals, from tables to stored items and"
                   " differences; agreement is stored as a count up to a horizon, not as rows (decision 0047); then"
                   " one payment in a thousand is changed, each a new difference, and the pass runs again"),
        Competitor("pandas", "pandas outer merge", "dataframes.py", _PAIRS, "template0",
                   "both sides in memory before the clock starts; stores nothing", {"engine": "pandas"}),
        Competitor("duckdb", "duckdb full outer join", "dataframes.py", _PAIRS, "template0",
                   "both sides in its memory before the clock starts; result kept in memory; all cores",
                   {"engine": "duckdb"}),
    ],
    [
        Ratio("over pandas", "ours", "pandas", 1.5),
        Ratio("over duckdb", "ours", "duckdb"),
        Ratio("second run with 0.1 % changed, as a share of the first run's time", "ours", None, 0.01, "second_share",
              at_most=True),
    ],
    "Every planted difference was found and none invented, in both runs, or the run would have failed.",
)  # fmt: skip

INVOICES: Final = Row(
    "invoices",
    "Invoice run: contracts x 5 meters x 4 tiers",
    "30,000 contracts at least 50x as fast as a Decimal loop",
    "contracts",
    [
        Competitor("ours", "Tandem", "benchmarks.ours.rating:rate", {"small": 500, "full": 30_000}, "ours",
                   "roll-ups claimed, priced and stored as lines, 5,000 contracts a transaction"),
        Competitor("billed", "Tandem, to the drafted invoice", "benchmarks.ours.rating:rate",
                   {"small": 500, "full": 30_000}, "ours", "then, 5,000 contracts a transaction, an invoice for each:"
                   " its lines, its tax line by line, and which rated line it bills", {"bill": True}),
        Competitor("rating", "Decimal loop in memory", "loops.py", {"small": 500, "full": 30_000}, "template0",
                   "arithmetic alone: nothing read, nothing stored", {"load": "rating"}),
        Competitor("loop", "Decimal loop, a transaction per contract", "loops.py", {"small": 200, "full": 3_000},
                   "template0", "reads a contract's use, writes its invoice and lines, commits", {"load": "invoices"}),
        Competitor("whole", "the same with what ours keeps", "loops.py", {"small": 200, "full": 3_000}, "template0",
                   "also which use each line claimed, each line's tax and the invoice's; no wall, hash or foreign key",
                   {"load": "invoices", "whole": True}),
    ],
    [
        Ratio("over a Decimal loop that reads and stores", "ours", "loop", 50),
        Ratio("over a Decimal loop that reads and stores, by CPU", "ours", "loop", None, "cpu"),
        Ratio("to the drafted invoice, over the loop that keeps the same", "billed", "whole", 50),
        Ratio("to the drafted invoice, over the loop that keeps the same, by CPU", "billed", "whole", None, "cpu"),
        Ratio("over a Decimal loop in memory, which neither reads nor stores", "ours", "rating"),
    ],
    "An invoice run reads use and stores invoices, so the aim is measured against the loops that do. Storing five lines"
    " with one index costs a loop some 800 µs of CPU; a fiftieth of that is less than writing the lines alone.",
)  # fmt: skip

ROWS: Final = [POSTING, HOT, USAGE, MATCHING, INVOICES, STATEMENTS, VERIFY, WEBHOOKS, *GROWTH]
